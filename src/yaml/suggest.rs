/// The candidate nearest to a mistyped word, if any is near enough to be meant: at most a third of its letters
/// differ (Damerau-Levenshtein), or they are the same but for case and the kind of dash.
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let most = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|it| (strsim::damerau_levenshtein(&word, &plain(it)), it))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, it)| it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["name", "runner_type", "entry_point"];
        assert_eq!(suggest("nmae", known), Some("name"));
        assert_eq!(suggest("runner-type", known), Some("runner_type"));
        assert_eq!(suggest("colour", known), None);
    }
}

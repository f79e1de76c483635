//! "Did you mean": the displays whose words are closest to a message's.
//!
//! Near words are found by deletion (two words within one edit share a form with one character left out), so the cost
//! of a miss does not grow with the number of aliases beyond the limits below.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::piece::{Piece, pieces};

/// Words of a message that are looked at, and the characters of each.
const MAX_WORDS: usize = 12;
const MAX_WORD_LENGTH: usize = 24;
/// Words near one of them that are compared with it.
const MAX_NEAR: usize = 64;
/// Displays that are scored by their words, compared as a whole, and suggested.
const MAX_SCORED: usize = 128;
const MAX_LIKENED: usize = 12;
const MAX_SUGGESTIONS: usize = 3;
/// Characters that the final comparison of whole texts looks at.
const MAX_COMPARED: usize = 60;
/// The least share of a display's words that must be there, near ones counting less.
const LEAST_SCORE: f64 = 0.5;
const NEAR: f64 = 0.8;

/// The words of all displays.
#[derive(Debug, Clone, Default)]
pub(super) struct Suggester {
    displays: Vec<String>,
    /// Per display the alias that it is of.
    owners: Vec<usize>,
    /// Per display its words, as indices into `words`.
    spelled: Vec<Vec<usize>>,
    words: Vec<String>,
    /// Per word the displays that hold it.
    holders: Vec<Vec<usize>>,
    exact: HashMap<String, usize>,
    /// By hash of a form with at most one character left out.
    near: HashMap<u64, Vec<usize>>,
}

impl Suggester {
    /// Of displays, each with the number of its alias.
    pub(super) fn build(displays: Vec<(usize, String)>) -> Suggester {
        let mut suggester = Suggester::default();
        for (owner, display) in displays {
            let number = suggester.displays.len();
            let mut spelled = Vec::new();
            for word in literal_words(&display) {
                let word = suggester.word(word);
                if suggester.holders[word].last() != Some(&number) {
                    suggester.holders[word].push(number);
                }
                spelled.push(word);
            }
            suggester.spelled.push(spelled);
            suggester.displays.push(display);
            suggester.owners.push(owner);
        }
        suggester
    }

    fn word(&mut self, word: String) -> usize {
        if let Some(known) = self.exact.get(&word) {
            return *known;
        }
        let number = self.words.len();
        for form in forms(&word) {
            self.near.entry(form).or_default().push(number);
        }
        self.exact.insert(word.clone(), number);
        self.words.push(word);
        self.holders.push(Vec::new());
        number
    }

    /// The closest displays, best first; none if nothing is close.
    pub(super) fn closest(&self, message: &str) -> Vec<String> {
        let mut close = self.close(message);
        close.dedup_by(|a, b| self.displays[*a] == self.displays[*b]);
        close.into_iter().take(MAX_SUGGESTIONS).map(|display| self.displays[display].clone()).collect()
    }

    /// The aliases of everything that is close, whether it is suggested or has no more room.
    pub(super) fn owners(&self, message: &str) -> impl Iterator<Item = usize> {
        self.close(message).into_iter().map(|display| self.owners[display])
    }

    /// The numbers of close displays, best first.
    fn close(&self, message: &str) -> Vec<usize> {
        let folded: Vec<String> = message.split_whitespace().take(MAX_WORDS).map(shorten).collect();
        let mut weights: HashMap<usize, f64> = HashMap::new();
        for word in &folded {
            match self.exact.get(word) {
                Some(known) => {
                    weights.insert(*known, 1.0);
                }
                None => self.near_words(word).for_each(|near| {
                    weights.entry(near).or_insert(NEAR);
                }),
            }
        }
        let mut hits: Vec<usize> = weights.keys().copied().collect();
        hits.sort_by_key(|word| (self.holders[*word].len(), *word));
        let mut holders: Vec<usize> =
            hits.iter().flat_map(|word| &self.holders[*word]).copied().take(MAX_SCORED).collect();
        holders.sort_unstable();
        holders.dedup();
        let said: String = folded.join(" ").chars().take(MAX_COMPARED).collect();
        let mut scored: Vec<(f64, usize)> = holders
            .into_iter()
            .map(|display| (self.score(display, &weights), display))
            .filter(|(score, _)| *score >= LEAST_SCORE)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        scored.truncate(MAX_LIKENED);
        let mut scored: Vec<(f64, f64, usize)> = scored
            .into_iter()
            .map(|(score, display)| (score, self.likeness(display, &said), display))
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
        scored.into_iter().map(|(_, _, display)| display).collect()
    }

    fn near_words(&self, word: &str) -> impl Iterator<Item = usize> {
        let mut near: Vec<usize> =
            forms(word).iter().filter_map(|form| self.near.get(form)).flatten().copied().collect();
        near.sort_unstable();
        near.dedup();
        near.truncate(MAX_NEAR);
        near.retain(|other| {
            strsim::osa_distance(word, &self.words[*other]) <= if word.len() < 5 { 1 } else { 2 }
        });
        near.into_iter()
    }

    /// The share of a display's words that the message holds; its first word counts twice.
    fn score(&self, display: usize, weights: &HashMap<usize, f64>) -> f64 {
        let spelled = &self.spelled[display];
        let weight = |word: &usize| weights.get(word).copied().unwrap_or(0.0);
        let sum: f64 = spelled.iter().map(weight).sum();
        (sum + spelled.first().map_or(0.0, weight)) / (spelled.len() + 1) as f64
    }

    fn likeness(&self, display: usize, said: &str) -> f64 {
        let words: Vec<&str> = self.spelled[display].iter().map(|word| self.words[*word].as_str()).collect();
        let shown: String = words.join(" ").chars().take(MAX_COMPARED).collect();
        strsim::jaro_winkler(said, &shown)
    }
}

fn shorten(word: &str) -> String {
    word.to_lowercase().chars().take(MAX_WORD_LENGTH).collect()
}

/// The words of a display that a person types as they are, in lower case: nothing inside `{{ }}`, nothing optional
/// (`[to]`), no slot (`APP`).
fn literal_words(display: &str) -> Vec<String> {
    let texts = pieces(display).into_iter().map(|it| match it {
        Piece::Text(text) => text,
        Piece::Slot { .. } => " ",
    });
    let literal = without_optional(&texts.collect::<String>());
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    literal
        .split(|c| !is_part(c))
        .filter(|word| !word.is_empty() && !is_slot(word))
        .take(MAX_WORDS)
        .map(shorten)
        .collect()
}

fn without_optional(text: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::new();
    for c in text.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

/// `APP`, `RELEASE`, as help writes what is to be filled in.
fn is_slot(word: &str) -> bool {
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    letters().count() > 1 && letters().all(char::is_uppercase)
}

/// Hashes of a word and of its forms with one character left out.
fn forms(word: &str) -> Vec<u64> {
    let chars: Vec<char> = word.chars().collect();
    let hash = |skipped: usize| {
        let mut hasher = DefaultHasher::new();
        chars.iter().enumerate().filter(|(i, _)| *i != skipped).for_each(|(_, c)| c.hash(&mut hasher));
        hasher.finish()
    };
    (0..=chars.len()).map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closest(message: &str) -> Vec<String> {
        let displays =
            ["deploy {{app}} to {{env}}", "restart {{service}}", "status of {{app}}", "list executions"];
        let displays = displays.iter().map(|display| (*display).to_owned());
        Suggester::build(displays.enumerate().collect()).closest(message)
    }

    #[test]
    fn a_slip_of_the_finger_finds_what_was_meant() {
        assert_eq!(closest("depoly web to prod"), ["deploy {{app}} to {{env}}"]);
        assert_eq!(closest("Restrat nginx"), ["restart {{service}}"]);
        assert_eq!(closest("list excutions"), ["list executions"]);
    }

    #[test]
    fn nothing_is_suggested_when_nothing_is_close() {
        assert_eq!(closest("make me a sandwich"), Vec::<String>::new());
        assert_eq!(closest("king of france"), Vec::<String>::new());
        assert_eq!(closest(""), Vec::<String>::new());
    }

    #[test]
    fn what_is_close_is_known_beyond_what_is_suggested() {
        let displays = (0..5).map(|number| (number, format!("keep {{{{it}}}}{number}"))).collect();
        let suggester = Suggester::build(displays);
        assert_eq!(suggester.closest("kepe a").len(), MAX_SUGGESTIONS);
        let mut owners: Vec<usize> = suggester.owners("kepe a").collect();
        owners.sort_unstable();
        assert_eq!(owners, [0, 1, 2, 3, 4]);
        let same = (0..2).map(|number| (number, "keep {{it}}".to_owned())).collect();
        let suggester = Suggester::build(same);
        assert_eq!(suggester.closest("kepe a"), ["keep {{it}}"]);
        assert_eq!(suggester.owners("kepe a").count(), 2, "one display may be of two aliases");
    }
}

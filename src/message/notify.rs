//! How much of what nobody asked about is told in a channel, and who is rung.
//!
//! Answers are always given, and questions at gates always asked: a channel that could be made deaf to them would let a
//! release wait for nobody.

/// How much a channel or a person wants to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wants {
    #[default]
    All,
    /// What failed, and that it is over.
    Failures,
    Nothing,
}

/// What there is to tell that nobody asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Something began by itself, and goes on well.
    Progress,
    Failure,
    /// What had failed is whole again.
    Recovery,
}

impl Wants {
    pub const EACH: [Wants; 3] = [Wants::All, Wants::Failures, Wants::Nothing];

    /// As people say it, in any case; `only` may be left out.
    pub fn parse(words: &str) -> Option<Self> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["all"] => Some(Wants::All),
            ["failures"] | ["failures", "only"] => Some(Wants::Failures),
            ["nothing"] => Some(Wants::Nothing),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Wants::All => "all",
            Wants::Failures => "failures only",
            Wants::Nothing => "nothing",
        }
    }

    pub fn tells(self, news: News) -> bool {
        match (self, news) {
            (Wants::All, News::Progress | News::Failure | News::Recovery)
            | (Wants::Failures, News::Failure | News::Recovery) => true,
            (Wants::Failures, News::Progress)
            | (Wants::Nothing, News::Progress | News::Failure | News::Recovery) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_read_back() {
        for wants in Wants::EACH {
            assert_eq!(Wants::parse(wants.as_str()), Some(wants));
            assert_eq!(Wants::parse(&format!(" {} ", wants.as_str().to_uppercase())), Some(wants));
        }
        assert_eq!(Wants::parse("failures"), Some(Wants::Failures));
        for not in ["", "me", "everything", "all only", "failures all", "nothing else"] {
            assert_eq!(Wants::parse(not), None, "{not}");
        }
    }

    #[test]
    fn each_tells_no_more_than_the_one_before() {
        for news in [News::Progress, News::Failure, News::Recovery] {
            let told = Wants::EACH.map(|it| it.tells(news));
            assert!(told.is_sorted_by(|more, less| *more || !*less), "{news:?}: {told:?}");
        }
        assert!(Wants::Failures.tells(News::Failure) && !Wants::Failures.tells(News::Progress));
        assert!(!Wants::Nothing.tells(News::Failure));
    }
}

//! Why somebody answered as they did, in their own words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A typed reason: trimmed, says something, fits on a card.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

/// What is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReasonError {
    #[error("a reason needs at least one word")]
    Empty,
    #[error("a reason has at most {} characters", Reason::CHARS_MAX)]
    TooLong,
}

impl Reason {
    /// Longest reason that is kept, in characters; it must fit on a card beside everything else.
    pub const CHARS_MAX: usize = 500;

    /// # Errors
    /// [`ReasonError`] for text without a letter or digit, or above 500 characters.
    pub fn parse(text: &str) -> Result<Self, ReasonError> {
        let text = text.trim();
        if !text.contains(char::is_alphanumeric) {
            return Err(ReasonError::Empty);
        }
        if Self::CHARS_MAX < text.chars().count() {
            return Err(ReasonError::TooLong);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = ReasonError;

    fn try_from(text: String) -> Result<Self, ReasonError> {
        Self::parse(&text)
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_and_fits() {
        assert_eq!(
            Reason::parse("  first release, no baseline ").unwrap().as_str(),
            "first release, no baseline"
        );
        assert_eq!(Reason::parse(" ... !?"), Err(ReasonError::Empty));
        assert!(Reason::parse(&"ü".repeat(500)).is_ok());
        assert_eq!(Reason::parse(&"ü".repeat(501)), Err(ReasonError::TooLong));
        assert!(serde_json::from_str::<Reason>("\"\"").is_err());
    }
}

use std::fmt;

use super::{Place, suggest};

/// Longest list of known words that is shown.
const KNOWN_SHOWN_MAX: usize = 16;

/// One thing wrong with a text, and where. Displays as `line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `None` while it is not known: whoever knows the node fills it in.
    pub place: Option<Place>,
    pub message: String,
    pub hint: Option<String>,
}

impl Fault {
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place: Some(place), message: message.into(), hint: None }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn at(self, place: Place) -> Self {
        Self { place: self.place.or(Some(place)), ..self }
    }

    /// A word that is none of the known ones, at this place.
    pub fn unknown_at(place: Place, what: &str, word: &str, known: &[&str]) -> Self {
        Self::unknown(what, word, known).at(place)
    }

    /// "`nmae` is not a key here", with what it looks like.
    pub(super) fn unknown(what: &str, word: &str, known: &[&str]) -> Self {
        let near = suggest(word, known.iter().copied()).map(|it| format!("did you mean `{it}`?"));
        // A long list hides more than it tells.
        let hint = near.or_else(|| {
            (1..=KNOWN_SHOWN_MAX).contains(&known.len()).then(|| format!("known here: {}", known.join(", ")))
        });
        Self { place: None, message: format!("unknown {what} `{word}`"), hint }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { place: None, message: message.to_string(), hint: None }
    }

    fn invalid_type(found: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        let expected = expected_words(&expected.to_string());
        let fault = Self::custom(format!("expected {expected}, found {}", found_words(&found)));
        match found {
            serde::de::Unexpected::Str(text) if expected.contains("boolean") => match as_boolean(text) {
                Some(meant) => fault.hint(format!("write `{meant}`")),
                None => fault,
            },
            serde::de::Unexpected::Unsigned(_)
            | serde::de::Unexpected::Signed(_)
            | serde::de::Unexpected::Float(_)
            | serde::de::Unexpected::Bool(_)
                if expected.contains("string") || expected.contains("text") =>
            {
                fault.hint("put it in quotes")
            }
            _ => fault,
        }
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("value", variant, known)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("key", field, known)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format!("`{field}` is missing"))
    }
}

/// serde's words for people who never saw Rust.
fn expected_words(expected: &str) -> String {
    match expected {
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        it if it.starts_with("struct ") => "a mapping".to_owned(),
        "a string" => "a text".to_owned(),
        it => it.to_owned(),
    }
}

fn as_boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "on" | "y" | "true" => Some(true),
        "no" | "off" | "n" | "false" => Some(false),
        _ => None,
    }
}

fn found_words(found: &serde::de::Unexpected<'_>) -> String {
    match found {
        serde::de::Unexpected::Str(text) => {
            format!("the text `{}`", text.chars().take(60).collect::<String>())
        }
        serde::de::Unexpected::Seq => "a list".to_owned(),
        serde::de::Unexpected::Map => "a mapping".to_owned(),
        serde::de::Unexpected::Unit => "nothing".to_owned(),
        other => other.to_string(),
    }
}

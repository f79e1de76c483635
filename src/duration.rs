//! Lengths of time as people write them in files and messages.

use std::fmt;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time as people write it: `500ms`, `90s`, `10m`, `2h`, `1d`, `1h 30m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct DurationText(pub Duration);

/// Reads `90s`, `10m`, `1h 30m`, `10 minutes`: jiff's friendly format
/// (<https://docs.rs/jiff/latest/jiff/fmt/friendly/index.html>), of which a month and a year are refused, as their lengths
/// vary. A day is 24 hours. A bare number is refused because nobody can tell its unit.
pub fn parse(text: &str) -> Result<Duration, String> {
    let fault = || format!("`{text}` is not a length of time such as 90s, 10m or 1h 30m");
    let span: Span = text.trim().parse().map_err(|_| fault())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| fault())?;
    Duration::try_from(length).map_err(|_| fault())
}

impl From<DurationText> for Duration {
    fn from(text: DurationText) -> Self {
        text.0
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return f.write_str("0s");
        }
        let mut space = "";
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
            let count = millis / size;
            millis %= size;
            if count != 0 {
                write!(f, "{space}{count}{unit}")?;
                space = " ";
            }
        }
        Ok(())
    }
}

impl Serialize for DurationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Words)
    }
}

struct Words;

impl Visitor<'_> for Words {
    type Value = DurationText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time such as 90s, 10m or 1h 30m")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<DurationText, E> {
        parse(text).map(DurationText).map_err(E::custom)
    }
}

/// `#[serde(with = "duration::text")]` for a `Duration`.
pub mod text {
    use super::{Deserialize, Deserializer, Duration, DurationText, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        DurationText(*value).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        DurationText::deserialize(deserializer).map(Into::into)
    }
}

/// `#[serde(with = "duration::optional")]` for an `Option<Duration>`.
pub mod optional {
    use super::{Deserialize, Deserializer, Duration, DurationText, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(DurationText).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<DurationText>::deserialize(deserializer)?.map(Into::into))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_shown_in_the_same_words() {
        for text in ["500ms", "90s", "10m", "2h", "1d", "1h 30m", "1.5h"] {
            let shown = DurationText(parse(text).unwrap()).to_string();
            assert_eq!(parse(&shown), parse(text));
        }
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse(" 10 minutes "), Ok(Duration::from_secs(600)));
        assert_eq!(DurationText(Duration::from_secs(90)).to_string(), "1m 30s");
    }

    #[test]
    fn a_number_without_a_unit_is_refused() {
        for text in ["90", "", "s", "-1s", "9999999999999999999d", "1 month", "5m ago", "10 apples"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

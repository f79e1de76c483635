//! Lengths of time as people write them in a policy: `90s`, `30m`, `2h`, `1h 30m`, `2d`.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::duration::{self, DurationText};

/// Longest length that a policy or a person may ask for: a gate that waits for more than a quarter is forgotten.
const LENGTH_MAX: SignedDuration = SignedDuration::from_hours(24 * 90);

/// A positive length of time, read and written as [`duration`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length(SignedDuration);

/// What is no length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time such as 90s, 30m or 1h 30m, above zero and up to 90 days")]
pub struct LengthError(String);

impl Length {
    pub const fn minutes(minutes: u16) -> Self {
        assert!(0 < minutes, "a length is above zero");
        Self(SignedDuration::from_secs(minutes as i64 * 60))
    }

    pub fn as_duration(self) -> SignedDuration {
        self.0
    }

    /// The instant this long after `from`, or the end of time.
    pub fn after(self, from: Timestamp) -> Timestamp {
        from.saturating_add(self.0).unwrap_or(Timestamp::MAX)
    }
}

impl FromStr for Length {
    type Err = LengthError;

    fn from_str(text: &str) -> Result<Self, LengthError> {
        let fault = || LengthError(text.chars().take(60).collect());
        let length = duration::parse(text).map_err(|_| fault())?;
        let length = SignedDuration::try_from(length).map_err(|_| fault())?;
        if SignedDuration::ZERO < length && length <= LENGTH_MAX { Ok(Self(length)) } else { Err(fault()) }
    }
}

impl TryFrom<String> for Length {
    type Error = LengthError;

    fn try_from(text: String) -> Result<Self, LengthError> {
        text.parse()
    }
}

impl From<Length> for String {
    fn from(length: Length) -> Self {
        length.to_string()
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DurationText(self.0.unsigned_abs()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_people_write_them_and_write_in_one_form() {
        for (text, seconds, shown) in [
            ("90s", 90, "1m 30s"),
            ("30m", 1_800, "30m"),
            (" 2h ", 7_200, "2h"),
            ("1h 30m", 5_400, "1h 30m"),
            ("2d", 172_800, "2d"),
            ("10 minutes", 600, "10m"),
        ] {
            let length: Length = text.parse().unwrap();
            assert_eq!(length.as_duration(), SignedDuration::from_secs(seconds), "{text}");
            assert_eq!(length.to_string(), shown);
            assert_eq!(shown.parse(), Ok(length));
        }
    }

    #[test]
    fn numbers_without_unit_nothing_and_too_much_are_refused() {
        for text in ["30", "", "0s", "-5m", "5m ago", "91d", "1 month", "1y", "99999999999999999999h", "soon"]
        {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }
}

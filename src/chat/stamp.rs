//! The instant that a signed request names, in seconds since 1970. A signature alone lets who kept a request send it
//! again; so what is far from now is not believed.
//!
//! Slack's page asks for five minutes (<https://docs.slack.dev/authentication/verifying-requests-from-slack>). Discord
//! names no window of its own
//! (<https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint-validating-security-request-headers>);
//! an interaction is void after 3 s, so a request that is older was kept by somebody.

use jiff::Timestamp;

/// How far a request may be from now, either way.
const WINDOW_SECONDS: u64 = 300;

/// Why an instant is not taken for the request's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unbelieved {
    NoNumber,
    Stale,
}

/// Digits alone count: what was signed is their text, and a sign or a space would be another.
pub(super) fn check(stamp: &str, now: Timestamp) -> Result<(), Unbelieved> {
    let plain = stamp.bytes().all(|it| it.is_ascii_digit());
    let at: i64 = stamp.parse().ok().filter(|_| plain).ok_or(Unbelieved::NoNumber)?;
    if WINDOW_SECONDS < now.as_second().abs_diff(at) { Err(Unbelieved::Stale) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    #[test]
    fn an_instant_counts_within_five_minutes_either_way() {
        let now = from_millis(1_000_000_999);
        for stamp in ["1000000", "1000300", "999700", "0001000000"] {
            assert_eq!(check(stamp, now), Ok(()), "{stamp}");
        }
        for stamp in ["1000301", "999699", "0", "9223372036854775807"] {
            assert_eq!(check(stamp, now), Err(Unbelieved::Stale), "{stamp}");
        }
        for stamp in ["", "soon", "+1000000", "-1000000", " 1000000", "1000000.0", "9223372036854775808"] {
            assert_eq!(check(stamp, now), Err(Unbelieved::NoNumber), "{stamp}");
        }
    }
}

//! How far our clock stands from a platform's. What people do is stamped by the platform, and what we know of it by us: who
//! compares the two without knowing this takes a clock that is ahead for a line that is slow.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The stamp was made somewhere between question and answer: after longer than this it says too little.
const ROUND_MAX: Duration = Duration::from_secs(5);
/// What NTP leaves, and what a stamp of whole seconds cannot tell, is nothing to speak of.
const NOTABLE: SignedDuration = SignedDuration::from_secs(3);

/// Stamps are read as whole seconds: what was done may be so much later.
const GRAIN: SignedDuration = SignedDuration::from_secs(1);

/// What is known of it; nothing before the first stamp.
#[derive(Debug, Default)]
pub(super) struct Skew {
    ahead: Mutex<Option<SignedDuration>>,
}

impl Skew {
    /// What the platform's clock `said` in an answer, between our `asked` and `answered`: of all that this leaves possible
    /// the least.
    pub(super) fn learn(&self, asked: Timestamp, said: Timestamp, answered: Timestamp) {
        let round = answered.duration_since(asked);
        if round.is_negative() || SignedDuration::try_from(ROUND_MAX).is_ok_and(|most| most < round) {
            return;
        }
        let (least, most) = (asked.duration_since(said).saturating_sub(GRAIN), answered.duration_since(said));
        let ahead = SignedDuration::ZERO.clamp(least, most);
        let before = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).replace(ahead);
        if is_notable(ahead) && !before.is_some_and(is_notable) {
            tracing::warn!(
                seconds = ahead.as_secs(),
                "this machine's clock is not the platform's: let NTP keep it"
            );
        }
    }

    /// How far our clock is ahead; negative if it is behind.
    pub(super) fn ahead(&self) -> Option<SignedDuration> {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A moment of the platform's clock by ours.
    pub(super) fn ours(&self, at: Timestamp) -> Timestamp {
        let ahead = self.ahead().unwrap_or_default();
        at.saturating_add(ahead).unwrap_or(at)
    }

    /// A moment of our clock by the platform's.
    pub(super) fn theirs(&self, at: Timestamp) -> Timestamp {
        let ahead = self.ahead().unwrap_or_default();
        at.saturating_sub(ahead).unwrap_or(at)
    }

    /// For an operator: what it is, and whether it is to be put right.
    pub(super) fn judge(&self, platform: &str) -> Option<(String, bool)> {
        let ahead = self.ahead()?;
        let seconds = ahead.unsigned_abs().as_secs();
        let side = if ahead.is_negative() { "behind" } else { "ahead of" };
        let told = format!("clock: this machine's is {seconds} s {side} {platform}'s");
        Some(if is_notable(ahead) {
            (told, true)
        } else {
            (format!("clock: this machine's agrees with {platform}'s"), false)
        })
    }
}

/// What to do about it.
pub(super) const FIX: &str = "set this machine's clock, and let NTP keep it";

fn is_notable(ahead: SignedDuration) -> bool {
    NOTABLE <= ahead.abs()
}

/// An HTTP `Date` (<https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>).
pub(super) fn dated(header: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(header).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    fn at(millis: i64) -> Timestamp {
        from_millis(1_790_000_000_000 + millis)
    }

    #[test]
    fn a_moment_of_theirs_is_told_by_our_clock() {
        let skew = Skew::default();
        assert_eq!((skew.ours(at(0)), skew.judge("Slack")), (at(0), None), "nothing is known yet");
        // Asked at 8.0, stamped at 0.0, answered at 8.2: seven seconds at least.
        skew.learn(at(8_000), at(0), at(8_200));
        assert_eq!((skew.ours(at(1_000)), skew.theirs(at(8_000))), (at(8_000), at(1_000)));
        assert_eq!(
            skew.judge("Slack"),
            Some(("clock: this machine's is 7 s ahead of Slack's".to_owned(), true))
        );
        // Put right meanwhile.
        skew.learn(at(20_400), at(20_000), at(20_600));
        assert_eq!(skew.ours(at(0)), at(0));
        assert_eq!(skew.judge("Slack").map(|(_, bad)| bad), Some(false));
        skew.learn(at(0), at(5_000), at(500));
        assert_eq!(
            skew.judge("Slack"),
            Some(("clock: this machine's is 4 s behind Slack's".to_owned(), true))
        );
    }

    #[test]
    fn an_answer_that_took_long_or_a_clock_that_was_set_back_meanwhile_says_nothing() {
        let skew = Skew::default();
        skew.learn(at(0), at(0), at(6_000));
        skew.learn(at(1_000), at(0), at(0));
        assert_eq!(skew.ahead(), None);
    }

    #[test]
    fn an_http_date_is_read() {
        assert_eq!(dated("Sun, 06 Nov 1994 08:49:37 GMT"), Some(from_millis(784_111_777_000)));
        assert_eq!(dated("soon"), None);
    }
}

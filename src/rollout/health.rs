//! Positive evidence before the next batch: consecutive passing checks of the right version, all of them fresh.

use std::{collections::VecDeque, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{Digest, HostName};

/// What one health check of a host saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// When the check was *sent*: an answer from before the batch was complete proves nothing about it.
    pub at: Timestamp,
    pub outcome: CheckOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// Healthy, said by a process that runs this digest.
    Passing { digest: Digest },
    /// It answered that it is not healthy, or not in a form that says so.
    Failing,
    /// No answer in time, or healthy without saying which digest runs.
    Silent,
}

/// Counts passing checks of one host after its batch. Anything but a pass of the new digest starts over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    target: Digest,
    completed_at: Timestamp,
    needed: u32,
    window: SignedDuration,
    latest: Option<Timestamp>,
    /// Passing checks since the last that was not; never more than `needed`.
    passes: VecDeque<Timestamp>,
}

impl Streak {
    /// Asks for `needed` (at least 1) consecutive passes of `target`, all sent after `completed_at` and all within
    /// `window` before the moment of the question.
    pub fn new(target: Digest, completed_at: Timestamp, needed: u32, window: Duration) -> Self {
        let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
        Streak { target, completed_at, needed: needed.max(1), window, latest: None, passes: VecDeque::new() }
    }

    /// Takes in one check. One from before the batch was complete is ignored. One that is not newer than the last
    /// cannot prolong the streak, but ends it if it did not pass.
    pub fn observe(&mut self, check: &Check) {
        if check.at <= self.completed_at {
            return;
        }
        let is_newer = self.latest.is_none_or(|it| it < check.at);
        match &check.outcome {
            CheckOutcome::Passing { digest } if *digest == self.target => {
                if is_newer {
                    self.passes.push_back(check.at);
                    if (self.needed as usize) < self.passes.len() {
                        self.passes.pop_front();
                    }
                }
            }
            CheckOutcome::Passing { .. } | CheckOutcome::Failing | CheckOutcome::Silent => {
                self.passes.clear()
            }
        }
        if is_newer {
            self.latest = Some(check.at);
        }
    }

    /// Passes that count at `now`: in a row, and inside the window.
    pub fn count(&self, now: Timestamp) -> u32 {
        let fresh = self.passes.iter().filter(|it| now.duration_since(**it) <= self.window && **it <= now);
        fresh.count() as u32
    }

    /// Whether the evidence suffices at `now`.
    pub fn is_healthy(&self, now: Timestamp) -> bool {
        self.needed <= self.count(now)
    }

    pub fn needed(&self) -> u32 {
        self.needed
    }
}

/// The hosts of a batch that still lack evidence; the next batch starts when there are none. A batch without hosts
/// has no evidence, which is for the caller to refuse: it would never be planned.
pub fn waiting_for<'a>(
    batch: impl IntoIterator<Item = (&'a HostName, &'a Streak)>,
    now: Timestamp,
) -> Vec<&'a HostName> {
    batch.into_iter().filter(|(_, streak)| !streak.is_healthy(now)).map(|(host, _)| host).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn streak() -> Streak {
        Streak::new(Digest::of(b"new"), second(100), 3, Duration::from_secs(60))
    }

    fn pass(at: i64) -> Check {
        Check { at: second(at), outcome: CheckOutcome::Passing { digest: Digest::of(b"new") } }
    }

    fn after(checks: &[Check]) -> Streak {
        let mut streak = streak();
        checks.iter().for_each(|it| streak.observe(it));
        streak
    }

    #[test]
    fn three_fresh_passes_in_a_row_are_healthy() {
        assert!(!after(&[]).is_healthy(second(110)));
        assert!(!after(&[pass(101), pass(102)]).is_healthy(second(110)));
        assert!(after(&[pass(101), pass(102), pass(103)]).is_healthy(second(110)));
    }

    #[test]
    fn checks_from_before_the_batch_was_complete_do_not_count() {
        assert!(!after(&[pass(98), pass(99), pass(100), pass(101), pass(102)]).is_healthy(second(103)));
    }

    #[test]
    fn anything_but_a_pass_of_the_new_digest_starts_over_at_every_phase() {
        for outcome in [
            CheckOutcome::Failing,
            CheckOutcome::Silent,
            CheckOutcome::Passing { digest: Digest::of(b"old") },
        ] {
            for place in 0..3 {
                let mut checks = vec![pass(101), pass(103), pass(105)];
                checks.insert(
                    place + 1,
                    Check { at: second(102 + 2 * place as i64), outcome: outcome.clone() },
                );
                let streak = after(&checks);
                assert!(!streak.is_healthy(second(107)), "{outcome:?} at {place}");
                assert_eq!(streak.count(second(107)), 2 - place as u32);
            }
        }
    }

    #[test]
    fn flapping_is_never_healthy() {
        let checks: Vec<Check> = (101..160)
            .map(|at| {
                if at % 3 == 0 { Check { at: second(at), outcome: CheckOutcome::Failing } } else { pass(at) }
            })
            .collect();
        for seen in 0..checks.len() {
            assert!(!after(&checks[..seen]).is_healthy(second(160)));
        }
    }

    #[test]
    fn the_same_answer_told_twice_counts_once() {
        assert_eq!(after(&[pass(101), pass(101), pass(101)]).count(second(102)), 1);
        assert_eq!(after(&[pass(103), pass(102), pass(101)]).count(second(104)), 1);
    }

    #[test]
    fn a_late_failure_ends_the_streak_although_newer_checks_passed() {
        let late = Check { at: second(102), outcome: CheckOutcome::Failing };
        assert_eq!(after(&[pass(101), pass(103), late]).count(second(104)), 0);
    }

    #[test]
    fn old_evidence_expires() {
        let streak = after(&[pass(101), pass(102), pass(103)]);
        assert!(streak.is_healthy(second(161)));
        assert!(!streak.is_healthy(second(162)));
    }

    #[test]
    fn the_batch_waits_for_each_of_its_hosts() {
        let (good, bad) = (after(&[pass(101), pass(102), pass(103)]), after(&[pass(101)]));
        let (a, b) = (HostName::from("a"), HostName::from("b"));
        assert_eq!(waiting_for([(&a, &good), (&b, &bad)], second(104)), [&b]);
        assert!(waiting_for([(&a, &good)], second(104)).is_empty());
    }
}

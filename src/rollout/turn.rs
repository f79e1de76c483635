//! Whose turn it is at an app's canary: one release at a time has it.
//!
//! What is begun there is brought to its verdict, and of those that wait for it only the newest stays. If a newer one
//! ended the watch of the one before, pushes that come faster than a watch takes would end every watch, and nothing would
//! ever get to its gate (<https://gitlab.com/gitlab-org/gitlab/-/merge_requests/188049>); and if they all waited, what
//! people are asked about would be ever older. GitHub's concurrency groups do the same: one is running, one is pending.
//!
//! The same at the gate: if a push could take the place of a question at once, what waited for the verdict would do it in
//! the moment in which the question is asked. So a question that nobody has answered stands as long as its canary was
//! watched, and one that somebody has approved stands until it is decided.
//!
//! Who asks by hand says which release is wanted now: that ends a watch, and takes the place of a question. A rollback
//! does too, and waits for nothing but hosts that are being changed.

use jiff::Timestamp;

use crate::id::{ExecutionId, ReleaseId};

/// Who wants the canary, and how far that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Roots are UUIDv7, so they sort by when they were asked for.
    pub root: ExecutionId,
    pub release: ReleaseId,
    /// The release's number, for people.
    pub number: i64,
    pub by: By,
    pub at: At,
}

/// What set it in motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A push; nobody asked.
    Push,
    Person,
    /// A person who wants to go back.
    Rollback,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// It has changed nothing yet.
    Waiting,
    /// Hosts are being changed, or asked what they run; or the question is about to be asked.
    Changing,
    Watched,
    /// At its gate.
    Asking(Standing),
}

/// How long an undecided question stands against a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has answered.
    Until(Timestamp),
    /// Somebody approved it, or has it measured longer.
    Decision,
}

/// What one claim is to another that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It keeps nobody waiting.
    Behind,
    /// It is waited for.
    Ahead,
    /// Its question is to be closed, and its end waited for.
    Yields,
    /// It takes the place of the one that waits.
    Later,
}

/// What `other` is to `own`, which waits.
pub fn relation(own: &Claim, other: &Claim, now: Timestamp) -> Relation {
    match own.by {
        By::Rollback => to_rollback(own, other),
        By::Push | By::Person if other.by == By::Rollback => Relation::Ahead,
        By::Push | By::Person if own.root < other.root => to_earlier(own, other),
        By::Push | By::Person => to_later(own, other, now),
    }
}

fn to_rollback(own: &Claim, other: &Claim) -> Relation {
    match (other.by, other.at) {
        (By::Rollback, _) if other.root < own.root => Relation::Ahead,
        (By::Rollback, _) | (_, At::Waiting) => Relation::Behind,
        (_, At::Changing | At::Watched) => Relation::Ahead,
        (_, At::Asking(_)) => Relation::Yields,
    }
}

/// A push does not end what a person asked for and what has not had its turn: it waits behind it.
fn to_earlier(own: &Claim, later: &Claim) -> Relation {
    match later.at {
        At::Waiting if own.by == By::Person && later.by == By::Push => Relation::Behind,
        At::Waiting | At::Changing | At::Watched | At::Asking(_) => Relation::Later,
    }
}

fn to_later(own: &Claim, earlier: &Claim, now: Timestamp) -> Relation {
    match earlier.at {
        At::Waiting if own.by == By::Push && earlier.by == By::Person => Relation::Ahead,
        At::Waiting => Relation::Behind,
        At::Changing | At::Watched => Relation::Ahead,
        At::Asking(standing) if own.by == By::Push && standing.holds(now) => Relation::Ahead,
        At::Asking(_) => Relation::Yields,
    }
}

impl Standing {
    /// Whether a push has to wait for its end.
    pub fn holds(self, now: Timestamp) -> bool {
        match self {
            Standing::Until(at) => now < at,
            Standing::Decision => true,
        }
    }
}

/// Whether `other`, which waits, ends the watch of `own`.
pub fn ends_watch(own: &Claim, other: &Claim) -> bool {
    let wanted = match other.by {
        By::Push => false,
        By::Person | By::Rollback => true,
    };
    wanted && own.root < other.root
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 43_200;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn claim(number: i64, by: By, at: At) -> Claim {
        let root = ExecutionId::parse(&format!("00000000-0000-7000-8000-{number:012}")).unwrap();
        Claim { root, release: ReleaseId::parse(&root.to_string()).unwrap(), number, by, at }
    }

    /// What the other one is to one that waits.
    fn of(own: (i64, By), other: (i64, By, At)) -> Relation {
        let (number, by, stage) = other;
        relation(&claim(own.0, own.1, At::Waiting), &claim(number, by, stage), at(NOON))
    }

    const UNANSWERED: At = At::Asking(Standing::Until(Timestamp::MAX));

    #[test]
    fn what_is_begun_is_finished_and_of_those_that_wait_the_newest_stays() {
        for stage in [At::Changing, At::Watched] {
            assert_eq!(of((2, By::Push), (1, By::Push, stage)), Relation::Ahead);
            assert_eq!(of((2, By::Push), (1, By::Person, stage)), Relation::Ahead);
        }
        assert_eq!(of((2, By::Push), (3, By::Push, At::Waiting)), Relation::Later);
        assert_eq!(of((2, By::Person), (3, By::Person, At::Waiting)), Relation::Later);
        assert_eq!(of((3, By::Push), (2, By::Push, At::Waiting)), Relation::Behind);
    }

    #[test]
    fn a_push_waits_behind_what_a_person_asked_for() {
        assert_eq!(of((2, By::Person), (3, By::Push, At::Waiting)), Relation::Behind);
        assert_eq!(of((3, By::Push), (2, By::Person, At::Waiting)), Relation::Ahead);
        assert_eq!(of((3, By::Person), (2, By::Push, At::Waiting)), Relation::Behind);
        assert_eq!(of((2, By::Push), (3, By::Person, At::Waiting)), Relation::Later);
    }

    #[test]
    fn whoever_comes_late_gives_way_to_what_went_past_it() {
        for stage in [At::Changing, At::Watched, UNANSWERED] {
            assert_eq!(of((1, By::Person), (2, By::Push, stage)), Relation::Later);
        }
    }

    #[test]
    fn a_question_stands_for_its_time_and_once_approved_until_its_end() {
        let asks = |standing| (1, By::Push, At::Asking(standing));
        assert_eq!(of((2, By::Push), asks(Standing::Until(at(NOON + 1)))), Relation::Ahead);
        assert_eq!(of((2, By::Push), asks(Standing::Until(at(NOON)))), Relation::Yields);
        assert_eq!(of((2, By::Push), asks(Standing::Decision)), Relation::Ahead);
        assert_eq!(of((2, By::Person), asks(Standing::Until(at(NOON + 1)))), Relation::Yields);
        assert_eq!(of((2, By::Person), asks(Standing::Decision)), Relation::Yields);
    }

    #[test]
    fn a_rollback_waits_for_hosts_that_are_being_changed_and_for_nothing_else() {
        let back = (2, By::Rollback);
        assert_eq!(of(back, (1, By::Push, At::Changing)), Relation::Ahead);
        assert_eq!(of(back, (1, By::Push, At::Asking(Standing::Decision))), Relation::Yields);
        assert_eq!(of(back, (1, By::Person, At::Waiting)), Relation::Behind);
        assert_eq!(of(back, (3, By::Person, At::Waiting)), Relation::Behind);
        assert_eq!(of(back, (1, By::Rollback, At::Waiting)), Relation::Ahead);
        assert_eq!(of(back, (3, By::Rollback, At::Changing)), Relation::Behind);
        for stage in [At::Waiting, At::Changing] {
            assert_eq!(of((1, By::Person), (2, By::Rollback, stage)), Relation::Ahead);
            assert_eq!(of((3, By::Person), (2, By::Rollback, stage)), Relation::Ahead);
        }
    }

    #[test]
    fn a_watch_is_ended_by_a_later_wish_of_a_person_only() {
        let watched = claim(2, By::Person, At::Watched);
        let ends = |number, by| ends_watch(&watched, &claim(number, by, At::Waiting));
        assert!(ends(3, By::Person) && ends(3, By::Rollback));
        assert!(!ends(3, By::Push) && !ends(1, By::Person));
    }

    /// Of two that wait never both go on, and never both stand still.
    #[test]
    fn of_two_that_wait_exactly_one_is_first() {
        for own in [By::Push, By::Person, By::Rollback] {
            for other in [By::Push, By::Person, By::Rollback] {
                let (own, other) = (claim(1, own, At::Waiting), claim(2, other, At::Waiting));
                let goes = |it: &Claim, than: &Claim| relation(it, than, at(NOON)) == Relation::Behind;
                assert!(goes(&own, &other) != goes(&other, &own), "{own:?} {other:?}");
            }
        }
    }
}

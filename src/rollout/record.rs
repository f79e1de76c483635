//! The rollouts of one environment in order, and what follows from them: its last good artifact, and where a rollback
//! leads.
//!
//! Good is what every host was confirmed on and no rollback has left since. Records decide, not what hosts happen to say
//! now: a host that is silent must not change where a rollback goes. A tool that goes "to the revision before" puts the
//! bad one back when it is asked twice (<https://github.com/kubernetes/website/issues/6921>).

use serde::{Deserialize, Serialize};

use crate::id::{Digest, ExecutionId, ReleaseId};

/// How an artifact came to an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It ran there before we rolled out anything.
    Found,
    /// A release entered, through its gate where there is one.
    Forward,
    /// A rollback: it leaves everything that came after its target.
    Back,
}

/// How far a rollout came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Course {
    /// Hosts may be changing.
    Begun,
    /// Every host was confirmed on the digest.
    Complete,
    /// It ended with hosts on different digests, or unknown ones.
    Stopped,
}

/// One rollout of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The root that did it.
    pub execution: ExecutionId,
    /// The release that the artifact belongs to; for a rollback the one gone back to. `None` for what was found.
    pub release: Option<ReleaseId>,
    pub digest: Digest,
    pub kind: Kind,
    pub course: Course,
}

/// An artifact that an environment ran well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Good {
    pub digest: Digest,
    pub release: Option<ReleaseId>,
}

/// Where a rollback leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    pub to: Good,
    /// What it leaves: hosts that still run this have not gone back.
    pub leaves: Option<Digest>,
    /// The good one before `to`. Nobody gets there without asking: a second rollback stays at `to`.
    pub further: Option<Good>,
    /// The last thing that happened was a rollback to it, and every host was confirmed on it.
    pub settled: bool,
}

/// What the environment ran well and has not left, the latest last, each digest once. Records come oldest first.
fn line(records: &[Record]) -> Vec<Good> {
    let mut line: Vec<Good> = Vec::new();
    for it in records {
        let good = Good { digest: it.digest.clone(), release: it.release };
        let known = line.iter().position(|known| known.digest == it.digest);
        match (it.kind, it.course) {
            (Kind::Found, Course::Begun | Course::Complete | Course::Stopped)
            | (Kind::Forward, Course::Complete) => {
                known.map(|at| line.remove(at));
                line.push(good);
            }
            (Kind::Forward, Course::Begun | Course::Stopped) => {}
            // Left from the moment somebody said so, however far it came.
            (Kind::Back, Course::Begun | Course::Complete | Course::Stopped) => match known {
                Some(at) => line.truncate(at + 1),
                // It was good when somebody went back to it; what came before it is not known here.
                None => line = vec![good],
            },
        }
    }
    line
}

/// The newest artifact that every host ran and no rollback has left. Records come oldest first.
pub fn last_good(records: &[Record]) -> Option<Good> {
    line(records).pop()
}

/// Where `!rollback` leads after these records, oldest first; `None` if there is nothing good to go back to.
///
/// After a complete release: to the good one before it. After one that stopped, and after a rollback: to the last good
/// one, where hosts belong.
pub fn way_back(records: &[Record]) -> Option<WayBack> {
    let mut line = line(records);
    let last = records.last()?;
    let leaves_top = match (last.kind, last.course) {
        (Kind::Found, Course::Begun | Course::Complete | Course::Stopped)
        | (Kind::Forward, Course::Complete) => true,
        (Kind::Forward, Course::Begun | Course::Stopped)
        | (Kind::Back, Course::Begun | Course::Complete | Course::Stopped) => false,
    };
    if leaves_top {
        line.pop();
    }
    let to = line.pop()?;
    let leaves = records.iter().rev().map(|it| &it.digest).find(|it| **it != to.digest).cloned();
    let settled = (last.kind, last.course) == (Kind::Back, Course::Complete);
    Some(WayBack { leaves, further: line.pop(), to, settled })
}

/// The release that last brought a digest here, as far as records know.
pub fn release_of(records: &[Record], digest: &Digest) -> Option<ReleaseId> {
    records.iter().rev().find(|it| it.digest == *digest)?.release
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    fn record(number: u8, kind: Kind, course: Course) -> Record {
        Record {
            execution: ExecutionId::from_number(0),
            release: (kind != Kind::Found).then(|| ReleaseId::from_number(number.into())),
            digest: digest(number),
            kind,
            course,
        }
    }

    fn found(number: u8) -> Record {
        record(number, Kind::Found, Course::Complete)
    }

    fn complete(number: u8) -> Record {
        record(number, Kind::Forward, Course::Complete)
    }

    fn stopped(number: u8) -> Record {
        record(number, Kind::Forward, Course::Stopped)
    }

    fn back(number: u8, course: Course) -> Record {
        record(number, Kind::Back, course)
    }

    fn leads_to(records: &[Record]) -> Option<Digest> {
        way_back(records).map(|it| it.to.digest)
    }

    #[test]
    fn a_complete_release_is_left_for_the_good_one_before_it() {
        assert_eq!(leads_to(&[found(1), complete(2)]), Some(digest(1)));
        assert_eq!(leads_to(&[found(1), complete(2), complete(3)]), Some(digest(2)));
        assert_eq!(leads_to(&[found(1)]), None);
        assert_eq!(leads_to(&[]), None);
    }

    #[test]
    fn a_release_that_stopped_is_left_for_the_last_good_one() {
        let records = [found(1), complete(2), stopped(3)];
        let way = way_back(&records).unwrap();
        assert_eq!(way.to.digest, digest(2));
        assert_eq!(way.leaves, Some(digest(3)));
        assert_eq!(leads_to(&[found(1), record(2, Kind::Forward, Course::Begun)]), Some(digest(1)));
    }

    #[test]
    fn asked_again_a_rollback_stays_where_it_went() {
        for course in [Course::Begun, Course::Complete, Course::Stopped] {
            let records = [found(1), complete(2), complete(3), back(2, course)];
            let way = way_back(&records).unwrap();
            assert_eq!((way.to.digest, way.leaves), (digest(2), Some(digest(3))), "{course:?}");
            assert_eq!(way.further.map(|it| it.digest), Some(digest(1)));
            assert_eq!(way.settled, course == Course::Complete, "one that stopped may be repeated");
        }
    }

    #[test]
    fn what_was_left_is_good_again_only_after_it_was_asked_for() {
        let records = [found(1), complete(2), back(1, Course::Complete), complete(3)];
        assert_eq!(leads_to(&records), Some(digest(1)), "2 was left");
        let records = [&records[..], &[complete(2), complete(4)]].concat();
        assert_eq!(leads_to(&records), Some(digest(2)));
    }

    #[test]
    fn a_digest_belongs_to_the_release_that_last_brought_it() {
        let records =
            [found(1), complete(2), Record { release: Some(ReleaseId::from_number(9)), ..complete(2) }];
        assert_eq!(release_of(&records, &digest(2)), Some(ReleaseId::from_number(9)));
        assert_eq!(release_of(&records, &digest(1)), None);
    }

    prop_compose! {
        fn any_record()(number in 0_u8..5, kind in 0..8, course in 0..3_usize) -> Record {
            let course = [Course::Begun, Course::Complete, Course::Stopped][course];
            match kind {
                0 => found(number),
                1..=4 => record(number, Kind::Forward, course),
                _ => back(number, course),
            }
        }
    }

    /// Histories that can be: rollbacks go where `way_back` says.
    fn history(records: Vec<Record>) -> Vec<Record> {
        let mut history: Vec<Record> = Vec::new();
        for it in records {
            match it.kind {
                Kind::Found if history.is_empty() => history.push(it),
                Kind::Found => {}
                Kind::Forward => history.push(it),
                Kind::Back => {
                    if let Some(way) = way_back(&history) {
                        history.push(Record { digest: way.to.digest, release: way.to.release, ..it });
                    }
                }
            }
        }
        history
    }

    proptest! {
        #[test]
        fn a_rollback_leads_only_to_what_every_host_ran_and_nobody_left(
            records in proptest::collection::vec(any_record(), 0..20),
        ) {
            let records = history(records);
            if let Some(way) = way_back(&records) {
                // When all hosts were confirmed on it for the last time, in a rollout that was no rollback.
                let ran_by = |digest: &Digest, until: usize| records[..until].iter().rposition(|it| {
                    it.digest == *digest && it.kind != Kind::Back && it.course == Course::Complete
                });
                let ran = ran_by(&way.to.digest, records.len());
                prop_assert!(ran.is_some(), "nobody ever confirmed it");
                // No rollback since went to something that had run before it.
                let left = records.iter().enumerate().any(|(at, it)| {
                    it.kind == Kind::Back && ran < Some(at) && ran_by(&it.digest, at) < ran
                });
                prop_assert!(!left, "{} was left", way.to.digest.short());
                prop_assert_ne!(Some(&way.to.digest), way.leaves.as_ref());
            }
        }

        #[test]
        fn any_number_of_rollbacks_in_a_row_leads_to_one_place(
            records in proptest::collection::vec(any_record(), 0..20), course in 0..3_usize, times in 1..4,
        ) {
            let mut records = history(records);
            let Some(first) = way_back(&records) else { return Ok(()) };
            let course = [Course::Begun, Course::Complete, Course::Stopped][course];
            for _ in 0..times {
                records.push(Record {
                    digest: first.to.digest.clone(), release: first.to.release, ..back(0, course)
                });
                let again = way_back(&records).map(|it| it.to);
                prop_assert_eq!(again.as_ref(), Some(&first.to));
                prop_assert_eq!(last_good(&records), again);
            }
        }

        #[test]
        fn what_stopped_is_never_gone_back_to(records in proptest::collection::vec(any_record(), 0..20)) {
            let records = history(records);
            let fresh = Digest::of(b"never complete");
            let tried = Record { digest: fresh.clone(), ..stopped(0) };
            let mut with = records.clone();
            with.insert(records.len() / 2, tried);
            prop_assert_ne!(leads_to(&with), Some(fresh));
        }
    }
}

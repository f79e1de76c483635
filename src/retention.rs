//! What may be thrown away. Decisions only: what lies where, and its removal, are the engine's.
//!
//! One rule stands above all settings: nothing that something still refers to goes. A checkout belongs to an execution
//! that goes on; an artifact is on a host, in a question, in an unfinished execution, or where a rollback leads.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    clock,
    config::Keep,
    id::{AppName, Digest, EnvironmentName},
};

/// What was written so recently may be about to be recorded: no artifact younger than this goes.
const RECENT: Duration = Duration::from_secs(60 * 60);
/// An artifact of no release (put there by hand, for hosts that run it already; made by somebody's own workflow) stays
/// this long.
const STRAY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What came in and had its effect is known again for this long: chats repeat it for minutes, GitHub for three days.
pub const DELIVERED: Duration = Duration::from_secs(8 * 24 * 60 * 60);
/// What people did on a message of ours is looked up while that may ask something still.
pub const ANSWERED: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What the store says of the execution that files belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It goes on, or something that it started.
    Open,
    Ended {
        succeeded: bool,
        at: Timestamp,
    },
    /// The store knows no such execution: the files are of another store.
    Unknown,
}

/// Whether the working folder of an execution's tree, last written at `touched_at`, goes.
pub fn checkout_goes(keep: &Keep, ending: Ending, touched_at: Timestamp, now: Timestamp) -> bool {
    match ending {
        Ending::Open => false,
        Ending::Ended { succeeded: true, .. } => true,
        Ending::Ended { succeeded: false, at } => clock::after(at, keep.failed_checkouts) <= now,
        Ending::Unknown => clock::after(touched_at, keep.failed_checkouts) <= now,
    }
}

/// Whether what an execution printed, last written at `touched_at`, goes.
pub fn log_goes(keep: &Keep, ending: Ending, touched_at: Timestamp, now: Timestamp) -> bool {
    match ending {
        Ending::Open => false,
        Ending::Ended { at, .. } => clock::after(at, keep.logs) <= now,
        Ending::Unknown => clock::after(touched_at, keep.logs) <= now,
    }
}

/// Everything that refers to artifacts.
#[derive(Clone, Debug, Default)]
pub struct References {
    /// What hosts were last confirmed to run, what is asked about, what unfinished executions name.
    pub held: BTreeSet<Digest>,
    /// When each environment last ran an artifact on all of its hosts.
    pub rollouts: BTreeMap<(AppName, EnvironmentName), Vec<(Digest, Timestamp)>>,
    /// Each app's artifacts, with the number of the latest release that has it.
    pub releases: BTreeMap<AppName, Vec<(Digest, i64)>>,
    /// Start of the oldest attempt whose end is not recorded: what was made since may be its result.
    pub unsettled_since: Option<Timestamp>,
}

impl References {
    /// Whether something made at `made_at` may belong to what is going on.
    pub fn is_recent(&self, made_at: Timestamp, now: Timestamp) -> bool {
        now < clock::after(made_at, RECENT) || self.unsettled_since.is_some_and(|since| since <= made_at)
    }

    /// The artifacts among `found` (with the time each was made) that go.
    pub fn going(&self, keep: &Keep, found: &[(Digest, Timestamp)], now: Timestamp) -> BTreeSet<Digest> {
        let mut kept: BTreeSet<&Digest> = self.held.iter().collect();
        kept.extend(self.rollouts.values().flat_map(|it| ways_back(it)));
        kept.extend(self.releases.values().flat_map(|it| latest(it, keep.artifacts)));
        let released: BTreeSet<&Digest> =
            self.releases.values().flatten().map(|(digest, _)| digest).collect();
        let goes = |(digest, made_at): &&(Digest, Timestamp)| {
            let is_old = released.contains(digest) || clock::after(*made_at, STRAY) <= now;
            !kept.contains(digest) && is_old && !self.is_recent(*made_at, now)
        };
        found.iter().filter(goes).map(|(digest, _)| digest.clone()).collect()
    }
}

/// Where a rollback may lead: the latest artifact that all hosts ran, and the one before it. More where two began to
/// run at the same instant, as then nobody can say which was first.
fn ways_back(rollouts: &[(Digest, Timestamp)]) -> impl Iterator<Item = &Digest> {
    let mut last: BTreeMap<&Digest, Timestamp> = BTreeMap::new();
    for (digest, at) in rollouts {
        let latest = last.entry(digest).or_insert(*at);
        *latest = (*latest).max(*at);
    }
    let mut times: Vec<Timestamp> = last.values().copied().collect();
    times.sort_unstable();
    let since = times.iter().rev().nth(1).copied().unwrap_or(Timestamp::MIN);
    last.into_iter().filter(move |(_, at)| since <= *at).map(|(digest, _)| digest)
}

/// The artifacts of the latest releases.
fn latest(releases: &[(Digest, i64)], most: u32) -> impl Iterator<Item = &Digest> {
    let mut sorted: Vec<_> = releases.iter().collect();
    sorted.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let mut seen = BTreeSet::new();
    sorted.retain(|(digest, _)| seen.insert(digest));
    sorted.into_iter().take(usize::try_from(most).unwrap_or(usize::MAX)).map(|(digest, _)| digest)
}

/// Every digest that stands in a text, such as an execution's parameters.
pub fn digests_in(text: &str) -> impl Iterator<Item = Digest> {
    text.split(|it: char| !it.is_ascii_hexdigit()).filter_map(|word| Digest::parse(word).ok())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    #[test]
    fn a_folder_goes_with_its_execution_and_a_failed_one_a_day_later() {
        let keep = Keep::default();
        let goes = |ending, hour| checkout_goes(&keep, ending, at(0), at(hour * HOUR));
        let ended = |succeeded| Ending::Ended { succeeded, at: at(HOUR) };
        assert!(!goes(Ending::Open, 1_000_000));
        assert!(goes(ended(true), 1));
        assert_eq!([goes(ended(false), 24), goes(ended(false), 25)], [false, true]);
        assert_eq!([goes(Ending::Unknown, 23), goes(Ending::Unknown, 24)], [false, true]);
    }

    #[test]
    fn a_log_goes_by_its_age_after_the_end() {
        let keep = Keep::default();
        let goes = |ending, hour| log_goes(&keep, ending, at(0), at(hour * HOUR));
        let ended = Ending::Ended { succeeded: true, at: at(HOUR) };
        assert!(!goes(Ending::Open, 1_000_000));
        assert_eq!([goes(ended, 720), goes(ended, 721)], [false, true]);
        assert_eq!([goes(Ending::Unknown, 719), goes(Ending::Unknown, 720)], [false, true]);
    }

    #[test]
    fn a_rollback_leads_to_the_last_two_that_differ() {
        let runs = [(digest(1), at(1)), (digest(2), at(2)), (digest(1), at(3)), (digest(3), at(0))];
        assert_eq!(ways_back(&runs).collect::<BTreeSet<_>>(), BTreeSet::from([&digest(1), &digest(2)]));
        let twins = [(digest(1), at(2)), (digest(2), at(1)), (digest(3), at(1)), (digest(4), at(0))];
        assert_eq!(ways_back(&twins).count(), 3);
    }

    #[test]
    fn digests_are_found_in_the_text_of_a_row() {
        let text =
            format!(r#"{{"digest":"{}","commit":"{}","x":"{}0"}}"#, digest(1), "a".repeat(40), digest(2));
        assert_eq!(digests_in(&text).collect::<Vec<_>>(), [digest(1)]);
    }

    #[test]
    fn what_was_made_while_an_attempt_runs_stays() {
        let found = [(digest(1), at(10 * HOUR)), (digest(2), at(9 * HOUR))];
        let references = References { unsettled_since: Some(at(10 * HOUR)), ..References::default() };
        let gone = references.going(&Keep::default(), &found, at(1_000 * HOUR));
        assert_eq!(gone, BTreeSet::from([digest(2)]));
    }

    #[test]
    fn what_no_release_made_stays_a_week() {
        let releases = BTreeMap::from([("shop".into(), vec![(digest(1), 1)])]);
        let references = References { releases, ..References::default() };
        let keep = Keep { artifacts: 0, ..Keep::default() };
        let gone = |hour| references.going(&keep, &[(digest(1), at(0)), (digest(2), at(0))], at(hour * HOUR));
        assert_eq!([gone(0), gone(1), gone(167), gone(168)].map(|it| it.len()), [0, 1, 1, 2]);
    }

    /// A few digests, so that things meet.
    fn some_digest() -> impl Strategy<Value = Digest> {
        (0u8..24).prop_map(digest)
    }

    fn some_time() -> impl Strategy<Value = Timestamp> {
        (0i64..48).prop_map(|hour| at(hour * HOUR))
    }

    prop_compose! {
        fn world()(
            held in proptest::collection::btree_set(some_digest(), 0..4),
            rollouts in proptest::collection::vec((0u8..2, 0u8..2, some_digest(), some_time()), 0..12),
            releases in proptest::collection::vec((0u8..2, some_digest()), 0..24),
            unsettled_since in proptest::option::of(some_time()),
        ) -> References {
            let mut all = References { held, unsettled_since, ..References::default() };
            for (app, environment, digest, at) in rollouts {
                let key = (AppName::new(app.to_string()), EnvironmentName::new(environment.to_string()));
                all.rollouts.entry(key).or_default().push((digest, at));
            }
            for (number, (app, digest)) in releases.into_iter().enumerate() {
                all.releases.entry(AppName::new(app.to_string())).or_default().push((digest, number as i64));
            }
            all
        }
    }

    /// What the rollback command would offer, by its own rule: the latest, else the latest other one.
    fn offered(rollouts: &[(Digest, Timestamp)]) -> Vec<Digest> {
        let mut rows = rollouts.to_vec();
        rows.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
        let last = rows.first().map(|it| it.0.clone());
        let other = rows.iter().map(|it| &it.0).find(|it| Some(*it) != last.as_ref()).cloned();
        last.into_iter().chain(other).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn nothing_that_is_referred_to_ever_goes(
            world in world(),
            found in proptest::collection::vec((some_digest(), some_time()), 0..30),
            artifacts in 0u32..6,
            now in some_time(),
        ) {
            let keep = Keep { artifacts, ..Keep::default() };
            let gone = world.going(&keep, &found, now);
            prop_assert!(gone.is_disjoint(&world.held));
            for rollouts in world.rollouts.values() {
                for digest in offered(rollouts) {
                    prop_assert!(!gone.contains(&digest), "a rollback leads to {digest}");
                }
            }
            for releases in world.releases.values() {
                let mut last = BTreeSet::new();
                for (digest, _) in releases.iter().rev() {
                    if last.len() < artifacts as usize || last.contains(digest) {
                        last.insert(digest);
                    }
                }
                prop_assert!(last.iter().all(|it| !gone.contains(*it)));
            }
        }

        #[test]
        fn what_nobody_refers_to_goes_once_it_is_old(
            world in world(),
            found in proptest::collection::vec((some_digest(), some_time()), 0..30),
            artifacts in 0u32..6,
        ) {
            let world = References { unsettled_since: None, ..world };
            let keep = Keep { artifacts, ..Keep::default() };
            let gone = world.going(&keep, &found, at(1_000 * HOUR));
            let stay = found.iter().map(|it| &it.0).filter(|it| !gone.contains(*it)).collect::<BTreeSet<_>>();
            let ties: usize = world.rollouts.values().map(|it| ways_back(it).count()).sum();
            prop_assert!(stay.len() <= world.held.len() + ties + world.releases.len() * artifacts as usize);
        }
    }
}

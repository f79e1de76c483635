//! The rolling strategy: which hosts go together, and what may be claimed of them afterwards.

use std::{cmp::Ordering, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use crate::id::{Digest, HostName};

/// The hosts in batches of this size, each host once, in the order people count (`web-2` before `web-10`), so that
/// the same set of hosts gives the same plan however the inventory listed it. A size of 0 is taken as 1.
pub fn batches(hosts: &[HostName], batch_size: usize) -> Vec<Vec<HostName>> {
    let mut hosts = hosts.to_vec();
    hosts.sort_by(|a, b| compare_as_people(a.as_str(), b.as_str()));
    hosts.dedup();
    hosts.chunks(batch_size.max(1)).map(<[HostName]>::to_vec).collect()
}

/// Runs of digits compare as numbers, all else by character; names that so seem equal (`a1`, `a01`) by their bytes.
fn compare_as_people(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while let (Some(one), Some(other)) = (left.chars().next(), right.chars().next()) {
        let order = if one.is_ascii_digit() && other.is_ascii_digit() {
            let (number, rest) = split_number(left);
            let (other_number, other_rest) = split_number(right);
            (left, right) = (rest, other_rest);
            number.len().cmp(&other_number.len()).then_with(|| number.cmp(other_number))
        } else {
            (left, right) = (&left[one.len_utf8()..], &right[other.len_utf8()..]);
            one.cmp(&other)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// The digits in front without leading zeros, and the rest.
fn split_number(text: &str) -> (&str, &str) {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

/// What a host was confirmed to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostState {
    /// The digest that the release brings.
    New,
    /// The digest that was there before.
    Old,
    /// It did not say, said two things, or runs something else.
    Unknown,
}

/// Every host of a rollout in exactly one state: one entry per host, so the three sets are disjoint and complete by
/// construction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(BTreeMap<HostName, HostState>);

/// What may be claimed of a whole rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every host confirmed the new digest: success.
    AllNew,
    /// Every host confirmed the old digest: rolled back, or never begun.
    AllOld,
    /// Anything else, no hosts at all included.
    Mixed,
}

impl Partition {
    /// Sorts `hosts` by what was observed of them. A host without observation, or with two that differ, is unknown;
    /// observations of other hosts are ignored. Where `target` is also `previous`, hosts that run it are new.
    pub fn new(
        hosts: &[HostName],
        observations: &[(HostName, Option<Digest>)],
        target: &Digest,
        previous: Option<&Digest>,
    ) -> Self {
        let mut observed: BTreeMap<&HostName, Option<HostState>> =
            hosts.iter().map(|host| (host, None)).collect();
        for (host, digest) in observations {
            let state = match digest {
                Some(digest) if digest == target => HostState::New,
                Some(digest) if Some(digest) == previous => HostState::Old,
                Some(_) | None => HostState::Unknown,
            };
            if let Some(known) = observed.get_mut(host) {
                let agrees = known.is_none_or(|it| it == state);
                *known = Some(if agrees { state } else { HostState::Unknown });
            }
        }
        let states =
            observed.into_iter().map(|(host, state)| (host.clone(), state.unwrap_or(HostState::Unknown)));
        Partition(states.collect())
    }

    /// The hosts in this state, by name.
    pub fn hosts(&self, state: HostState) -> impl Iterator<Item = &HostName> {
        self.0.iter().filter(move |(_, it)| **it == state).map(|(host, _)| host)
    }

    pub fn state(&self, host: &HostName) -> Option<HostState> {
        self.0.get(host).copied()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn outcome(&self) -> Outcome {
        let mut states = self.0.values();
        match states.next() {
            Some(HostState::New) if states.all(|it| *it == HostState::New) => Outcome::AllNew,
            Some(HostState::Old) if states.all(|it| *it == HostState::Old) => Outcome::AllOld,
            Some(HostState::New | HostState::Old | HostState::Unknown) | None => Outcome::Mixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(names: &[&str]) -> Vec<HostName> {
        names.iter().copied().map(HostName::from).collect()
    }

    #[test]
    fn batches_are_the_same_whatever_the_order_of_the_inventory() {
        let batches = batches(&names(&["web-10", "web-2", "db-1", "web-1", "web-2"]), 2);
        assert_eq!(batches, [names(&["db-1", "web-1"]), names(&["web-2", "web-10"])]);
        assert_eq!(super::batches(&names(&["b", "a"]), 0), [names(&["a"]), names(&["b"])]);
        assert!(super::batches(&[], 3).is_empty());
    }

    #[test]
    fn success_is_claimed_only_when_every_host_confirmed_it() {
        let (new, old, other) = (Digest::of(b"new"), Digest::of(b"old"), Digest::of(b"other"));
        let hosts = names(&["a", "b"]);
        let outcome = |a: Option<&Digest>, b: Option<&Digest>| {
            let seen = [("a".into(), a.cloned()), ("b".into(), b.cloned())];
            Partition::new(&hosts, &seen, &new, Some(&old)).outcome()
        };
        assert_eq!(outcome(Some(&new), Some(&new)), Outcome::AllNew);
        assert_eq!(outcome(Some(&old), Some(&old)), Outcome::AllOld);
        for (a, b) in [(Some(&new), Some(&old)), (Some(&new), None), (Some(&new), Some(&other)), (None, None)]
        {
            assert_eq!(outcome(a, b), Outcome::Mixed);
            assert_eq!(outcome(b, a), Outcome::Mixed);
        }
        assert_eq!(
            Partition::new(&hosts, &[("a".into(), Some(new.clone()))], &new, None).outcome(),
            Outcome::Mixed
        );
        assert_eq!(Partition::new(&[], &[], &new, None).outcome(), Outcome::Mixed);
    }

    #[test]
    fn a_host_that_says_two_things_is_unknown() {
        let (new, old) = (Digest::of(b"new"), Digest::of(b"old"));
        let host = HostName::from("a");
        let seen = |digests: &[&Digest]| {
            let seen: Vec<_> = digests.iter().map(|it| (host.clone(), Some((*it).clone()))).collect();
            Partition::new(std::slice::from_ref(&host), &seen, &new, Some(&old)).state(&host)
        };
        assert_eq!(seen(&[&new, &new]), Some(HostState::New));
        assert_eq!(seen(&[&new, &old]), Some(HostState::Unknown));
        assert_eq!(seen(&[&new, &old, &new]), Some(HostState::Unknown));
    }

    proptest! {
        #[test]
        fn the_three_sets_are_disjoint_and_complete(
            hosts in proptest::collection::vec(0_u8..12, 0..12),
            seen in proptest::collection::vec((0_u8..16, proptest::option::of(0_u8..3)), 0..24),
        ) {
            let name = |it: &u8| HostName::new(format!("host-{it}"));
            let hosts: Vec<HostName> = hosts.iter().map(name).collect();
            let seen: Vec<_> = seen.iter().map(|(host, digest)| (name(host), digest.map(|it| Digest::of(&[it])))).collect();
            let partition = Partition::new(&hosts, &seen, &Digest::of(&[0]), Some(&Digest::of(&[1])));
            let all = [HostState::New, HostState::Old, HostState::Unknown];
            let mut told: Vec<&HostName> = all.iter().flat_map(|it| partition.hosts(*it)).collect();
            told.sort();
            let mut expected: Vec<&HostName> = hosts.iter().collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(told, expected);
            for host in partition.hosts(HostState::New) {
                prop_assert!(seen.iter().filter(|(it, _)| it == host).all(|(_, it)| *it == Some(Digest::of(&[0]))));
            }
        }

        #[test]
        fn batches_hold_every_host_once(hosts in proptest::collection::vec("[a-c]{1,2}[0-9]{0,3}", 0..20), size in 1_usize..6) {
            let hosts: Vec<HostName> = hosts.into_iter().map(HostName::new).collect();
            let batches = batches(&hosts, size);
            prop_assert!(batches.iter().all(|it| (1..=size).contains(&it.len())));
            let mut told: Vec<HostName> = batches.concat();
            told.sort();
            let mut expected = hosts;
            expected.sort();
            expected.dedup();
            prop_assert_eq!(told, expected);
        }
    }
}

//! Counting: does a set of approvers fill every place of the quorum?
//!
//! One person fills one place, so this is a maximum matching of places and persons, by augmenting paths (Kuhn's
//! algorithm, <https://en.wikipedia.org/wiki/Matching_(graph_theory)#In_unweighted_bipartite_graphs>).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::gate::{Act, Electorate, Policy, Slot, Vote};
use crate::id::{GroupName, PersonName, Seal};

/// A person who fills a place of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seat {
    pub group: GroupName,
    pub person: PersonName,
}

/// So many more of this group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Missing {
    pub group: GroupName,
    pub count: usize,
}

/// How far the quorum is filled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Each slot of the policy with who fills it, in the policy's order.
    pub filled: Vec<(Slot, Vec<PersonName>)>,
    /// What is missing, in the policy's order. Empty for a full quorum, and for an empty one, which is never full.
    pub missing: Vec<Missing>,
    /// Approvers whose approval fills no place: another could take it.
    pub spare: Vec<PersonName>,
}

impl Tally {
    /// Whether the votes make a grant. A quorum without slots is nobody's: never.
    pub fn is_full(&self) -> bool {
        !self.filled.is_empty() && self.missing.is_empty()
    }

    /// Who fills which place.
    pub fn seats(&self) -> Vec<Seat> {
        let seats = self.filled.iter().flat_map(|(slot, persons)| {
            persons.iter().map(|person| Seat { group: slot.group.clone(), person: person.clone() })
        });
        seats.collect()
    }
}

/// Counts the votes on `seal`: of each person the latest, approvals only, of those who may approve.
pub fn tally(policy: &Policy, electorate: &Electorate, seal: &Seal, votes: &[Vote]) -> Tally {
    let mut latest: BTreeMap<&PersonName, &Act> = BTreeMap::new();
    for vote in votes.iter().filter(|vote| vote.seal == *seal) {
        latest.insert(&vote.person, &vote.act);
    }
    let approvers = latest.into_iter().filter(|(_, act)| matches!(act, Act::Approve { .. }));
    seat(policy, electorate, approvers.map(|(person, _)| person))
}

/// Seats these approvers as well as can be.
pub(super) fn seat<'a>(
    policy: &Policy,
    electorate: &Electorate,
    approvers: impl Iterator<Item = &'a PersonName>,
) -> Tally {
    let approvers: BTreeSet<&PersonName> =
        approvers.filter(|it| electorate.barred(policy, it).is_none()).collect();
    let persons: Vec<&PersonName> =
        approvers.into_iter().filter(|it| electorate.may_answer(policy, it)).collect();
    let places: Vec<usize> = policy
        .quorum
        .iter()
        .enumerate()
        .flat_map(|(index, slot)| std::iter::repeat_n(index, usize::from(slot.count.get())))
        .collect();
    let fits: Vec<Vec<usize>> = persons
        .iter()
        .map(|person| {
            let fits = |place: &usize| electorate.is_member(&policy.quorum[places[*place]].group, person);
            (0..places.len()).filter(fits).collect()
        })
        .collect();
    let taken = matching(&fits, places.len());
    let mut filled: Vec<(Slot, Vec<PersonName>)> =
        policy.quorum.iter().map(|slot| (slot.clone(), Vec::new())).collect();
    for (place, person) in taken.iter().enumerate() {
        if let Some(person) = person {
            filled[places[place]].1.push(persons[*person].clone());
        }
    }
    let missing = filled.iter().map(|(slot, persons)| Missing {
        group: slot.group.clone(),
        count: usize::from(slot.count.get()) - persons.len(),
    });
    let missing = missing.filter(|it| 0 < it.count).collect();
    let seated: BTreeSet<usize> = taken.iter().flatten().copied().collect();
    let spare = (0..persons.len()).filter(|it| !seated.contains(it)).map(|it| persons[it].clone()).collect();
    Tally { filled, missing, spare }
}

/// A maximum matching: which person takes each place. `fits[p]` lists the places person `p` could take.
fn matching(fits: &[Vec<usize>], places: usize) -> Vec<Option<usize>> {
    let mut taken = vec![None; places];
    for person in 0..fits.len() {
        let mut seen = vec![false; places];
        augment(person, fits, &mut seen, &mut taken);
    }
    taken
}

/// Seats this person, moving others if that makes room. Each place is tried once, so it ends.
fn augment(person: usize, fits: &[Vec<usize>], seen: &mut [bool], taken: &mut [Option<usize>]) -> bool {
    for &place in &fits[person] {
        if std::mem::replace(&mut seen[place], true) {
            continue;
        }
        if taken[place].is_none_or(|other| augment(other, fits, seen, taken)) {
            taken[place] = Some(person);
            return true;
        }
    }
    false
}

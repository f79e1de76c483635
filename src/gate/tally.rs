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

/// Counts the votes on `seal`: of each person the latest, approvals only, of those who may approve, from accounts that
/// are theirs still.
pub fn tally(policy: &Policy, electorate: &Electorate, seal: &Seal, votes: &[Vote]) -> Tally {
    let mut latest: BTreeMap<&PersonName, &Act> = BTreeMap::new();
    for vote in votes.iter().filter(|vote| vote.seal == *seal && electorate.counts(vote)) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::scenario::{at, people, policy, slack};
    use crate::gate::{Involved, Requester, Sight, Via};
    use crate::id::Digest;

    fn seal() -> Seal {
        Digest::of(b"seal").into()
    }

    fn vote(person: &str, act: Act, seal: &Seal) -> Vote {
        let account = slack(person);
        let (via, sight) = (Via::Button, Sight::Message);
        Vote { person: person.into(), account, act, seal: seal.clone(), via, sight, at: at(1) }
    }

    fn electorate(policy: &Policy) -> Electorate {
        let nobody = Involved::only(Requester::Rule { rule: "nightly".into() });
        Electorate::of(&people(), [policy], &nobody)
    }

    fn count(votes: &[Vote]) -> Tally {
        tally(&policy(), &electorate(&policy()), &seal(), votes)
    }

    fn yes(person: &str) -> Vote {
        vote(person, Act::Approve { reason: None }, &seal())
    }

    #[test]
    fn one_person_in_both_groups_fills_one_place() {
        let alone = count(&[yes("lena-ops"), yes("lena-ops")]);
        assert!(!alone.is_full());
        assert_eq!(alone.missing.iter().map(|it| it.count).sum::<usize>(), 1);
    }

    #[test]
    fn whoever_fits_two_places_makes_room_for_who_fits_one() {
        for order in
            [["lena-ops", "Okoro"], ["Okoro", "lena-ops"], ["lena-ops", "jun2"], ["jun2", "lena-ops"]]
        {
            assert!(count(&order.map(yes)).is_full(), "{order:?}");
        }
        let two_sre = count(&["Okoro", "tobias_h"].map(yes));
        assert_eq!(two_sre.missing, [Missing { group: "release-managers".into(), count: 1 }]);
        assert_eq!(two_sre.spare.len(), 1);
    }

    #[test]
    fn the_latest_act_counts_and_a_vote_on_another_seal_never() {
        let withdrawn = vote("Okoro", Act::Withdraw, &seal());
        assert!(!count(&[yes("Okoro"), yes("jun2"), withdrawn.clone()]).is_full());
        assert!(count(&[yes("Okoro"), withdrawn, yes("jun2"), yes("Okoro")]).is_full());
        let older = vote("Okoro", Act::Approve { reason: None }, &Digest::of(b"older").into());
        assert!(!count(&[older, yes("jun2")]).is_full());
    }

    #[test]
    fn an_empty_quorum_is_never_full() {
        let nobody = Policy::default();
        assert!(!tally(&nobody, &electorate(&nobody), &seal(), &[yes("Okoro"), yes("jun2")]).is_full());
    }

    #[test]
    fn strangers_and_people_of_other_groups_fill_nothing() {
        let found = count(&["newcomer", "nobody-known", "sre"].map(yes));
        assert!(found.seats().is_empty() && found.spare.is_empty());
    }

    /// The most places that any assignment fills, by trying all.
    fn most(fits: &[Vec<usize>], taken: &mut Vec<usize>) -> usize {
        let Some((first, rest)) = fits.split_first() else { return 0 };
        let mut best = most(rest, taken);
        for place in first {
            if !taken.contains(place) {
                taken.push(*place);
                best = best.max(1 + most(rest, taken));
                taken.pop();
            }
        }
        best
    }

    proptest! {
        #[test]
        fn matching_is_as_good_as_trying_all(
            places in 1_usize..5,
            fits in prop::collection::vec(prop::collection::btree_set(0_usize..5, 0..5), 0..6),
        ) {
            let fits: Vec<Vec<usize>> =
                fits.into_iter().map(|it| it.into_iter().filter(|place| *place < places).collect()).collect();
            let taken = matching(&fits, places);
            let seated: Vec<_> = taken.iter().enumerate().filter_map(|(place, it)| it.map(|it| (place, it))).collect();
            prop_assert_eq!(seated.len(), most(&fits, &mut Vec::new()));
            let persons: BTreeSet<_> = seated.iter().map(|(_, person)| *person).collect();
            prop_assert_eq!(persons.len(), seated.len(), "one person, one place");
            for (place, person) in seated {
                prop_assert!(fits[person].contains(&place));
            }
        }
    }
}

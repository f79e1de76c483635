//! Who may answer, at one moment.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::gate::{Act, Involved, Part, Policy, Vote};
use crate::id::{Account, GroupName, PersonName};
use crate::identity::People;

/// The members of every group that the policies name and the persons who had a hand in the release, as the people
/// were when an answer was given. It is recorded with the answer, so that replay and an auditor decide the same
/// without the configuration of that day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Electorate {
    pub members: BTreeMap<GroupName, BTreeSet<PersonName>>,
    pub involved: BTreeMap<PersonName, BTreeSet<Part>>,
    /// Who answered from which account, where it is not theirs any more: linked to somebody else, or to nobody. Such an
    /// answer counts no more, so that two accounts which became one person are never two voices.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub moved: BTreeSet<(PersonName, Account)>,
}

impl Electorate {
    pub fn of<'a>(
        people: &People,
        policies: impl IntoIterator<Item = &'a Policy>,
        involved: &Involved,
    ) -> Self {
        let groups = policies.into_iter().flat_map(Policy::groups);
        let members = groups.map(|it| (it.clone(), people.members(it).map(|it| it.name.clone()).collect()));
        let (involved, moved) = (involved.persons(people), BTreeSet::new());
        Self { members: members.collect(), involved, moved }
    }

    /// The same for where these votes were given.
    #[must_use]
    pub fn at(mut self, votes: &[Vote], people: &People) -> Self {
        let is_moved = |it: &&Vote| people.find(&it.account).is_none_or(|owner| owner.name != it.person);
        self.moved =
            votes.iter().filter(is_moved).map(|it| (it.person.clone(), it.account.clone())).collect();
        self
    }

    /// Whether it counts: an approval, only from an account that is its voter's still. What stops, stays said.
    pub fn counts(&self, vote: &Vote) -> bool {
        let moved =
            || self.moved.iter().any(|(person, account)| *person == vote.person && *account == vote.account);
        match vote.act {
            Act::Approve { .. } => !moved(),
            Act::Reject { .. } | Act::Withdraw => true,
        }
    }

    pub fn is_member(&self, group: &GroupName, person: &PersonName) -> bool {
        self.members.get(group).is_some_and(|it| it.contains(person))
    }

    /// Whether this person is in any of the policy's groups.
    pub fn may_answer(&self, policy: &Policy, person: &PersonName) -> bool {
        policy.quorum.iter().any(|slot| self.is_member(&slot.group, person))
    }

    /// The first part that keeps this person from approving under the policy.
    pub fn barred(&self, policy: &Policy, person: &PersonName) -> Option<Part> {
        let parts = self.involved.get(person).filter(|_| policy.four_eyes);
        parts.and_then(|it| it.first().copied())
    }
}

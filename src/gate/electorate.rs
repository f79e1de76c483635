//! Who may answer, at one moment.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::gate::{Involved, Part, Policy};
use crate::id::{GroupName, PersonName};
use crate::identity::People;

/// The members of every group that the policies name and the persons who had a hand in the release, as the people
/// were when an answer was given. It is recorded with the answer, so that replay and an auditor decide the same
/// without the configuration of that day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Electorate {
    pub members: BTreeMap<GroupName, BTreeSet<PersonName>>,
    pub involved: BTreeMap<PersonName, BTreeSet<Part>>,
}

impl Electorate {
    pub fn of<'a>(
        people: &People,
        policies: impl IntoIterator<Item = &'a Policy>,
        involved: &Involved,
    ) -> Self {
        let groups = policies.into_iter().flat_map(Policy::groups);
        let members = groups.map(|it| (it.clone(), people.members(it).map(|it| it.name.clone()).collect()));
        Self { members: members.collect(), involved: involved.persons(people) }
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

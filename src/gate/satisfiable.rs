//! Whether a gate could open at all.

use crate::gate::{Electorate, Involved, Missing, Policy, Requester, tally};
use crate::id::PersonName;
use crate::identity::People;

/// A gate that nobody could open, even if all voted for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsatisfiable {
    #[error("the quorum is empty, so nobody can approve")]
    NoQuorum,
    #[error("nobody could open the gate{}: missing {}", self.asked(), self.list())]
    TooFew {
        /// Who would ask; `None` if it fails whoever asks.
        requester: Option<PersonName>,
        missing: Vec<Missing>,
    },
}

impl Unsatisfiable {
    fn asked(&self) -> String {
        match self {
            Unsatisfiable::TooFew { requester: Some(requester), .. } => format!(" if {requester} asks"),
            Unsatisfiable::TooFew { requester: None, .. } | Unsatisfiable::NoQuorum => String::new(),
        }
    }

    fn list(&self) -> String {
        match self {
            Unsatisfiable::TooFew { missing, .. } => {
                let each: Vec<_> = missing.iter().map(|it| format!("{} of {}", it.count, it.group)).collect();
                each.join(", ")
            }
            Unsatisfiable::NoQuorum => String::new(),
        }
    }
}

/// Checks that everybody together could fill the quorum, whoever of the permitted requesters asks.
///
/// # Errors
/// [`Unsatisfiable`], with the first requester for whom it fails and what is missing.
pub fn satisfiable<'a>(
    policy: &Policy,
    people: &People,
    permitted_requesters: impl IntoIterator<Item = &'a PersonName>,
) -> Result<(), Unsatisfiable> {
    let nobody = Involved::only(Requester::Rule { rule: String::new() });
    let mut electorate = Electorate::of(people, [policy], &nobody);
    could_open(policy, &electorate, None)?;
    for requester in permitted_requesters {
        electorate.involved = [(requester.clone(), [crate::gate::Part::Requester].into())].into();
        could_open(policy, &electorate, Some(requester))?;
    }
    Ok(())
}

/// Checks that these electors could still fill the quorum if all voted for it.
pub(super) fn could_open(
    policy: &Policy,
    electorate: &Electorate,
    requester: Option<&PersonName>,
) -> Result<(), Unsatisfiable> {
    if policy.quorum.is_empty() {
        return Err(Unsatisfiable::NoQuorum);
    }
    let all = tally::seat(policy, electorate, electorate.members.values().flatten());
    if all.is_full() {
        return Ok(());
    }
    Err(Unsatisfiable::TooFew { requester: requester.cloned(), missing: all.missing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::scenario::{people, policy};
    use crate::gate::{Policy, Slot};

    fn policy_of(quorum: &str) -> Policy {
        Policy { quorum: serde_saphyr::from_str::<Vec<Slot>>(quorum).unwrap(), ..Policy::default() }
    }

    fn names() -> Vec<PersonName> {
        people().iter().map(|it| it.name.clone()).collect()
    }

    #[test]
    fn a_gate_that_somebody_can_open_whoever_asks_is_fine() {
        assert_eq!(satisfiable(&policy(), &people(), &names()), Ok(()));
    }

    #[test]
    fn an_empty_quorum_and_an_unknown_group_are_found() {
        assert_eq!(satisfiable(&Policy::default(), &people(), &names()), Err(Unsatisfiable::NoQuorum));
        let found = satisfiable(&policy_of("[{group: src}]"), &people(), []).unwrap_err();
        assert_eq!(found.to_string(), "nobody could open the gate: missing 1 of src");
    }

    #[test]
    fn a_requester_who_would_be_missing_is_named() {
        let leads = policy_of("[{group: leads}]");
        let found = satisfiable(&leads, &people(), &names()).unwrap_err();
        assert_eq!(found.to_string(), "nobody could open the gate if lena-ops asks: missing 1 of leads");
        let alone = Policy { four_eyes: false, ..leads };
        assert_eq!(satisfiable(&alone, &people(), &names()), Ok(()));
    }

    #[test]
    fn enough_members_in_total_is_not_enough_when_they_are_the_same_people() {
        let found = satisfiable(&policy_of("[{group: leads}, {group: leads}]"), &people(), []).unwrap_err();
        assert!(matches!(found, Unsatisfiable::TooFew { requester: None, .. }));
    }
}

//! Opening a gate, and opening it again from the record.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gate::{
    Decided, Decision, Facts, Gate, GateEffect, GateEvent, Involved, Policy, Refusal, Shown, Unsatisfiable,
    satisfiable,
};
use crate::id::{ExecutionId, GateId, PersonName, ReleaseId};
use crate::identity::People;
use crate::rollout::Verdict;

/// All that a gate starts from. With the events that followed it is the whole record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    pub id: GateId,
    pub release: ReleaseId,
    /// The root execution that waits for the answer.
    pub execution: ExecutionId,
    /// `policy` in it is replaced with the digest of the policy beside it.
    pub facts: Facts,
    pub policy: Policy,
    pub involved: Involved,
    /// The verdict of the sealed evidence.
    pub verdict: Verdict,
    pub shown: Shown,
    pub at: Timestamp,
}

/// A record that does not replay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {index} of the record is not possible: {refusal}")]
pub struct ReplayError {
    /// Counts from 0.
    pub index: usize,
    pub refusal: Refusal,
}

impl Gate {
    /// Opens a gate. With the verdict `fail` it is born failed or held, as the policy says.
    pub fn open(opening: Opening) -> Decided {
        let Opening { id, release, execution, mut facts, policy, involved, verdict, shown, at } = opening;
        facts.policy = policy.digest();
        let gate = Gate {
            id,
            release,
            execution,
            seal: facts.seal(),
            facts,
            seal_number: 1,
            sealed_at: at,
            old_seals: Vec::new(),
            shown,
            opened_at: at,
            deadline: policy.expires_after.after(at),
            policy,
            earlier_policies: Vec::new(),
            involved,
            reminders: 0,
            verdict,
            worst: verdict,
            freezes: Vec::new(),
            votes: Vec::new(),
            decision: None,
        };
        gate.ask(at)
    }

    /// Posts the question for the current seal, or fails at once.
    pub(super) fn ask(mut self, at: Timestamp) -> Decided {
        let mut effects = vec![GateEffect::PostMessage { seal_number: self.seal_number }];
        if self.worst == Verdict::Fail {
            effects.extend(self.fail(at));
        }
        if self.decision.is_none() {
            effects.push(GateEffect::ArmExpiry { at: self.deadline });
            effects.extend(self.next_reminder().map(|at| GateEffect::ArmReminder { at }));
        }
        Decided { next: self, effects }
    }

    /// What the verdict `fail` does, by policy.
    pub(super) fn fail(&mut self, at: Timestamp) -> Vec<GateEffect> {
        let seal_number = self.seal_number;
        if self.rolls_back() {
            self.decision = Some(Decision::Failed { at });
            vec![GateEffect::CloseMessage { seal_number }, GateEffect::RollBackCanary]
        } else {
            vec![GateEffect::RefreshMessage { seal_number }, GateEffect::HoldCanary]
        }
    }

    /// Whether these people could open it at all; to be said when it opens.
    ///
    /// # Errors
    /// [`Unsatisfiable`], with what would be missing if all voted for it.
    pub fn could_open(&self, people: &People) -> Result<(), Unsatisfiable> {
        let electorate = self.electorate(people);
        let requester: Option<&PersonName> = match &self.facts.requester {
            crate::gate::Requester::Person { person, .. } => Some(person),
            crate::gate::Requester::Push { .. } | crate::gate::Requester::Rule { .. } => None,
        };
        self.policies().try_for_each(|policy| satisfiable::could_open(policy, &electorate, requester))
    }

    /// The gate that this record gives.
    ///
    /// # Errors
    /// [`ReplayError`] at the first event that [`Gate::apply`] refuses.
    pub fn replay(
        opening: Opening,
        events: impl IntoIterator<Item = GateEvent>,
    ) -> Result<Gate, ReplayError> {
        let mut gate = Gate::open(opening).next;
        for (index, event) in events.into_iter().enumerate() {
            gate = gate.apply(event).map_err(|refusal| ReplayError { index, refusal })?.next;
        }
        Ok(gate)
    }
}

//! The one door for answers: button, reaction, thread, command, command line.

use super::{OpenGate, facts, reach::reach};
use crate::{
    engine::Engine,
    gate::{Ballot, Decision, Freeze, Gate, GateEvent, Grant, Preauthorised, Refusal, Requester, Shown},
    id::{ActionRef, Digest, EvidenceId, ExecutionId, GateId, GrantId},
    identity::Authorised,
    release::Plan,
    store::StoreError,
};

/// What became of an answer.
#[derive(Clone, Debug)]
pub enum Voting {
    Refused(Refusal),
    /// It counts, and this much is missing still: `1 of sre`.
    Counted {
        missing: Vec<String>,
    },
    Decided(Box<Decision>),
}

impl Engine {
    /// Answers at a gate whose message could show so much. The facts are compared with the world first: an answer never
    /// counts for something else.
    pub async fn vote(&self, gate: GateId, ballot: Ballot, shown: Shown) -> Result<Voting, StoreError> {
        self.refresh_gate(gate).await?;
        let live = self.live();
        let vote = |it: &Gate| Gate { shown, ..it.clone() }.vote(ballot.clone(), &live.settings.people);
        let done = self.transition(gate, vote).await?;
        Ok(self.outcome(done))
    }

    /// The grant of a rollback of the plan's target to the last good artifact, which the policy pre-authorises. `by` is
    /// the workflow that does it.
    ///
    /// # Errors
    /// Why there is none, for the person who asked.
    pub fn preauthorise(
        &self,
        by: &ActionRef,
        plan: &Plan,
        root: ExecutionId,
        good: &Digest,
        leave: &Authorised,
    ) -> Result<Grant, String> {
        let live = self.live();
        let requester =
            Requester::Person { person: leave.person().clone(), account: leave.account().clone() };
        let facts = facts::facts(&live, &live.bundle, plan, good, &requester, EvidenceId::generate())
            .map_err(|error| error.to_string())?;
        let pairs = reach(&live.bundle, by).pairs(&facts.hosts);
        let rollback = Preauthorised {
            id: GrantId::generate(),
            rollout: root,
            pairs,
            facts: &facts,
            policy: &live.policy(&facts.app, &facts.environment),
            last_good: good,
            at: self.now(),
        };
        Grant::preauthorised(rollback, leave).map_err(|error| error.to_string())
    }

    /// The open gates, oldest first.
    pub async fn open_gates(&self) -> Result<Vec<OpenGate>, StoreError> {
        self.store().open_gates().await
    }

    fn outcome(&self, done: Result<Gate, Refusal>) -> Voting {
        match done {
            Err(refusal) => Voting::Refused(refusal),
            Ok(Gate { decision: Some(decision), .. }) => Voting::Decided(Box::new(decision)),
            Ok(gate) => Voting::Counted { missing: self.missing(&gate) },
        }
    }

    /// What the quorum lacks, in words.
    pub fn missing(&self, gate: &Gate) -> Vec<String> {
        let electorate = gate.electorate(&self.live().settings.people);
        gate.tally(&electorate).missing.iter().map(|it| format!("{} of {}", it.count, it.group)).collect()
    }

    /// Compares the sealed facts with the world; a difference voids the votes and asks anew.
    pub(super) async fn refresh_gate(&self, id: GateId) -> Result<(), StoreError> {
        let row: OpenGate = self.store().load_gate(id).await?;
        let gate = &row.body.gate;
        if gate.decision.is_some() {
            return Ok(());
        }
        let bundle = self.0.bundles.load(self.store(), &row.body.content).await?;
        let live = self.live();
        let sealed = &gate.facts;
        let gone = gate.freezes.iter().find_map(|it| match it {
            Freeze::Gone { what } => Some(what.clone()),
            Freeze::Alarm { .. } | Freeze::Worsened { .. } | Freeze::Period { .. } => None,
        });
        let now = match (facts::facts_now(&live, &bundle, &row.body), &gone) {
            (Ok(now), _) => now,
            (Err(_), Some(_)) => return Ok(()),
            // The app or its hosts are gone from the settings: nothing can be approved that way.
            (Err(error), None) => {
                let why = Freeze::Gone { what: error.to_string() };
                return self.happens(id, GateEvent::Frozen { why, at: self.now() }).await;
            }
        };
        let why = sealed.differences(&now);
        if why.is_empty() {
            return match gone {
                Some(period) => self.happens(id, GateEvent::Unfrozen { period, at: self.now() }).await,
                None => Ok(()),
            };
        }
        let event = GateEvent::Resealed {
            facts: Box::new(now),
            policy: Box::new(live.policy(&row.app, &row.environment)),
            involved: Box::new(gate.involved.clone()),
            verdict: gate.verdict,
            shown: gate.shown,
            why,
            at: self.now(),
        };
        self.happens(id, event).await
    }

    /// An event that nobody waits for: refused, it changes nothing.
    async fn happens(&self, id: GateId, event: GateEvent) -> Result<(), StoreError> {
        let done =
            self.transition(id, |it| it.apply(event.clone()).map(|decided| (event.clone(), decided))).await?;
        if let Err(refusal) = done {
            tracing::info!(gate = %id, %refusal, "nothing came of an event");
        }
        Ok(())
    }
}

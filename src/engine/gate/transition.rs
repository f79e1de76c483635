//! One event at one gate: the next state, its vote, its messages, its grant and its waiting execution commit together.

use serde_json::{Value, json};

use super::{
    Asked,
    reach::{PRODUCTION, reach},
};
use crate::{
    engine::{Engine, settle::End},
    gate::{Act, Decided, Decision, Difference, Gate, GateEffect, GateEvent, Grant, Refusal},
    id::{ActionRef, GateId, GrantId, ReleaseId},
    release::Plan,
    status::Status,
    store::{
        Change, StoreError, audit,
        execution::Execution,
        gate::{GateRow, PermissionRow, VoteRow},
        outbox::{Priority, Wanted},
    },
};

/// Tries against somebody who changes the same gate at the same time.
const TRIES: usize = 50;

/// The outbox subject of one seal's message.
pub fn gate_subject(gate: GateId, seal_number: u32) -> String {
    format!("gate:{gate}:{seal_number}")
}

impl Engine {
    /// Applies what `act` decides to the gate as it is now, again if somebody was faster.
    pub(super) async fn transition(
        &self,
        id: GateId,
        act: impl Fn(&Gate) -> Result<(GateEvent, Decided), Refusal>,
    ) -> Result<Result<Gate, Refusal>, StoreError> {
        self.transition_with(id, act, Vec::new()).await
    }

    /// The same, with changes that commit first.
    pub(super) async fn transition_with(
        &self,
        id: GateId,
        act: impl Fn(&Gate) -> Result<(GateEvent, Decided), Refusal>,
        also: Vec<Change>,
    ) -> Result<Result<Gate, Refusal>, StoreError> {
        for _ in 0..TRIES {
            let row: GateRow<Asked> = self.store().load_gate(id).await?;
            let (event, decided) = match act(&row.body.gate) {
                Ok(done) => done,
                Err(refusal) => return Ok(Err(refusal)),
            };
            match self.record(&row, &event, &decided, also.clone()).await {
                Ok(()) => return Ok(Ok(decided.next)),
                Err(StoreError::Changed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Changed { what: "the gate" })
    }

    async fn record(
        &self,
        row: &GateRow<Asked>,
        event: &GateEvent,
        decided: &Decided,
        also: Vec<Change>,
    ) -> Result<(), StoreError> {
        let mut changes = also;
        changes.extend(self.changes(row, event, decided));
        match &decided.next.decision {
            None => self.commit(changes).await,
            Some(decision) => {
                let execution = self.store().load_execution(row.execution).await?;
                let asked = self.next(row, event, decided);
                let started = self.try_settle(&execution, &end(decision, &asked), changes).await?;
                started.into_iter().for_each(|it| self.go(it));
                Ok(())
            }
        }
    }

    /// The asked question after an event: a new seal brings the hosts of now with it.
    fn next(&self, row: &GateRow<Asked>, event: &GateEvent, decided: &Decided) -> Asked {
        let mut asked = Asked { gate: decided.next.clone(), ..row.body.clone() };
        if let GateEvent::Extended { looks: Some(wanted), .. } = event {
            asked.looks_wanted = Some(*wanted);
        }
        if let GateEvent::Resealed { why, .. } = event {
            asked.voided = super::facts::in_words(why);
            if why.iter().any(|it| matches!(it, Difference::Evidence { .. })) {
                let wanted = asked.looks_wanted.take().unwrap_or(0);
                asked.plan.watch = asked.plan.watch.map(|it| it.with_looks(wanted));
            }
            if let Ok(target) = super::facts::target(&self.live(), &asked.plan) {
                asked.plan.target = target;
            }
        }
        asked
    }

    pub(in crate::engine) fn changes(
        &self,
        row: &GateRow<Asked>,
        event: &GateEvent,
        decided: &Decided,
    ) -> Vec<Change> {
        let asked = self.next(row, event, decided);
        let next = GateRow {
            seal: decided.next.seal.clone(),
            state: decided.next.state().as_str().to_owned(),
            deadline_at: decided.next.deadline,
            decided_at: decided.next.decision.as_ref().map(Decision::at),
            ..row.with_body(serde_json::to_value(&asked).unwrap_or_default())
        };
        let mut changes = vec![Change::Gate(Box::new(next))];
        changes.extend(vote(row.id, event));
        changes.push(Change::Audit(audit::Entry {
            actor: actor(event),
            act: name(event),
            subject: format!("gate {} of #{}", row.id, row.number),
            body: serde_json::to_value(event).unwrap_or_default(),
        }));
        changes.extend(self.follow(&asked, &decided.effects));
        changes
    }

    /// Messages and grants that effects ask for.
    pub(super) fn follow(&self, asked: &Asked, effects: &[GateEffect]) -> Vec<Change> {
        let gate = &asked.gate;
        let mut changes = Vec::new();
        for effect in effects {
            match effect {
                GateEffect::PostMessage { seal_number } => changes.extend(post(asked, *seal_number)),
                GateEffect::RefreshMessage { seal_number } | GateEffect::CloseMessage { seal_number } => {
                    changes.push(Change::Redraw(gate_subject(gate.id, *seal_number)));
                }
                GateEffect::Remind { .. } => changes.extend(remind(asked)),
                GateEffect::MakeGrant(_) => changes.extend(self.permit(asked)),
                // Timers are derived from the gate's row by whoever waits with it, and the canary's way back is the
                // workflow's, which reads the decision.
                GateEffect::ArmExpiry { .. }
                | GateEffect::ArmReminder { .. }
                | GateEffect::RollBackCanary
                | GateEffect::HoldCanary
                | GateEffect::MeasureUntil { .. }
                | GateEffect::FollowUpOverride { .. } => {}
            }
        }
        changes
    }

    fn permit(&self, asked: &Asked) -> Option<Change> {
        let gate = &asked.gate;
        let bundle = self.0.bundles.get(&asked.content)?;
        let pairs = reach(&bundle, &ActionRef::from(PRODUCTION)).pairs(&gate.facts.hosts);
        let grant = Grant::of_gate(GrantId::generate(), gate, pairs).ok()?;
        Some(Change::Permit(Box::new(PermissionRow {
            id: grant.id,
            gate: Some(gate.id),
            root: gate.execution,
            seal: gate.seal.clone(),
            digest: grant.digest.clone(),
            body: serde_json::to_value(&grant).unwrap_or_default(),
            at: self.now(),
            used_at: None,
        })))
    }
}

/// The question, under the seal of this number.
fn post(asked: &Asked, seal_number: u32) -> Vec<Change> {
    let id = asked.gate.id;
    let body = json!({ "gate": { "id": id, "seal_number": seal_number } });
    want(asked, &gate_subject(id, seal_number), &body, Priority::Now)
}

/// A word to whoever has not answered yet.
fn remind(asked: &Asked) -> Vec<Change> {
    let (id, number) = (asked.gate.id, asked.gate.reminders);
    let body = json!({ "reminder": { "id": id } });
    want(asked, &format!("reminder:{id}:{number}"), &body, Priority::Soon)
}

/// One message in each of the question's places.
fn want(asked: &Asked, subject: &str, body: &Value, priority: Priority) -> Vec<Change> {
    let wanted = asked.places.iter().map(|place| Wanted {
        subject: subject.to_owned(),
        place: place.clone(),
        body: body.clone(),
        priority,
    });
    wanted.map(|it| Change::Want(Box::new(it))).collect()
}

/// The row of a freshly opened gate.
pub(super) fn row(execution: &Execution, asked: &Asked) -> GateRow<Value> {
    let gate = &asked.gate;
    GateRow {
        id: gate.id,
        number: asked.plan.number,
        release: gate.release,
        execution: execution.id,
        app: gate.facts.app.clone(),
        environment: gate.facts.environment.clone(),
        seal: gate.seal.clone(),
        state: gate.state().as_str().to_owned(),
        body: serde_json::to_value(asked).unwrap_or_default(),
        version: 1,
        opened_at: gate.opened_at,
        deadline_at: gate.deadline,
        // A verdict of `fail` decides a gate by its opening.
        decided_at: gate.decision.as_ref().map(Decision::at),
    }
}

/// How the waiting execution ends.
pub(super) fn end(decision: &Decision, asked: &Asked) -> End {
    let mut result = json!({
        "decision": decision.as_str(),
        "gate": asked.gate.id,
        "seal": asked.gate.seal,
        "plan": asked.plan,
    });
    if let Decision::Superseded { by_release, .. } = decision {
        result["by_release"] = json!(by_release);
    }
    match decision {
        Decision::Granted(_) => End { status: Status::Succeeded, result },
        Decision::Canceled { .. } => End { status: Status::Canceled, result },
        Decision::Rejected { .. }
        | Decision::Expired { .. }
        | Decision::Superseded { .. }
        | Decision::Failed { .. } => End { status: Status::Failed, result },
    }
}

/// How it ends where something that was asked for later came first, so that nobody is asked.
pub(super) fn superseded(plan: &Plan, by: ReleaseId) -> End {
    let result = json!({ "decision": "superseded", "by_release": by, "plan": plan });
    End { status: Status::Failed, result }
}

fn vote(gate: GateId, event: &GateEvent) -> Option<Change> {
    match event {
        GateEvent::Voted { vote, .. } => Some(Change::Vote(Box::new(VoteRow {
            gate,
            person: vote.person.clone(),
            act: match vote.act {
                Act::Approve { .. } => "approve",
                Act::Reject { .. } => "reject",
                Act::Withdraw => "withdraw",
            },
            seal: vote.seal.clone(),
            body: serde_json::to_value(event).unwrap_or_default(),
            at: vote.at,
        }))),
        GateEvent::Resealed { .. }
        | GateEvent::Measured { .. }
        | GateEvent::Frozen { .. }
        | GateEvent::Unfrozen { .. }
        | GateEvent::Expired { .. }
        | GateEvent::Superseded { .. }
        | GateEvent::Canceled { .. }
        | GateEvent::Extended { .. }
        | GateEvent::Overridden { .. }
        | GateEvent::Reminded { .. } => None,
    }
}

fn name(event: &GateEvent) -> &'static str {
    match event {
        GateEvent::Voted { .. } => "vote",
        GateEvent::Resealed { .. } => "reseal",
        GateEvent::Measured { .. } => "measure",
        GateEvent::Frozen { .. } => "freeze",
        GateEvent::Unfrozen { .. } => "unfreeze",
        GateEvent::Expired { .. } => "expire",
        GateEvent::Superseded { .. } => "supersede",
        GateEvent::Canceled { .. } => "cancel",
        GateEvent::Extended { .. } => "extend",
        GateEvent::Overridden { .. } => "override",
        GateEvent::Reminded { .. } => "remind",
    }
}

fn actor(event: &GateEvent) -> String {
    match event {
        GateEvent::Voted { vote, .. } => vote.person.to_string(),
        GateEvent::Canceled { by, .. }
        | GateEvent::Extended { by, .. }
        | GateEvent::Overridden { by, .. } => by.to_string(),
        GateEvent::Resealed { .. }
        | GateEvent::Measured { .. }
        | GateEvent::Frozen { .. }
        | GateEvent::Unfrozen { .. }
        | GateEvent::Expired { .. }
        | GateEvent::Superseded { .. }
        | GateEvent::Reminded { .. } => "lockkeeper".to_owned(),
    }
}

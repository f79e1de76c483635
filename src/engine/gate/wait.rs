//! While people decide: the engine's own timer expires and reminds, compares the sealed facts with the world, and goes
//! on judging the canary. None of it is a task of the workflow, so nothing of it can be skipped by one.

use std::time::Duration;

use super::{Asked, Evidence, OpenGate};
use crate::{
    clock,
    engine::Engine,
    gate::GateEvent,
    id::GateId,
    rollout::{LOOKS_MAX, Look, Verdict, judge},
    store::StoreError,
};

/// Between two looks at the world.
const TICK: Duration = Duration::from_millis(500);
/// Between two looks at the canary while people decide, at least.
const MEASURE: Duration = Duration::from_secs(2);

impl Engine {
    pub(super) async fn wait_at_gate(&self, id: GateId) {
        let mut looks: Vec<Look> = Vec::new();
        let mut measured_at = self.now();
        loop {
            tokio::select! {
                () = self.clock().sleep_until(clock::after(self.now(), TICK)) => {}
                () = self.0.stop.cancelled() => return,
            }
            match self.tick_gate(id).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(gate = %id, %error, "a waiting gate could not be looked at"),
            }
            if clock::between(measured_at, self.now()) >= MEASURE {
                measured_at = self.now();
                if let Err(error) = self.measure_on(id, &mut looks).await {
                    tracing::warn!(gate = %id, %error, "the canary could not be judged on");
                }
            }
        }
    }

    /// One look at a gate; false once it is decided.
    async fn tick_gate(&self, id: GateId) -> Result<bool, StoreError> {
        let row: OpenGate = self.store().load_gate(id).await?;
        let gate = &row.body.gate;
        if gate.decision.is_some() {
            return Ok(false);
        }
        let now = self.now();
        let due = if gate.deadline < now {
            Some(GateEvent::Expired { at: now })
        } else {
            gate.next_reminder().filter(|it| *it <= now).map(|_| GateEvent::Reminded { at: now })
        };
        if let Some(event) = due {
            let done = self
                .transition(id, |it| it.apply(event.clone()).map(|decided| (event.clone(), decided)))
                .await?;
            return Ok(done.map_or(true, |gate| gate.decision.is_none()));
        }
        self.refresh_gate(id).await?;
        Ok(true)
    }

    /// One more look at the canary; a breach freezes the gate.
    async fn measure_on(&self, id: GateId, looks: &mut Vec<Look>) -> Result<(), StoreError> {
        let row: OpenGate = self.store().load_gate(id).await?;
        let Asked { gate, plan, .. } = &row.body;
        let watched = plan.watch.clone().filter(|_| gate.decision.is_none() && gate.worst < Verdict::Fail);
        let Some(watch) = watched.map(|it| it.over(gate.facts.artifact.clone())) else { return Ok(()) };
        // The judge keeps a part of the false-alarm rate for looks after the planned ones, so the watch just goes on.
        if looks.is_empty() {
            looks.extend(self.store().evidence::<Evidence>(gate.facts.evidence).await?.looks);
        }
        if looks.len() >= LOOKS_MAX {
            return Ok(());
        }
        looks.push(self.look(&watch).await);
        // Missing data never stops a release by itself; only a breach does.
        if judge(&watch.metrics, looks).verdict != Verdict::Fail {
            return Ok(());
        }
        let event = GateEvent::Measured { verdict: Verdict::Fail, at: self.now() };
        let done =
            self.transition(id, |it| it.apply(event.clone()).map(|decided| (event.clone(), decided))).await?;
        if let Err(refusal) = done {
            tracing::info!(gate = %id, %refusal, "a breach changed nothing");
        }
        Ok(())
    }
}

//! While people decide: the engine's own timer expires and reminds, compares the sealed facts with the world, and goes
//! on judging the canary. None of it is a task of the workflow, so nothing of it can be skipped by one.

use std::time::Duration;

use super::{OpenGate, measure::Measuring};
use crate::{
    clock,
    engine::{Engine, give_up::is_lost},
    gate::GateEvent,
    id::GateId,
    store::{StoreError, execution::Execution},
};

/// Between two looks at the world.
const TICK: Duration = Duration::from_millis(500);

impl Engine {
    pub(super) async fn wait_at_gate(&self, execution: &Execution, id: GateId) {
        let mut measuring = Measuring::new(self.now());
        let mut knows_its_place = false;
        loop {
            if !knows_its_place {
                match self.give_way(id).await {
                    Ok(known) => knows_its_place = known,
                    Err(error) => tracing::warn!(gate = %id, %error, "other gates could not be looked at"),
                }
            }
            let tick = TICK.min(measuring.pace());
            tokio::select! {
                () = self.clock().sleep_until(clock::after(self.now(), tick)) => {}
                () = self.0.stop.cancelled() => return,
            }
            match self.tick_gate(id).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) if is_lost(&error) => {
                    return self.give_up(execution.root, &error.to_string()).await;
                }
                Err(error) => tracing::warn!(gate = %id, %error, "a waiting gate could not be looked at"),
            }
            if let Err(error) = self.measure_on(id, &mut measuring).await {
                tracing::warn!(gate = %id, %error, "the canary could not be judged on");
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
}

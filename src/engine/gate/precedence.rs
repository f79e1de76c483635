//! Which question stands when several releases of an app want into one environment: the one that was asked for last.
//!
//! Not the one whose build was over last, and not the higher number: who promotes an older release asks for it now.
//! Roots are UUIDv7, so they sort by when they were asked for.

use super::{Asked, OpenGate};
use crate::{
    engine::Engine,
    gate::GateEvent,
    id::{ExecutionId, GateId, ReleaseId},
    release::Plan,
    rollout::record::Kind,
    store::StoreError,
};

impl Engine {
    /// Whether something that was asked for later waits at this door, or went through it already.
    pub(in crate::engine) async fn is_overtaken(
        &self,
        plan: &Plan,
        root: ExecutionId,
    ) -> Result<bool, StoreError> {
        let rollouts = self.store().rollouts(&plan.build.app, &plan.target.environment).await?;
        let through = rollouts.iter().any(|it| it.kind == Kind::Forward && root < it.execution);
        let waits = self.rivals(plan, root).await?.iter().any(|it| root < it.body.gate.execution);
        Ok(through || waits)
    }

    /// Voids the questions that this gate takes the place of, and this one if a later one stands. Called with the gate's
    /// row in the store: of two that open at the same time, whoever comes second sees the other.
    pub(super) async fn give_way(&self, id: GateId) -> Result<(), StoreError> {
        let own: OpenGate = self.store().load_gate(id).await?;
        let root = own.body.gate.execution;
        let rivals = self.rivals(&own.body.plan, root).await?;
        if let Some(later) = rivals.iter().find(|it| root < it.body.gate.execution) {
            return self.supersede(&own, later.body.plan.release).await;
        }
        for earlier in &rivals {
            self.supersede(earlier, own.body.plan.release).await?;
        }
        Ok(())
    }

    /// The other open gates of the same app and environment.
    async fn rivals(&self, plan: &Plan, root: ExecutionId) -> Result<Vec<OpenGate>, StoreError> {
        let mut open = self.store().open_gates::<Asked>().await?;
        open.retain(|it| {
            it.app == plan.build.app
                && it.environment == plan.target.environment
                && it.body.gate.execution != root
                && it.body.gate.decision.is_none()
        });
        Ok(open)
    }

    /// Voids a question that a release takes the place of.
    pub(in crate::engine) async fn supersede(
        &self,
        gate: &OpenGate,
        by_release: ReleaseId,
    ) -> Result<(), StoreError> {
        let event = GateEvent::Superseded { by_release, at: self.now() };
        let done = self
            .transition(gate.id, |it| it.apply(event.clone()).map(|decided| (event.clone(), decided)))
            .await?;
        if let Err(refusal) = done {
            tracing::info!(gate = %gate.id, %refusal, "not superseded");
        }
        Ok(())
    }
}

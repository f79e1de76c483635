//! Which question stands when several releases of an app want into one environment: the one that was asked for last.
//!
//! Not the one whose build was over last, and not the higher number: who promotes an older release asks for it now.
//! Roots are UUIDv7, so they sort by when they were asked for. What came by a push waits for a question that stands
//! against it ([`crate::rollout::turn`]), before it asks its own.

use super::{Asked, OpenGate, is_asked_by_person, transition::superseded};
use crate::{
    clock,
    engine::{
        Engine,
        claim::{GATE, standing},
        settle::End,
        turn::TICK,
    },
    gate::GateEvent,
    id::{ExecutionId, GateId, ReleaseId},
    release::Plan,
    rollout::{
        record::Kind,
        turn::{At, By, Claim},
    },
    status::Status,
    store::{StoreError, execution::Execution},
};

impl Engine {
    /// The release that was asked for later and waits at this door, or went through it already.
    pub(in crate::engine) async fn overtaken_by(
        &self,
        plan: &Plan,
        root: ExecutionId,
    ) -> Result<Option<ReleaseId>, StoreError> {
        let rollouts = self.store().rollouts(&plan.build.app, &plan.target.environment).await?;
        let later = rollouts.iter().filter(|it| it.kind == Kind::Forward && root < it.execution);
        if let Some(through) = later.filter_map(|it| it.release).next_back() {
            return Ok(Some(through));
        }
        let rivals = self.rivals(plan, root).await?;
        Ok(rivals.iter().find(|it| root < it.body.gate.execution).map(|it| it.release))
    }

    /// Waits, before a question is asked, for those that stand against it; false if the visit does not go on here.
    ///
    /// # Errors
    /// Its end, if a later release is at the door, or waits as well.
    pub(super) async fn may_ask(&self, visit: &Execution, plan: &Plan) -> Result<bool, End> {
        if !self.await_rivals(visit, plan).await? {
            return Ok(false);
        }
        // Who cannot tell asks; a gate that waits knows its place as soon as the store answers.
        let overtaken = self.overtaken_by(plan, visit.root).await.unwrap_or_else(|error| {
            tracing::warn!(execution = %visit.id, %error, "later releases could not be looked for");
            None
        });
        overtaken.map_or(Ok(true), |by| Err(superseded(plan, by)))
    }

    async fn await_rivals(&self, visit: &Execution, plan: &Plan) -> Result<bool, End> {
        let cancel = self.cancel_token(visit.id);
        let mut shown = Vec::new();
        loop {
            match self.look_at_rivals(visit, plan).await {
                Ok((ahead, _)) if ahead.is_empty() => return Ok(true),
                Ok((_, Some(later))) => return Err(superseded(plan, later)),
                Ok((ahead, None)) => self.show_ahead(visit, &mut shown, ahead).await,
                Err(error) => {
                    tracing::warn!(execution = %visit.id, %error, "other gates could not be looked at");
                    return Ok(true);
                }
            }
            tokio::select! {
                () = self.clock().sleep_until(clock::after(self.now(), TICK)) => {}
                () = self.0.stop.cancelled() => return Ok(false),
                // Whoever canceled it ends it: nothing runs.
                () = cancel.cancelled() => return Ok(false),
            }
        }
    }

    /// Whom this visit waits for, and the release that came later and waits too.
    async fn look_at_rivals(
        &self,
        visit: &Execution,
        plan: &Plan,
    ) -> Result<(Vec<Claim>, Option<ReleaseId>), StoreError> {
        let ahead = self.stand_before(visit, plan).await?;
        let waiting = self.open_with_plan(GATE).await?;
        let later = waiting.into_iter().find(|(it, other)| {
            let same =
                other.build.app == plan.build.app && other.target.environment == plan.target.environment;
            same && it.status == Status::Requested && visit.root < it.root
        });
        Ok((ahead, later.map(|(_, other)| other.release)))
    }

    /// The questions that this visit, which has not asked its own yet, does not take the place of.
    pub(in crate::engine) async fn stand_before(
        &self,
        visit: &Execution,
        plan: &Plan,
    ) -> Result<Vec<Claim>, StoreError> {
        if visit.status != Status::Requested || is_asked_by_person(&visit.context) {
            return Ok(Vec::new());
        }
        let mut ahead = Vec::new();
        for row in self.rivals(plan, visit.root).await? {
            let (root, standing) = (row.body.gate.execution, standing(&row));
            if root < visit.root && standing.holds(self.now()) {
                ahead.push(Claim {
                    root,
                    release: row.release,
                    number: row.number,
                    by: self.cause_of(&row).await?,
                    at: At::Asking(standing),
                });
            }
        }
        Ok(ahead)
    }

    /// A person who promotes what a push brought asks for it, although the gate's requester is that push.
    async fn cause_of(&self, row: &OpenGate) -> Result<By, StoreError> {
        let context = self.store().load_execution(row.execution).await?.context;
        Ok(if is_asked_by_person(&context) { By::Person } else { By::Push })
    }

    /// Voids the questions that this gate takes the place of, and this one if a later one stands; false if one stands that
    /// it does not take the place of. Called with the gate's row in the store: of two that open at the same time, whoever
    /// comes second sees the other.
    pub(super) async fn give_way(&self, id: GateId) -> Result<bool, StoreError> {
        let own: OpenGate = self.store().load_gate(id).await?;
        let root = own.body.gate.execution;
        let by_push = self.cause_of(&own).await? == By::Push;
        let rivals = self.rivals(&own.body.plan, root).await?;
        if let Some(later) = rivals.iter().find(|it| root < it.body.gate.execution) {
            let by_push = self.cause_of(later).await? == By::Push;
            self.supersede(&own, later.body.plan.release, by_push).await?;
            return Ok(true);
        }
        let mut alone = true;
        for earlier in &rivals {
            if by_push && standing(earlier).holds(self.now()) {
                alone = false;
                continue;
            }
            self.supersede(earlier, own.body.plan.release, by_push).await?;
        }
        Ok(alone)
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
        by_push: bool,
    ) -> Result<(), StoreError> {
        let event = GateEvent::Superseded { by_release, by_push, at: self.now() };
        let done = self
            .transition(gate.id, |it| it.apply(event.clone()).map(|decided| (event.clone(), decided)))
            .await?;
        if let Err(refusal) = done {
            tracing::info!(gate = %gate.id, %refusal, "not superseded");
        }
        Ok(())
    }
}

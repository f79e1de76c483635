//! The engine's kind `turn`: waits until an app's canary is this root's. [`crate::rollout::turn`] says whose it is.
//!
//! A canary is not held by the environment's lock: that is taken when a rollout begins, so a canary on its way holds up
//! nobody's production.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Engine,
    claim::{Seen, plan_of},
    give_up::is_lost,
    settle::End,
    start::card_subject,
};
use crate::{
    clock,
    id::ReleaseId,
    release::Plan,
    rollout::turn::{At, By, Claim, Relation, ends_watch, relation},
    status::Status,
    store::{Change, StoreError, execution::Execution},
};

/// Between two looks at who is there.
pub(super) const TICK: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
struct Input {
    plan: Plan,
}

/// What one look at who is there comes to.
enum Look {
    Taken,
    /// This release takes its place.
    Lost(ReleaseId),
    /// These are waited for.
    Wait(Vec<Claim>),
    /// It has ended.
    Over,
}

/// How a visit ends where another release takes its place.
pub(super) fn superseded(by: ReleaseId) -> End {
    End { status: Status::Failed, result: json!({ "decision": "superseded", "by_release": by }) }
}

impl Engine {
    pub(super) async fn turn(&self, execution: Execution) {
        let input = serde_json::from_value(Value::Object(execution.parameters.clone()));
        let Input { plan } = match input {
            Ok(input) => input,
            Err(error) => {
                let end = End::failed(format!("release.turn: {error}"));
                return self.settle(&execution, end, Vec::new()).await;
            }
        };
        self.show_running(&execution).await;
        let cancel = self.cancel_token(execution.id);
        let mut shown = Vec::new();
        loop {
            match self.try_turn(&execution, &plan).await {
                Ok(Look::Taken | Look::Over) => return self.forget_cancel(execution.id),
                Ok(Look::Lost(by)) => return self.settle(&execution, superseded(by), Vec::new()).await,
                Ok(Look::Wait(ahead)) => {
                    self.0.turns.notify_waiters();
                    self.show_ahead(&execution, &mut shown, ahead).await;
                }
                Err(error) if is_lost(&error) => {
                    return self.give_up(execution.root, &error.to_string()).await;
                }
                Err(error) => tracing::warn!(execution = %execution.id, %error, "the canary is waited for"),
            }
            tokio::select! {
                () = self.clock().sleep_until(clock::after(self.now(), TICK)) => {}
                () = self.0.stop.cancelled() => return,
                () = cancel.cancelled() => return self.settle(&execution, End::canceled(), Vec::new()).await,
            }
        }
    }

    /// Takes the canary if nobody is to be waited for, and closes questions that yield.
    async fn try_turn(&self, execution: &Execution, plan: &Plan) -> Result<Look, StoreError> {
        // Before anything else, so that whoever takes the canary meanwhile has changed its version.
        let own = self.store().load_execution(execution.id).await?;
        if own.ended_at.is_some() {
            return Ok(Look::Over);
        }
        let claim = self.claim_of(&own, plan, At::Waiting).await?;
        if let (By::Push | By::Person, Some(by)) = (claim.by, self.overtaken_by(plan, own.root).await?) {
            return Ok(Look::Lost(by));
        }
        let (mut ahead, mut behind) = (Vec::new(), Vec::new());
        for seen in self.claims(plan, own.root).await? {
            match relation(&claim, &seen.claim, self.now()) {
                Relation::Later => return Ok(Look::Lost(seen.claim.release)),
                Relation::Behind => behind.push(seen),
                Relation::Ahead => ahead.push(seen.claim),
                Relation::Yields => {
                    if let Some(question) = &seen.question {
                        self.supersede(question, plan.release, claim.by == By::Push).await?;
                    }
                    ahead.push(seen.claim);
                }
            }
        }
        if ahead.is_empty() { self.take(&own, behind).await } else { Ok(Look::Wait(ahead)) }
    }

    /// The canary is this root's, unless one that was seen to wait has taken it first: who takes it changes the version of
    /// all who wait, and each takes it on the version that it had before it looked.
    async fn take(&self, own: &Execution, behind: Vec<Seen>) -> Result<Look, StoreError> {
        let others = behind.iter().filter_map(|it| it.turn.as_ref());
        let mut also: Vec<Change> = others.map(|it| Change::Advance(it.id, it.version, it.status)).collect();
        also.push(Change::Advance(own.id, own.version, Status::Running));
        match self.try_settle(own, &End::succeeded(json!({})), also).await {
            Ok(started) => {
                started.into_iter().for_each(|it| self.go(it));
                Ok(Look::Taken)
            }
            Err(StoreError::Changed { .. }) => Ok(Look::Wait(Vec::new())),
            Err(error) => Err(error),
        }
    }

    /// Draws the card anew if it is others who are waited for.
    pub(super) async fn show_ahead(&self, execution: &Execution, shown: &mut Vec<Claim>, ahead: Vec<Claim>) {
        if *shown == ahead {
            return;
        }
        match self.commit(vec![Change::Redraw(card_subject(execution.root))]).await {
            Ok(()) => *shown = ahead,
            Err(error) => {
                tracing::warn!(execution = %execution.id, %error, "not shown yet who is waited for")
            }
        }
    }

    /// Whom this visit waits for at the canary, or at an environment's gate, as far as can be told now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn waited_for(&self, visit: &Execution) -> Result<Vec<Claim>, StoreError> {
        let (Some(plan), None) = (plan_of(&visit.parameters), visit.ended_at) else { return Ok(Vec::new()) };
        let claim = self.claim_of(visit, &plan, At::Waiting).await?;
        match visit.runner.as_str() {
            "turn" => {
                let others = self.claims(&plan, visit.root).await?.into_iter().map(|it| it.claim);
                let ahead = |it: &Claim| matches!(relation(&claim, it, self.now()), Relation::Ahead);
                Ok(others.filter(ahead).collect())
            }
            "gate" => self.stand_before(visit, &plan).await,
            _ => Ok(Vec::new()),
        }
    }

    /// What ends this watch: somebody wants the canary now, or went past it.
    pub(super) async fn ends_watch(
        &self,
        watch: &Execution,
        plan: &Plan,
    ) -> Result<Option<ReleaseId>, StoreError> {
        let own = self.claim_of(watch, plan, At::Watched).await?;
        let others = self.claims(plan, watch.root).await?;
        match others.iter().find(|it| ends_watch(&own, &it.claim)) {
            Some(it) => Ok(Some(it.claim.release)),
            None => self.overtaken_by(plan, watch.root).await,
        }
    }
}

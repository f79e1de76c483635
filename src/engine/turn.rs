//! The engine's kind `turn`: one release of an app at a time has its canary. What was asked for last has it: a release
//! that was asked for before gives way, in its watch or at its gate, and says so; one that is installing there, or going
//! back, is waited for.
//!
//! A lock that is held while a canary is watched would have the newer one wait for a verdict that nobody wants any more,
//! and two that share the hosts would each be judged by the other's answers. The environment's own lock is taken when a
//! rollout begins, as ever: a canary on its way holds up nobody's production.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Engine, OpenGate, give_up::is_lost, settle::End};
use crate::{
    clock,
    id::{EnvironmentName, ExecutionId},
    release::Plan,
    status::Status,
    store::{StoreError, execution::Execution},
};

/// What changes a canary, as long as it is open.
const CANARY: &str = "release.canary";
const OTHERS: [&str; 2] = ["release.canary_back", "release.rollback"];
/// Between two looks at who is there.
const TICK: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
struct Input {
    plan: Plan,
}

/// Who may have the canary now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Ours,
    /// Somebody is there still.
    Wait,
    /// Something that was asked for later wants it, or had it.
    Lost,
}

/// How a visit ends where something that was asked for later came first.
pub(super) fn superseded() -> End {
    End { status: Status::Failed, result: json!({ "decision": "superseded" }) }
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
        loop {
            match self.whose_turn(&plan, execution.root).await {
                Ok(Turn::Ours) => {
                    return self.settle(&execution, End::succeeded(json!({})), Vec::new()).await;
                }
                Ok(Turn::Lost) => return self.settle(&execution, superseded(), Vec::new()).await,
                Ok(Turn::Wait) => self.0.turns.notify_waiters(),
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

    async fn whose_turn(&self, plan: &Plan, root: ExecutionId) -> Result<Turn, StoreError> {
        if self.has_lost_its_turn(plan, root).await? {
            return Ok(Turn::Lost);
        }
        let others = self.at_canary(plan, root, &[CANARY, OTHERS[0], OTHERS[1]]).await?;
        let asked = self.gates_over_canary(plan, root).await?;
        for gate in &asked {
            self.supersede(gate, plan.release).await?;
        }
        Ok(if others.is_empty() && asked.is_empty() { Turn::Ours } else { Turn::Wait })
    }

    /// Whether something that was asked for later wants the canary of this release, or went on from there.
    pub(super) async fn has_lost_its_turn(&self, plan: &Plan, root: ExecutionId) -> Result<bool, StoreError> {
        let canaries = self.at_canary(plan, root, &[CANARY]).await?;
        Ok(canaries.iter().any(|it| root < *it) || self.is_overtaken(plan, root).await?)
    }

    /// Other roots that are at the same canary with one of these actions.
    async fn at_canary(
        &self,
        plan: &Plan,
        root: ExecutionId,
        actions: &[&str],
    ) -> Result<Vec<ExecutionId>, StoreError> {
        let mut roots = Vec::new();
        for action in actions {
            for it in self.store().open_of(action).await? {
                let other = it.parameters.get("plan").and_then(|it| Plan::deserialize(it).ok());
                let same = other.is_some_and(|other| is_same(plan, &other));
                roots.extend((same && it.root != root).then_some(it.root));
            }
        }
        Ok(roots)
    }

    /// The open questions of releases that were asked for before, about what this canary runs.
    async fn gates_over_canary(&self, plan: &Plan, root: ExecutionId) -> Result<Vec<OpenGate>, StoreError> {
        let mut open = self.store().open_gates::<Asked>().await?;
        open.retain(|it| {
            it.body.gate.execution < root && it.body.gate.decision.is_none() && is_same(plan, &it.body.plan)
        });
        Ok(open)
    }
}

/// Whether two plans share their canary.
fn is_same(one: &Plan, other: &Plan) -> bool {
    let canary = |it: &Plan| -> Option<EnvironmentName> { Some(it.canary.as_ref()?.environment.clone()) };
    one.build.app == other.build.app && canary(one).is_some() && canary(one) == canary(other)
}

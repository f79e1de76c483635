//! Who wants an app's canary and how far each of them is, as the rows of executions and gates say it: nothing of it is
//! kept anywhere else, so a restart finds the same order.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Asked, Engine, OpenGate, gate::is_asked_by_person};
use crate::{
    clock,
    id::{EnvironmentName, ExecutionId},
    release::Plan,
    rollout::turn::{At, By, Claim, Standing},
    status::Status,
    store::{StoreError, execution::Execution},
};

const CANARY: &str = "release.canary";
const TURN: &str = "release.turn";
const WATCH: &str = "release.watch";
pub(super) const GATE: &str = "release.gate";
/// What brings a canary back; as a root of its own it is a rollback.
const BACK: [&str; 2] = ["release.canary_back", "release.rollback"];

/// Somebody else's claim as the store has it.
pub(super) struct Seen {
    pub(super) claim: Claim,
    /// The visit that waits for its turn, if it does.
    pub(super) turn: Option<Execution>,
    /// Its undecided question.
    pub(super) question: Option<OpenGate>,
}

impl Engine {
    /// The claim of the root that this visit belongs to.
    pub(super) async fn claim_of(&self, visit: &Execution, plan: &Plan, at: At) -> Result<Claim, StoreError> {
        let root = self.store().load_execution(visit.root).await?;
        Ok(claim(&root, plan, at))
    }

    /// The claims of other roots to the canary of this plan.
    pub(super) async fn claims(&self, plan: &Plan, root: ExecutionId) -> Result<Vec<Seen>, StoreError> {
        let is_other = |it: &Execution, other: &Plan| it.root != root && is_same(plan, other);
        // In the order in which a release goes through them: what goes on meanwhile is met again, and never missed. Whether
        // it waits is read before, so that what began in between is taken to be at work.
        let mut turns = self.open_with_plan(TURN).await?;
        let canaries = self.open_with_plan(CANARY).await?;
        let watched = self.open_with_plan(WATCH).await?;
        let asking = self.open_with_plan(GATE).await?;
        let mut questions = self.store().open_gates::<Asked>().await?;
        let mut found = BTreeMap::new();
        let mut waiting = |root: ExecutionId| {
            turns.iter().position(|(it, _)| it.root == root).map(|at| turns.swap_remove(at).0)
        };
        for (it, other) in canaries.iter().filter(|(it, other)| is_other(it, other)) {
            let turn = waiting(it.root);
            let at = if turn.is_some() || it.status == Status::Requested {
                At::Waiting
            } else if watched.iter().any(|(watch, _)| watch.root == it.root) {
                At::Watched
            } else {
                At::Changing
            };
            found.insert(it.root, Seen { claim: claim(it, other, at), turn, question: None });
        }
        // Also a question of one without a canary: a rollback closes it.
        let same_door = |it: &Execution, other: &Plan| it.root != root && is_same_door(plan, other);
        for (it, other) in asking.iter().filter(|(it, other)| is_other(it, other) || same_door(it, other)) {
            let question = questions.iter().position(|row| row.execution == it.id);
            let question = question.map(|at| questions.swap_remove(at));
            let at = question.as_ref().map_or(At::Changing, |it| At::Asking(standing(it)));
            found.insert(it.root, Seen { claim: claim(it, other, at), turn: None, question });
        }
        for action in BACK {
            let back = self.open_with_plan(action).await?;
            for (it, other) in back.iter().filter(|(it, other)| is_other(it, other)) {
                let turn = waiting(it.root).filter(|_| it.visit.is_none());
                let waits = turn.is_some() || (it.visit.is_none() && it.status == Status::Requested);
                let at = if waits { At::Waiting } else { At::Changing };
                found.insert(it.root, Seen { claim: claim(it, other, at), turn, question: None });
            }
        }
        Ok(found.into_values().collect())
    }

    /// Everything unfinished of one action, with its plan.
    pub(super) async fn open_with_plan(&self, action: &str) -> Result<Vec<(Execution, Plan)>, StoreError> {
        let open = self.store().open_of(action).await?;
        Ok(open
            .into_iter()
            .filter_map(|it| Some((plan_of(&it.parameters)?, it)))
            .map(|(plan, it)| (it, plan))
            .collect())
    }
}

fn claim(it: &Execution, plan: &Plan, at: At) -> Claim {
    let by = match it.visit {
        None if BACK.contains(&it.action.as_str()) => By::Rollback,
        Some(_) | None if is_asked_by_person(&it.context) => By::Person,
        Some(_) | None => By::Push,
    };
    Claim { root: it.root, release: plan.release, number: plan.number, by, at }
}

pub(super) fn plan_of(parameters: &Map<String, Value>) -> Option<Plan> {
    parameters.get("plan").and_then(|it| Plan::deserialize(it).ok())
}

/// A question that nobody has answered stands as long as its canary was watched, counted from its latest seal.
pub(super) fn standing(row: &OpenGate) -> Standing {
    let Asked { gate, plan, looks_wanted, .. } = &row.body;
    if gate.is_approved_by_somebody() || looks_wanted.is_some() {
        return Standing::Decision;
    }
    let watched = plan.watch.as_ref().map(|it| it.length_of(it.metrics.looks_wanted()));
    Standing::Until(clock::after(gate.sealed_at, watched.unwrap_or_default()))
}

/// Whether two plans share their canary.
fn is_same(one: &Plan, other: &Plan) -> bool {
    let canary = |it: &Plan| -> Option<EnvironmentName> { Some(it.canary.as_ref()?.environment.clone()) };
    one.build.app == other.build.app && canary(one).is_some() && canary(one) == canary(other)
}

/// Whether two plans lead into one environment.
fn is_same_door(one: &Plan, other: &Plan) -> bool {
    one.build.app == other.build.app && one.target.environment == other.target.environment
}

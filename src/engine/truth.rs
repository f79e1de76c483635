//! Whoever changed hosts asks them what they run before it ends, however it ends: canceled, failed, given up.
//!
//! Where the workflow has done so itself, with `release.confirm` after its last change, nothing is added. Otherwise the
//! root's end waits for one more visit, the engine's own: its row commits in the place of that end and keeps it, so that
//! a restart goes on there. Meanwhile the lock is held, and no permission is in use any more.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    Engine,
    confirm::{CONFIRM, StageName},
    settle::End,
};
use crate::{
    gate::Grant,
    id::{Digest, ExecutionId, HostName, TaskName},
    release::{Plan, Stage},
    status::Status,
    store::{
        Change, StoreError,
        execution::{Execution, Visit},
    },
};

/// The task of the visit, in no workflow.
const TASK: &str = "truth";
/// Where its context keeps the end that its root waits with.
const AWAITED: &str = "awaited_end";
/// Visits that the plan is looked for in; more than any release has.
const TREE_MAX: i64 = 100_000;

#[derive(Serialize, Deserialize)]
struct Awaited {
    status: Status,
    result: Value,
}

/// The end that the root of this visit waits with; `None` for any other visit.
pub(super) fn awaited(visit: &Execution) -> Option<End> {
    let kept: Awaited = serde_json::from_value(visit.context.get(AWAITED)?.clone()).ok()?;
    Some(End { status: kept.status, result: kept.result })
}

/// What is known of a root's hosts.
#[derive(Default)]
struct Traces {
    /// Taken into use: hosts may have been changed, whatever is recorded of attempts.
    grants: Vec<Grant>,
    /// Hosts that attempts changed, and the fence of the last such attempt.
    touched: Vec<(HostName, i64)>,
    /// Hosts that were asked together, and the fence of the asking.
    asked: Vec<(BTreeSet<HostName>, i64)>,
}

impl Traces {
    fn are_none(&self) -> bool {
        self.grants.is_empty() && self.touched.is_empty()
    }

    /// Whether a host of this stage may have changed since it was asked.
    fn leave_in_doubt(&self, stage: &Stage) -> bool {
        let begun = self.grants.iter().any(|it| it.environment == stage.environment && it.role == stage.role);
        stage.hosts.iter().any(|host| {
            let touched = self.touched.iter().find(|(it, _)| *it == host.name).map(|(_, fence)| *fence);
            let since = touched.or(begun.then_some(0));
            let asked_after = |since: i64| {
                self.asked.iter().any(|(hosts, fence)| since < *fence && hosts.contains(&host.name))
            };
            since.is_some_and(|it| !asked_after(it))
        })
    }

    /// The hosts to ask.
    fn stage(&self, plan: &Plan) -> Option<StageName> {
        let canary = plan.canary.as_ref().filter(|it| self.leave_in_doubt(it));
        match (canary, self.leave_in_doubt(&plan.target)) {
            (None, false) => None,
            (None, true) => Some(StageName::Target),
            // A rollback of the canary alone has it as its target.
            (Some(canary), true) if canary.host_names() != plan.target.host_names() => Some(StageName::All),
            (Some(_), true | false) => Some(StageName::Canary),
        }
    }
}

impl Engine {
    /// The visit that comes before this root may end; `None` if nothing is in doubt. `leaf` is the visit whose end led
    /// here, which is not stored yet.
    pub(super) async fn last_question(
        &self,
        (root, end): (&Execution, &End),
        leaf: (&Execution, &End),
    ) -> Result<Option<Execution>, StoreError> {
        if awaited(leaf.0).is_some() || !self.store().has_traces(root.id).await? {
            return Ok(None);
        }
        let mut traces = self.traces(root.id).await?;
        if traces.are_none() {
            return Ok(None);
        }
        traces.asked.extend(asked_by(leaf).map(|hosts| (hosts, i64::MAX)));
        let tree = self.store().readable_tree(root.id, TREE_MAX).await?;
        let Some(parameters) = question(&traces, root, &tree) else { return Ok(None) };
        let kept = Awaited { status: end.status, result: end.result.clone() };
        let mut context = root.context.clone();
        context.insert(AWAITED.to_owned(), serde_json::to_value(kept).unwrap_or_default());
        let visit = Visit { parent: root.id, task: TaskName::new(TASK), route: 0, item: None };
        Ok(Some(Execution {
            content: self.content_to_ask_with(root).await,
            parameters,
            context,
            ..root.below(visit, CONFIRM.into(), "confirm", self.now())
        }))
    }

    async fn traces(&self, root: ExecutionId) -> Result<Traces, StoreError> {
        let permissions = readable(self.store().permissions::<Grant>(root).await)?;
        let asked = readable(self.store().askings(root).await)?;
        Ok(Traces {
            grants: permissions.into_iter().filter(|it| it.used_at.is_some()).map(|it| it.body).collect(),
            touched: readable(self.store().hosts_touched(root).await)?,
            asked: asked.iter().map(|(result, fence)| (named(result), *fence)).collect(),
        })
    }

    /// What pins the content of such a visit, where no row holds it yet.
    pub(super) fn pin(&self, question: &Execution) -> Result<Option<Change>, StoreError> {
        self.0.bundles.get(&question.content).map_or(Ok(None), |it| it.pin())
    }

    /// The root's own content; where that is gone, what is live, which can ask as well.
    async fn content_to_ask_with(&self, root: &Execution) -> Digest {
        let own = self.bundle(root).await.ok().filter(|it| it.action(&CONFIRM.into()).is_some());
        let bundle = own.unwrap_or_else(|| self.live().bundle.clone());
        self.0.bundles.keep(&bundle);
        bundle.digest.clone()
    }
}

/// What a visit of `release.confirm` is given.
fn question(traces: &Traces, root: &Execution, tree: &[Execution]) -> Option<Map<String, Value>> {
    // The latest plan, as an approval may have brought other hosts; and the artifact that it all began with, whatever
    // hosts went back to since.
    let plan: Plan = tree.iter().rev().find_map(|it| read(it, "plan"))?;
    let digest: Digest =
        tree.iter().filter(|it| it.parameters.contains_key("plan")).find_map(|it| read(it, "digest"))?;
    let stage = traces.stage(&plan)?;
    let previous = match stage {
        StageName::Canary => plan.canary.as_ref().and_then(|it| it.previous.clone()),
        StageName::Target | StageName::All => plan.target.previous.clone(),
    };
    let leaves: Option<Digest> = read(root, "leaves");
    let members = [
        ("plan", json!(plan)),
        ("stage", json!(stage)),
        ("digest", json!(digest)),
        ("previous", json!(leaves.or(previous))),
    ];
    Some(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
}

fn read<T: DeserializeOwned>(it: &Execution, name: &str) -> Option<T> {
    serde_json::from_value(it.parameters.get(name)?.clone()).ok()
}

/// The hosts that this visit asked.
fn asked_by((visit, end): (&Execution, &End)) -> Option<BTreeSet<HostName>> {
    (visit.runner == "confirm" && end.status != Status::Canceled).then(|| named(&end.result))
}

/// Every host in the result of a `confirm`.
fn named(result: &Value) -> BTreeSet<HostName> {
    let lists = ["new", "old", "unknown"].into_iter().filter_map(|it| result.get(it)?.as_array());
    lists.flatten().filter_map(Value::as_str).map(HostName::from).collect()
}

/// A row that cannot be decoded must not keep a root from its end: then less is known.
fn readable<T>(rows: Result<Vec<T>, StoreError>) -> Result<Vec<T>, StoreError> {
    match rows {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "what hosts run is asked without it");
            Ok(Vec::new())
        }
        rows => rows,
    }
}

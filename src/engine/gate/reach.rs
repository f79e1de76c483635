//! What a workflow can reach: its actions, for the seal, and the tasks that change hosts, for the grant.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    content::Action,
    engine::bundle::Bundle,
    id::{ActionRef, Digest, HostName, TaskName},
};

/// The workflow that a gate's approval sets in motion.
pub(super) const PRODUCTION: &str = "release.production";

/// The built-ins of runner `native` that change a host.
const CHANGING: [&str; 2] = ["upload", "install"];

/// What was found below a workflow.
#[derive(Default)]
pub(in crate::engine) struct Reach {
    /// Every action named below it, with its content.
    pub(in crate::engine) actions: BTreeMap<ActionRef, Digest>,
    /// Tasks whose action changes hosts, or that stand below a workflow that says so.
    pub(in crate::engine) tasks: BTreeSet<TaskName>,
}

impl Reach {
    /// The pairs that a grant over these hosts covers.
    pub(in crate::engine) fn pairs(&self, hosts: &BTreeSet<HostName>) -> BTreeSet<(TaskName, HostName)> {
        let pair =
            |task: &TaskName| hosts.iter().map(|host| (task.clone(), host.clone())).collect::<Vec<_>>();
        self.tasks.iter().flat_map(pair).collect()
    }
}

/// Walks the pinned workflows from `start`. Actions that an expression names are known only by what runs; the guard
/// looks at each of them when it starts.
pub(in crate::engine) fn reach(bundle: &Bundle, start: &ActionRef) -> Reach {
    let mut found = Reach::default();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![(start.clone(), false)];
    while let Some((reference, below)) = waiting.pop() {
        let Some(action) = bundle.action(&reference) else { continue };
        let changes = below || changes_hosts(action);
        if !seen.insert((reference.clone(), changes)) {
            continue;
        }
        found.actions.insert(reference.clone(), action.content.clone());
        let definition = bundle.pinned.workflows.get(&reference);
        for (name, called) in definition.map(calls).unwrap_or_default() {
            if changes || bundle.action(&called).is_some_and(|it| changes_hosts(it)) {
                found.tasks.insert(TaskName::new(name));
            }
            waiting.push((called, changes));
        }
    }
    found
}

/// The tasks of a workflow, or of a chain, with the actions they call.
fn calls(definition: &Value) -> Vec<(&str, ActionRef)> {
    let tasks = definition.get("tasks").and_then(Value::as_object).into_iter().flatten();
    let nodes = definition.get("chain").and_then(Value::as_array).into_iter().flatten();
    let of_tasks = tasks.filter_map(|(name, task)| Some((name.as_str(), called(task.get("action")?)?)));
    let of_nodes = nodes.filter_map(|node| Some((node.get("name")?.as_str()?, called(node.get("ref")?)?)));
    of_tasks.chain(of_nodes).collect()
}

/// The action alone: orquesta lets parameters follow on its line.
fn called(written: &Value) -> Option<ActionRef> {
    Some(ActionRef::new(written.as_str()?.split_whitespace().next().unwrap_or_default()))
}

/// Says so itself, or runs what changes hosts: those need no tag.
pub(in crate::engine) fn changes_hosts(action: &Action) -> bool {
    let runner = action.runner.as_str();
    let built_in =
        runner == "native" && action.entry_point.as_deref().is_some_and(|it| CHANGING.contains(&it));
    action.guarded || built_in || runner.starts_with("remote-shell-")
}

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use indexmap::IndexMap;
use serde_json::Value;

use super::super::Spec;
use super::super::spec::{RESERVED, in_cycle, sorted_targets};
use super::{Finding, Paths};

const NO_START: &str = "Unable to identify any tasks to start the workflow. If the workflow has a loop, please add a \
                        task that serves as an entry point (or lead) into the loop.";
const UNREACHABLE: &str = "is unreachable. A join task is determined to be unreachable if there are nested forks from \
                           multi-referenced tasks that join on the said task. This is ambiguous to the workflow \
                           engine because it does not know at which level should the join occurs.";

/// The tasks and what leads where; reserved names lead nowhere, whatever is written under them.
struct Flow<'a> {
    spec: &'a Spec,
    inbound: BTreeMap<&'a str, usize>,
    cyclic: HashSet<&'a str>,
}

impl<'a> Flow<'a> {
    fn new(spec: &'a Spec) -> Self {
        let mut flow = Self { spec, inbound: BTreeMap::new(), cyclic: HashSet::new() };
        let mut arrows = Vec::new();
        for name in spec.tasks.keys() {
            let targets = flow.targets(name);
            arrows.push(
                targets.iter().filter_map(|to| spec.tasks.get_index_of(*to)).map(|to| to as u32).collect(),
            );
            for target in targets {
                *flow.inbound.entry(target).or_default() += 1;
            }
        }
        let names = spec.tasks.keys().map(String::as_str).zip(in_cycle(&arrows));
        flow.cyclic = names.filter(|(_, cyclic)| *cyclic).map(|(name, _)| name).collect();
        flow
    }

    /// By name, as often as there are transitions.
    fn targets(&self, name: &str) -> Vec<&'a str> {
        match self.spec.tasks.get(name) {
            Some(task) if !RESERVED.contains(&name) => {
                sorted_targets(task).into_iter().map(|(_, target, _)| target).collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    fn starts(&self) -> Vec<&'a str> {
        let mut starts: Vec<&str> = self
            .spec
            .tasks
            .keys()
            .map(String::as_str)
            .filter(|name| !self.inbound.contains_key(name))
            .collect();
        starts.sort_unstable();
        starts
    }

    fn is_join(&self, name: &str) -> bool {
        self.spec.tasks.get(name).is_some_and(|task| task.join.is_some())
    }

    fn splits(&self, name: &str) -> bool {
        !self.is_join(name)
            && self.inbound.get(name).is_some_and(|count| *count > 1)
            && !self.cyclic.contains(name)
    }
}

/// Names, targets and joins that cannot work.
pub(super) fn check_semantics(value: &Value, spec: &Spec) -> Vec<Finding> {
    let flow = Flow::new(spec);
    let mut found = Vec::new();
    for name in spec.tasks.keys().filter(|name| RESERVED.contains(&name.as_str())) {
        let message = format!("The task name \"{name}\" is reserved with special function.");
        found.push(Paths::task(name).finding(message));
    }
    if !spec.tasks.is_empty() && flow.starts().is_empty() {
        found.push(Paths::top("tasks").finding(NO_START.to_owned()));
    }
    found.extend(undefined_tasks(&flow));
    found.extend(unreachable_joins(&flow));
    for (name, task) in &spec.tasks {
        let with = &value["tasks"][name]["with"];
        let acts = task.action.as_str().is_some_and(|action| !action.is_empty());
        if !with.is_null() && !acts {
            let message = "The action property is required for with items task.".to_owned();
            found.push(Paths::task(name).finding(message));
        }
    }
    found
}

fn undefined_tasks(flow: &Flow) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut traversed: HashSet<&str> = HashSet::new();
    let mut queue: VecDeque<&str> = flow.starts().into();
    let mut queued: HashSet<&str> = HashSet::new();
    while let Some(name) = queue.pop_front() {
        traversed.insert(name);
        let Some(task) = flow.spec.tasks.get(name).filter(|_| !RESERVED.contains(&name)) else { continue };
        for (index, entry) in task.next.iter().enumerate() {
            for target in entry.targets.iter().map(String::as_str) {
                if traversed.contains(target) || RESERVED.contains(&target) {
                    continue;
                }
                if flow.spec.tasks.contains_key(target) {
                    if queued.insert(target) {
                        queue.push_back(target);
                    }
                    continue;
                }
                let at = Paths::task(name).property("next").entry(index).property("do");
                found.push(at.finding(format!("The task \"{target}\" is not defined.")));
            }
        }
    }
    found
}

/// What the walk learns about a task.
#[derive(Default)]
struct Reached<'a> {
    splits: BTreeSet<&'a str>,
    prev: BTreeSet<&'a str>,
}

fn unreachable_joins(flow: &Flow) -> Vec<Finding> {
    let reached = walk(flow);
    let mut found = Vec::new();
    for (name, meta) in &reached {
        let elsewhere = |prev: &&str| reached.get(prev).is_none_or(|prev| prev.splits != meta.splits);
        if flow.is_join(name) && meta.prev.iter().any(elsewhere) {
            found.push(Paths::task(name).finding(format!("The join task \"{name}\" {UNREACHABLE}")));
        }
    }
    found
}

/// Walks from the start along every path that passes new splits, and notes where each task was reached through.
fn walk<'a>(flow: &Flow<'a>) -> IndexMap<&'a str, Reached<'a>> {
    let mut reached: IndexMap<&str, Reached> = IndexMap::new();
    let mut passed: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut queue: VecDeque<(Option<&str>, &str, BTreeSet<&str>)> =
        flow.starts().into_iter().map(|name| (None, name, BTreeSet::new())).collect();
    while let Some((prev, name, mut splits)) = queue.pop_front() {
        if !flow.spec.tasks.contains_key(name) {
            continue;
        }
        if flow.splits(name) {
            splits.insert(name);
        }
        let meta = reached.entry(name).or_default();
        meta.splits.extend(splits.iter().copied());
        meta.prev.extend(prev);
        for target in flow.targets(name) {
            if reached.contains_key(target) && flow.cyclic.contains(target) {
                continue;
            }
            let known = passed.entry((name, target)).or_default();
            if known.is_empty() || !splits.is_subset(known) {
                queue.push_back((Some(name), target, splits.clone()));
                known.extend(splits.iter().copied());
            }
        }
    }
    reached
}

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::expression::{Language, variables};

use super::super::Spec;
use super::super::spec::{RESERVED, TaskSpec, TransitionSpec, inline_parameters};
use super::{Finding, Paths};

type Names = BTreeSet<String>;

/// Variables that are read before anything sets them, and private ones.
pub(super) fn check_variables(value: &Value, spec: &Spec, known_context: &[String]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut names: Names = known_context.iter().cloned().collect();
    for property in ["input", "vars"] {
        check_property(&value[property], &Paths::top(property), true, &mut names, &mut found);
    }
    names = check_tasks(&value["tasks"], spec, names, &mut found);
    check_property(&value["output"], &Paths::top("output"), true, &mut names, &mut found);
    found
}

/// Follows the transitions and carries along what is set on the way. Gives everything set anywhere.
fn check_tasks(raw: &Value, spec: &Spec, known: Names, found: &mut Vec<Finding>) -> Names {
    let mut everywhere = known.clone();
    let mut at_joins: BTreeMap<&str, Names> = BTreeMap::new();
    let mut queued_with: BTreeMap<&str, Names> = BTreeMap::new();
    let mut traversed: BTreeSet<&str> = BTreeSet::new();
    let mut queue: VecDeque<(&str, Names)> =
        spec.graph.roots.iter().map(|root| (spec.graph.get(*root).name.as_str(), known.clone())).collect();

    while let Some((name, mut names)) = queue.pop_front() {
        traversed.insert(name);
        if names.is_empty() {
            names = at_joins.get(name).cloned().unwrap_or_default();
        }
        everywhere.extend(names.iter().cloned());
        let Some(task) = spec.tasks.get(name).filter(|_| !RESERVED.contains(&name)) else { continue };
        let at = Paths::task(name);
        check_task(&raw[name], task, &at, &names, found);
        for (index, entry) in task.next.iter().enumerate() {
            let at = at.property("next").entry(index);
            for target in entry.targets.iter().map(String::as_str) {
                let mut branch = names.clone();
                check_transition(entry, &at, &mut branch, found);
                let next = spec.tasks.get(target);
                if traversed.contains(target) || (next.is_none() && !RESERVED.contains(&target)) {
                    continue;
                }
                if next.is_some_and(|next| next.join.is_some()) {
                    at_joins.entry(target).or_default().extend(branch);
                    queue.push_back((target, Names::new()));
                } else if queued_with.get(target) != Some(&branch) {
                    queued_with.insert(target, branch.clone());
                    queue.push_back((target, branch));
                }
            }
        }
    }
    everywhere
}

fn check_task(raw: &Value, task: &TaskSpec, at: &Paths, names: &Names, found: &mut Vec<Finding>) {
    let mut names = names.clone();
    let with = at.property("with");
    let items = if raw["with"].is_string() { &raw["with"] } else { &raw["with"]["items"] };
    let places = [
        (&task.delay, at.property("delay")),
        (items, with.property("items")),
        (&raw["with"]["concurrency"], with.property("concurrency")),
        (&task.action, at.property("action")),
        (&task.input, at.property("input")),
    ];
    for (value, at) in places {
        check_property(value, &at, false, &mut names, found);
    }
}

fn check_transition(entry: &TransitionSpec, at: &Paths, names: &mut Names, found: &mut Vec<Finding>) {
    if let Some(when) = &entry.when {
        check_property(&Value::from(when.as_str()), &at.property("when"), false, names, found);
    }
    let publish = one_key_maps(&entry.publish);
    check_property(&publish, &at.property("publish"), true, names, found);
}

fn one_key_maps(entries: &[(String, Value)]) -> Value {
    entries
        .iter()
        .map(|(name, value)| Value::Object([(name.clone(), value.clone())].into_iter().collect()))
        .collect()
}

/// Checks the entries of a list one after another, anything else as a whole. `sets`: the entries name variables that
/// those after them may read.
fn check_property(value: &Value, at: &Paths, sets: bool, names: &mut Names, found: &mut Vec<Finding>) {
    let inline = value.as_str().map(inline_parameters).filter(|parameters| !parameters.is_empty());
    let inline = inline.map(|parameters| one_key_maps(&parameters));
    match inline.as_ref().unwrap_or(value) {
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                let at = Paths { spec: format!("{}[{index}]", at.spec), schema: at.schema.clone() };
                check_value(entry, &at, names, found);
                if sets {
                    names.extend(set_by(entry));
                }
            }
        }
        value => check_value(value, at, names, found),
    }
}

fn set_by(entry: &Value) -> Vec<String> {
    match entry {
        Value::String(name) => vec![name.clone()],
        Value::Object(map) => map.keys().cloned().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Vec::new(),
    }
}

fn check_value(value: &Value, at: &Paths, names: &Names, found: &mut Vec<Finding>) {
    let mut uses = Vec::new();
    collect(value, &mut uses);
    uses.sort_by(|a, b| a.name.cmp(&b.name));
    uses.dedup();
    for Use { language, text, name } in uses {
        let fault = |message: String| Finding {
            language: Some(language),
            expression: Some(text.clone()),
            ..at.finding(message)
        };
        if name.starts_with("__") {
            found.push(fault(format!(
                "Variable \"{name}\" that is prefixed with double underscores is considered a private variable and \
                 cannot be referenced."
            )));
        }
        if !names.contains(&name) {
            found.push(fault(format!("Variable \"{name}\" is referenced before assignment.")));
        }
    }
}

/// A variable and the text that reads it.
#[derive(PartialEq)]
struct Use {
    language: Language,
    text: String,
    name: String,
}

fn collect(value: &Value, uses: &mut Vec<Use>) {
    match value {
        Value::String(text) => {
            let found = variables(text).into_iter().map(|variable| Use {
                language: variable.language,
                text: text.clone(),
                name: variable.name,
            });
            uses.extend(found);
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, uses)),
        Value::Object(map) => {
            for (key, value) in map {
                collect(&Value::from(key.as_str()), uses);
                collect(value, uses);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

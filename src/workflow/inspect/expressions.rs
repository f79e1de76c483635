use serde_json::Value;

use crate::expression::{Fault, Unknown, check, unknown};

use super::super::Spec;
use super::super::spec::TaskSpec;
use super::{Finding, Paths};

/// Expressions that cannot be read, or that mix languages.
pub(super) fn check_expressions(value: &Value, spec: &Spec) -> Vec<Finding> {
    look(value, spec, &|text| check(text).into_iter().map(|fault| (fault, false)).collect())
        .into_iter()
        .map(|(finding, _)| finding)
        .collect()
}

/// Expressions that call what nobody has; true: it runs in StackStorm.
pub(super) fn check_names(value: &Value, spec: &Spec) -> Vec<(Finding, bool)> {
    let told = |it: Unknown| (it.fault, it.runs_there);
    look(value, spec, &|text| unknown(text).into_iter().map(told).collect())
}

/// What is told of every text of the file that may hold expressions.
type Told<'a> = &'a dyn Fn(&str) -> Vec<(Fault, bool)>;

fn look(value: &Value, spec: &Spec, told: Told<'_>) -> Vec<(Finding, bool)> {
    let mut found = Vec::new();
    for property in ["vars", "input", "output"] {
        if let Some(value) = value.get(property) {
            faults(value, &Paths::top(property), told, &mut found);
        }
    }
    for (name, task) in &spec.tasks {
        check_task(&value["tasks"][name], task, &Paths::task(name), told, &mut found);
    }
    found
}

fn check_task(raw: &Value, task: &TaskSpec, at: &Paths, told: Told<'_>, found: &mut Vec<(Finding, bool)>) {
    for (property, value) in [("delay", &task.delay), ("action", &task.action), ("input", &task.input)] {
        faults(value, &at.property(property), told, found);
    }
    match &raw["with"] {
        items @ Value::String(_) => faults(items, &at.property("with").property("items"), told, found),
        with => {
            for property in ["items", "concurrency"] {
                faults(&with[property], &at.property("with").property(property), told, found);
            }
        }
    }
    for property in ["when", "count", "delay"] {
        faults(&raw["retry"][property], &at.property("retry").property(property), told, found);
    }
    for (index, raw) in raw["next"].as_array().into_iter().flatten().enumerate() {
        let at = at.property("next").entry(index);
        faults(&raw["when"], &at.property("when"), told, found);
        faults(&raw["do"], &at.property("do"), told, found);
        match (&raw["publish"], task.next.get(index)) {
            // The shorthand is read into its parameters first.
            (Value::String(_), Some(entry)) => {
                for (_, value) in &entry.publish {
                    faults(value, &at.property("publish"), told, found);
                }
            }
            (publish, _) => faults(publish, &at.property("publish"), told, found),
        }
    }
}

fn faults(value: &Value, at: &Paths, told: Told<'_>, found: &mut Vec<(Finding, bool)>) {
    match value {
        Value::String(text) => {
            for (fault, flag) in told(text) {
                let finding = Finding {
                    language: fault.language,
                    expression: Some(fault.expression),
                    ..at.finding(fault.message)
                };
                found.push((finding, flag));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| faults(item, at, told, found)),
        Value::Object(map) => {
            for (key, value) in map {
                faults(&Value::from(key.as_str()), at, told, found);
                faults(value, at, told, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

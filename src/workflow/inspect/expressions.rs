use serde_json::Value;

use crate::expression::check;

use super::super::Spec;
use super::super::spec::TaskSpec;
use super::{Finding, Paths};

/// Expressions that cannot be read, or that mix languages.
pub(super) fn check_expressions(value: &Value, spec: &Spec) -> Vec<Finding> {
    let mut found = Vec::new();
    for property in ["vars", "input", "output"] {
        if let Some(value) = value.get(property) {
            faults(value, &Paths::top(property), &mut found);
        }
    }
    for (name, task) in &spec.tasks {
        check_task(&value["tasks"][name], task, &Paths::task(name), &mut found);
    }
    found
}

fn check_task(raw: &Value, task: &TaskSpec, at: &Paths, found: &mut Vec<Finding>) {
    for (property, value) in [("delay", &task.delay), ("action", &task.action), ("input", &task.input)] {
        faults(value, &at.property(property), found);
    }
    match &raw["with"] {
        items @ Value::String(_) => faults(items, &at.property("with").property("items"), found),
        with => {
            for property in ["items", "concurrency"] {
                faults(&with[property], &at.property("with").property(property), found);
            }
        }
    }
    for property in ["when", "count", "delay"] {
        faults(&raw["retry"][property], &at.property("retry").property(property), found);
    }
    for (index, raw) in raw["next"].as_array().into_iter().flatten().enumerate() {
        let at = at.property("next").entry(index);
        faults(&raw["when"], &at.property("when"), found);
        faults(&raw["do"], &at.property("do"), found);
        match (&raw["publish"], task.next.get(index)) {
            // The shorthand is read into its parameters first.
            (Value::String(_), Some(entry)) => {
                for (_, value) in &entry.publish {
                    faults(value, &at.property("publish"), found);
                }
            }
            (publish, _) => faults(publish, &at.property("publish"), found),
        }
    }
}

fn faults(value: &Value, at: &Paths, found: &mut Vec<Finding>) {
    match value {
        Value::String(text) => {
            for fault in check(text) {
                found.push(Finding {
                    language: fault.language,
                    expression: Some(fault.expression),
                    ..at.finding(fault.message)
                });
            }
        }
        Value::Array(items) => items.iter().for_each(|item| faults(item, at, found)),
        Value::Object(map) => {
            for (key, value) in map {
                faults(&Value::from(key.as_str()), at, found);
                faults(value, at, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

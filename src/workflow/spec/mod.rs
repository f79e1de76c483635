//! A workflow as written, read into types, and its graph.

mod graph;
mod inline;
mod task;

use indexmap::IndexMap;
use serde_json::Value;

pub(crate) use graph::Edge;
pub(crate) use graph::{Graph, in_cycle, sorted_targets};
pub(crate) use inline::inline_parameters;
pub(crate) use task::{ItemsSpec, Join, TaskSpec, TransitionSpec, one_key_entries};

use super::inspect::{Inspection, blocking};

/// Targets that are commands to the engine, not tasks.
pub(crate) const RESERVED: [&str; 4] = ["continue", "fail", "noop", "retry"];

/// A workflow that can be conducted.
#[derive(Debug, Clone)]
pub struct Spec {
    /// What it was read from; a snapshot of a conductor carries it.
    source: Value,
    pub(crate) input: Vec<(String, Value)>,
    pub(crate) vars: Vec<(String, Value)>,
    pub(crate) output: Vec<(String, Value)>,
    pub(crate) tasks: IndexMap<String, TaskSpec>,
    pub(crate) graph: Graph,
    /// Some expression asks for the record of a task, so results have to be kept.
    pub(crate) keeps_results: bool,
}

impl Spec {
    /// Reads a workflow from the JSON form of its YAML (duplicate keys already refused).
    ///
    /// # Errors
    /// Findings of syntax and semantics, without which nothing can be run. Findings about expressions and variables do
    /// not hinder: the workflow then fails where it meets them; [`super::inspect`] shows them beforehand.
    pub fn parse(value: &Value) -> Result<Self, Inspection> {
        let findings = blocking(value);
        if findings.is_empty() { Ok(Self::read(value)) } else { Err(findings) }
    }

    /// Reads what can be read; the inspection works on this also when there are faults.
    pub(crate) fn read(value: &Value) -> Self {
        let entries = |name: &str| {
            value.get(name).and_then(Value::as_array).map(|list| one_key_entries(list)).unwrap_or_default()
        };
        let tasks: IndexMap<String, TaskSpec> = value
            .get("tasks")
            .and_then(Value::as_object)
            .map(|tasks| tasks.iter().map(|(name, task)| (name.clone(), TaskSpec::read(task))).collect())
            .unwrap_or_default();
        Self {
            input: entries("input"),
            vars: entries("vars"),
            output: entries("output"),
            graph: Graph::compose(&tasks),
            tasks,
            keeps_results: asks_for_records(value),
            source: value.clone(),
        }
    }

    /// The JSON it was read from.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// The names of the declared inputs, in order.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.input.iter().map(|(name, _)| name.as_str())
    }

    /// Name and action of every task, in the order of the file; an action may be an expression, or absent.
    pub fn task_actions(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.tasks.iter().map(|(name, task)| (name.as_str(), task.action.as_str()))
    }
}

/// Two workflows are the same when they are written the same.
impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

fn asks_for_records(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("task("),
        Value::Array(items) => items.iter().any(asks_for_records),
        Value::Object(map) => map.values().any(asks_for_records),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

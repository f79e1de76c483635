use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One entry of a workflow's `errors`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Always `error`.
    pub r#type: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_transition_id: Option<String>,
    /// What the failed action returned; absent when it returned nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// Where something went wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place<'a> {
    pub(super) task: Option<&'a str>,
    pub(super) route: Option<u32>,
    pub(super) transition: Option<&'a str>,
}

/// Errors in the order they came; the same one is kept once.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    entries: Vec<LogEntry>,
    by_hash: HashMap<u64, Vec<usize>>,
}

impl Log {
    pub(super) fn from_entries(entries: Vec<LogEntry>) -> Self {
        let mut log = Self::default();
        for entry in entries {
            log.push(entry);
        }
        log
    }

    pub(super) fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    pub(super) fn error(&mut self, message: String, place: Place) {
        self.push(LogEntry {
            r#type: "error".to_owned(),
            message,
            task_id: place.task.map(str::to_owned),
            route: place.route,
            task_transition_id: place.transition.map(str::to_owned),
            result: None,
        });
    }

    pub(super) fn failure(&mut self, task: &str, result: &Value) {
        self.push(LogEntry {
            r#type: "error".to_owned(),
            message: "Execution failed. See result for details.".to_owned(),
            task_id: Some(task.to_owned()),
            route: None,
            task_transition_id: None,
            result: (!result.is_null()).then(|| result.clone()),
        });
    }

    /// Forgets what was said about a task that runs again.
    pub(super) fn forget(&mut self, task: &str) {
        let kept = std::mem::take(&mut self.entries)
            .into_iter()
            .filter(|entry| entry.task_id.as_deref() != Some(task))
            .collect();
        *self = Self::from_entries(kept);
    }

    fn push(&mut self, entry: LogEntry) {
        let mut hasher = DefaultHasher::new();
        (&entry.message, &entry.task_id, entry.route, &entry.task_transition_id).hash(&mut hasher);
        entry.result.as_ref().map(Value::to_string).hash(&mut hasher);
        let same = self.by_hash.entry(hasher.finish()).or_default();
        if same.iter().any(|index| self.entries[*index] == entry) {
            return;
        }
        same.push(self.entries.len());
        self.entries.push(entry);
    }
}

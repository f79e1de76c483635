use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Status;
use super::LogEntry;

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Somebody wants the workflow in another status: `running` to start it, `pausing`, `resuming`, `canceling`.
    StatusRequested(Status),
    /// The action of a task, or of one of its items, is in another status. A task without an action is reported like
    /// any other. A retried attempt is reported under the same task and route.
    ActionChanged { task: String, route: u32, item: Option<usize>, status: Status, result: Value },
    /// Hand out what is ready, and say if the workflow is over.
    NextRequested,
    /// Run a completed workflow again, from the named tasks or from all that failed last.
    RerunRequested { tasks: Vec<RerunTask> },
}

/// A task to run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RerunTask {
    pub task: String,
    pub route: u32,
    /// Also items that succeeded.
    pub reset_items: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Run this action and report what becomes of it.
    Start(Dispatch),
    /// The workflow is over and nothing of it is at work. Given once, and once more after each rerun.
    Completed { status: Status, output: Option<Value>, errors: Vec<LogEntry> },
}

/// One action to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dispatch {
    pub task: String,
    pub route: u32,
    /// The place of this run of the task among all runs; with `item` and `attempt` it never comes twice.
    pub visit: usize,
    /// 0, then one more with every retry.
    pub attempt: u64,
    pub item: Option<usize>,
    /// `None`: nothing to execute, the task only passes on; report `succeeded`.
    pub action: Option<String>,
    /// The rendered input; null when the task has none.
    pub input: Value,
    /// Seconds to wait before the action starts; 0 for none.
    pub delay_seconds: u64,
}

/// An event that does not fit the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllegalEvent {
    #[error("task \"{0}\" does not exist")]
    UnknownTask(String),
    #[error("task \"{0}\" is not staged or has not started yet")]
    NotStarted(String),
    #[error("task \"{task}\" has no item {item} at work")]
    UnknownItem { task: String, item: usize },
    #[error("items of task \"{0}\" are reported one by one")]
    ItemExpected(String),
    #[error("unable to process event \"{event}\" for workflow in \"{status}\" status")]
    StatusTransition { status: Status, event: String },
    #[error("unable to rerun workflow because it is not in a completed state")]
    NotCompleted,
    #[error("unable to rerun task|route(s) because it doesn't exist or isn't rerunnable: {}", .0.join(", "))]
    NotRerunnable(Vec<String>),
}

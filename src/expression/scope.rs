use serde_json::{Map, Value};

use super::datastore::DatastoreView;

/// Whether a text that an expression produced is read for expressions again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compat {
    /// As orquesta does: it is. Data that holds `<% … %>` then runs as code; for foreign packs only.
    Exact,
    /// Ours: never.
    Strict,
}

/// What `ctx()`, `result()`, `item()`, `task_status()` see.
pub struct Scope<'a> {
    /// The variables of the workflow, without orquesta's reserved `__` keys.
    pub context: &'a Map<String, Value>,
    /// The task whose transition or output is evaluated; `None` outside a task.
    pub task: Option<CurrentTask<'a>>,
    /// The element of a `with items` task.
    pub item: Option<&'a Value>,
    /// Statuses and records of the tasks that ran.
    pub state: Option<&'a dyn TaskLedger>,
    /// Everything that is not a function of the state, recorded so that replay sees the same.
    pub host: &'a HostValues,
}

/// The task that `result()`, `succeeded()`, `failed()`, `completed()` speak about.
#[derive(Debug, Clone, Copy)]
pub struct CurrentTask<'a> {
    pub id: &'a str,
    pub route: u64,
    pub result: &'a Value,
}

/// What the conductor knows about its tasks.
pub trait TaskLedger {
    /// The latest status of a task. `route: None`: on the route of the current task, then on those it descends from.
    fn status(&self, task: &str, route: Option<u64>) -> Option<String>;
    /// What the function `task(id, route)` returns: an object with `task_execution_id`, `workflow_execution_id`,
    /// `task_name`, `task_id`, `route`, `result`, `status`, `start_timestamp`, `end_timestamp`.
    fn record(&self, task: &str, route: Option<u64>) -> Option<Value>;
}

/// The inputs from outside the state: written down with the event, so that a replay computes the same.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct HostValues {
    /// What `now()` says.
    pub now: jiff::Timestamp,
    /// Start of the pseudo-random sequence behind `random()` and `shuffle`.
    pub seed: u64,
    /// What `st2kv` finds; of it is written down what was read.
    pub datastore: DatastoreView,
}

impl Default for HostValues {
    fn default() -> Self {
        Self { now: jiff::Timestamp::UNIX_EPOCH, seed: 0, datastore: DatastoreView::default() }
    }
}

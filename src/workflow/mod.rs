//! Workflows in orquesta's format: read, inspected, conducted, rehearsed; and action chains. No clock, no IO: the engine
//! tells the [`Conductor`], or the [`Chain`], what happened and does what it answers.

mod chain;
mod conductor;
mod inspect;
mod rehearse;
mod spec;
mod status;
mod table;

pub use chain::{Chain, ChainSpec};
pub use conductor::{
    Conductor, Dispatch, Effect, Event, IllegalEvent, LogEntry, NextAction, NextTask, RerunTask, TaskRun,
};
pub(crate) use inspect::unknown_names;
pub use inspect::{Finding, Inspection, inspect};
pub use rehearse::rehearse;
pub use spec::Spec;
pub use status::{Status, UnknownStatus};
pub use table::{task_transition, workflow_transition};

/// Whether executions of this runner are workflows: what they do is done by executions below them.
pub fn is_workflow(runner: &str) -> bool {
    matches!(runner, "orquesta" | "action-chain")
}

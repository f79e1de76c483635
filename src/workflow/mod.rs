//! Workflows in orquesta's format: read, inspected, conducted, rehearsed. No clock, no IO: the engine tells the
//! [`Conductor`] what happened and does what it answers.

mod conductor;
mod inspect;
mod rehearse;
mod spec;
mod status;
mod table;

pub use conductor::{
    Conductor, Dispatch, Effect, Event, IllegalEvent, LogEntry, NextAction, NextTask, RerunTask, TaskRun,
};
pub use inspect::{Finding, Inspection, inspect};
pub use rehearse::rehearse;
pub use spec::Spec;
pub use status::{Status, UnknownStatus};
pub use table::{task_transition, workflow_transition};

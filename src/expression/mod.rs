//! YAQL and Jinja, as StackStorm's workflows, aliases and rules use them. Text in, JSON out; no clock, no IO.

mod batch;
mod error;
mod evaluate;
mod inspect;
mod jinja;
mod pack;
mod scope;
pub mod template;
mod yaql;

pub use batch::evaluate_batch;
pub use error::{ErrorKind, ExpressionError};
pub use evaluate::{evaluate, has_expression};
pub use inspect::{Fault, Language, VariableUse, check, variables};
pub use scope::{Compat, CurrentTask, HostValues, Scope, TaskLedger};

//! YAQL and Jinja, as StackStorm's workflows, aliases and rules use them. Text in, JSON out; no clock, no IO.

mod batch;
mod datastore;
mod error;
mod evaluate;
mod inspect;
mod jinja;
mod pack;
pub mod python;
mod scope;
pub mod template;
mod unknown;
mod yaql;

pub use batch::evaluate_batch;
pub use datastore::{DatastoreView, Entry};
pub use error::{ErrorKind, ExpressionError};
pub use evaluate::{evaluate, has_expression};
pub use inspect::{Fault, Language, VariableUse, check, variables};
pub use pack::{jsonpath::JsonPath, regex::pattern};
pub use scope::{Compat, CurrentTask, HostValues, Scope, TaskLedger};
pub use unknown::{Unknown, unknown, unknown_in_template};

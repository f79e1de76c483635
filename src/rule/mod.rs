//! What happens, and which actions it starts: StackStorm's rules.
//!
//! - [`model`]: a rule; [`criterion`]: one condition of it, [`operator`] by [`compare`] as Python compares;
//! - [`pattern`]: a pattern's templates; [`decide`]: which of all rules an event starts, and why not the others.
//! - [`timer`]: when a rule's timer fires next, [`cron`] among them.
//!
//! Nothing here reads a clock or the datastore: both come in with the event.

mod compare;
mod criterion;
mod cron;
mod decide;
mod model;
mod operator;
mod pattern;
#[cfg(test)]
mod tests;
mod timer;

pub use criterion::{Criteria, Criterion, Mistake};
pub use decide::{Decided, Outcome, Reason, consider, decide};
pub use model::{Event, Happened, Listens, Rule, hook_of};
pub use timer::{Timer, TimerError};

//! Where measurements come from.
//!
//! - [`probe`]: our own requests to canary and baseline, so that a verdict needs no monitoring. It counts what failed,
//!   and takes the time of what answered;
//! - [`answer`]: what a host says of itself: whether it is well, and which digest it runs.

mod answer;
mod probe;

pub use answer::{ANSWER_TIMEOUT, Answer, ask, chain};
pub use probe::Probe;

//! Where measurements come from.
//!
//! - [`probe`]: our own requests to canary and baseline, so that a verdict needs no monitoring. It counts what failed,
//!   takes the time of what answered, and reads which digest a host says it runs.

mod probe;

pub use probe::Probe;

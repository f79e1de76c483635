//! Processes: started in a group of their own, read with bounded memory, and gone when the attempt ends.
//!
//! Three nets, each for what slips through the one before: the process group (children, double forks); the variable
//! `LOCKKEEPER_ATTEMPT` in the environment (children that made a session of their own; Linux); and at boot
//! [`sweep`], over recorded marks, for what a killed bot left. What shall outlive an attempt belongs to the host's
//! supervisor.

mod capture;
mod child;
mod mark;
mod table;

pub(super) use capture::{Capture, Log};
pub(super) use child::{Ended, How, Spec, Stdin, Watch, run};
pub use mark::ProcessMark;
pub(super) use table::end_marked;
pub use table::sweep;

/// The variable that every process of an attempt carries.
pub(super) const ATTEMPT_VARIABLE: &str = "LOCKKEEPER_ATTEMPT";

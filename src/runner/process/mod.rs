//! Processes: started in a group of their own, read with bounded memory, and gone when the attempt ends.
//!
//! Five nets, each for what slips through the one before: the process group (children, double forks); the variable
//! `LOCKKEEPER_ATTEMPT` in the environment (children that made a session of their own; Linux); the brand (those that
//! cleared their environment too; Linux); being their next of kin, so that who shed even that is ended when no attempt
//! goes on ([`adopt`]; Linux); and at boot [`sweep`], over recorded marks, variables and brands, for what a killed bot
//! left. A process is branded right after its start, as only unsafe code could do it before: what leaves everything in
//! that first moment waits for the fourth net. What nobody can see from here: what asked another service to start
//! something (systemd, cron, a container engine), and after a killed bot, who has none of the three marks. What shall
//! outlive an attempt belongs to the host's supervisor.

mod brand;
mod capture;
mod child;
mod mark;
mod orphan;
mod table;

use crate::id::AttemptId;

pub(super) use brand::Brand;
pub use capture::LOG_CUT;
pub(super) use capture::{Capture, Log};
pub(super) use child::{Ended, How, Spec, Stdin, Watch, run};
pub use mark::ProcessMark;
pub use orphan::adopt;
pub(super) use table::end_marked;
pub use table::sweep;

/// The variable that every process of an attempt carries.
pub(super) const ATTEMPT_VARIABLE: &str = "LOCKKEEPER_ATTEMPT";

/// Once an attempt is over, processes that left their group are ended as well, even if nobody awaits it any more.
pub(super) struct Cookie(AttemptId);

impl Cookie {
    pub(super) fn new(attempt: AttemptId) -> Self {
        orphan::attempt_begins();
        Self(attempt)
    }
}

impl Drop for Cookie {
    fn drop(&mut self) {
        end_marked(self.0);
        orphan::attempt_is_over();
    }
}

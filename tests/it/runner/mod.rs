//! Runners against real processes.

mod bench;
mod processes;
mod release;
mod remote;
mod shell;

//! Runners against real processes.

mod bench;
mod processes;
mod shell;

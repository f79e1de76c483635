//! Programs on this machine: `local-shell-cmd`, `local-shell-script` and `argv`.
//!
//! Values never become code: a script gets them as arguments, `local-shell-cmd` as `"$1"`, … and as variables
//! `LOCKKEEPER_PARAM_<NAME>`, `argv` as whole arguments.

mod arguments;
mod argv;
mod command;
mod report;
mod script;
mod text;

pub(super) use arguments::{arguments, parameter_variables};
pub(super) use argv::Argv;
pub(super) use command::Command;
pub(super) use report::{Report, report};
pub(super) use script::{Script, entry_path, inside, program_for};
pub(super) use text::text_of;

//! `reject NUMBER`

use std::process::ExitCode;

use clap::Args;

use super::call::Bot;
use crate::control::wire::Request;

/// Reject a release at its gate, as yourself
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper reject 42 --reason \"not before the holiday\"")]
pub(super) struct Arguments {
    /// The release's number
    number: i64,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    bot: Bot,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { number, reason, bot } = arguments;
    bot.show(&Request::Vote { number: *number, approve: false, seal: None, reason: reason.clone() }, false)
}

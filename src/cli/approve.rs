//! `approve NUMBER`

use std::process::ExitCode;

use clap::Args;

use super::call::Bot;
use crate::control::wire::Request;

/// Approve a release at its gate, as yourself
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper approve 42 --seal 3f9c21ab")]
pub(super) struct Arguments {
    /// The release's number
    number: i64,
    /// At least the first 8 digits of the seal that the plan shows
    #[arg(long)]
    seal: Option<String>,
    /// Why; asked for where the verdict is no pass
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    bot: Bot,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { number, seal, reason, bot } = arguments;
    let request =
        Request::Vote { number: *number, approve: true, seal: seal.clone(), reason: reason.clone() };
    bot.show(&request, false)
}

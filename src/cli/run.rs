//! `run "<text>"`

use std::process::ExitCode;

use clap::Args;

use super::call::Bot;
use crate::control::wire::Request;

/// Say a command to the running bot as yourself, and print its answer
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lockkeeper run \"status\"\n  lockkeeper run --wait \"deploy shop canary\""
)]
pub(super) struct Arguments {
    /// What you would say in chat; the prefix may be left out
    #[arg(required = true)]
    text: Vec<String>,
    /// Follow what it starts to its end; ends with 1 unless that succeeded
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    bot: Bot,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let request = Request::Say { text: arguments.text.join(" "), wait: arguments.wait };
    arguments.bot.show(&request, arguments.wait)
}

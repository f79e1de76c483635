//! `run "<text>"`

use std::process::ExitCode;

use clap::Args;

use super::call::Bot;
use crate::control::wire::Request;

/// Say a command to the running bot as yourself, and print its answer
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lockkeeper run \"status\"\n  lockkeeper run --wait \"deploy shop canary\"\n\n\
                  Ends with 0 if it was done, and with 1 if it was refused or not understood, if no answer came, \n\
                  or, with --wait, if what it started did not succeed."
)]
pub(super) struct Arguments {
    /// What you would say in chat; the prefix may be left out
    #[arg(required = true)]
    text: Vec<String>,
    /// Follow what it starts to its end
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    bot: Bot,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let request = Request::Say { text: arguments.text.join(" "), wait: arguments.wait };
    arguments.bot.show(&request, arguments.wait)
}

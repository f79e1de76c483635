//! `alias parse --batch`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::json;
use crate::alias;

/// Match messages against alias formats, exactly as StackStorm does
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Parse(Parse),
}

/// Read a JSON list of {"format", "message"} from standard input and answer with a list
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
struct Parse {
    /// Read many questions from standard input
    #[arg(long, required = true)]
    batch: bool,
}

const EXAMPLE: &str = "Example:
  echo '[{\"format\": \"deploy {{app}}\", \"message\": \"deploy shop\"}]' | lockkeeper alias parse --batch";

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Parse(Parse { batch: _ }) => {
            let broken = || json!({ "error": "invalid_format", "message": "this format breaks the matcher" });
            json::print(&json::answer_batch(json::list_from_stdin()?, alias::parse_batch, broken)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

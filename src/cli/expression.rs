//! `expression eval --batch`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::json;
use crate::expression;

/// Evaluate YAQL and Jinja as StackStorm's workflows do
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Eval(Eval),
}

/// Read a JSON list of {"expr", "context"} from standard input and answer with a list
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
struct Eval {
    /// Read many questions from standard input
    #[arg(long, required = true)]
    batch: bool,
}

const EXAMPLE: &str = "Example:
  echo '[{\"expr\": \"<% ctx(a) + 1 %>\", \"context\": {\"a\": 1}}]' | lockkeeper expression eval --batch";

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Eval(Eval { batch: _ }) => {
            let broken = || json!({ "error": "this expression breaks the evaluator" });
            json::print(&json::answer_batch(json::list_from_stdin()?, expression::evaluate_batch, broken)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

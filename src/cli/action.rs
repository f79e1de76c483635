//! `action list|show|run`

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{call::Bot, out};
use crate::{
    control::wire::{ActionRow, Request},
    id::ActionRef,
};

/// See and run the actions that the running bot has loaded
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper action list")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Show(Show),
    Run(Run),
}

/// List all actions
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper action list")]
struct List {
    #[command(flatten)]
    bot: Bot,
}

/// Show an action with its parameters, as JSON
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper action show core.local")]
struct Show {
    /// As pack.action
    reference: String,
    #[command(flatten)]
    bot: Bot,
}

/// Run an action as yourself
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper action run core.echo message=hello --wait")]
struct Run {
    /// As pack.action
    reference: String,
    /// Its parameters; a value that is JSON is taken as such, anything else as text
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Wait for its end; ends with 1 unless it succeeded
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    bot: Bot,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::List(List { bot }) => bot.show(&Request::Actions, false),
        Command::Show(Show { reference, bot }) => {
            bot.show(&Request::Action { reference: ActionRef::new(reference.as_str()) }, false)
        }
        Command::Run(Run { reference, parameters, wait, bot }) => {
            let parameters = parameters.iter().map(|it| parameter(it)).collect::<anyhow::Result<_>>()?;
            let reference = ActionRef::new(reference.as_str());
            bot.show(&Request::RunAction { reference, parameters, wait: *wait }, *wait)
        }
    }
}

fn parameter(text: &str) -> anyhow::Result<(String, Value)> {
    let (name, value) = text.split_once('=').with_context(|| format!("`{text}` is not NAME=VALUE"))?;
    if name.is_empty() {
        bail!("`{text}` has no name before the `=`");
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}

/// One action a line.
pub(super) fn table(rows: &[ActionRow]) -> String {
    let head = ["action", "runner", "what"].map(str::to_owned);
    let mut cells: Vec<[String; 3]> = rows
        .iter()
        .map(|it| {
            [
                it.reference.to_string(),
                it.runner.clone(),
                it.description.lines().next().unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    cells.sort_unstable();
    out::columns(std::iter::once(head).chain(cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_json_where_they_can_be() {
        assert_eq!(parameter("n=3").unwrap(), ("n".to_owned(), Value::from(3)));
        assert_eq!(parameter("m=a=b").unwrap(), ("m".to_owned(), Value::from("a=b")));
        assert!(parameter("x").is_err() && parameter("=x").is_err());
    }
}

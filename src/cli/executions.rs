//! `executions list|show|tail|cancel|pause|resume|rerun`

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};

use super::{call::Bot, out};
use crate::{
    control::wire::{ExecutionRow, Request},
    message::words,
};

/// See and stop what the running bot does
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper executions list")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Show(Show),
    Tail(Tail),
    Cancel(Cancel),
    Pause(Pause),
    Resume(Resume),
    Rerun(Rerun),
}

/// List the latest executions, newest first
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper executions list --most 50")]
struct List {
    /// How many
    #[arg(long, default_value_t = 20)]
    most: u32,
    #[command(flatten)]
    bot: Bot,
}

/// Show an execution: its card, the whole question at its gate, and every step with its id
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper executions show 42\n  lockkeeper executions show 42 --json | lockkeeper card - > cards.html"
)]
struct Show {
    /// A release's number, an execution's id, or the beginning or end of one
    id: String,
    /// Only its cards, as a list that `lockkeeper card` draws
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bot: Bot,
}

/// Print the output of an execution and of everything below it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper executions tail 42 --follow")]
struct Tail {
    /// A release's number, an execution's or a step's id, or the beginning or end of one
    id: String,
    /// Go on until it has ended
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    bot: Bot,
}

/// Stop an execution and everything below it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper executions cancel 42")]
struct Cancel {
    /// A release's number, an execution's id, or the end of one
    id: String,
    #[command(flatten)]
    bot: Bot,
}

/// Let a workflow start nothing new; what runs of it ends
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper executions pause 0190a1b2c3d4")]
struct Pause {
    /// An execution's id, or the end of one
    id: String,
    #[command(flatten)]
    bot: Bot,
}

/// Let a paused workflow go on
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper executions resume 0190a1b2c3d4")]
struct Resume {
    /// An execution's id, or the end of one
    id: String,
    #[command(flatten)]
    bot: Bot,
}

/// Run an ended execution again, from all that failed last or from the tasks that are named
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lockkeeper executions rerun 0190a1b2c3d4 --task deploy --no-reset deploy"
)]
struct Rerun {
    /// An execution's id, or the end of one
    id: String,
    /// A task to run again, as NAME or NAME:ROUTE
    #[arg(long = "task", value_name = "TASK")]
    tasks: Vec<String>,
    /// Of this task only the items that failed
    #[arg(long, value_name = "TASK", requires = "tasks")]
    no_reset: Vec<String>,
    /// Until it has ended
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    bot: Bot,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::List(List { most, bot }) => bot.show(&Request::Executions { most: *most }, false),
        Command::Show(Show { id, json: true, bot }) => bot.cards(&Request::Execution { id: id.clone() }),
        Command::Show(Show { id, json: false, bot }) => {
            bot.show(&Request::Execution { id: id.clone() }, false)
        }
        Command::Tail(Tail { id, follow, bot }) => {
            bot.show(&Request::Tail { id: id.clone(), follow: *follow }, false)
        }
        Command::Cancel(Cancel { id, bot }) => bot.show(&Request::Cancel { id: id.clone() }, false),
        Command::Pause(Pause { id, bot }) => bot.show(&Request::Pause { id: id.clone() }, false),
        Command::Resume(Resume { id, bot }) => bot.show(&Request::Resume { id: id.clone() }, false),
        Command::Rerun(Rerun { id, tasks, no_reset, wait, bot }) => {
            let (tasks, no_reset) = (tasks.clone(), no_reset.clone());
            bot.show(&Request::Rerun { id: id.clone(), tasks, no_reset, wait: *wait }, *wait)
        }
    }
}

/// One execution a line.
pub(super) fn table(rows: &[ExecutionRow]) -> String {
    let head = ["id", "status", "took", "action", "what", "by", "since"].map(str::to_owned);
    let cells = rows.iter().map(|it| {
        [
            it.id.to_string(),
            it.status.to_string(),
            words::length(Duration::from_millis(it.took)),
            it.action.to_string(),
            it.name.clone(),
            it.by.clone(),
            it.created_at.clone(),
        ]
    });
    out::columns(std::iter::once(head).chain(cells))
}

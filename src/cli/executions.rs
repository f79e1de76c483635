//! `executions list|show|tail|cancel`

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
#[command(after_help = "Example:\n  lockkeeper executions show 42")]
struct Show {
    /// A release's number, an execution's id, or the beginning or end of one
    id: String,
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

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::List(List { most, bot }) => bot.show(&Request::Executions { most: *most }, false),
        Command::Show(Show { id, bot }) => bot.show(&Request::Execution { id: id.clone() }, false),
        Command::Tail(Tail { id, follow, bot }) => {
            bot.show(&Request::Tail { id: id.clone(), follow: *follow }, false)
        }
        Command::Cancel(Cancel { id, bot }) => bot.show(&Request::Cancel { id: id.clone() }, false),
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

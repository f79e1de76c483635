//! Asking a running bot, and showing what it answers.

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;

use super::out;
use crate::{
    chat::terminal::{Style, render},
    config,
    control::{
        client::{Call, CallError, call},
        wire::{Reply, Request},
    },
    message::{Card, words},
    status::Status,
};

/// Columns of a card where nobody can tell how wide the window is.
const WIDTH: usize = 100;

/// Which bot is meant.
#[derive(Debug, Args)]
pub(super) struct Bot {
    /// The configuration of the running bot
    #[arg(long, default_value = super::CONFIG)]
    pub(super) config: PathBuf,
}

impl Bot {
    /// Asks the running bot.
    pub(super) fn ask(&self, request: &Request) -> anyhow::Result<Call> {
        let config = config::load(&self.config)?;
        call(&config.data, request).or_else(|error| self.unheard(error))
    }

    /// Why nobody was asked, with what to do.
    pub(super) fn unheard<T>(&self, error: CallError) -> anyhow::Result<T> {
        Err(match &error {
            CallError::NotRunning { .. } => {
                anyhow::Error::new(error).context(words::line::not_running(&self.config))
            }
            CallError::Died { .. } => anyhow::Error::new(error).context(words::line::died(&self.config)),
            CallError::NotAllowed { .. } => anyhow::Error::new(error).context(words::line::not_allowed()),
            CallError::Failed { .. } | CallError::Lost(_) | CallError::Strange(_) | CallError::TooLong(_) => {
                error.into()
            }
        })
    }

    /// Asks and shows every reply. Ends with 1 if it was refused, or if what it waited for did not succeed.
    pub(super) fn show(&self, request: &Request, waits: bool) -> anyhow::Result<ExitCode> {
        let mut code = ExitCode::SUCCESS;
        for reply in self.ask(request)? {
            if !shown(&reply?, waits)? {
                code = ExitCode::FAILURE;
            }
        }
        Ok(code)
    }

    /// Asks, and prints the cards of the answer as a list in JSON. Ends with 1 if it was refused.
    pub(super) fn cards(&self, request: &Request) -> anyhow::Result<ExitCode> {
        let mut cards = Vec::new();
        for reply in self.ask(request)? {
            match reply? {
                Reply::Card { card, .. } if card.refused => return refused(&card),
                Reply::Refused { card } => return refused(&card),
                Reply::Card { card, .. } => cards.push(card),
                Reply::Executions(_)
                | Reply::Visits(_)
                | Reply::Actions(_)
                | Reply::Action(_)
                | Reply::Ended { .. }
                | Reply::Output { .. }
                | Reply::Key(_)
                | Reply::Hello { .. }
                | Reply::Done => {}
            }
        }
        out::say(&serde_json::to_string_pretty(&cards)?)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn refused(card: &Card) -> anyhow::Result<ExitCode> {
    out::complain(&text(card, io::stderr().is_terminal()));
    Ok(ExitCode::FAILURE)
}

/// Shows a reply; false for bad news.
pub(super) fn shown(reply: &Reply, waits: bool) -> anyhow::Result<bool> {
    match reply {
        Reply::Card { card, .. } => {
            print_card(card)?;
            return Ok(!card.refused);
        }
        Reply::Refused { card } => {
            out::complain(&text(card, io::stderr().is_terminal()));
            return Ok(false);
        }
        Reply::Ended { id, status } if waits => {
            out::say(&format!("{id} {status}"))?;
            return Ok(*status == Status::Succeeded);
        }
        Reply::Ended { id, .. } => out::say(&format!("started {id}"))?,
        Reply::Output { of, text } => out::output(of.as_deref(), text)?,
        Reply::Executions(rows) | Reply::Visits(rows) => out::say(&super::executions::table(rows))?,
        Reply::Actions(rows) => out::say(&super::action::table(rows))?,
        Reply::Action(action) => out::say(&serde_json::to_string_pretty(action)?)?,
        Reply::Key(key) => out::say(&serde_json::to_string_pretty(key)?)?,
        Reply::Hello { version, pid, user, person, stale: _ } => out::say(&format!(
            "lockkeeper {version}, process {pid}; you are {user}, {}",
            person.as_deref().unwrap_or("whom it does not know")
        ))?,
        Reply::Done => {}
    }
    Ok(true)
}

fn print_card(card: &Card) -> anyhow::Result<()> {
    out::say(&text(card, io::stdout().is_terminal())).context("the answer could not be shown")
}

fn text(card: &Card, ansi: bool) -> String {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok().filter(|_| ansi);
    let width = size.map(|it| usize::from(it.ws_col)).filter(|it| *it > 0).unwrap_or(WIDTH);
    render::rows(card, Style { width, ansi }).join("\n")
}

//! The bot of a rehearsal as a process of its own, whose terminal is played from ours: it can be killed in the middle
//! of anything and started again, as in life.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::program::terminated;
use crate::boot::{App, Options};
use crate::chat::terminal::{Player, Rehearsal, Surface, Terminal, TerminalSettings};
use crate::clock::{SharedClock, SystemClock};
use crate::config;

/// Where its configuration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotArgs {
    pub config: PathBuf,
}

/// Runs the bot with a terminal on standard input and output (`chat::terminal::wire`), until told to end.
///
/// # Errors
/// The bot cannot be built from its configuration, or its store fails.
pub async fn run(args: BotArgs) -> anyhow::Result<()> {
    let config = config::load(&args.config)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let settings = TerminalSettings {
        surface: Surface::Wire,
        user: "ann".into(),
        rehearsal: Some(Rehearsal::default()),
        history: None,
        files: config.data.join("files"),
        complete: Arc::new(|_| Vec::new()),
    };
    let terminal = Terminal::new(settings, Player::new("main".into(), None), clock.clone());
    let ended = terminal.ended();
    let app = App::open(Options { config, clock, adapters: vec![Arc::new(terminal)] }).await?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = ended.cancelled() => {}
            () = terminated() => {}
        }
        stopping.cancel();
    });
    app.run(stop).await.context("the bot")
}

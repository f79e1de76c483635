//! The rehearsal for a reader: the first release is asked for by itself, up to the question; then the reader decides.
//!
//! - `guide`: what is said beside the bot, and when; [`order`]: what the reader can break.

mod guide;
mod order;

use std::io::{BufRead, IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::guide::Guide;
use super::program::terminated;
use super::{Program, Terms, World};
use crate::boot::{App, Options};
use crate::bot::Bot;
use crate::chat::terminal::{Player, Rehearsal, Surface, Terminal, TerminalSettings};
use crate::clock::{SharedClock, SystemClock};
use crate::config;
use crate::message::Card;
use crate::message::words::tour as words;

/// How long the bot may take to end.
const END: Duration = Duration::from_secs(10);

/// The rehearsal, set: hosts run version 1, nobody has said anything.
pub struct Tour {
    world: World,
    terminal: Arc<Terminal>,
    player: Player,
    orders: mpsc::UnboundedReceiver<String>,
    bot: Arc<OnceLock<Bot>>,
    clock: SharedClock,
    is_typed: bool,
}

impl Tour {
    /// Greets, builds the world in a folder that is empty or missing, and starts its hosts.
    ///
    /// # Errors
    /// As [`World::create`] and [`World::start_supervisor`].
    pub async fn set(dir: &Path, program: Program) -> anyhow::Result<Self> {
        let dir = std::path::absolute(dir)?;
        let is_typed = stdin().is_terminal() && stdout().is_terminal();
        let clock: SharedClock = Arc::new(SystemClock);
        let bot: Arc<OnceLock<Bot>> = Arc::default();
        let (player_orders, orders) = mpsc::unbounded_channel();
        let known = bot.clone();
        let settings = TerminalSettings {
            surface: surface(is_typed),
            user: "ann".into(),
            rehearsal: Some(Rehearsal {
                people: ["ann", "bea", "cid", "dora"].map(Into::into).into(),
                orders: words::ORDERS,
                player: Some(player_orders),
            }),
            history: None,
            files: dir.join("charts"),
            complete: Arc::new(move |typed| known.get().map_or_else(Vec::new, |bot| bot.completions(typed))),
        };
        let player = Player::new("main".into(), None);
        let terminal = Arc::new(Terminal::new(settings, player.clone(), clock.clone()));
        terminal.tell(&words::greeting(&dir));
        let mut world = World::create(&dir, program, &Terms::default()).await?;
        world.start_supervisor().await?;
        Ok(Self { world, terminal, player, orders, bot, clock, is_typed })
    }

    /// The log that belongs to the bot.
    pub fn log(&self) -> PathBuf {
        self.world.dir().join("bot.log")
    }

    /// Plays until the reader leaves; what to say last. All processes have ended then.
    ///
    /// # Errors
    /// The bot cannot be built, or something does not end.
    pub async fn play(self) -> anyhow::Result<Card> {
        let Self { world, terminal, player, orders, bot, clock, is_typed } = self;
        let config = config::load(&world.config())?;
        let app = App::open(Options { config, clock, adapters: vec![terminal.clone()] }).await?;
        // Nobody else sets it.
        let _ = bot.set(app.bot.clone());
        let stop = CancellationToken::new();
        let mut running = tokio::spawn(app.run(stop.clone()));
        let farewell = words::farewell(world.dir());
        let ended = terminal.ended();
        let mut guide = Guide::new(&world, &terminal, player, orders);
        let played = tokio::select! {
            played = async {
                if is_typed { guide.watch().await } else { guide.read(lines()).await }
            } => played,
            () = ended.cancelled() => Ok(()),
            () = terminated() => Ok(()),
            _ = tokio::signal::ctrl_c() => Ok(()),
            ran = &mut running => {
                world.end().await?;
                ran.context("the bot")?.context("the bot; see bot.log")?;
                return Ok(farewell);
            }
        };
        stop.cancel();
        if tokio::time::timeout(END, &mut running).await.is_err() {
            tracing::warn!("what still runs is left alone");
            running.abort();
        }
        world.end().await?;
        played.map(|()| farewell)
    }
}

fn surface(is_typed: bool) -> Surface {
    if is_typed {
        Surface::Person { color: config::environment().all(|(name, _)| name != "NO_COLOR") }
    } else {
        Surface::Rows(Box::new(stdout()))
    }
}

/// The lines of standard input, where it is no terminal. Reading blocks, so it has a thread that nobody waits for.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

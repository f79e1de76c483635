//! Says what to try when nothing moves any more, and plays what the reader orders.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::{order, words};
use crate::chat::terminal::{Player, Shown, Terminal};
use crate::demo::World;
use crate::id::MessageId;
use crate::message::Tone;

/// Nothing has changed for this long: it is the reader's turn.
const QUIET: Duration = Duration::from_millis(700);
/// Until the first word of an answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Until a release has ended or asks.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who leads through the rehearsal.
pub(super) struct Guide<'a> {
    world: &'a World,
    terminal: &'a Terminal,
    player: Player,
    orders: mpsc::UnboundedReceiver<String>,
    changes: watch::Receiver<Vec<Shown>>,
    /// The version of the next commit.
    version: u32,
    /// Messages that something was said about.
    told: HashSet<MessageId>,
    has_asked: bool,
}

impl<'a> Guide<'a> {
    pub(super) fn new(
        world: &'a World,
        terminal: &'a Terminal,
        player: Player,
        orders: mpsc::UnboundedReceiver<String>,
    ) -> Self {
        let changes = player.changes();
        let told = HashSet::new();
        Self { world, terminal, player, orders, changes, version: 2, told, has_asked: false }
    }

    /// Somebody sits there and types: goes along until they leave.
    pub(super) async fn watch(&mut self) -> anyhow::Result<()> {
        self.begin().await?;
        let mut quiet_at = Instant::now() + QUIET;
        loop {
            tokio::select! {
                Some(order) = self.orders.recv() => self.obey(&order).await?,
                Ok(()) = self.changes.changed() => quiet_at = Instant::now() + QUIET,
                () = tokio::time::sleep_until(quiet_at) => {
                    self.hint();
                    quiet_at += Duration::from_secs(3600);
                }
            }
        }
    }

    /// Lines come from a file or another program: one after another, each when the one before has had its effect.
    pub(super) async fn read(&mut self, mut lines: mpsc::UnboundedReceiver<String>) -> anyhow::Result<()> {
        self.begin().await?;
        self.settle().await;
        while let Some(line) = lines.recv().await {
            self.changes.mark_unchanged();
            self.terminal.enter(&line);
            let mut moves = !line.trim().is_empty() && !line.trim().starts_with('/');
            while let Ok(order) = self.orders.try_recv() {
                self.obey(&order).await?;
                moves = true;
            }
            if moves {
                // Who never gets an answer goes on without.
                let _ = timeout(ANSWER, self.changes.changed()).await;
                self.settle().await;
            }
        }
        Ok(())
    }

    async fn begin(&mut self) -> anyhow::Result<()> {
        self.world.commit_good(self.version).await?;
        self.player.say("ann", "!deploy shop canary");
        Ok(())
    }

    async fn obey(&mut self, order: &str) -> anyhow::Result<()> {
        if moves(&self.player.messages()) {
            self.terminal.tell(&words::busy());
            return Ok(());
        }
        if let Some(said) = order::heal(self.world).await? {
            self.terminal.tell(&said);
        }
        self.version += 1;
        if let Some(said) = order::prepare(self.world, order, self.version).await? {
            self.terminal.tell(&said);
            self.player.say("ann", "!deploy shop canary");
        }
        Ok(())
    }

    /// Waits until nothing moves, then says what could be done.
    async fn settle(&mut self) {
        let until = Instant::now() + PATIENCE;
        loop {
            match timeout_at(until.min(Instant::now() + QUIET), self.changes.changed()).await {
                Ok(Ok(())) if Instant::now() < until => {}
                Ok(Err(_)) | Ok(Ok(())) => return,
                Err(_) if moves(&self.player.messages()) && Instant::now() < until => {}
                Err(_) => return self.hint(),
            }
        }
    }

    fn hint(&mut self) {
        let all = self.player.messages();
        if moves(&all) {
            return;
        }
        let new = |it: &&Shown| !self.told.contains(&it.message.message);
        let asks = all.iter().rev().filter(new).find_map(|it| Some((it, open_question(it)?)));
        let ended = all.iter().rev().filter(new).find(|it| has_ended(it));
        let card = match (asks, ended) {
            (Some((_, number)), _) if self.has_asked => Some(words::decide_again(number)),
            (Some((_, number)), _) => Some(words::decide(number)),
            (None, Some(it)) => Some(words::what_next(is_mixed(it))),
            (None, None) => None,
        };
        self.has_asked |= asks.is_some();
        let told = all.iter().filter(|it| open_question(it).is_some() || has_ended(it));
        self.told.extend(told.map(|it| it.message.message.clone()));
        if let Some(card) = card {
            self.terminal.tell(&card);
        }
    }
}

/// Whether a release is on its way, or about to go on after an answer.
fn moves(all: &[Shown]) -> bool {
    let asks = all.iter().any(|it| open_question(it).is_some());
    all.iter().filter(|it| is_root(it)).any(|it| match it.card.tone {
        Tone::Working => true,
        Tone::Waiting => !asks,
        Tone::Neutral | Tone::Good | Tone::Bad => false,
    })
}

/// The number in an open question.
fn open_question(it: &Shown) -> Option<i64> {
    let title = it.card.title.to_string();
    title.strip_prefix("May #")?.split(' ').next()?.parse().ok()
}

fn is_root(it: &Shown) -> bool {
    let title = it.card.title.to_string();
    ["Release #", "Rollback #", "Promotion #"].iter().any(|what| title.starts_with(what))
}

/// Whether a release has left hosts that a rollback would bring back.
fn is_mixed(it: &Shown) -> bool {
    it.card.title.to_string().starts_with("Release #") && it.card.to_string().contains("`!rollback shop`")
}

fn has_ended(it: &Shown) -> bool {
    is_root(it) && matches!(it.card.tone, Tone::Neutral | Tone::Good | Tone::Bad)
}

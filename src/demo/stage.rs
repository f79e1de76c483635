//! A world with a bot in it and somebody who plays: what scenarios work with.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use super::part::BOT;
use super::{Program, Terms, Version, World};
use crate::chat::terminal::{Line, Player, Shown};
use crate::engine::Asked;
use crate::message::{Block, Card};
use crate::store::Store;

/// How long any one thing of a play may take.
pub const PATIENCE: Duration = Duration::from_secs(40);
const END_TIMEOUT: Duration = Duration::from_secs(15);

/// Where and how to play.
pub struct StageOptions {
    /// Empty or missing.
    pub dir: PathBuf,
    pub program: Program,
    pub terms: Terms,
    pub transcript: Option<Box<dyn Write + Send>>,
}

/// The stage, set: hosts run version 1, the bot listens.
pub struct Stage {
    pub player: Player,
    pub world: World,
    program: Program,
    bot: Option<Bot>,
}

struct Bot {
    child: Child,
    line: Line,
}

impl Stage {
    /// Builds the world, starts hosts and bot.
    ///
    /// # Errors
    /// Any of it does not come up.
    pub async fn set(options: StageOptions) -> anyhow::Result<Self> {
        let StageOptions { dir, program, terms, transcript } = options;
        let mut world = World::create(&dir, program.clone(), &terms).await?;
        world.start_supervisor().await?;
        let player = Player::new("main".into(), transcript);
        let mut stage = Self { player, world, program, bot: None };
        stage.start_bot()?;
        Ok(stage)
    }

    /// Starts the bot on what is there; what is said before it listens waits in its pipe.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start_bot(&mut self) -> anyhow::Result<()> {
        let config = self.world.config();
        let log = self.world.dir().join("bot.log");
        let mut child = self.program.start_talking(&[BOT.as_ref(), config.as_os_str()], &log)?;
        let (told, heard) = child.stdout.take().zip(child.stdin.take()).context("the bot has no pipes")?;
        let line = self.player.connect(told, heard);
        self.bot = Some(Bot { child, line });
        Ok(())
    }

    /// SIGKILL: the bot has no chance to tidy up.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill_bot(&mut self) -> anyhow::Result<()> {
        let mut bot = self.bot.take().context("the bot does not run")?;
        bot.child.kill().await?;
        self.player.note("(the bot is killed)");
        bot.line.told_all().await;
        Ok(())
    }

    /// The bot's process, while it runs.
    pub fn bot_pid(&self) -> Option<u32> {
        self.bot.as_ref().and_then(|it| it.child.id())
    }

    /// Waits until the bot has ended by itself; how it ended. Nothing is lost if this is dropped earlier.
    ///
    /// # Errors
    /// It does not run.
    pub async fn bot_ended(&mut self) -> anyhow::Result<ExitStatus> {
        let status = self.bot.as_mut().context("the bot does not run")?.child.wait().await?;
        self.player.note(&format!("(the bot has ended: {status})"));
        if let Some(bot) = self.bot.take() {
            bot.line.told_all().await;
        }
        Ok(status)
    }

    /// SIGTERM: the bot drains and ends.
    ///
    /// # Errors
    /// It ends badly or not at all.
    pub async fn stop_bot(&mut self) -> anyhow::Result<()> {
        let mut bot = self.bot.take().context("the bot does not run")?;
        let pid = bot.child.id().and_then(|it| Pid::from_raw(i32::try_from(it).ok()?));
        kill_process(pid.context("the bot has ended by itself; see bot.log")?, Signal::TERM)?;
        let ended = tokio::time::timeout(END_TIMEOUT, bot.child.wait()).await;
        let status = ended.context("the bot does not end after SIGTERM")??;
        ensure!(status.success(), "the bot ended with {status}; see bot.log");
        Ok(())
    }

    /// Ends everything; what the database then holds about a release's gates.
    ///
    /// # Errors
    /// Something does not end, or the database cannot be read.
    pub async fn end(mut self) -> anyhow::Result<Ended> {
        self.stop_bot().await?;
        let database = format!("sqlite:{}", self.world.dir().join("data/lockkeeper.db").display());
        self.world.end().await?;
        Ok(Ended { store: Store::open(&database).await? })
    }

    /// The first message, now or later, from number `from` on, that `wanted` accepts.
    ///
    /// # Errors
    /// It does not come; the error holds the whole history.
    pub async fn message(&self, from: usize, wanted: impl Fn(&Card) -> bool) -> anyhow::Result<Shown> {
        let find = |all: &[Shown]| all.iter().skip(from).find(|it| wanted(&it.card)).cloned();
        Ok(self.player.wait_for(PATIENCE, find).await?)
    }

    /// A message whose title holds this.
    ///
    /// # Errors
    /// As [`Self::message`].
    pub async fn titled(&self, part: &str) -> anyhow::Result<Shown> {
        let found = self.message(0, |card| card.title.to_string().contains(part)).await;
        found.with_context(|| format!("no message is titled “{part}”"))
    }

    /// Says something and waits for a later message that holds `part` anywhere.
    ///
    /// # Errors
    /// As [`Self::message`].
    pub async fn ask(&self, user: &str, text: &str, part: &str) -> anyhow::Result<Shown> {
        let from = self.player.messages().len();
        self.player.say(user, text);
        let answer = self.message(from, |card| card.to_string().contains(part)).await;
        answer.with_context(|| format!("`{text}` is not answered with “{part}”"))
    }

    /// Waits until the hosts of a role say exactly these versions; `None` is no answer.
    ///
    /// # Errors
    /// They do not; the error says what they say.
    pub async fn hosts_run(&self, role: &str, versions: &[Option<u32>]) -> anyhow::Result<()> {
        let come =
            self.world.until(PATIENCE, async || (self.world.versions(role).await == versions).then_some(()));
        if come.await.is_ok() {
            return Ok(());
        }
        bail!("hosts in role {role} run {:?}, not {versions:?}", self.world.versions(role).await)
    }

    /// What all hosts of a role say, if they agree.
    ///
    /// # Errors
    /// They do not agree, or one does not answer.
    pub async fn agreed(&self, role: &str) -> anyhow::Result<Version> {
        let mut agreed = None;
        for host in self.world.hosts(role) {
            let says = self.world.host_version(host).await?;
            ensure!(*agreed.get_or_insert(says.clone()) == says, "hosts in role {role} do not agree");
        }
        agreed.context("there is no such role")
    }
}

/// What is left of a play.
pub struct Ended {
    store: Store,
}

impl Ended {
    /// The gates of a release, by its number.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn gates(&self, number: i64) -> anyhow::Result<Vec<Asked>> {
        Ok(self.store.gates_of::<Asked>(number).await?.into_iter().map(|it| it.body).collect())
    }
}

/// The text of a card's fields, lines and paragraphs, and whether it holds each of these.
pub(super) fn says_all(card: &Card, parts: &[&str]) -> anyhow::Result<()> {
    let text = card.to_string();
    let missing: Vec<&str> = parts.iter().copied().filter(|it| !text.contains(it)).collect();
    ensure!(missing.is_empty(), "the message does not say {missing:?}:\n{text}");
    Ok(())
}

/// Whether a chart is on it.
pub(super) fn has_chart(card: &Card) -> bool {
    card.blocks.iter().any(|it| matches!(it, Block::Chart { .. }))
}

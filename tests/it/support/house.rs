//! A whole bot in a temporary folder, with a terminal that nobody sees.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lockkeeper::boot::{App, Options};
use lockkeeper::chat::ChatAdapter;
use lockkeeper::chat::terminal::{Player, Rehearsal, Shown, Surface, Terminal, TerminalSettings};
use lockkeeper::clock::{SharedClock, SystemClock};
use lockkeeper::config;
use lockkeeper::engine::{Engine, LivePolicy};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::roster::Roster;

pub use super::waiting::PATIENCE;

pub const PEOPLE: &str = "
people:
  ann: {terminal: [ann], emails: [ann@example.org], groups: [developers]}
  bea: {terminal: [bea], emails: [bea@example.org], groups: [sre]}
  cid: {terminal: [cid], emails: [cid@example.org], groups: [sre]}
";

/// The folder of a bot: configuration, content, data.
pub struct House {
    pub dir: TempDir,
}

/// A bot at work.
pub struct Bot {
    pub player: Player,
    pub engine: Engine,
    /// Its own door, for what no player can do.
    pub bot: lockkeeper::bot::Bot,
    /// The settings and content of this moment.
    pub live: LivePolicy,
    /// Where its HTTP is.
    pub address: std::net::SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl House {
    /// People, an empty inventory, no apps.
    pub fn new() -> Self {
        let house = Self { dir: TempDir::new().expect("a temporary folder") };
        let data = house.path("data");
        let config = format!("data: {}\ncontent: [..]\nhttp: {{listen: \"127.0.0.1:0\"}}\n", data.display());
        house.write("config/lockkeeper.yaml", &config);
        house.write("config/people.yaml", PEOPLE);
        house
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub fn write(&self, relative: &str, text: &str) -> &Self {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        // In one step: a bot that reads it just now finds the one or the other.
        let aside = self.path(".aside");
        std::fs::write(&aside, text).expect("a file");
        std::fs::rename(aside, path).expect("in its place");
        self
    }

    /// Keeps the bot's store from committing until this is dropped.
    pub async fn lock_store(&self) -> SqliteConnection {
        let file = format!("sqlite:{}", self.path("data/lockkeeper.db").display());
        let mut other = SqliteConnection::connect(&file).await.expect("the store");
        other.execute("BEGIN IMMEDIATE").await.expect("locked");
        other
    }

    /// Adds to a file.
    pub fn also(&self, relative: &str, text: &str) -> &Self {
        let before = std::fs::read_to_string(self.path(relative)).expect("a file");
        self.write(relative, &format!("{before}{text}"))
    }

    /// A pack of one workflow that `!go` starts.
    pub fn workflow(&self, definition: &str, parameters: &str) -> &Self {
        self.write(
            "commands/trial/pack.yaml",
            "name: trial\ndescription: A trial.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n",
        );
        let action = format!(
            "name: go\nrunner_type: orquesta\ndescription: A trial.\nentry_point: workflows/go.yaml\nparameters: {parameters}\n"
        );
        self.write("commands/trial/actions/go.yaml", &action);
        self.write("commands/trial/actions/workflows/go.yaml", definition);
        self.write(
            "aliases/trial/go.yaml",
            "name: go\naction_ref: trial.go\ndescription: A trial.\nformats: [\"go\", \"go {{number}}\"]\n",
        )
    }

    /// Starts the bot; a second start on the same folder is a restart.
    pub async fn start(&self) -> Bot {
        Self::start_at(&self.path("config/lockkeeper.yaml")).await
    }

    /// Starts a bot on a configuration that stands somewhere.
    pub async fn start_at(config: &Path) -> Bot {
        Self::start_behind(config, &Roster::default()).await
    }

    /// The same in a chat that does as the roster says.
    pub async fn start_behind(config: &Path, roster: &Roster) -> Bot {
        Self::open(config, roster, Player::new("main".into(), None), (Arc::new(SystemClock), None)).await
    }

    /// Starts the bot with a clock that somebody else moves.
    pub async fn start_on(&self, clock: SharedClock) -> Bot {
        let config = self.path("config/lockkeeper.yaml");
        let player = Player::new("main".into(), None);
        Self::open(&config, &Roster::default(), player, (clock, None)).await
    }

    /// The same in front of a player who has seen other starts.
    pub async fn start_with(config: &Path, player: Player) -> Bot {
        Self::open(config, &Roster::default(), player, (Arc::new(SystemClock), None)).await
    }

    /// The same with another chat, which is not in the configuration.
    pub async fn start_beside(&self, chat: Arc<dyn ChatAdapter>) -> Bot {
        let (player, clock) = (Player::new("main".into(), None), Arc::new(SystemClock));
        let config = self.path("config/lockkeeper.yaml");
        Self::open(&config, &Roster::default(), player, (clock, Some(chat))).await
    }

    async fn open(
        config: &Path,
        roster: &Roster,
        player: Player,
        (clock, beside): (SharedClock, Option<Arc<dyn ChatAdapter>>),
    ) -> Bot {
        let config = config::load(config).expect("a good configuration");
        let settings = TerminalSettings {
            surface: Surface::Hidden,
            user: "ann".into(),
            rehearsal: Some(Rehearsal::default()),
            history: None,
            files: config.data.join("files"),
            complete: Arc::new(|_| Vec::new()),
        };
        let terminal = Terminal::new(settings, player.clone(), clock.clone());
        let adapters = std::iter::once(roster.before(Arc::new(terminal))).chain(beside).collect();
        let app = App::open(Options { config, clock, adapters }).await.expect("a bot");
        let (engine, bot) = (app.engine.clone(), app.bot.clone());
        let live = app.live.clone();
        let address = app.address().expect("an address");
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let running = tokio::spawn(async move { app.run(stopping).await.expect("a run to its end") });
        Bot { player, engine, bot, live, address, stop, running }
    }
}

impl Bot {
    /// Says it and waits for a message that comes after it and satisfies `wanted`.
    pub async fn ask(&self, who: &str, text: &str, wanted: impl Fn(&str) -> bool) -> String {
        let before = self.player.messages().len();
        self.player.say(who, text);
        self.shows(before, wanted).await
    }

    /// The first message from number `before` on that satisfies `wanted`, as plain text.
    pub async fn shows(&self, before: usize, wanted: impl Fn(&str) -> bool) -> String {
        let find =
            |all: &[Shown]| all.iter().skip(before).map(|it| it.card.to_string()).find(|text| wanted(text));
        match self.player.wait_for(PATIENCE, find).await {
            Ok(text) => text,
            Err(error) => panic!("{error}"),
        }
    }

    /// Stops as SIGTERM does.
    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("the bot ends well");
    }
}

//! A bot in a folder of its own, on a disk, with everything it would have for real; and a chat that only this program
//! hears and speaks.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use async_trait::async_trait;
use jiff::Timestamp;
use lockkeeper::boot::{App, Options};
use lockkeeper::chat::{Attachment, ChatAdapter, ChatError, Intake, ListenError, Lost};
use lockkeeper::clock::SystemClock;
use lockkeeper::config;
use lockkeeper::engine::Engine;
use lockkeeper::id::{Account, ChannelId, MessageId, MessageRef, Place, Platform, UserId, WorkspaceId};
use lockkeeper::identity::{Standing, TERMINAL_WORKSPACE};
use lockkeeper::message::{Card, Delivery, Incoming, Mark, Said};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long anything here may take before it is called broken.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Configuration and content of a bot; its data lie below it too.
pub struct House {
    dir: TempDir,
    /// The sections of the chats that it joins.
    chats: String,
}

impl House {
    /// One person, ann; a pack `trial` without anything in it.
    pub fn new(dir: &Path, ann: &str) -> anyhow::Result<Self> {
        let house = Self { dir: TempDir::new_in(dir)?, chats: String::new() };
        let people = format!("people:\n  ann: {{terminal: [{ann}], groups: [developers]}}\n");
        house.write("config/people.yaml", &people)?;
        house.write(
            "content/commands/trial/pack.yaml",
            "name: trial\ndescription: A trial.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n",
        )?;
        house.listen("127.0.0.1:0")?;
        Ok(house)
    }

    /// Where HTTP is served.
    pub fn listen(&self, address: &str) -> anyhow::Result<()> {
        let chats = &self.chats;
        self.write(
            "config/lockkeeper.yaml",
            &format!("data: ../data\ncontent: [../content]\nhttp: {{listen: \"{address}\"}}\n{chats}"),
        )
    }

    /// Joins these chats, once it listens somewhere.
    pub fn join(&mut self, sections: &str) {
        self.chats.push_str(sections);
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub fn write(&self, relative: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().context("a folder")?)?;
        Ok(std::fs::write(path, text)?)
    }

    /// An alias of the pack.
    pub fn alias(&self, name: &str, format: &str, action: &str) -> anyhow::Result<()> {
        let text = format!(
            "name: {name}\naction_ref: {action}\ndescription: A trial.\nformats: [{}]\n",
            serde_json::Value::from(format)
        );
        self.write(&format!("content/aliases/trial/{name}.yaml"), &text)
    }

    /// A workflow of the pack.
    pub fn workflow(&self, name: &str, parameters: &str, definition: &str) -> anyhow::Result<()> {
        let action = format!(
            "name: {name}\nrunner_type: orquesta\ndescription: A trial.\nentry_point: workflows/{name}.yaml\nparameters: {parameters}\n"
        );
        self.write(&format!("content/commands/trial/actions/{name}.yaml"), &action)?;
        self.write(&format!("content/commands/trial/actions/workflows/{name}.yaml"), definition)
    }

    /// Starts the bot in this process.
    pub async fn open(&self) -> anyhow::Result<Bot> {
        let config = config::load(&self.path("config/lockkeeper.yaml"))?;
        let chat = Arc::new(Chat::new());
        let adapters: Vec<Arc<dyn ChatAdapter>> = vec![chat.clone()];
        let app = App::open(Options { config, clock: Arc::new(SystemClock), adapters }).await?;
        let (engine, stop) = (app.engine.clone(), CancellationToken::new());
        let running = tokio::spawn(app.run(stop.clone()));
        Ok(Bot { chat, engine, stop, running })
    }
}

/// A bot at work in this process.
pub struct Bot {
    pub chat: Arc<Chat>,
    pub engine: Engine,
    stop: CancellationToken,
    running: JoinHandle<Result<(), lockkeeper::boot::BootError>>,
}

impl Bot {
    /// Stops as SIGTERM does.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.running.await??)
    }
}

/// What became of one message.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Until the platform was told that it is taken, which is after its commit.
    pub acknowledged: Duration,
    /// Until the message that answers it stood in the channel.
    pub answered: Duration,
}

/// A platform that answers at once, as a network would not. It acknowledges as the real ones: one after another.
pub struct Chat {
    said: mpsc::UnboundedSender<(Delivery, Instant)>,
    hearing: tokio::sync::Mutex<mpsc::UnboundedReceiver<(Delivery, Instant)>>,
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    /// What waits for its answer, by channel: the bot answers a channel in its order.
    open: HashMap<ChannelId, VecDeque<(Instant, Option<Duration>)>>,
    heard: Vec<Heard>,
}

impl Chat {
    fn new() -> Self {
        let (said, hearing) = mpsc::unbounded_channel();
        Self { said, hearing: tokio::sync::Mutex::new(hearing), desk: Mutex::default() }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ann says something; time counts from `at`.
    pub fn say(&self, channel: &str, text: &str, at: Instant) {
        let place = place(channel);
        self.desk().open.entry(place.channel.clone()).or_default().push_back((at, None));
        let id = Uuid::now_v7().to_string();
        let delivery = Delivery {
            key: format!("terminal:bench:{id}"),
            account: Account {
                platform: Platform::Terminal,
                workspace: WorkspaceId::new(TERMINAL_WORKSPACE),
                user: UserId::new("ann"),
            },
            standing: Standing::Member,
            display: "ann".to_owned(),
            place,
            at: None,
            incoming: Incoming::Said(Said {
                text: text.to_owned(),
                addressed: true,
                direct: false,
                message: MessageId::new(id),
            }),
        };
        // The bot has stopped: whoever waits for the answer finds out.
        drop(self.said.send((delivery, at)));
    }

    /// All that was answered, once that is this many.
    pub async fn heard(&self, count: usize) -> anyhow::Result<Vec<Heard>> {
        let looking = async {
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            loop {
                tick.tick().await;
                let heard = self.desk().heard.clone();
                if count <= heard.len() {
                    return heard;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, looking).await;
        found.with_context(|| format!("{} of {count} messages were answered", self.desk().heard.len()))
    }
}

pub fn place(channel: &str) -> Place {
    Place {
        platform: Platform::Terminal,
        workspace: WorkspaceId::new(TERMINAL_WORKSPACE),
        channel: ChannelId::new(channel),
        thread: None,
    }
}

#[async_trait]
impl ChatAdapter for Chat {
    fn platform(&self) -> Platform {
        Platform::Terminal
    }

    async fn post(&self, place: &Place, _card: &Card, _nonce: &str) -> Result<MessageRef, ChatError> {
        let mut desk = self.desk();
        if let Some((said, acknowledged)) = desk.open.get_mut(&place.channel).and_then(VecDeque::pop_front) {
            let answered = said.elapsed();
            desk.heard.push(Heard { acknowledged: acknowledged.unwrap_or(answered), answered });
        }
        Ok(MessageRef { place: place.clone(), message: MessageId::new(Uuid::now_v7().to_string()) })
    }

    fn shows_all(&self, _card: &Card) -> bool {
        true
    }

    async fn find(&self, _place: &Place, _lost: &Lost<'_>) -> Result<Option<MessageRef>, ChatError> {
        Ok(None)
    }

    async fn edit(&self, _message: &MessageRef, _card: &Card) -> Result<(), ChatError> {
        Ok(())
    }

    async fn whisper(&self, place: &Place, _to: &Account, card: &Card) -> Result<(), ChatError> {
        self.post(place, card, "").await.map(drop)
    }

    async fn react(&self, _message: &MessageRef, _mark: Mark) -> Result<(), ChatError> {
        Ok(())
    }

    async fn upload(&self, _place: &Place, _file: &Attachment) -> Result<(), ChatError> {
        Ok(())
    }

    async fn standing(&self, account: &Account) -> Result<(Standing, String), ChatError> {
        Ok((Standing::Member, account.user.to_string()))
    }

    async fn listen(&self, intake: Intake, stop: CancellationToken) -> Result<(), ListenError> {
        let mut hearing = self.hearing.lock().await;
        loop {
            let (delivery, said) = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some(it) = hearing.recv() => it,
            };
            let channel = delivery.place.channel.clone();
            if intake.accept(delivery).await.is_ok() {
                // It may have been answered already.
                let mut desk = self.desk();
                let waiting = desk.open.get_mut(&channel).into_iter().flatten().find(|(at, _)| *at == said);
                if let Some((_, acknowledged)) = waiting {
                    *acknowledged = Some(said.elapsed());
                }
            }
        }
    }

    fn heard_at(&self) -> Option<Timestamp> {
        None
    }
}

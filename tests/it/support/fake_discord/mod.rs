//! A Discord guild in memory, behind real HTTP and WebSocket. It keeps Discord's rules (limits, heartbeats, sessions
//! and resumes, answers to interactions) and remembers everything; people act in it through the methods of
//! [`FakeDiscord`].

mod act;
mod deed;
mod gateway;
mod interact;
mod knob;
mod limit;
mod past;
mod rest;
pub mod rules;

pub use interact::Form;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lockkeeper::clock::{Clock as _, SystemClock, before};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::limits::Limits;
use super::wire::{Faults, Push, Upload, listen};

pub const TOKEN: &str = "discord-token";
pub const GUILD: &str = "100000000000000001";
pub const BOT: &str = "100000000000000010";
pub const ANN: &str = "100000000000000011";
pub const BEA: &str = "100000000000000012";
/// Everybody in the guild: id and name.
pub const MEMBERS: [(&str, &str); 6] = [
    (ANN, "ann"),
    (BEA, "bea"),
    ("100000000000000013", "cid"),
    ("100000000000000014", "dora"),
    ("100000000000000016", "emil"),
    ("100000000000000015", "zed"),
];
pub const GENERAL: &str = "100000000000000100";
/// Ann's direct channel with the bot.
pub const DIRECT: &str = "100000000000000200";
const APPLICATION: &str = "100000000000000999";

/// One message that stands somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    pub channel: String,
    pub id: String,
    pub author: String,
    pub body: Value,
    /// Whose eyes only: a direct message, or the answer to a press.
    pub only_for: Option<String>,
    pub reactions: BTreeMap<String, BTreeSet<String>>,
    pub edits: usize,
    pub at: Instant,
}

impl Posted {
    /// For everybody in the channel.
    fn new(channel: &str, id: &str, author: &str, body: Value) -> Self {
        let (channel, id, author) = (channel.to_owned(), id.to_owned(), author.to_owned());
        Self {
            channel,
            id,
            author,
            body,
            only_for: None,
            reactions: BTreeMap::new(),
            edits: 0,
            at: Instant::now(),
        }
    }

    pub fn words(&self) -> String {
        rules::words(&self.body)
    }

    pub fn buttons(&self) -> Vec<Value> {
        let rows = self.body["components"].as_array().cloned().unwrap_or_default();
        rows.iter().flat_map(|it| it["components"].as_array().cloned().unwrap_or_default()).collect()
    }
}

/// What the bot did and no test has looked at yet.
#[derive(Debug, Clone)]
enum Unread {
    Post(Posted),
    Edit(Posted),
    File(Upload),
}

struct SessionState {
    events: Vec<Value>,
    line: Option<mpsc::UnboundedSender<Push>>,
}

struct World {
    channels: BTreeMap<String, Value>,
    members: BTreeMap<String, Value>,
    messages: Vec<Posted>,
    nonces: HashMap<String, String>,
    unread: Vec<Unread>,
    sessions: BTreeMap<String, SessionState>,
    /// Happened while nobody had a session.
    early: Vec<(String, Value)>,
    /// What happens is kept back for now.
    held: Option<Vec<(String, Value)>>,
    /// Tells the bot of what it does itself.
    echoes: bool,
    identified: usize,
    resumed: usize,
    /// All that Discord promises of a message, as people said them, by id.
    said: BTreeMap<String, Value>,
    interactions: BTreeMap<String, Interaction>,
    /// An interaction's token is void if it is not answered within this.
    answer_within: Duration,
    forms: Vec<Form>,
    choices: BTreeMap<String, Value>,
    /// Where interactions are posted to instead of the gateway, and the key that signs them.
    posts: Option<interact::Posts>,
    /// What the bot registered, by guild; empty for everywhere.
    commands: BTreeMap<String, Value>,
    /// The bot may not speak there.
    closed: BTreeSet<String>,
    uploads: Vec<Upload>,
    faults: Faults,
    limits: Limits,
    faulty_calls: Vec<String>,
    calls: Vec<String>,
    number: u64,
    /// Seconds between what people do and our telling of it.
    lag: i64,
    /// Seconds that our clock is behind the bot's.
    skew: u64,
    /// A session that begins leaves the others as they are.
    several: bool,
    heartbeat: Duration,
    starts_left: u64,
    allows_content: bool,
    refuses_intents: bool,
    refuses_identify: Option<u16>,
    refuses_resume: Option<u16>,
    shut: bool,
    away: bool,
    all_lines: Vec<mpsc::UnboundedSender<Push>>,
}

/// What somebody did, and how far it was answered.
#[derive(Debug, Clone)]
struct Interaction {
    user: String,
    /// 2 command, 3 press, 4 typing, 5 form.
    kind: u64,
    channel: String,
    /// The message that was pressed.
    message: Option<String>,
    made: Instant,
    answered: Option<Instant>,
    /// A test expects that it is never answered.
    may_fail: bool,
}

/// The guild; cloning gives another handle to it.
#[derive(Clone)]
pub struct FakeDiscord {
    world: Arc<Mutex<World>>,
    changed: Arc<Notify>,
    http: String,
    gateway: String,
}

fn person(id: &str, name: &str) -> (String, Value) {
    (
        id.to_owned(),
        json!({"user": {"id": id, "username": name, "global_name": null, "bot": id == BOT}, "nick": name,
        "flags": 0, "pending": false, "deaf": false, "mute": false, "roles": [], "joined_at": "2020-01-01T00:00:00Z"}),
    )
}

/// The direct channel of somebody with the bot.
fn direct(id: &str, user: &str) -> (String, Value) {
    (id.to_owned(), json!({"id": id, "type": 1, "recipients": [{"id": user}]}))
}

/// 2015, in milliseconds.
const EPOCH: i64 = 1_420_070_400_000;

/// The least id of a moment.
fn id_at(millis: i64) -> u64 {
    u64::try_from(millis - EPOCH).unwrap_or(0) << 22
}

impl World {
    /// What our clock says.
    fn now(&self) -> Timestamp {
        before(SystemClock.now(), Duration::from_secs(self.skew))
    }

    /// Ids tell the time, and grow.
    fn next_id(&mut self) -> String {
        self.number = (self.number + 1).max(id_at(self.now().as_millisecond()));
        self.number.to_string()
    }

    /// The id of what somebody did and is told now.
    fn id_done(&mut self) -> String {
        if self.lag == 0 { self.next_id() } else { self.id_ago(self.lag) }
    }

    /// The id of something that happened so many seconds ago.
    fn id_ago(&mut self, seconds: i64) -> String {
        self.number += 1;
        (id_at(self.now().as_millisecond() - seconds * 1_000) + self.number % 4_096).to_string()
    }

    fn dispatch(&mut self, kind: &str, data: &Value) {
        if let Some(held) = &mut self.held {
            held.push((kind.to_owned(), data.clone()));
            return;
        }
        if self.sessions.is_empty() {
            self.early.push((kind.to_owned(), data.clone()));
            return;
        }
        for session in self.sessions.values_mut() {
            session.dispatch(kind, data.clone());
        }
    }

    /// Tells the bot of a message of its own.
    fn echo(&mut self, kind: &str, posted: &Posted) {
        if self.echoes && !posted.channel.starts_with("token-") {
            let text = posted.body["content"].as_str().unwrap_or_default();
            let mut event = whole_message(&posted.id, &posted.channel, &self.members[BOT]["user"], text);
            event["embeds"] = posted.body["embeds"].clone();
            if self.recipient(&posted.channel).is_none() {
                event["guild_id"] = json!(GUILD);
            }
            self.dispatch(kind, &event);
        }
    }

    /// Whose direct channel this is.
    fn recipient(&self, channel: &str) -> Option<String> {
        let direct = self.channels.get(channel).filter(|it| it["type"] == 1)?;
        direct["recipients"][0]["id"].as_str().map(str::to_owned)
    }

    /// The direct channel of this person; made when first needed.
    fn direct_with(&mut self, user: &str) -> String {
        let known = self.channels.keys().find(|it| self.recipient(it).as_deref() == Some(user)).cloned();
        known.unwrap_or_else(|| {
            let (id, channel) = direct(&self.next_id(), user);
            self.channels.insert(id.clone(), channel);
            id
        })
    }
}

/// All fields that Discord promises for a message.
fn whole_message(id: &str, channel: &str, author: &Value, text: &str) -> Value {
    let mentioned = text.split("<@").skip(1).filter_map(|it| it.split_once('>'));
    let mentions: Vec<Value> = mentioned.map(|(user, _)| json!({"id": user})).collect();
    json!({"id": id, "channel_id": channel, "author": author, "content": text, "type": 0,
        "timestamp": "2026-11-21T00:00:00Z", "edited_timestamp": null, "mentions": mentions, "mention_roles": [],
        "mention_everyone": false, "attachments": [], "embeds": [], "components": [], "tts": false,
        "pinned": false, "flags": 0})
}

impl FakeDiscord {
    pub async fn start() -> Self {
        super::install_tls();
        let (http, http_address) = listen().await;
        let (gateway, gateway_address) = listen().await;
        let channel =
            |id: &str, kind: u64| (id.to_owned(), json!({"id": id, "type": kind, "guild_id": GUILD}));
        let world = World {
            channels: [channel(GENERAL, 0), direct(DIRECT, ANN)].into(),
            members: MEMBERS
                .into_iter()
                .chain([(BOT, "lockkeeper")])
                .map(|(id, name)| person(id, name))
                .collect(),
            messages: Vec::new(),
            nonces: HashMap::new(),
            unread: Vec::new(),
            sessions: BTreeMap::new(),
            early: Vec::new(),
            held: None,
            echoes: false,
            identified: 0,
            resumed: 0,
            said: BTreeMap::new(),
            interactions: BTreeMap::new(),
            answer_within: Duration::from_secs(3),
            forms: Vec::new(),
            choices: BTreeMap::new(),
            posts: None,
            commands: BTreeMap::new(),
            closed: BTreeSet::new(),
            uploads: Vec::new(),
            faults: Faults::default(),
            limits: Limits::default(),
            faulty_calls: Vec::new(),
            calls: Vec::new(),
            number: 0,
            lag: 0,
            skew: 0,
            several: false,
            heartbeat: Duration::from_millis(200),
            starts_left: 1_000,
            allows_content: true,
            refuses_intents: false,
            refuses_identify: None,
            refuses_resume: None,
            shut: false,
            away: false,
            all_lines: Vec::new(),
        };
        let fake = Self {
            world: Arc::new(Mutex::new(world)),
            changed: Arc::new(Notify::new()),
            http: http_address,
            gateway: gateway_address,
        };
        tokio::spawn(rest::serve(fake.clone(), http));
        tokio::spawn(gateway::serve(fake.clone(), gateway));
        fake
    }

    /// The base address of the REST API.
    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    fn world<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let result = act(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_waiters();
        result
    }

    fn look<T>(&self, act: impl FnOnce(&World) -> T) -> T {
        act(&self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn next_id(&self) -> String {
        self.world(World::next_id)
    }

    /// The id of something that happens now.
    pub fn id_now(&self) -> String {
        self.next_id()
    }
}

impl SessionState {
    fn dispatch(&mut self, kind: &str, data: Value) {
        let frame = json!({"op": 0, "t": kind, "s": self.events.len() + 1, "d": data});
        self.events.push(frame.clone());
        if let Some(line) = &self.line {
            let _ = line.send(Push::Frame(frame));
        }
    }
}

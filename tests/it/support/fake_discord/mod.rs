//! A Discord guild in memory, behind real HTTP and WebSocket. It keeps Discord's rules (limits, heartbeats, sessions
//! and resumes, answers to interactions) and remembers everything; people act in it through the methods of
//! [`FakeDiscord`].

mod act;
mod gateway;
mod interact;
mod past;
mod rest;
pub mod rules;

pub use interact::Form;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockkeeper::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::wire::{Fault, Faults, Push, Upload, listen};
use super::{PATIENCE, eventually};

pub const TOKEN: &str = "discord-token";
pub const GUILD: &str = "100000000000000001";
pub const BOT: &str = "100000000000000010";
pub const ANN: &str = "100000000000000011";
pub const BEA: &str = "100000000000000012";
/// Everybody in the guild: id and name.
pub const MEMBERS: [(&str, &str); 5] = [
    (ANN, "ann"),
    (BEA, "bea"),
    ("100000000000000013", "cid"),
    ("100000000000000014", "dora"),
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
}

impl Posted {
    /// For everybody in the channel.
    fn new(channel: &str, id: &str, author: &str, body: Value) -> Self {
        let (channel, id, author) = (channel.to_owned(), id.to_owned(), author.to_owned());
        Self { channel, id, author, body, only_for: None, reactions: BTreeMap::new(), edits: 0 }
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
    faulty_calls: Vec<String>,
    calls: Vec<String>,
    number: u64,
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
    answered: bool,
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
    /// Ids tell the time, and grow.
    fn next_id(&mut self) -> String {
        self.number = (self.number + 1).max(id_at(SystemClock.now().as_millisecond()));
        self.number.to_string()
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
    json!({"id": id, "channel_id": channel, "author": author, "content": text, "type": 0,
        "timestamp": "2026-11-21T00:00:00Z", "edited_timestamp": null, "mentions": [], "mention_roles": [],
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
            faulty_calls: Vec::new(),
            calls: Vec::new(),
            number: 0,
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

    // Knobs.

    /// Changes what is known of a member; `null` makes them leave.
    pub fn set_member(&self, user: &str, facts: Value) {
        self.world(|it| match facts.as_object() {
            None => {
                it.members.remove(user);
            }
            Some(facts) => {
                let known = it.members.entry(user.to_owned()).or_insert_with(|| person(user, user).1);
                for (key, value) in facts {
                    known[key] = value.clone();
                }
            }
        });
    }

    /// `call` is the method and the path's first word: `POST channels`.
    pub fn fail_next(&self, call: &str, fault: Fault) {
        self.world(|it| it.faults.plan(call, fault));
    }

    pub fn rate_limit_next(&self, call: &str, retry_after: &str) {
        self.fail_next(call, Fault::RateLimit(retry_after.to_owned()));
    }

    /// The MESSAGE CONTENT intent is off in the portal: texts come empty.
    pub fn withhold_content(&self, withheld: bool) {
        self.world(|it| it.allows_content = !withheld);
    }

    /// Closes with 4014 instead of READY.
    pub fn refuse_intents(&self) {
        self.world(|it| it.refuses_intents = true);
    }

    pub fn set_starts_left(&self, left: u64) {
        self.world(|it| it.starts_left = left);
    }

    /// How often lines want to hear from us.
    pub fn beat_every(&self, interval: Duration) {
        self.world(|it| it.heartbeat = interval);
    }

    /// No line opens; those that stand stay.
    pub fn shut_gateway(&self, shut: bool) {
        self.world(|it| it.shut = shut);
    }

    /// Nothing of Discord answers; its memory stays.
    pub fn go_away(&self) {
        self.world(|it| (it.away, it.shut) = (true, true));
        self.drop_all_lines();
    }

    pub fn come_back(&self) {
        self.world(|it| (it.away, it.shut) = (false, false));
    }

    /// Cuts every line, those without a session too.
    pub fn drop_all_lines(&self) {
        self.world(|it| {
            for line in it.all_lines.drain(..) {
                let _ = line.send(Push::Cut);
            }
        });
    }

    /// The next line that begins a session is closed with this.
    pub fn refuse_next_identify(&self, code: u16) {
        self.world(|it| it.refuses_identify = Some(code));
    }

    /// The next line that resumes one is closed with this.
    pub fn refuse_next_resume(&self, code: u16) {
        self.world(|it| it.refuses_resume = Some(code));
    }

    /// The bot may not see or speak there; commands work all the same.
    pub fn keep_out(&self, channel: &str) {
        self.world(|it| it.closed.insert(channel.to_owned()));
    }

    /// Sends this to every line.
    pub fn push(&self, push: Push) {
        self.world(|it| {
            for session in it.sessions.values_mut() {
                if let Some(line) = &session.line {
                    let _ = line.send(push.clone());
                }
                if matches!(push, Push::Cut | Push::Close(_) | Push::Freeze) {
                    session.line = None;
                }
            }
        });
    }

    pub fn drop_socket(&self) {
        self.push(Push::Cut);
    }

    /// The guild forgets all sessions: a resume is answered with op 9.
    pub fn forget_sessions(&self) {
        self.world(|it| it.sessions.clear());
    }

    /// Sends the last event of each session once more, as a replay would.
    pub fn duplicate_last_event(&self) {
        self.world(|it| {
            for session in it.sessions.values() {
                if let (Some(line), Some(event)) = (&session.line, session.events.last()) {
                    let _ = line.send(Push::Frame(event.clone()));
                }
            }
        });
    }

    /// Any dispatch at all.
    pub fn happen(&self, kind: &str, data: Value) {
        self.world(|it| {
            if it.sessions.is_empty() {
                it.early.push((kind.to_owned(), data));
                return;
            }
            for session in it.sessions.values_mut() {
                session.dispatch(kind, data.clone());
            }
        });
    }

    fn next_id(&self) -> String {
        self.world(World::next_id)
    }

    // What the bot did.

    /// The bot's next message in this channel that no test has looked at.
    pub async fn next_message(&self, channel: &str) -> Posted {
        let mut take = || {
            self.take(|it| match it {
                Unread::Post(posted) if posted.channel == channel => Some(posted.clone()),
                Unread::Post(_) | Unread::Edit(_) | Unread::File(_) => None,
            })
        };
        self.expect(&format!("a message in {channel}"), &mut take).await
    }

    pub async fn next_edit(&self, channel: &str) -> Posted {
        let mut take = || {
            self.take(|it| match it {
                Unread::Edit(posted) if posted.channel == channel => Some(posted.clone()),
                Unread::Post(_) | Unread::Edit(_) | Unread::File(_) => None,
            })
        };
        self.expect(&format!("an edit in {channel}"), &mut take).await
    }

    pub async fn next_file(&self, channel: &str) -> Upload {
        let mut take = || {
            self.take(|it| match it {
                Unread::File(upload) if upload.channel == channel => Some(upload.clone()),
                Unread::Post(_) | Unread::Edit(_) | Unread::File(_) => None,
            })
        };
        self.expect(&format!("a file in {channel}"), &mut take).await
    }

    fn take<T>(&self, mut wanted: impl FnMut(&Unread) -> Option<T>) -> Option<T> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, found) =
            world.unread.iter().enumerate().find_map(|(at, it)| wanted(it).map(|it| (at, it)))?;
        world.unread.remove(at);
        Some(found)
    }

    async fn expect<T>(&self, what: &str, take: &mut impl FnMut() -> Option<T>) -> T {
        match eventually(&self.changed, take).await {
            Some(found) => found,
            None => panic!("{what} did not come in {PATIENCE:?}. {}", self.history()),
        }
    }

    /// Waits until the world is so.
    pub async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        self.expect(what, &mut || holds(self).then_some(())).await;
    }

    pub fn message(&self, id: &str) -> Option<Posted> {
        self.look(|it| it.messages.iter().find(|it| it.id == id).cloned())
    }

    pub fn messages(&self, channel: &str) -> Vec<Posted> {
        self.look(|it| it.messages.iter().filter(|it| it.channel == channel).cloned().collect())
    }

    /// Everything that stands anywhere, oldest first; what people said, too.
    pub fn all_messages(&self) -> Vec<Posted> {
        self.look(|it| it.messages.clone())
    }

    /// Every file that was shown.
    pub fn uploads(&self) -> Vec<Upload> {
        self.look(|it| it.uploads.clone())
    }

    /// For who reads messages as they stand, not as they come.
    pub fn skip_unread(&self) {
        self.world(|it| it.unread.clear());
    }

    /// A copy of an event may be answered like the first: Discord refuses it, and no harm is done.
    pub fn forgive_second_answers(&self) {
        self.world(|it| it.faulty_calls.retain(|it| !it.starts_with("a second answer")));
    }

    /// Rings at every change.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    pub fn lines(&self) -> usize {
        let open = |it: &SessionState| it.line.as_ref().is_some_and(|line| !line.is_closed());
        self.look(|it| it.sessions.values().filter(|it| open(it)).count())
    }

    pub fn identified(&self) -> usize {
        self.look(|it| it.identified)
    }

    /// Lines that stood: begun anew or resumed.
    pub fn begun(&self) -> usize {
        self.identified() + self.resumed()
    }

    pub fn resumed(&self) -> usize {
        self.look(|it| it.resumed)
    }

    /// Whether this interaction was answered.
    pub fn is_answered(&self, interaction: &str) -> bool {
        self.look(|it| it.interactions.get(interaction).is_some_and(|it| it.answered))
    }

    /// Whether it is answered, now or before this is over.
    pub async fn answered_within(&self, interaction: &str, patience: Duration) -> bool {
        let answered = || self.is_answered(interaction).then_some(());
        super::within(patience, &self.changed, answered).await.is_some()
    }

    /// Whether a line stands that did not before, now or before this is over.
    pub async fn begins_within(&self, patience: Duration) -> bool {
        let before = self.begun();
        let begun = || (before < self.begun()).then_some(());
        super::within(patience, &self.changed, begun).await.is_some()
    }

    pub fn calls(&self, call: &str) -> usize {
        self.look(|it| it.calls.iter().filter(|it| *it == call).count())
    }

    pub fn history(&self) -> String {
        self.look(|it| {
            let said: Vec<String> = it
                .messages
                .iter()
                .map(|m| format!("  {} {} {}: {}", m.channel, m.id, m.author, m.body))
                .collect();
            format!("calls: {:?}\nmessages:\n{}\nrefused: {:#?}", it.calls, said.join("\n"), it.faulty_calls)
        })
    }

    /// Everything was read, answered and allowed.
    pub async fn finish(self) {
        self.until("all presses are answered", |it| {
            it.look(|it| it.interactions.values().all(|it| it.answered || it.may_fail))
        })
        .await;
        self.look(|it| {
            assert!(it.faulty_calls.is_empty(), "calls that Discord would refuse: {:#?}", it.faulty_calls);
            assert!(it.unread.is_empty(), "nobody looked at: {:#?}", it.unread);
            assert!(it.faults.left().is_empty(), "planned faults that never came: {:?}", it.faults.left());
        });
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

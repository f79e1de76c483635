//! A Discord guild in memory, behind real HTTP and WebSocket. It keeps Discord's rules (limits, heartbeats, sessions
//! and resumes, answers to interactions) and remembers everything; people act in it through the methods of
//! [`FakeDiscord`].

mod gateway;
mod rest;
pub mod rules;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

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
    /// Who pressed, and whether that was answered.
    interactions: BTreeMap<String, (String, bool)>,
    uploads: Vec<Upload>,
    faults: Faults,
    faulty_calls: Vec<String>,
    calls: Vec<String>,
    number: u64,
    heartbeat: Duration,
    starts_left: u64,
    allows_content: bool,
    refuses_intents: bool,
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

impl World {
    /// Whose direct channel this is.
    fn recipient(&self, channel: &str) -> Option<String> {
        let direct = self.channels.get(channel).filter(|it| it["type"] == 1)?;
        direct["recipients"][0]["id"].as_str().map(str::to_owned)
    }

    /// The direct channel of this person; made when first needed.
    fn direct_with(&mut self, user: &str) -> String {
        let known = self.channels.keys().find(|it| self.recipient(it).as_deref() == Some(user)).cloned();
        known.unwrap_or_else(|| {
            self.number += 1;
            let (id, channel) = direct(&self.number.to_string(), user);
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
            interactions: BTreeMap::new(),
            uploads: Vec::new(),
            faults: Faults::default(),
            faulty_calls: Vec::new(),
            calls: Vec::new(),
            number: 100_000_000_000_010_000,
            heartbeat: Duration::from_millis(200),
            starts_left: 1_000,
            allows_content: true,
            refuses_intents: false,
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

    // People.

    pub fn say(&self, user: &str, channel: &str, text: &str) -> String {
        self.say_with(user, channel, text, json!({}))
    }

    pub fn say_with(&self, user: &str, channel: &str, text: &str, more: Value) -> String {
        let id = self.next_id();
        let member = self.look(|it| it.members.get(user).cloned().unwrap_or(Value::Null));
        let mut event = whole_message(&id, channel, &member["user"], text);
        if event["author"].is_null() {
            event["author"] = json!({"id": user, "username": "stranger"});
        }
        if self.look(|it| it.recipient(channel).is_none()) {
            event["guild_id"] = json!(GUILD);
            let mut partial = member;
            if let Some(member) = partial.as_object_mut() {
                member.remove("user");
            }
            event["member"] = partial;
            if self.look(|it| !it.allows_content) && !text.contains(BOT) {
                event["content"] = json!("");
            }
        }
        for (key, value) in more.as_object().expect("fields") {
            event[key] = value.clone();
        }
        self.world(|it| {
            it.messages.push(Posted {
                channel: channel.to_owned(),
                id: id.clone(),
                author: user.to_owned(),
                body: json!({"content": text}),
                only_for: None,
                reactions: BTreeMap::new(),
                edits: 0,
            });
        });
        self.happen("MESSAGE_CREATE", event);
        id
    }

    pub fn edit(&self, user: &str, channel: &str, id: &str, text: &str) {
        self.happen(
            "MESSAGE_UPDATE",
            json!({"id": id, "channel_id": channel, "guild_id": GUILD, "content": text,
            "author": {"id": user}, "type": 0, "edited_timestamp": "2026-11-21T00:01:00Z"}),
        );
    }

    pub fn delete(&self, channel: &str, id: &str) {
        self.world(|it| it.messages.retain(|message| message.id != id));
        self.happen("MESSAGE_DELETE", json!({"id": id, "channel_id": channel, "guild_id": GUILD}));
    }

    pub fn react(&self, user: &str, channel: &str, id: &str, emoji: &str, added: bool) {
        let mut event = json!({"user_id": user, "channel_id": channel, "message_id": id, "guild_id": GUILD,
            "emoji": {"id": null, "name": emoji}, "burst": false, "type": 0});
        if added {
            event["member"] = self.look(|it| it.members.get(user).cloned().unwrap_or(Value::Null));
        }
        self.happen(if added { "MESSAGE_REACTION_ADD" } else { "MESSAGE_REACTION_REMOVE" }, event);
    }

    /// Presses the button with this label; gives the interaction's id.
    pub fn press(&self, user: &str, message: &Posted, label: &str) -> String {
        let button = message.buttons().into_iter().find(|it| it["label"] == label);
        let Some(button) = button else { panic!("no button `{label}` in {:#?}", message.body) };
        self.press_button(user, &message.channel, &message.id, &button)
    }

    /// Presses a button that stands there, or stood there when the person last looked.
    pub fn press_button(&self, user: &str, at: &str, message: &str, button: &Value) -> String {
        let id = self.next_id();
        let (member, channel) = self
            .look(|it| (it.members.get(user).cloned().unwrap_or(Value::Null), it.channels.get(at).cloned()));
        let bot = self.look(|it| it.members[BOT]["user"].clone());
        self.world(|it| it.interactions.insert(id.clone(), (user.to_owned(), false)));
        self.happen("INTERACTION_CREATE", json!({"id": id, "application_id": APPLICATION, "type": 3, "version": 1,
            "token": format!("token-{id}"), "guild_id": GUILD, "channel_id": at, "channel": channel,
            "member": member, "message": whole_message(message, at, &bot, ""),
            "locale": "en-US", "app_permissions": "0", "entitlements": [], "attachment_size_limit": 10_000_000,
            "data": {"component_type": 2, "custom_id": button["custom_id"]}}));
        id
    }

    /// A thread that a person made.
    pub fn open_thread(&self, parent: &str) -> String {
        let id = self.next_id();
        self.thread_below(parent, &id);
        id
    }

    /// The thread below a message, which bears its id; a person makes it if nobody has.
    pub fn thread_below(&self, parent: &str, message: &str) {
        let thread =
            json!({"id": message, "type": 11, "parent_id": parent, "guild_id": GUILD, "name": "talk"});
        self.world(|it| {
            it.channels.entry(message.to_owned()).or_insert(thread);
        });
    }

    /// The channel that a thread hangs in; `None` for what is no thread.
    pub fn parent(&self, channel: &str) -> Option<String> {
        self.look(|it| it.channels.get(channel)?["parent_id"].as_str().map(str::to_owned))
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
        self.world(|it| {
            it.number += 1;
            it.number.to_string()
        })
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

    pub fn resumed(&self) -> usize {
        self.look(|it| it.resumed)
    }

    /// Whether this interaction was answered.
    pub fn is_answered(&self, interaction: &str) -> bool {
        self.look(|it| it.interactions.get(interaction).is_some_and(|(_, answered)| *answered))
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
            it.look(|it| it.interactions.values().all(|(_, answered)| *answered))
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

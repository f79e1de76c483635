//! A Slack workspace in memory, behind real HTTP and WebSocket. It keeps Slack's rules (limits, acknowledgements,
//! tickets, tokens) and remembers everything; people act in it through the methods of [`FakeSlack`].

mod api;
mod command;
mod form;
pub mod http;
mod limit;
mod past;
pub mod rules;
pub mod scope;
mod socket;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lockkeeper::clock::{Clock as _, SystemClock, before};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::limits::Limits;
use super::wire::{Fault, Faults, Push, Upload, listen, shuffled};
use super::{PATIENCE, eventually};

pub use form::Form;

pub const BOT_TOKEN: &str = "xoxb-test";
pub const APP_TOKEN: &str = "xapp-test";
pub const TEAM: &str = "T0HOME";
pub const BOT: &str = "U0LOCK";
pub const ANN: &str = "U0ANN";
pub const BEA: &str = "U0BEA";
/// Everybody in the workspace: id and name.
pub const MEMBERS: [(&str, &str); 6] =
    [(ANN, "ann"), (BEA, "bea"), ("U0CID", "cid"), ("U0DORA", "dora"), ("U0EMIL", "emil"), ("U0ZED", "zed")];
/// A public channel that the bot is in.
pub const GENERAL: &str = "C0GENERAL";
/// Ann's direct message with the bot.
pub const DIRECT: &str = "D0ANN";

/// One message that stands somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    pub channel: String,
    pub ts: String,
    pub user: String,
    /// The body as it was sent: `text`, `blocks`, `thread_ts`, `metadata`.
    pub body: Value,
    /// Whose eyes only.
    pub only_for: Option<String>,
    pub reactions: BTreeMap<String, BTreeSet<String>>,
    pub edits: usize,
    pub at: Instant,
    /// When the bot acknowledged it, if a person said it.
    pub taken: Option<Instant>,
}

impl Posted {
    /// For everybody in the channel.
    fn new(channel: &str, ts: &str, user: &str, body: Value) -> Self {
        let (channel, ts, user) = (channel.to_owned(), ts.to_owned(), user.to_owned());
        Self {
            channel,
            ts,
            user,
            body,
            only_for: None,
            reactions: BTreeMap::new(),
            edits: 0,
            at: Instant::now(),
            taken: None,
        }
    }

    pub fn words(&self) -> String {
        rules::words(&self.body)
    }

    pub fn buttons(&self) -> Vec<Value> {
        let blocks = self.body["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let actions = blocks.iter().filter(|it| it["type"] == "actions");
        actions.flat_map(|it| it["elements"].as_array().cloned().unwrap_or_default()).collect()
    }

    pub fn thread(&self) -> Option<&str> {
        self.body["thread_ts"].as_str()
    }
}

/// What the bot did and no test has looked at yet.
#[derive(Debug, Clone)]
enum Unread {
    Post(Posted),
    Edit(Posted),
    Form(Form),
    File(Upload),
}

struct Sent {
    envelope: Value,
    attempt: u32,
    /// The number of the socket that it went over.
    socket: usize,
}

struct World {
    users: BTreeMap<String, Value>,
    messages: Vec<Posted>,
    unread: Vec<Unread>,
    /// Announced, not shown yet; by id.
    files: HashMap<String, Upload>,
    uploads: Vec<Upload>,
    sockets: Vec<socket::Socket>,
    next_socket: usize,
    /// Envelopes that each socket was given, by its number.
    dealt: BTreeMap<usize, usize>,
    /// Tells the bot of what it does itself.
    echoes: bool,
    opened: usize,
    tickets: BTreeSet<String>,
    waiting: HashMap<String, Sent>,
    acknowledged: usize,
    lost: Vec<Value>,
    outbound: VecDeque<Value>,
    /// What happens is kept back for now.
    held: Option<Vec<Value>>,
    duplicate_next: usize,
    faults: Faults,
    limits: Limits,
    /// Slack's word for why the bot's token does not count.
    revoked: Option<String>,
    /// Sockets that are one too many.
    too_many: usize,
    away: bool,
    /// Where payloads are posted to, if not over sockets.
    target: Option<http::Target>,
    forms: form::Forms,
    commands: command::Commands,
    /// Payloads that came with acknowledgements.
    replies: Vec<Value>,
    faulty_calls: Vec<String>,
    /// Scopes of the manifest that the installed app has not.
    withheld: BTreeSet<String>,
    calls: Vec<String>,
    number: u64,
    ack_within: Duration,
    /// Seconds between what people do and our telling of it.
    lag: i64,
    /// Seconds that our clock is behind the bot's.
    skew: u64,
    /// When a mark was last put or taken away, in milliseconds.
    marked: i64,
}

impl World {
    /// An event as it is delivered.
    fn callback(&mut self, event: Value) -> Value {
        self.number += 1;
        json!({"type": "event_callback", "team_id": TEAM, "api_app_id": "A1", "event": event,
            "event_id": format!("Ev{}", self.number), "event_time": 1_790_000_000, "token": "deprecated"})
    }

    /// Tells the bot of what it did itself, if that is wanted.
    fn echo(&mut self, event: Value) {
        if self.echoes && self.target.is_none() {
            let payload = self.callback(event);
            self.outbound.push_back(
                json!({"type": "events_api", "payload": payload, "accepts_response_payload": false}),
            );
        }
    }

    fn forget_echoes(&mut self) {
        let event = |it: &Value| it["payload"]["event"].clone();
        let echoed = |it: &Value| event(it)["user"] == BOT || event(it)["message"]["user"] == BOT;
        self.outbound.retain(|it| !echoed(it));
        self.waiting.retain(|_, it| !echoed(&it.envelope));
        self.lost.retain(|it| !echoed(it));
    }

    /// The next message's `ts`: now, and a counter.
    fn ts(&mut self) -> String {
        self.number += 1;
        format!("{}.{:06}", self.now().as_second(), self.number)
    }

    /// What our clock says.
    fn now(&self) -> Timestamp {
        before(SystemClock.now(), Duration::from_secs(self.skew))
    }

    /// When a mark is put or taken away: never two at a time.
    fn marked_at(&mut self) -> String {
        self.marked = self.now().as_millisecond().max(self.marked + 1);
        format!("{}.{:03}000", self.marked / 1_000, self.marked % 1_000)
    }

    /// When somebody did what is told now.
    fn done_at(&mut self) -> String {
        self.number += 1;
        format!("{}.{:06}", self.now().as_second() - self.lag, self.number)
    }

    fn note_taken(&mut self, envelope: &Value) {
        self.acknowledged += 1;
        let event = &envelope["payload"]["event"];
        let mut latest = self.messages.iter_mut().rev();
        let said = latest.find(|it| event["ts"] == it.ts.as_str() && event["channel"] == it.channel.as_str());
        if let Some(message) = said {
            message.taken.get_or_insert_with(Instant::now);
        }
    }
}

/// The workspace; cloning gives another handle to it.
#[derive(Clone)]
pub struct FakeSlack {
    world: Arc<Mutex<World>>,
    changed: Arc<Notify>,
    http: String,
    gateway: String,
}

impl FakeSlack {
    pub async fn start() -> Self {
        super::install_tls();
        let (http, http_address) = listen().await;
        let (gateway, gateway_address) = listen().await;
        let person = |id: &str, name: &str| {
            let user = json!({"id": id, "team_id": TEAM, "name": name, "real_name": name,
                "profile": {"display_name": name}, "deleted": false, "is_bot": false, "is_restricted": false,
                "is_ultra_restricted": false});
            (id.to_owned(), user)
        };
        let world = World {
            users: MEMBERS
                .into_iter()
                .chain([(BOT, "lockkeeper")])
                .map(|(id, name)| person(id, name))
                .collect(),
            messages: Vec::new(),
            unread: Vec::new(),
            files: HashMap::new(),
            uploads: Vec::new(),
            sockets: Vec::new(),
            next_socket: 0,
            dealt: BTreeMap::new(),
            echoes: false,
            opened: 0,
            tickets: BTreeSet::new(),
            waiting: HashMap::new(),
            acknowledged: 0,
            lost: Vec::new(),
            outbound: VecDeque::new(),
            held: None,
            duplicate_next: 0,
            faults: Faults::default(),
            limits: Limits::default(),
            revoked: None,
            too_many: 0,
            away: false,
            target: None,
            forms: form::Forms::default(),
            commands: command::Commands::default(),
            replies: Vec::new(),
            faulty_calls: Vec::new(),
            withheld: BTreeSet::new(),
            calls: Vec::new(),
            number: 0,
            ack_within: Duration::from_secs(3),
            lag: 0,
            skew: 0,
            marked: 0,
        };
        let fake = Self {
            world: Arc::new(Mutex::new(world)),
            changed: Arc::new(Notify::new()),
            http: http_address,
            gateway: gateway_address,
        };
        tokio::spawn(api::serve(fake.clone(), http));
        tokio::spawn(socket::serve(fake.clone(), gateway));
        fake
    }

    /// The base address of the Web API.
    pub fn url(&self) -> String {
        format!("http://{}/api", self.http)
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

    /// Changes what `users.info` says.
    pub fn set_user(&self, user: &str, facts: Value) {
        self.world(|it| {
            let known = it.users.entry(user.to_owned()).or_insert_with(|| json!({"id": user}));
            for (key, value) in facts.as_object().expect("facts") {
                known[key] = value.clone();
            }
        });
    }

    pub fn fail_next(&self, method: &str, fault: Fault) {
        self.world(|it| it.faults.plan(method, fault));
    }

    pub fn rate_limit_next(&self, method: &str, retry_after: &str) {
        self.fail_next(method, Fault::RateLimit(retry_after.to_owned()));
    }

    /// The bot's token does not count any more.
    pub fn revoke(&self, code: &str) {
        self.world(|it| it.revoked = Some(code.to_owned()));
    }

    /// It does again.
    pub fn recognise(&self) {
        self.world(|it| it.revoked = None);
    }

    /// The next sockets are told that they are one too many, as soon as they stand.
    pub fn refuse_sockets(&self, number: usize) {
        self.world(|it| it.too_many = number);
    }

    pub fn duplicate_next_event(&self) {
        self.world(|it| it.duplicate_next += 1);
    }

    /// Whether all that happened is told and acknowledged.
    pub fn all_told(&self) -> bool {
        self.look(|it| it.waiting.is_empty() && it.outbound.is_empty())
    }

    /// Nothing that happens is told until this ends.
    pub fn hold(&self) {
        self.world(|it| it.held = Some(Vec::new()));
    }

    /// Tells of it in another order.
    pub fn release(&self, seed: u64) {
        self.world(|it| {
            let held = it.held.take().unwrap_or_default();
            it.outbound.extend(shuffled(held, seed, |_| None::<()>));
        });
        socket::flush(self);
    }

    /// Instead of 3 s.
    pub fn expect_acks_within(&self, limit: Duration) {
        self.world(|it| it.ack_within = limit);
    }

    /// The app was installed without this scope.
    pub fn withhold(&self, scope: &str) {
        self.world(|it| it.withheld.insert(scope.to_owned()));
    }

    /// From now on what people say and press is told so many seconds later.
    pub fn lag(&self, seconds: i64) {
        self.world(|it| it.lag = seconds);
    }

    /// From now on our clock is so many seconds behind the bot's.
    pub fn skew(&self, seconds: u64) {
        self.world(|it| it.skew = seconds);
    }

    /// Sends this to every socket.
    pub fn push(&self, push: Push) {
        self.world(|it| {
            for socket in &it.sockets {
                let _ = socket.push.send(push.clone());
            }
            if matches!(push, Push::Cut | Push::Close(_) | Push::Freeze) {
                it.sockets.clear();
            }
        });
    }

    pub fn drop_sockets(&self) {
        self.push(Push::Cut);
    }

    /// Announces the end of every socket; they stay open until the client closes them.
    pub fn announce_disconnect(&self, reason: &str) {
        self.push(Push::Frame(json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "x"}})));
    }

    // People.

    pub fn say(&self, user: &str, channel: &str, text: &str) -> String {
        self.say_with(user, channel, text, json!({}))
    }

    /// Says something with more fields in the event: `thread_ts`, `subtype`, `bot_id` …
    pub fn say_with(&self, user: &str, channel: &str, text: &str, more: Value) -> String {
        let ts = self.world(World::done_at);
        let kind = if channel.starts_with('D') { "im" } else { "channel" };
        let mut event = json!({"type": "message", "user": user, "channel": channel, "channel_type": kind, "ts": ts,
            "event_ts": ts, "text": text, "team": TEAM});
        for (key, value) in more.as_object().expect("fields") {
            event[key] = value.clone();
        }
        let mut body = json!({"text": text});
        if event["thread_ts"].is_string() {
            body["thread_ts"] = event["thread_ts"].clone();
        }
        // One that comes under another's `ts` stands in no history.
        if event["ts"] == ts.as_str() {
            self.world(|it| it.messages.push(Posted::new(channel, &ts, user, body)));
        }
        self.happen(event);
        ts
    }

    pub fn edit(&self, user: &str, channel: &str, ts: &str, text: &str) {
        let edited = self.next_ts();
        self.happen(json!({"type": "message", "subtype": "message_changed", "hidden": true, "channel": channel,
            "ts": edited, "event_ts": edited, "message": {"type": "message", "user": user, "text": text, "ts": ts,
            "edited": {"user": user, "ts": edited}}}));
    }

    pub fn delete(&self, channel: &str, ts: &str) {
        let at = self.next_ts();
        self.happen(
            json!({"type": "message", "subtype": "message_deleted", "hidden": true, "channel": channel,
            "ts": at, "event_ts": at, "deleted_ts": ts}),
        );
        self.remove(channel, ts);
    }

    pub fn react(&self, user: &str, channel: &str, ts: &str, name: &str, added: bool) {
        let at = self.world(World::marked_at);
        self.put_mark(user, channel, ts, name, added);
        let kind = if added { "reaction_added" } else { "reaction_removed" };
        self.happen(json!({"type": kind, "user": user, "reaction": name, "item_user": BOT, "event_ts": at,
            "item": {"type": "message", "channel": channel, "ts": ts}}));
    }

    /// Presses the button with this label.
    pub fn press(&self, user: &str, message: &Posted, label: &str) {
        let button = message.buttons().into_iter().find(|it| it["text"]["text"] == label);
        let Some(button) = button else { panic!("no button `{label}` in {:#?}", message.body) };
        self.press_button(user, &message.channel, &message.ts, &button);
    }

    /// Presses a button that stands there, or stood there when the person last looked.
    pub fn press_button(&self, user: &str, channel: &str, ts: &str, button: &Value) {
        let at = self.world(World::done_at);
        let payload = json!({"type": "block_actions", "user": {"id": user, "username": "x", "team_id": TEAM},
            "team": {"id": TEAM, "domain": "home"}, "api_app_id": "A1", "trigger_id": "1.2.3", "response_url": "http://x",
            "container": {"type": "message", "message_ts": ts, "channel_id": channel,
                "is_ephemeral": false},
            "channel": {"id": channel, "name": "x"}, "message": {"ts": ts},
            "actions": [{"type": "button", "action_id": button["action_id"], "block_id": "answers",
                "value": button["value"], "action_ts": at}]});
        self.deliver("interactive", payload);
    }

    /// Any event at all.
    pub fn happen(&self, event: Value) {
        let payload = self.world(|it| it.callback(event));
        self.deliver("events_api", payload);
    }

    fn deliver(&self, kind: &str, mut payload: Value) {
        if payload["type"] == "block_actions" {
            let user = payload["user"]["id"].as_str().unwrap_or_default().to_owned();
            payload["trigger_id"] = json!(self.world(|it| it.forms.trigger(&user)));
        }
        let envelope = json!({"type": kind, "payload": payload, "accepts_response_payload": false});
        let (copies, target) = self.world(|it| {
            let copies = if 0 < it.duplicate_next { 2 } else { 1 };
            it.duplicate_next = it.duplicate_next.saturating_sub(1);
            (copies, it.target.clone())
        });
        match target {
            Some(target) => (0..copies).for_each(|_| self.send(target.clone(), envelope.clone())),
            None => {
                self.world(|it| {
                    let all = (0..copies).map(|_| envelope.clone());
                    match &mut it.held {
                        Some(held) => held.extend(all),
                        None => it.outbound.extend(all),
                    }
                });
                socket::flush(self);
            }
        }
    }

    fn next_ts(&self) -> String {
        self.world(World::ts)
    }

    // What the bot did.

    /// The bot's next message in this channel that no test has looked at, threads and whispers included.
    pub async fn next_message(&self, channel: &str) -> Posted {
        let mut take = || {
            self.take(|it| match it {
                Unread::Post(posted) if posted.channel == channel => Some(posted.clone()),
                Unread::Post(_) | Unread::Edit(_) | Unread::Form(_) | Unread::File(_) => None,
            })
        };
        self.expect(&format!("a message in {channel}"), &mut take).await
    }

    pub async fn next_edit(&self, channel: &str) -> Posted {
        let mut take = || {
            self.take(|it| match it {
                Unread::Edit(posted) if posted.channel == channel => Some(posted.clone()),
                Unread::Post(_) | Unread::Edit(_) | Unread::Form(_) | Unread::File(_) => None,
            })
        };
        self.expect(&format!("an edit in {channel}"), &mut take).await
    }

    pub async fn next_file(&self, channel: &str) -> Upload {
        let mut take = || {
            self.take(|it| match it {
                Unread::File(upload) if upload.channel == channel => Some(upload.clone()),
                Unread::Post(_) | Unread::Edit(_) | Unread::Form(_) | Unread::File(_) => None,
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

    pub fn message(&self, channel: &str, ts: &str) -> Option<Posted> {
        self.look(|it| it.messages.iter().find(|it| it.channel == channel && it.ts == ts).cloned())
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

    /// For who reads messages as they stand, not as they come. Forms have to be looked at all the same.
    pub fn skip_messages(&self) {
        self.world(|it| it.unread.retain(|it| matches!(it, Unread::Form(_))));
    }

    /// So many envelopes were given up, as the test wanted.
    pub fn expect_lost(&self, count: usize) {
        self.world(|it| {
            assert_eq!(it.lost.len(), count, "{:#?}", it.lost);
            it.lost.clear();
        });
    }

    /// From now on the bot is told of its own messages, edits and marks, as Slack does.
    pub fn echo(&self) {
        self.world(|it| it.echoes = true);
    }

    /// Rings at every change.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    pub fn sockets(&self) -> usize {
        self.look(|it| it.sockets.iter().filter(|it| !it.push.is_closed()).count())
    }

    /// Sockets ever opened.
    pub fn opened(&self) -> usize {
        self.look(|it| it.opened)
    }

    pub fn acknowledged(&self) -> usize {
        self.look(|it| it.acknowledged)
    }

    /// Envelopes that nobody acknowledged in time, and that do not come again.
    pub fn lost(&self) -> usize {
        self.look(|it| it.lost.len())
    }

    /// How often a method was called.
    pub fn calls(&self, method: &str) -> usize {
        self.look(|it| it.calls.iter().filter(|it| *it == method).count())
    }

    pub fn history(&self) -> String {
        self.look(|it| {
            let said = it.messages.iter().map(|m| format!("  {} {} {}: {}", m.channel, m.ts, m.user, m.body));
            let said: Vec<String> = said.collect();
            format!("calls: {:?}\nmessages:\n{}\nrefused: {:#?}", it.calls, said.join("\n"), it.faulty_calls)
        })
    }

    /// Everything was read, acknowledged and allowed.
    pub async fn finish(self) {
        // Nobody waits for what the bot said last, itself.
        self.world(World::forget_echoes);
        self.until("all events are acknowledged", |it| {
            it.look(|it| it.waiting.is_empty() && it.outbound.is_empty())
        })
        .await;
        self.look(|it| {
            assert!(it.faulty_calls.is_empty(), "calls that Slack would refuse: {:#?}", it.faulty_calls);
            assert!(it.limits.early().is_empty(), "calls during a pause: {:#?}", it.limits.early());
            assert!(it.unread.is_empty(), "nobody looked at: {:#?}", it.unread);
            assert!(it.lost.is_empty(), "never acknowledged: {:#?}", it.lost);
            assert!(it.faults.left().is_empty(), "planned faults that never came: {:?}", it.faults.left());
        });
    }
}

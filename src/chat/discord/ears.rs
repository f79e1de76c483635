//! Storing what the gateway brings, and what has to be remembered of it between two dispatches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::Intake;
use super::events::{self, Scene};
use super::rest::Rest;
use crate::clock::{SharedClock, between, from_millis, to_millis};
use crate::id::Account;

/// An interaction's token lives 15 minutes.
const TOKEN_LIFE: Duration = Duration::from_secs(14 * 60);
/// A look at an unknown channel must not hold up what comes after it.
const LOOK_MAX: Duration = Duration::from_secs(2);
const CHANNELS_MAX: usize = 20_000;

/// What the lines of one adapter share.
pub(super) struct Ears {
    pub(super) rest: Arc<Rest>,
    clock: SharedClock,
    guild: String,
    intake_max: Duration,
    /// Milliseconds; 0 is never.
    heard: AtomicI64,
    connected: AtomicBool,
    emptied: AtomicBool,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    own_user: String,
    application: String,
    /// Channels, and for threads the channel that they hang on.
    channels: HashMap<String, Option<String>>,
    /// By channel and user: when somebody last pressed something, and the token to answer with.
    presses: HashMap<(String, String), (Timestamp, String)>,
}

impl Ears {
    pub(super) fn new(rest: Arc<Rest>, clock: SharedClock, guild: String, intake_max: Duration) -> Self {
        Self {
            rest,
            clock,
            guild,
            intake_max,
            heard: AtomicI64::new(0),
            connected: AtomicBool::new(false),
            emptied: AtomicBool::new(false),
            memory: Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hear(&self) {
        self.heard.store(to_millis(self.clock.now()), Ordering::Relaxed);
    }

    pub(super) fn heard_at(&self) -> Option<Timestamp> {
        let millis = self.heard.load(Ordering::Relaxed);
        (millis != 0).then(|| from_millis(millis))
    }

    pub(super) fn connected(&self) {
        self.connected.store(true, Ordering::Relaxed);
    }

    /// Whether a session stood since this was last asked.
    pub(super) fn was_connected(&self) -> bool {
        self.connected.swap(false, Ordering::Relaxed)
    }

    /// The last message of a person came without its words.
    pub(super) fn emptied(&self) -> bool {
        self.emptied.load(Ordering::Relaxed)
    }

    /// Who we are, from READY.
    pub(super) fn ready(&self, data: &Value) {
        self.connected();
        let mut memory = self.memory();
        memory.own_user = data["user"]["id"].as_str().unwrap_or_default().to_owned();
        memory.application = data["application"]["id"].as_str().unwrap_or_default().to_owned();
    }

    pub(super) fn learn(&self, channel: &str, parent: Option<&str>) {
        let mut memory = self.memory();
        if CHANNELS_MAX <= memory.channels.len() {
            memory.channels.clear();
        }
        memory.channels.insert(channel.to_owned(), parent.map(str::to_owned));
    }

    /// Stores what a dispatch delivers, and answers a press once it is durable.
    ///
    /// # Errors
    /// When it could not be stored: then it must come again.
    pub(super) async fn store(
        &self,
        intake: &Intake,
        session: &str,
        sequence: u64,
        frame: Value,
    ) -> Result<(), ()> {
        let (Some(kind), data) = (frame["t"].as_str(), &frame["d"]) else { return Ok(()) };
        for (channel, parent) in events::channels(kind, data) {
            self.learn(&channel, parent.as_deref());
        }
        let own = self.memory().own_user.clone();
        if kind == "MESSAGE_CREATE" && data["guild_id"].is_string() && data["author"]["id"] != own.as_str() {
            let emptied = events::is_emptied(kind, data, &own);
            if emptied || data["content"] != "" {
                self.emptied.store(emptied, Ordering::Relaxed);
            }
        }
        let mut scene = Scene { guild: &self.guild, own: &own, session, parent: None };
        if events::delivery(kind, data, sequence, &scene).is_none() {
            return Ok(());
        }
        let parent = self.parent(data).await;
        scene.parent = parent.as_deref();
        let Some(delivery) = events::delivery(kind, data, sequence, &scene) else { return Ok(()) };
        let key = delivery.key.clone();
        match tokio::time::timeout(self.intake_max, intake.accept(delivery)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::error!(delivery.key = key, error = %error, "a delivery was not stored and will be replayed");
                return Err(());
            }
            Err(_) => {
                tracing::error!(delivery.key = key, "a delivery was not stored in time and will be replayed");
                return Err(());
            }
        }
        if kind == "INTERACTION_CREATE" {
            self.answer(data);
        }
        Ok(())
    }

    /// The channel that this event's channel hangs on, if that is a thread. A channel that nobody can tell about is
    /// taken for itself, which is a place one can answer in.
    async fn parent(&self, data: &Value) -> Option<String> {
        let channel = data["channel_id"].as_str().filter(|_| data["guild_id"].is_string())?;
        if let Some(known) = self.memory().channels.get(channel) {
            return known.clone();
        }
        let path = format!("channels/{channel}");
        let looked = tokio::time::timeout(LOOK_MAX, self.rest.get(&path)).await.ok()?.ok()?;
        let (id, parent) = events::channel(&looked)?;
        self.learn(&id, parent.as_deref());
        parent
    }

    /// Tells Discord that the press arrived (a deferred update, type 6): within 3 s, or the person sees a failure.
    fn answer(&self, data: &Value) {
        let (Some(id), Some(token)) = (data["id"].as_str(), data["token"].as_str()) else { return };
        let member = if data["member"].is_object() { &data["member"]["user"] } else { &data["user"] };
        if let (Some(channel), Some(user)) = (data["channel_id"].as_str(), member["id"].as_str()) {
            let now = self.clock.now();
            let mut memory = self.memory();
            memory.presses.retain(|_, (at, _)| between(*at, now) < TOKEN_LIFE);
            memory.presses.insert((channel.to_owned(), user.to_owned()), (now, token.to_owned()));
        }
        let (rest, path) = (self.rest.clone(), format!("interactions/{id}/{token}/callback"));
        tokio::spawn(async move {
            if let Err(error) = rest.post(&path, &json!({"type": 6})).await {
                tracing::warn!(error = %error, "a press is stored, but discord was not told");
            }
        });
    }

    /// Where to say something that only this person sees, right after they pressed something here.
    pub(super) fn follow_up(&self, channel: &str, to: &Account) -> Option<String> {
        let now = self.clock.now();
        let memory = self.memory();
        let (at, token) = memory.presses.get(&(channel.to_owned(), to.user.to_string()))?;
        let alive = between(*at, now) < TOKEN_LIFE && !memory.application.is_empty();
        alive.then(|| format!("webhooks/{}/{token}", memory.application))
    }
}

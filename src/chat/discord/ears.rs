//! Storing what the gateway brings, and what has to be remembered of it between two events.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use serenity::builder::CreateInteractionResponse;
use serenity::http::Route;
use serenity::model::id::ApplicationId;
use tokio::time::Instant;

use super::super::backoff::Backoff;
use super::super::{ChatError, Intake};
use super::DiscordTiming;
use super::events::{self, Scene};
use super::gateway::Heard;
use super::rest::{Rest, id};
use crate::clock::{SharedClock, between, from_millis, to_millis};
use crate::id::Account;
use crate::message::Delivery;

/// An interaction's token lives 15 minutes.
const TOKEN_LIFE: Duration = Duration::from_secs(14 * 60);
/// A look at an unknown channel must not hold up what comes after it.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// A store that is away longer than this loses what was said first.
const STORE_AWAY_MAX: Duration = Duration::from_secs(600);
const CHANNELS_MAX: usize = 20_000;

/// What the lines of one adapter share.
pub(super) struct Ears {
    pub(super) rest: Arc<Rest>,
    clock: SharedClock,
    /// The configured guild.
    guild: Option<String>,
    timing: DiscordTiming,
    pub(super) intake_max: Duration,
    /// What makes the keys of events without an id unlike those of another process.
    life: String,
    number: AtomicU64,
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
    /// The guild that Discord named, if none is configured.
    guild: Option<String>,
    /// Channels, and for threads the channel that they hang on.
    channels: HashMap<String, Option<String>>,
    /// By channel and user: when somebody last pressed something, and the token to answer with.
    presses: HashMap<(String, String), (Timestamp, String)>,
}

impl Ears {
    pub(super) fn new(
        rest: Arc<Rest>,
        clock: SharedClock,
        guild: Option<String>,
        timing: DiscordTiming,
    ) -> Self {
        Self {
            rest,
            clock,
            guild,
            timing,
            intake_max: timing.intake,
            life: uuid::Uuid::now_v7().simple().to_string(),
            number: AtomicU64::new(0),
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

    /// Who we are and where, from READY.
    pub(super) fn ready(&self, data: &Value) {
        self.connected();
        let mut memory = self.memory();
        memory.own_user = data["user"]["id"].as_str().unwrap_or_default().to_owned();
        memory.application = data["application"]["id"].as_str().unwrap_or_default().to_owned();
        memory.guild = memory.guild.take().or_else(|| events::first_guild(&data["guilds"]));
    }

    /// The one guild that we serve: the configured one, else the first that the bot was invited to.
    ///
    /// # Errors
    /// When Discord could not be asked, or the bot is in none.
    pub(super) async fn guild(&self) -> Result<String, ChatError> {
        if let Some(known) = self.known_guild() {
            return Ok(known);
        }
        let guilds = self.rest.get(Route::UserMeGuilds).await?;
        let found = events::first_guild(&guilds)
            .ok_or_else(|| ChatError::Unreachable { why: "the bot is in no server".to_owned() })?;
        Ok(self.memory().guild.get_or_insert(found).clone())
    }

    fn known_guild(&self) -> Option<String> {
        self.guild.clone().or_else(|| self.memory().guild.clone())
    }

    pub(super) fn learn(&self, channel: &str, parent: Option<&str>) {
        let mut memory = self.memory();
        if CHANNELS_MAX <= memory.channels.len() {
            memory.channels.clear();
        }
        memory.channels.insert(channel.to_owned(), parent.map(str::to_owned));
    }

    /// Stores what an event delivers, trying again while the store is away, and answers a press once it is durable.
    pub(super) async fn store(&self, intake: &Intake, heard: Heard) {
        let (kind, data) = (heard.kind.as_str(), &heard.data);
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
        let guild = self.known_guild().unwrap_or_default();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let mut scene = Scene { guild: &guild, own: &own, life: &self.life, number, parent: None };
        if events::delivery(kind, data, &scene).is_none() {
            return;
        }
        let parent = self.parent(data).await;
        scene.parent = parent.as_deref();
        let Some(delivery) = events::delivery(kind, data, &scene) else { return };
        if self.keep(intake, delivery).await && kind == "INTERACTION_CREATE" {
            self.answer(data);
        }
    }

    /// False if the store was away for too long.
    async fn keep(&self, intake: &Intake, delivery: Delivery) -> bool {
        let mut backoff = Backoff::new(self.timing.pause_first, self.timing.pause_longest);
        let started = Instant::now();
        loop {
            let why = match tokio::time::timeout(self.intake_max, intake.accept(delivery.clone())).await {
                Ok(Ok(_)) => return true,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the store did not answer in time".to_owned(),
            };
            if STORE_AWAY_MAX < started.elapsed() {
                tracing::error!(delivery.key = delivery.key, error = why, "a delivery is lost");
                return false;
            }
            tracing::warn!(delivery.key = delivery.key, error = why, "a delivery is not stored yet");
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    /// The channel that this event's channel hangs on, if that is a thread. A channel that nobody can tell about is
    /// taken for itself, which is a place one can answer in.
    async fn parent(&self, data: &Value) -> Option<String> {
        let channel = data["channel_id"].as_str().filter(|_| data["guild_id"].is_string())?;
        if let Some(known) = self.memory().channels.get(channel) {
            return known.clone();
        }
        let route = Route::Channel { channel_id: id(channel).ok()? };
        let looked = tokio::time::timeout(LOOK_MAX, self.rest.get(route)).await.ok()?.ok()?;
        let (id, parent) = events::channel(&looked)?;
        self.learn(&id, parent.as_deref());
        parent
    }

    /// Tells Discord that the press arrived (a deferred update, type 6): within 3 s, or the person sees a failure.
    fn answer(&self, data: &Value) {
        let (Some(press), Some(token)) = (data["id"].as_str(), data["token"].as_str()) else { return };
        let member = if data["member"].is_object() { &data["member"]["user"] } else { &data["user"] };
        if let (Some(channel), Some(user)) = (data["channel_id"].as_str(), member["id"].as_str()) {
            let now = self.clock.now();
            let mut memory = self.memory();
            memory.presses.retain(|_, (at, _)| between(*at, now) < TOKEN_LIFE);
            memory.presses.insert((channel.to_owned(), user.to_owned()), (now, token.to_owned()));
        }
        let (rest, token, press) = (self.rest.clone(), token.to_owned(), id(press));
        tokio::spawn(async move {
            let told = match press {
                Ok(interaction_id) => {
                    let route = Route::InteractionResponse { interaction_id, token: &token };
                    rest.post(route, &CreateInteractionResponse::Acknowledge).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                tracing::warn!(error = %error, "a press is stored, but discord was not told");
            }
        });
    }

    /// The application and the token to say something with that only this person sees, right after they pressed
    /// something here.
    pub(super) fn follow_up(&self, channel: &str, to: &Account) -> Option<(ApplicationId, String)> {
        let now = self.clock.now();
        let memory = self.memory();
        let (at, token) = memory.presses.get(&(channel.to_owned(), to.user.to_string()))?;
        let application = id(&memory.application).ok()?;
        (between(*at, now) < TOKEN_LIFE).then(|| (application, token.clone()))
    }
}

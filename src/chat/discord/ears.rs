//! Storing what Discord brings, and what has to be remembered of it between two events.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use serenity::http::Route;

use super::super::backoff::Backoff;
use super::super::signs::Signs;
use super::super::{ChatError, Intake};
use super::DiscordTiming;
use super::events::{self, Scene};
use super::gateway::Heard;
use super::rest::{Rest, id};
use super::session::Session;
use super::token::Tokens;
use crate::clock::SharedClock;
use crate::message::Delivery;

/// A look at an unknown channel must not hold up what comes after it.
const LOOK_MAX: Duration = Duration::from_secs(2);
const CHANNELS_MAX: usize = 20_000;

/// What the lines of one adapter share.
pub(super) struct Ears {
    pub(super) rest: Arc<Rest>,
    pub(super) clock: SharedClock,
    /// The configured guild.
    guild: Option<String>,
    pub(super) timing: DiscordTiming,
    pub(super) life: Signs,
    connected: AtomicBool,
    emptied: AtomicBool,
    memory: Mutex<Memory>,
    pub(super) tokens: Tokens,
}

#[derive(Default)]
struct Memory {
    own_user: String,
    application: String,
    /// The guild that Discord named, if none is configured.
    guild: Option<String>,
    /// Channels, and for threads the channel that they hang on.
    channels: HashMap<String, Option<String>>,
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
            life: Signs::default(),
            connected: AtomicBool::new(false),
            emptied: AtomicBool::new(false),
            memory: Mutex::default(),
            tokens: Tokens::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hear(&self) {
        self.life.hear(self.clock.now());
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

    /// Who we are and where, according to a session.
    pub(super) fn know(&self, session: &Session) {
        let mut memory = self.memory();
        memory.own_user.clone_from(&session.user);
        memory.application.clone_from(&session.application);
        memory.guild = memory.guild.take().or_else(|| session.guild.clone());
    }

    /// Where no session says which application we are, each interaction does.
    pub(super) fn know_application(&self, application: &str) {
        self.memory().application = application.to_owned();
    }

    /// Where no session says who we are.
    pub(super) fn know_user(&self, user: &str) {
        self.memory().own_user = user.to_owned();
    }

    pub(super) fn own_user(&self) -> String {
        self.memory().own_user.clone()
    }

    pub(super) fn application(&self) -> String {
        self.memory().application.clone()
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

    pub(super) fn known_guild(&self) -> Option<String> {
        self.guild.clone().or_else(|| self.memory().guild.clone())
    }

    pub(super) fn learn(&self, channel: &str, parent: Option<&str>) {
        let mut memory = self.memory();
        if CHANNELS_MAX <= memory.channels.len() {
            memory.channels.clear();
        }
        memory.channels.insert(channel.to_owned(), parent.map(str::to_owned));
    }

    /// What an event tells about what comes after it.
    pub(super) fn note(&self, heard: &Heard) {
        let (kind, data) = (heard.kind.as_str(), &heard.data);
        for (channel, parent) in events::channels(kind, data) {
            self.learn(&channel, parent.as_deref());
        }
        let own = self.own_user();
        if kind == "MESSAGE_CREATE" && data["guild_id"].is_string() && data["author"]["id"] != own.as_str() {
            let emptied = events::is_emptied(kind, data, &own);
            if emptied || events::is_readable(data, &own) {
                self.emptied.store(emptied, Ordering::Relaxed);
            }
        }
    }

    /// Stores what an event delivers, trying again for as long as the store is away, and answers it if it wants an answer.
    pub(super) async fn store(self: &Arc<Self>, intake: &Intake, heard: &Heard) {
        let (kind, data) = (heard.kind.as_str(), &heard.data);
        if kind == "INTERACTION_CREATE" {
            return self.interact(intake, data, heard.replayed).await;
        }
        let (own, guild) = (self.own_user(), self.known_guild().unwrap_or_default());
        let name = format!("{}:{}", heard.session, heard.seq);
        let mut scene = Scene { guild: &guild, own: &own, name: &name, late: heard.replayed, parent: None };
        if events::delivery(kind, data, &scene).is_none() {
            return;
        }
        let parent = self.parent(data).await;
        scene.parent = parent.as_deref();
        if let Some(delivery) = events::delivery(kind, data, &scene) {
            self.keep(intake, delivery).await;
        }
    }

    /// Resolves once the delivery is durable. Discord does not say it again to a line that stands, so nothing is given up
    /// for however long the store is away; who stops waiting is told of it by the next start's session.
    pub(super) async fn keep(&self, intake: &Intake, delivery: Delivery) {
        let mut backoff = Backoff::new(self.timing.pause_first, self.timing.pause_longest);
        loop {
            let Err(why) = self.try_keep(intake, delivery.clone()).await else { return };
            tracing::warn!(delivery.key = delivery.key, error = why, "a delivery is not stored yet");
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    /// Once.
    ///
    /// # Errors
    /// Why it is not stored.
    pub(super) async fn try_keep(&self, intake: &Intake, delivery: Delivery) -> Result<(), String> {
        match tokio::time::timeout(self.timing.intake, intake.accept(delivery)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the store did not answer in time".to_owned()),
        }
    }

    /// The channel that this event's channel hangs on, if that is a thread. A channel that nobody can tell about is
    /// taken for itself, which is a place one can answer in.
    pub(super) async fn parent(&self, data: &Value) -> Option<String> {
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
}

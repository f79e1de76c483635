//! What people said while nobody listened and no session was kept: read from the channels and handed on as if it had
//! come late. What was heard after all is a duplicate under its key.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use serenity::http::Route;

use super::Ears;
use super::events::{self, Scene};
use super::rest::id;
use crate::chat::{ChatError, Intake, Spot};
use crate::clock::before;
use crate::id::{Platform, WorkspaceId};

/// Older words are not looked for.
const BACK_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Messages may have been lost shortly before we noticed, and clocks differ.
const OVERLAP: Duration = Duration::from_secs(120);
/// Messages per page (Discord gives no more), and pages per channel.
const PAGE: usize = 100;
const PAGES_MAX: usize = 20;
/// Pauses that Discord may ask for, per call, before we go on to the next channel.
const TRIES: usize = 3;

/// Looks through every channel that people have spoken to us in, and its threads. `heard_at`: until when this process
/// listened.
pub(super) async fn fetch(ears: Arc<Ears>, intake: Intake, heard_at: Option<Timestamp>) {
    let guild = match ears.guild().await {
        Ok(guild) => guild,
        Err(error) => {
            tracing::warn!(%error, "discord names no server, so what was missed cannot be told");
            return;
        }
    };
    let memory = match intake.memory(Platform::Discord, WorkspaceId::from(guild.as_str())).await {
        Ok(memory) => memory,
        Err(error) => {
            tracing::error!(%error, "what was missed in discord cannot be told");
            return;
        }
    };
    // Nothing was ever heard: whatever stands there was not said to us.
    let Some(alive) = heard_at.max(memory.heard_at) else { return };
    let looking = Look { ears: &ears, intake: &intake, guild: &guild, alive };
    let threads = looking.threads().await;
    let mut found = 0;
    for spot in &memory.spots {
        let parent = spot.channel.as_str();
        let hanging = threads
            .iter()
            .filter(|(_, on)| on == parent)
            .map(|(thread, on)| (thread.as_str(), Some(on.as_str())));
        let all = std::iter::once((parent, None)).chain(hanging);
        for (channel, parent) in all {
            match looking.look(channel, parent, looking.floor(spot)).await {
                Ok(number) => found += number,
                Err(error) => {
                    tracing::warn!(channel, %error, "a channel could not be read for what was missed");
                }
            }
        }
    }
    tracing::info!(channels = memory.spots.len(), found, "looked for what was said in discord meanwhile");
}

struct Look<'a> {
    ears: &'a Arc<Ears>,
    intake: &'a Intake,
    guild: &'a str,
    /// Until when we heard.
    alive: Timestamp,
}

impl Look<'_> {
    /// The time after which a message may be new to us.
    fn floor(&self, spot: &Spot) -> Timestamp {
        let last = spot.last.as_ref().and_then(|it| events::made_at(it.as_str()));
        let since = before(last.map_or(self.alive, |it| it.min(self.alive)), OVERLAP);
        since.max(before(self.ears.clock.now(), BACK_MAX))
    }

    /// Threads that somebody spoke in lately, each with its channel. One that was archived since is not among them.
    async fn threads(&self) -> BTreeSet<(String, String)> {
        let Ok(guild_id) = id(self.guild) else { return BTreeSet::new() };
        let listed = match self.ears.rest.get(Route::GuildThreadsActive { guild_id }).await {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(%error, "discord does not list its threads");
                return BTreeSet::new();
            }
        };
        let since = before(self.alive, OVERLAP);
        let lately = |it: &&Value| {
            it["last_message_id"].as_str().and_then(events::made_at).is_some_and(|at| since < at)
        };
        let threads = listed["threads"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = threads.iter().filter(lately).filter_map(events::channel);
        found.filter_map(|(thread, parent)| Some((thread, parent?))).collect()
    }

    /// How many messages of a channel were handed on.
    async fn look(&self, channel: &str, parent: Option<&str>, floor: Timestamp) -> Result<usize, ChatError> {
        let here =
            self.ears.rest.patient(TRIES, || Ok(Route::Channel { channel_id: id(channel)? }), &[]).await?;
        let guild = here["guild_id"].as_str().map(str::to_owned);
        let (mut after, mut found) = (events::id_at(floor), 0);
        for _ in 0..PAGES_MAX {
            let params = [("after", after.to_string()), ("limit", PAGE.to_string())];
            let route = || Ok(Route::ChannelMessages { channel_id: id(channel)? });
            let page = self.ears.rest.patient(TRIES, route, &params).await?;
            let mut messages = page.as_array().cloned().unwrap_or_default();
            messages.sort_by_key(number);
            for message in &messages {
                found += usize::from(self.hand_on(message, guild.as_deref(), parent).await);
            }
            let Some(last) = messages.last().map(number).filter(|it| after < *it) else { break };
            after = last;
            if messages.len() < PAGE {
                break;
            }
        }
        Ok(found)
    }

    /// The message as the event that would have told of it; whether it said anything.
    async fn hand_on(&self, message: &Value, guild: Option<&str>, parent: Option<&str>) -> bool {
        let mut message = message.clone();
        if let Some(guild) = guild {
            message["guild_id"] = json!(guild);
        }
        let own = self.ears.own_user();
        let scene = Scene { guild: self.guild, own: &own, name: "", late: true, parent };
        match events::delivery("MESSAGE_CREATE", &message, &scene) {
            Some(delivery) => self.ears.keep(self.intake, delivery).await,
            None => false,
        }
    }
}

fn number(message: &Value) -> u64 {
    message["id"].as_str().and_then(|it| it.parse().ok()).unwrap_or(0)
}

//! What people said while nobody listened and no session was kept: read from the channels and handed on as if it had
//! come late. What was heard after all is a duplicate under its key.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use serenity::http::Route;

use super::super::backoff::{Backoff, Tries};
use super::Ears;
use super::events::{self, Scene};
use super::rest::{Patience, id};
use crate::chat::{ChatError, Intake, Memory, Spot};
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
const PATIENCE: Patience = Patience { tries: 3, longest: Duration::from_secs(60) };
/// What could not be read is tried again for this long: a platform that has just come back often fails at first.
const AGAIN_MAX: Duration = Duration::from_secs(600);

/// Looks through every channel that people have spoken to us in, and its threads, until all of them could be read.
/// `heard_at`: until when this process listened.
pub(super) async fn fetch(ears: Arc<Ears>, intake: Intake, heard_at: Option<Timestamp>) {
    let backoff = Backoff::new(ears.timing.pause_first, ears.timing.pause_longest);
    let mut tries = Tries::begin(backoff, AGAIN_MAX);
    let (guild, memory) = loop {
        match remember(&ears, &intake).await {
            Ok(known) => break known,
            Err(error) => tracing::warn!(%error, "what was missed in discord cannot be told"),
        }
        if !tries.again().await {
            return;
        }
    };
    // Nothing was ever heard: whatever stands there was not said to us. What has come since we are back says nothing of
    // the time before.
    let Some(alive) = heard_at.or(memory.heard_at) else { return };
    let looking = Look { ears: &ears, intake: &intake, guild: &guild, alive };
    let channels = memory.spots.iter().map(|it| Missing {
        channel: it.channel.to_string(),
        parent: None,
        floor: looking.floor(it),
    });
    let (mut left, mut lists_threads): (Vec<Missing>, bool) = (channels.collect(), false);
    loop {
        if !lists_threads {
            match looking.threads().await {
                Ok(threads) => {
                    left.extend(looking.hanging(&threads, &memory.spots));
                    lists_threads = true;
                }
                Err(error) => {
                    tracing::warn!(%error, "discord does not list its threads");
                    lists_threads = !error.passes();
                }
            }
        }
        left = looking.round(left).await;
        if left.is_empty() && lists_threads {
            return;
        }
        if !tries.again().await {
            tracing::error!(channels = left.len(), lists_threads, "what was missed there is lost");
            return;
        }
    }
}

/// Which server is ours, and what we know of it.
async fn remember(ears: &Ears, intake: &Intake) -> anyhow::Result<(String, Memory)> {
    let guild = ears.guild().await?;
    let memory = intake.memory(Platform::Discord, WorkspaceId::from(guild.as_str())).await?;
    Ok((guild, memory))
}

/// A channel or thread that was not read to its end yet.
struct Missing {
    channel: String,
    /// The channel that a thread hangs on.
    parent: Option<String>,
    floor: Timestamp,
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
    async fn threads(&self) -> Result<BTreeSet<(String, String)>, ChatError> {
        let listed = self.ears.rest.get(Route::GuildThreadsActive { guild_id: id(self.guild)? }).await?;
        let since = before(self.alive, OVERLAP);
        let lately = |it: &&Value| {
            it["last_message_id"].as_str().and_then(events::made_at).is_some_and(|at| since < at)
        };
        let threads = listed["threads"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = threads.iter().filter(lately).filter_map(events::channel);
        Ok(found.filter_map(|(thread, parent)| Some((thread, parent?))).collect())
    }

    /// The threads of channels that people have spoken to us in.
    fn hanging(&self, threads: &BTreeSet<(String, String)>, spots: &[Spot]) -> Vec<Missing> {
        let mut found = Vec::new();
        for spot in spots {
            let here = threads.iter().filter(|(_, on)| on == spot.channel.as_str());
            found.extend(here.map(|(thread, on)| Missing {
                channel: thread.clone(),
                parent: Some(on.clone()),
                floor: self.floor(spot),
            }));
        }
        found
    }

    /// Reads them all; gives those that are to be tried again.
    async fn round(&self, missing: Vec<Missing>) -> Vec<Missing> {
        let (channels, mut found, mut failed) = (missing.len(), 0, Vec::new());
        for it in missing {
            match self.look(&it.channel, it.parent.as_deref(), it.floor).await {
                Ok(number) => found += number,
                Err(error) => {
                    tracing::warn!(channel = it.channel, %error, "a channel could not be read for what was missed");
                    failed.extend(error.passes().then_some(it));
                }
            }
        }
        tracing::info!(
            channels,
            failed = failed.len(),
            found,
            "looked for what was said in discord meanwhile"
        );
        failed
    }

    /// How many messages of a channel were handed on.
    async fn look(&self, channel: &str, parent: Option<&str>, floor: Timestamp) -> Result<usize, ChatError> {
        let rest = &self.ears.rest;
        let here = rest.patient(PATIENCE, Route::Channel { channel_id: id(channel)? }, &[]).await?;
        let guild = here["guild_id"].as_str().map(str::to_owned);
        let (mut after, mut found) = (events::id_at(floor), 0);
        for _ in 0..PAGES_MAX {
            let params = [("after", after.to_string()), ("limit", PAGE.to_string())];
            let route = Route::ChannelMessages { channel_id: id(channel)? };
            let page = rest.patient(PATIENCE, route, &params).await?;
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
            Some(delivery) => {
                self.ears.keep(self.intake, delivery).await;
                true
            }
            None => false,
        }
    }
}

fn number(message: &Value) -> u64 {
    message["id"].as_str().and_then(|it| it.parse().ok()).unwrap_or(0)
}

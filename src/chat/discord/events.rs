//! Gateway events as deliveries, read leniently from JSON: what is not understood gives no delivery, never an error.

use serde_json::Value;

use super::render::act_of;
use super::text::typed;
use crate::id::{Account, ChannelId, MessageId, MessageRef, Place, Platform, UserId, WorkspaceId};
use crate::identity::Standing;
use crate::message::{Delivery, Incoming, Mark, Said};

/// A member who came by a guest invitation (<https://docs.discord.com/developers/resources/guild#guild-member-object-guild-member-flags>).
const MEMBER_IS_GUEST: u64 = 1 << 4;
/// Threads: announcement, public, private.
const THREADS: [u64; 3] = [10, 11, 12];

/// What the platform tells about who reads and where.
pub(super) struct Scene<'a> {
    /// The configured guild.
    pub(super) guild: &'a str,
    /// Our own user.
    pub(super) own: &'a str,
    /// With `number`, a name for an event that has no id.
    pub(super) life: &'a str,
    pub(super) number: u64,
    /// The channel that the event's channel hangs on, if that is a thread.
    pub(super) parent: Option<&'a str>,
}

impl Scene<'_> {
    /// Direct messages belong to the one guild that this adapter serves.
    fn guild_of<'a>(&'a self, data: &'a Value) -> &'a str {
        data["guild_id"].as_str().unwrap_or(self.guild)
    }

    fn place(&self, data: &Value, channel: &str) -> Place {
        let (channel, thread) = match self.parent {
            Some(parent) => (parent, Some(MessageId::from(channel))),
            None => (channel, None),
        };
        Place {
            platform: Platform::Discord,
            workspace: WorkspaceId::from(self.guild_of(data)),
            channel: ChannelId::from(channel),
            thread,
        }
    }

    fn account(&self, data: &Value, user: &str) -> Account {
        Account {
            platform: Platform::Discord,
            workspace: WorkspaceId::from(self.guild_of(data)),
            user: UserId::from(user),
        }
    }

    /// In the guild the event itself may say who is a member; else that is asked after the inbox. Without flags (which
    /// serenity drops from messages) nobody can tell a guest from a member.
    fn standing(&self, data: &Value) -> Standing {
        match data["guild_id"].as_str() {
            Some(guild) if guild != self.guild => Standing::External,
            Some(_) if data["member"]["flags"].is_u64() => member(&data["member"]),
            Some(_) | None => Standing::Unresolved,
        }
    }
}

/// A guild member's standing, the user's own flags aside.
pub(super) fn member(member: &Value) -> Standing {
    let guest = member["flags"].as_u64().is_some_and(|it| it & MEMBER_IS_GUEST != 0);
    if guest || member["pending"] == true { Standing::Guest } else { Standing::Member }
}

/// What people call a member.
pub(super) fn display(member: &Value, user: &Value) -> String {
    let names = [&member["nick"], &user["global_name"], &user["username"], &user["id"]];
    names.iter().filter_map(|it| it.as_str()).find(|it| !it.trim().is_empty()).unwrap_or("?").to_owned()
}

/// A message with words, but none shown to us.
pub(super) fn is_emptied(kind: &str, data: &Value, own: &str) -> bool {
    let nothing = |key: &str| data[key].as_array().is_none_or(Vec::is_empty);
    let mentions_us = data["mentions"].as_array().is_some_and(|it| it.iter().any(|user| user["id"] == own));
    kind == "MESSAGE_CREATE"
        && data["guild_id"].is_string()
        && data["content"] == ""
        && matches!(data["type"].as_u64(), Some(0 | 19))
        && ["attachments", "embeds", "sticker_items", "components", "message_snapshots"]
            .iter()
            .all(|it| nothing(it))
        && data["poll"].is_null()
        && data["author"]["bot"] != true
        && data["author"]["id"] != own
        && data["webhook_id"].is_null()
        && !mentions_us
}

/// What a person did, according to one event.
pub(super) fn delivery(kind: &str, data: &Value, scene: &Scene<'_>) -> Option<Delivery> {
    match kind {
        "MESSAGE_CREATE" => said(data, scene),
        "MESSAGE_REACTION_ADD" => reacted(data, scene, true),
        "MESSAGE_REACTION_REMOVE" => reacted(data, scene, false),
        "INTERACTION_CREATE" => pressed(data, scene),
        _ => None,
    }
}

/// Only a new message (or reply) that a person typed: no bots, webhooks, apps, system messages or ourselves.
fn said(data: &Value, scene: &Scene<'_>) -> Option<Delivery> {
    let author = &data["author"];
    let user = author["id"].as_str()?;
    let machine = author["bot"] == true
        || author["system"] == true
        || user == scene.own
        || ["webhook_id", "application_id", "interaction", "interaction_metadata", "edited_timestamp"]
            .iter()
            .any(|key| !data[*key].is_null());
    if machine || !matches!(data["type"].as_u64(), Some(0 | 19)) {
        return None;
    }
    let (id, channel) = (data["id"].as_str()?, data["channel_id"].as_str()?);
    let (text, mentioned) = typed(data["content"].as_str()?, scene.own);
    if text.is_empty() && !mentioned {
        return None;
    }
    let direct = data["guild_id"].is_null();
    Some(Delivery {
        key: format!("discord:message:{id}"),
        account: scene.account(data, user),
        standing: scene.standing(data),
        display: display(&data["member"], author),
        place: scene.place(data, channel),
        incoming: Incoming::Said(Said { text, addressed: direct || mentioned, message: MessageId::from(id) }),
    })
}

/// A reaction has no id and serenity does not tell its sequence number, so a copy is not recognised here: a vote that
/// comes twice counts once all the same.
fn reacted(data: &Value, scene: &Scene<'_>, added: bool) -> Option<Delivery> {
    let emoji = &data["emoji"];
    let mark = match emoji["name"].as_str()?.trim_end_matches('\u{fe0f}') {
        "✅" => Mark::Approve,
        "⛔" => Mark::Reject,
        _ => return None,
    };
    let user = data["user_id"].as_str()?;
    if user == scene.own || !emoji["id"].is_null() || data["member"]["user"]["bot"] == true {
        return None;
    }
    let (channel, message) = (data["channel_id"].as_str()?, data["message_id"].as_str()?);
    let place = scene.place(data, channel);
    Some(Delivery {
        key: format!("discord:reaction:{message}:{user}:{added}:{}:{}", scene.life, scene.number),
        account: scene.account(data, user),
        standing: scene.standing(data),
        display: if data["member"].is_object() {
            display(&data["member"], &data["member"]["user"])
        } else {
            user.to_owned()
        },
        place: place.clone(),
        incoming: Incoming::Reacted {
            message: MessageRef { place, message: MessageId::from(message) },
            mark,
            added,
        },
    })
}

/// A press of a button: interaction type 3, component type 2.
fn pressed(data: &Value, scene: &Scene<'_>) -> Option<Delivery> {
    let component = &data["data"];
    if data["type"] != 3 || component["component_type"] != 2 {
        return None;
    }
    let user = if data["member"].is_object() { &data["member"]["user"] } else { &data["user"] };
    let (id, who) = (data["id"].as_str()?, user["id"].as_str()?);
    let channel = data["channel_id"].as_str().or_else(|| data["channel"]["id"].as_str())?;
    let message = data["message"]["id"].as_str()?;
    let place = scene.place(data, channel);
    Some(Delivery {
        key: format!("discord:interaction:{id}"),
        account: scene.account(data, who),
        standing: if user["bot"] == true { Standing::Bot } else { scene.standing(data) },
        display: display(&data["member"], user),
        place: place.clone(),
        incoming: Incoming::Pressed {
            message: MessageRef { place, message: MessageId::from(message) },
            act: act_of(component["custom_id"].as_str()?)?.to_owned(),
            reason: None,
        },
    })
}

/// Channels that an event names, each with the channel it hangs on if it is a thread.
pub(super) fn channels(kind: &str, data: &Value) -> Vec<(String, Option<String>)> {
    let listed = |key: &str| match &data[key] {
        Value::Array(list) => list.clone(),
        Value::Object(by_id) => by_id.values().cloned().collect(),
        _ => Vec::new(),
    };
    let found = match kind {
        "GUILD_CREATE" => [listed("channels"), listed("threads")].concat(),
        "THREAD_LIST_SYNC" => listed("threads"),
        "CHANNEL_CREATE" | "THREAD_CREATE" | "THREAD_UPDATE" => vec![data.clone()],
        "INTERACTION_CREATE" => vec![data["channel"].clone()],
        _ => Vec::new(),
    };
    found.iter().filter_map(channel).collect()
}

/// A channel object's id, and its parent's if it is a thread.
pub(super) fn channel(channel: &Value) -> Option<(String, Option<String>)> {
    let kind = channel["type"].as_u64()?;
    let parent = channel["parent_id"].as_str().filter(|_| THREADS.contains(&kind));
    if THREADS.contains(&kind) && parent.is_none() {
        return None;
    }
    Some((channel["id"].as_str()?.to_owned(), parent.map(str::to_owned)))
}

/// The first guild of a list.
pub(super) fn first_guild(guilds: &Value) -> Option<String> {
    let ids: Vec<&str> = guilds.as_array()?.iter().filter_map(|it| it["id"].as_str()).collect();
    if 1 < ids.len() {
        tracing::warn!(guilds = ids.join(" "), "the bot is in several servers and serves the first");
    }
    ids.first().map(|it| (*it).to_owned())
}

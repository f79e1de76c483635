//! Gateway events as deliveries, read leniently from JSON: what is not understood gives no delivery, never an error.

use jiff::Timestamp;
use serde_json::Value;

use super::text::typed;
use crate::clock::{from_millis, to_millis};
use crate::id::{Account, ChannelId, MessageId, MessageRef, Place, Platform, UserId, WorkspaceId};
use crate::identity::Standing;
use crate::message::{Delivery, Incoming, Mark, Said};

/// A member who came by a guest invitation (<https://docs.discord.com/developers/resources/guild#guild-member-object-guild-member-flags>).
const MEMBER_IS_GUEST: u64 = 1 << 4;
/// Threads: announcement, public, private.
const THREADS: [u64; 3] = [10, 11, 12];

/// 2015, in milliseconds.
const EPOCH: i64 = 1_420_070_400_000;

/// What the platform tells about who reads and where.
pub(super) struct Scene<'a> {
    /// The configured guild.
    pub(super) guild: &'a str,
    /// Our own user.
    pub(super) own: &'a str,
    /// The event's own, for what has no other name.
    pub(super) name: &'a str,
    /// It was said while nobody listened.
    pub(super) late: bool,
    /// The channel that the event's channel hangs on, if that is a thread.
    pub(super) parent: Option<&'a str>,
}

impl Scene<'_> {
    /// Direct messages belong to the one guild that this adapter serves.
    fn guild_of<'a>(&'a self, data: &'a Value) -> &'a str {
        data["guild_id"].as_str().unwrap_or(self.guild)
    }

    pub(super) fn place(&self, data: &Value, channel: &str) -> Place {
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

    pub(super) fn account(&self, data: &Value, user: &str) -> Account {
        Account {
            platform: Platform::Discord,
            workspace: WorkspaceId::from(self.guild_of(data)),
            user: UserId::from(user),
        }
    }

    /// What somebody said, and whether we were there.
    pub(super) fn words(&self, text: String, addressed: bool, direct: bool, id: &str) -> Incoming {
        let said = Said { text, addressed, direct, message: MessageId::from(id) };
        match made_at(id).filter(|_| self.late) {
            Some(at) => Incoming::Missed { said, at },
            None => Incoming::Said(said),
        }
    }

    /// In the guild the event itself may say who is a member; else that is asked after the inbox. Without flags nobody
    /// can tell a guest from a member.
    pub(super) fn standing(&self, data: &Value) -> Standing {
        match data["guild_id"].as_str() {
            Some(guild) if guild != self.guild => Standing::External,
            Some(_) if data["member"]["flags"].is_u64() => member(&data["member"]),
            Some(_) | None => Standing::Unresolved,
        }
    }
}

/// When something was made, according to its id
/// (<https://docs.discord.com/developers/reference#snowflakes>).
pub(super) fn made_at(id: &str) -> Option<Timestamp> {
    let millis = id.parse::<u64>().ok()? >> 22;
    i64::try_from(millis).ok().map(|it| from_millis(it + EPOCH))
}

/// The least id of this moment.
pub(super) fn id_at(at: Timestamp) -> u64 {
    u64::try_from(to_millis(at) - EPOCH).unwrap_or(0) << 22
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
        && !mentions(data, own)
}

/// A message whose words are shown to us only because we may read all: not one that mentions us.
pub(super) fn is_readable(data: &Value, own: &str) -> bool {
    data["content"].as_str().is_some_and(|it| !it.is_empty()) && !mentions(data, own)
}

fn mentions(data: &Value, own: &str) -> bool {
    data["mentions"].as_array().is_some_and(|it| it.iter().any(|user| user["id"] == own))
}

/// What a person did, according to one event.
pub(super) fn delivery(kind: &str, data: &Value, scene: &Scene<'_>) -> Option<Delivery> {
    match kind {
        "MESSAGE_CREATE" => said(data, scene),
        "MESSAGE_REACTION_ADD" => reacted(data, scene, true),
        "MESSAGE_REACTION_REMOVE" => reacted(data, scene, false),
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
        at: made_at(id),
        incoming: scene.words(text, direct || mentioned, direct, id),
    })
}

/// What an emoji of Discord's own means at a gate; those of servers have an id.
pub(super) fn mark(emoji: &Value) -> Option<Mark> {
    match emoji["name"].as_str().filter(|_| emoji["id"].is_null())?.trim_end_matches('\u{fe0f}') {
        "✅" => Some(Mark::Approve),
        "⛔" => Some(Mark::Reject),
        _ => None,
    }
}

/// A reaction has no id: its place in the session is its name, the same when it is replayed.
fn reacted(data: &Value, scene: &Scene<'_>, added: bool) -> Option<Delivery> {
    let mark = mark(&data["emoji"])?;
    let user = data["user_id"].as_str()?;
    if user == scene.own || data["member"]["user"]["bot"] == true {
        return None;
    }
    let (channel, message) = (data["channel_id"].as_str()?, data["message_id"].as_str()?);
    let place = scene.place(data, channel);
    Some(Delivery {
        key: format!("discord:reaction:{message}:{user}:{added}:{}", scene.name),
        account: scene.account(data, user),
        standing: scene.standing(data),
        display: if data["member"].is_object() {
            display(&data["member"], &data["member"]["user"])
        } else {
            user.to_owned()
        },
        place: place.clone(),
        at: None,
        incoming: Incoming::Reacted {
            message: MessageRef { place, message: MessageId::from(message) },
            mark,
            added,
            at: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_when_it_was_made() {
        // The example of Discord's own page.
        let at = made_at("175928847299117063").expect("a time");
        assert_eq!(at.to_string(), "2016-04-30T11:18:25.796Z");
        assert_eq!(id_at(at), 175_928_847_299_117_063 >> 22 << 22);
        assert_eq!((made_at("soon"), made_at("-1")), (None, None));
        assert_eq!(id_at(from_millis(0)), 0);
    }
}

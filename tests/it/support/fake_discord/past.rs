//! What stands in the fake's channels: after a message, the oldest hundred that follow it, the newest of them first.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{BOT, FakeDiscord, Posted, World, whole_message};

/// `GET /channels/{id}/messages`
pub(super) fn page(world: &World, channel: &str, query: &str) -> Value {
    let given = |key: &str| {
        query.split('&').find_map(|it| it.strip_prefix(key)?.strip_prefix('=')?.parse::<u64>().ok())
    };
    let (after, limit) = (given("after").unwrap_or(0), given("limit").unwrap_or(50).clamp(1, 100));
    let number = |it: &&Posted| it.id.parse::<u64>().unwrap_or(0);
    let mut found: Vec<&Posted> = world
        .messages
        .iter()
        .filter(|it| it.channel == channel && it.only_for.is_none() && after < number(it))
        .collect();
    found.sort_by_key(number);
    found.truncate(usize::try_from(limit).unwrap_or(100));
    found.reverse();
    found.iter().map(|it| if it.author == BOT { message(world, it) } else { drawn(world, it) }).collect()
}

/// As in an event, without what an event adds: guild and member.
fn drawn(world: &World, it: &Posted) -> Value {
    let author =
        &world.members.get(&it.author).cloned().unwrap_or_else(|| json!({"user": {"id": it.author}}))["user"];
    let text = it.body["content"].as_str().unwrap_or_default();
    let mut message =
        world.said.get(&it.id).cloned().unwrap_or_else(|| whole_message(&it.id, &it.channel, author, text));
    if let Some(message) = message.as_object_mut() {
        message.remove("guild_id");
        message.remove("member");
    }
    message
}

/// `GET /channels/{id}/messages/{id}` (<https://docs.discord.com/developers/resources/message#message-object>): with
/// fields that nobody sent, and without blanks at the ends of a text.
pub(super) fn message(world: &World, it: &Posted) -> Value {
    let mut message = drawn(world, it);
    for key in ["content", "embeds", "components"] {
        if !it.body[key].is_null() {
            message[key] = it.body[key].clone();
        }
    }
    for embed in message["embeds"].as_array_mut().into_iter().flatten() {
        embed["type"] = json!("rich");
        if let Some(text) = embed["description"].as_str() {
            embed["description"] = json!(text.trim());
        }
    }
    for (at, row) in message["components"].as_array_mut().into_iter().flatten().enumerate() {
        row["id"] = json!(at + 1);
    }
    let reactions = it.reactions.iter().filter(|(_, users)| !users.is_empty()).map(|(emoji, users)| {
        let details = json!({"normal": users.len(), "burst": 0});
        json!({"emoji": {"id": null, "name": plain(emoji)}, "count": users.len(), "count_details": details,
            "me": users.contains(BOT)})
    });
    message["reactions"] = reactions.collect();
    message
}

/// An emoji as people write it: addresses have it in escapes.
pub(super) fn plain(emoji: &str) -> String {
    let pair = format!("{emoji}=");
    form_urlencoded::parse(pair.as_bytes()).next().map_or(String::new(), |(emoji, _)| emoji.into_owned())
}

/// `GET /channels/{id}/messages/{id}/reactions/{emoji}`
/// (<https://docs.discord.com/developers/resources/message#get-reactions>): by the users' ids, a page at a time.
pub(super) fn users(world: &World, it: &Posted, emoji: &str, query: &str) -> Value {
    let given = |key: &str| query.split('&').find_map(|it| it.strip_prefix(key)?.strip_prefix('='));
    let (after, limit) = (given("after").unwrap_or("0"), given("limit").and_then(|it| it.parse().ok()));
    let animated = given("type") == Some("1");
    let same = it.reactions.iter().filter(|(known, _)| !animated && plain(known) == plain(emoji));
    let users: BTreeSet<&String> = same.flat_map(|(_, users)| users).collect();
    let number = |it: &str| it.parse::<u64>().unwrap_or(0);
    let page =
        users.into_iter().filter(|it| number(after) < number(it)).take(limit.unwrap_or(25).clamp(1, 100));
    let user = |id: &String| match world.members.get(id) {
        Some(member) => member["user"].clone(),
        None => json!({"id": id, "username": "gone"}),
    };
    page.map(user).collect()
}

/// `GET /guilds/{id}/threads/active`
pub(super) fn threads(world: &World) -> Value {
    let threads = world.channels.values().filter(|it| it["type"] == 11).map(|it| {
        let inside = world.messages.iter().filter(|said| it["id"] == said.channel.as_str());
        let last = inside.filter_map(|it| it.id.parse::<u64>().ok()).max();
        let mut thread = it.clone();
        thread["last_message_id"] = json!(last.map(|it| it.to_string()));
        thread
    });
    json!({"threads": threads.collect::<Vec<_>>(), "members": [], "has_more": false})
}

impl FakeDiscord {
    /// Says something of which no event tells, so many seconds ago; `more` as `webhook_id` or `edited_timestamp`.
    pub fn murmur(&self, user: &str, channel: &str, text: &str, seconds_ago: i64, more: Value) -> String {
        self.world(|it| {
            let id = it.id_ago(seconds_ago);
            let author = it.members.get(user).cloned().unwrap_or_default()["user"].clone();
            let mut message = whole_message(&id, channel, &author, text);
            if user == BOT {
                message["author"]["bot"] = json!(true);
            }
            for (key, value) in more.as_object().expect("fields") {
                message[key] = value.clone();
            }
            it.said.insert(id.clone(), message);
            it.messages.push(Posted::new(channel, &id, user, json!({"content": text})));
            id
        })
    }
}

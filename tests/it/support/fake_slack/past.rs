//! What stands in the fake's channels, page by page: the newest first in a channel, the oldest first in a thread.

use lockkeeper::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::{BOT, FakeSlack, Posted, TEAM, World};

/// `conversations.history`, or `conversations.replies` of a thread.
pub(super) fn history(world: &World, body: &Value, thread: Option<&str>) -> Result<Value, &'static str> {
    let channel = body["channel"].as_str().unwrap_or_default();
    world.commands.admit(channel)?;
    let (oldest, latest) = (body["oldest"].as_str().unwrap_or("0"), body["latest"].as_str().unwrap_or("9"));
    let inclusive = body["inclusive"].as_str() == Some("true");
    let asked = |ts: &str| (oldest < ts && ts < latest) || (inclusive && (ts == oldest || ts == latest));
    let mut found: Vec<&Posted> = world
        .messages
        .iter()
        .filter(|it| it.channel == channel && it.only_for.is_none())
        .filter(|it| match thread {
            None => it.thread().is_none() && asked(&it.ts),
            Some(root) => it.ts == root || (it.thread() == Some(root) && asked(&it.ts)),
        })
        .collect();
    found.sort_by(|a, b| a.ts.cmp(&b.ts));
    if thread.is_none() {
        found.reverse();
    }
    let number = |key: &str| body[key].as_str().and_then(|it| it.parse::<usize>().ok());
    let (from, most) = (number("cursor").unwrap_or(0), number("limit").unwrap_or(100).min(1_000));
    let page: Vec<Value> = found.iter().skip(from).take(most).map(|it| drawn(world, it)).collect();
    let next = if from + most < found.len() { (from + most).to_string() } else { String::new() };
    Ok(json!({"messages": page, "has_more": !next.is_empty(), "response_metadata": {"next_cursor": next}}))
}

fn drawn(world: &World, it: &Posted) -> Value {
    let mut message = json!({"type": "message", "ts": it.ts, "user": it.user, "text": it.body["text"], "team": TEAM,
        "metadata": it.body["metadata"]});
    if it.user == BOT {
        message["bot_id"] = json!("B0LOCK");
    }
    for key in ["thread_ts", "edited", "subtype"] {
        if !it.body[key].is_null() {
            message[key] = it.body[key].clone();
        }
    }
    if it.body["blocks"].is_array() {
        message["blocks"] = respelled(&it.body["blocks"]);
    }
    let replies = world.messages.iter().filter(|reply| reply.thread() == Some(it.ts.as_str()));
    if let Some(latest) = replies.map(|it| it.ts.as_str()).max() {
        message["thread_ts"] = json!(it.ts);
        message["latest_reply"] = json!(latest);
    }
    message
}

/// Blocks as Slack gives them back: emoji by name, and an id for each.
fn respelled(blocks: &Value) -> Value {
    let text = blocks.to_string().replace('✋', ":hand:").replace('✅', ":white_check_mark:");
    let mut blocks: Value = serde_json::from_str(&text).expect("JSON");
    for (at, block) in blocks.as_array_mut().into_iter().flatten().enumerate() {
        if block["block_id"].is_null() {
            block["block_id"] = json!(format!("b{at}"));
        }
    }
    blocks
}

/// `reactions.get` (<https://docs.slack.dev/reference/methods/reactions.get>): without `full`, not everybody is named.
pub(super) fn reactions(world: &World, body: &Value) -> Result<Value, &'static str> {
    let (channel, ts) = (&body["channel"], &body["timestamp"]);
    world.commands.admit(channel.as_str().unwrap_or_default())?;
    let found = world.messages.iter().find(|it| *channel == it.channel.as_str() && *ts == it.ts.as_str());
    let message = found.filter(|it| it.body["subtype"] != "tombstone").ok_or("message_not_found")?;
    let named = if body["full"].as_str() == Some("true") { usize::MAX } else { 1 };
    let mut drawn = drawn(world, message);
    let reactions = message.reactions.iter().filter(|(_, users)| !users.is_empty()).map(|(name, users)| {
        let some: Vec<&String> = users.iter().take(named).collect();
        json!({"name": name, "users": some, "count": users.len()})
    });
    drawn["reactions"] = reactions.collect();
    Ok(json!({"type": "message", "channel": channel, "message": drawn}))
}

impl FakeSlack {
    /// Puts a mark under a message or takes it away, and no event tells of it.
    pub fn put_mark(&self, user: &str, channel: &str, ts: &str, name: &str, added: bool) {
        self.world(|it| {
            let message = it.messages.iter_mut().find(|it| it.channel == channel && it.ts == ts);
            let Some(message) = message else { return };
            let users = message.reactions.entry(name.to_owned()).or_default();
            let _ = if added { users.insert(user.to_owned()) } else { users.remove(user) };
        });
    }

    /// Makes a message show something else.
    pub fn garble(&self, channel: &str, ts: &str) {
        let block = json!({"type": "section", "text": {"type": "mrkdwn", "text": "?", "verbatim": true}});
        self.world(|it| {
            let message = it.messages.iter_mut().find(|it| it.channel == channel && it.ts == ts);
            message.expect("it stands").body["blocks"] = json!([block]);
        });
    }

    /// Removes a message, and no event tells of it. One with replies leaves a tombstone.
    pub fn remove(&self, channel: &str, ts: &str) {
        self.world(|it| {
            let answered = it.messages.iter().any(|it| it.channel == channel && it.thread() == Some(ts));
            let at = it.messages.iter().position(|it| it.channel == channel && it.ts == ts);
            let Some(gone) = at.map(|at| it.messages.remove(at)) else { return };
            if answered {
                let body =
                    json!({"text": "This message was deleted.", "subtype": "tombstone", "hidden": true});
                let stone = Posted::new(&gone.channel, &gone.ts, "USLACKBOT", body);
                it.messages.push(stone);
            }
        });
    }

    /// Says something of which no event tells, so many seconds ago; `more` as `thread_ts` or `edited`.
    pub fn murmur(&self, user: &str, channel: &str, text: &str, seconds_ago: i64, more: Value) -> String {
        self.world(|it| {
            it.number += 1;
            let ts = format!("{}.{:06}", SystemClock.now().as_second() - seconds_ago, it.number);
            let mut body = json!({"text": text});
            for (key, value) in more.as_object().expect("fields") {
                body[key] = value.clone();
            }
            it.messages.push(Posted::new(channel, &ts, user, body));
            ts
        })
    }
}

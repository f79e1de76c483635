//! What stands in the fake's channels, page by page: the newest first in a channel, the oldest first in a thread.

use lockkeeper::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::{BOT, FakeSlack, Posted, TEAM, World};

/// `conversations.history`, or `conversations.replies` of a thread.
pub(super) fn history(world: &World, body: &Value, thread: Option<&str>) -> Result<Value, &'static str> {
    let channel = body["channel"].as_str().unwrap_or_default();
    world.commands.admit(channel)?;
    let oldest = body["oldest"].as_str().unwrap_or("0");
    let mut found: Vec<&Posted> = world
        .messages
        .iter()
        .filter(|it| it.channel == channel && it.only_for.is_none())
        .filter(|it| match thread {
            None => it.thread().is_none() && oldest < it.ts.as_str(),
            Some(root) => it.ts == root || (it.thread() == Some(root) && oldest < it.ts.as_str()),
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
    let replies = world.messages.iter().filter(|reply| reply.thread() == Some(it.ts.as_str()));
    if let Some(latest) = replies.map(|it| it.ts.as_str()).max() {
        message["thread_ts"] = json!(it.ts);
        message["latest_reply"] = json!(latest);
    }
    message
}

impl FakeSlack {
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

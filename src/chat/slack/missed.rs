//! What people said while nobody listened: read from the channels' history and handed on as if it had come late. What
//! was heard after all is a duplicate under its key.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ears::Ears;
use super::events;
use super::method::Method;
use crate::chat::{ChatError, Spot};
use crate::clock::{before, from_millis};
use crate::id::Platform;
use crate::message::{Delivery, Incoming};

/// Older words are not looked for.
const BACK_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Messages may have been lost shortly before we noticed, and clocks differ.
const OVERLAP: Duration = Duration::from_secs(120);
/// Messages per page, and pages per channel.
const PAGE: usize = 200;
const PAGES_MAX: usize = 10;
/// Pauses that Slack may ask for, per channel, before we go on to the next.
const TRIES: usize = 3;

/// Looks through every channel that people have spoken to us in. `heard_at`: until when this process listened.
pub(super) async fn fetch(ears: Arc<Ears>, heard_at: Option<Timestamp>) {
    find(&ears, heard_at).await;
    ears.intake.returned(Platform::Slack);
}

async fn find(ears: &Arc<Ears>, heard_at: Option<Timestamp>) {
    let workspace = ears.own.place("", None).workspace;
    let memory = match ears.intake.memory(Platform::Slack, workspace).await {
        Ok(memory) => memory,
        Err(error) => {
            tracing::error!(%error, "what was missed in slack cannot be told");
            return;
        }
    };
    // Nothing was ever heard: whatever stands there was not said to us.
    let Some(alive) = heard_at.max(memory.heard_at) else { return };
    let mut found = 0;
    for spot in &memory.spots {
        match look(ears, spot, floor(ears, spot, alive)).await {
            Ok(number) => found += number,
            Err(error) => {
                tracing::warn!(channel = %spot.channel, %error, "a channel could not be read for what was missed");
            }
        }
    }
    tracing::info!(channels = memory.spots.len(), found, "looked for what was said in slack meanwhile");
}

/// The time after which a message may be new to us.
fn floor(ears: &Ears, spot: &Spot, alive: Timestamp) -> Timestamp {
    let last = spot.last.as_ref().and_then(|it| said_at(it.as_str()));
    let since = before(last.map_or(alive, |it| it.min(alive)), OVERLAP);
    since.max(before(ears.clock.now(), BACK_MAX))
}

/// The time in a `ts`: seconds and a counter.
pub(super) fn said_at(ts: &str) -> Option<Timestamp> {
    let (seconds, rest) = ts.split_once('.')?;
    let millis = rest.get(..3).and_then(|it| it.parse::<i64>().ok()).unwrap_or(0);
    Some(from_millis(seconds.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(millis)?))
}

/// How many messages of a channel were handed on.
async fn look(ears: &Arc<Ears>, spot: &Spot, floor: Timestamp) -> Result<usize, ChatError> {
    let channel = spot.channel.to_string();
    let (mut missed, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = read(ears, Method::History, &channel, &[], cursor.as_deref()).await?;
        let messages = page["messages"].as_array().cloned().unwrap_or_default();
        for message in &messages {
            if is_after(message, "latest_reply", floor)
                && let Some(thread) = message["ts"].as_str()
            {
                missed.extend(replies(ears, &channel, thread, floor).await?);
            }
        }
        let older = messages.iter().any(|it| !is_after(it, "ts", floor));
        missed.extend(messages.into_iter().filter(|it| is_after(it, "ts", floor)));
        cursor = next(&page);
        if older || cursor.is_none() {
            break;
        }
    }
    missed.sort_by(|a, b| a["ts"].as_str().cmp(&b["ts"].as_str()));
    let mut found = 0;
    for message in missed {
        if let Some(delivery) = delivery(ears, &channel, message)
            && ears.store(delivery).await.is_ok()
        {
            found += 1;
        }
    }
    Ok(found)
}

async fn replies(
    ears: &Ears,
    channel: &str,
    thread: &str,
    floor: Timestamp,
) -> Result<Vec<Value>, ChatError> {
    let oldest = format!("{}.000000", floor.as_second().max(0));
    let (mut all, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let more = [("ts", thread.to_owned()), ("oldest", oldest.clone())];
        let page = read(ears, Method::Replies, channel, &more, cursor.as_deref()).await?;
        all.extend(page["messages"].as_array().cloned().unwrap_or_default());
        cursor = next(&page);
        if cursor.is_none() {
            break;
        }
    }
    // The thread's first message comes with it, however old.
    all.retain(|it| it["ts"] != thread && is_after(it, "ts", floor));
    Ok(all)
}

async fn read(
    ears: &Ears,
    method: Method,
    channel: &str,
    more: &[(&str, String)],
    cursor: Option<&str>,
) -> Result<Value, ChatError> {
    let mut params = vec![("channel", channel.to_owned()), ("limit", PAGE.to_string())];
    params.extend(more.iter().cloned());
    params.extend(cursor.map(|it| ("cursor", it.to_owned())));
    let mut tries = 0;
    loop {
        match ears.api.get(method, &params).await {
            Err(ChatError::RateLimited { retry_after }) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(retry_after).await;
            }
            other => return other,
        }
    }
}

fn next(page: &Value) -> Option<String> {
    page["response_metadata"]["next_cursor"].as_str().filter(|it| !it.is_empty()).map(str::to_owned)
}

fn is_after(message: &Value, key: &str, floor: Timestamp) -> bool {
    message[key].as_str().and_then(said_at).is_some_and(|at| floor < at)
}

/// The message as the event that would have told of it.
fn delivery(ears: &Ears, channel: &str, mut message: Value) -> Option<Delivery> {
    message["channel"] = json!(channel);
    let at = said_at(message["ts"].as_str()?)?;
    let payload = json!({ "event": message });
    let delivery = events::deliveries("events_api", &payload, &ears.own).pop()?;
    let incoming = match delivery.incoming {
        Incoming::Said(said) => Incoming::Missed { said, at },
        other @ (Incoming::Missed { .. }
        | Incoming::Pressed { .. }
        | Incoming::Unasked { .. }
        | Incoming::Reacted { .. }
        | Incoming::Found { .. }) => other,
    };
    Some(Delivery { incoming, ..delivery })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ts_is_seconds_and_a_counter() {
        assert_eq!(said_at("1790000000.123456"), Some(from_millis(1_790_000_000_123)));
        assert_eq!(said_at("1790000000.1"), Some(from_millis(1_790_000_000_000)));
        for not in ["", "1790000000", "soon.1", "99999999999999999999.1", "-.-"] {
            assert_eq!(said_at(not), None, "{not}");
        }
    }
}

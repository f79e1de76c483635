//! What people said while nobody listened: read from the channels' history and handed on as if it had come late. What
//! was heard after all is a duplicate under its key.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::backoff::{Backoff, Tries};
use super::ears::{Ears, NotStored};
use super::events;
use super::method::Method;
use crate::chat::{Accepted, ChatError};
use crate::clock::{before, from_millis};
use crate::id::{MessageId, Platform};
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
/// What could not be read is tried again for this long: a platform that has just come back often fails at first.
const AGAIN_MAX: Duration = Duration::from_secs(600);

/// Why a channel could not be read to its end.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error("what was found is not stored")]
    NotStored,
}

impl Fault {
    fn passes(&self) -> bool {
        match self {
            Self::Chat(error) => error.passes(),
            Self::NotStored => true,
        }
    }
}

/// Looks through every channel that people have spoken to us in, until all of them could be read. `heard_at`: until when
/// this process listened.
pub(super) async fn fetch(ears: Arc<Ears>, heard_at: Option<Timestamp>) {
    let mut told = false;
    find(&ears, heard_at, |_| {
        if !std::mem::replace(&mut told, true) {
            ears.intake.returned(Platform::Slack);
        }
    })
    .await;
}

/// Looks again and again, where whatever stands between Slack and us may be away without our noticing: Slack repeats for
/// six minutes only. If something was missed, so was perhaps what nobody fetches, as marks.
pub(super) async fn keep_looking(ears: &Arc<Ears>) -> Infallible {
    let mut since = ears.clock.now();
    loop {
        tokio::time::sleep(ears.timing.look).await;
        let begun = ears.clock.now();
        find(ears, Some(since), |found| {
            if 0 < found {
                ears.intake.returned(Platform::Slack);
            }
        })
        .await;
        since = begun;
    }
}

/// Reads every channel, and again those that could not be read. After each round `told` hears how much was found in it
/// that nobody had told of.
async fn find(ears: &Arc<Ears>, heard_at: Option<Timestamp>, mut told: impl FnMut(usize)) {
    let backoff = Backoff::new(ears.timing.pause_first, ears.timing.pause_longest);
    let mut tries = Tries::begin(backoff, AGAIN_MAX);
    let workspace = ears.own.place("", None).workspace;
    let memory = loop {
        match ears.intake.memory(Platform::Slack, workspace.clone()).await {
            Ok(memory) => break memory,
            Err(error) => tracing::error!(%error, "what was missed in slack cannot be told"),
        }
        if !tries.again().await {
            return told(0);
        }
    };
    // Nothing was ever heard: whatever stands there was not said to us. What has come since we are back says nothing of
    // the time before.
    let Some(alive) = heard_at.or(memory.heard_at) else { return told(0) };
    let channels = memory.spots.iter().map(|it| Missing {
        channel: it.channel.to_string(),
        thread: None,
        floor: floor(ears, it.last.as_ref(), alive),
    });
    // A busy channel's history ends long before an old question, and names no replies below it.
    let threads = memory.questions.iter().map(|it| Missing {
        channel: it.place.channel.to_string(),
        thread: Some(it.place.thread.as_ref().unwrap_or(&it.message).to_string()),
        floor: floor(ears, None, alive),
    });
    let mut left: Vec<Missing> = channels.chain(threads).collect();
    loop {
        let (channels, mut found, mut failed) = (left.len(), 0, Vec::new());
        for it in left {
            match look(ears, &it).await {
                Ok(number) => found += number,
                Err(fault) => {
                    tracing::warn!(it.channel, it.thread, %fault, "a channel could not be read for what was missed");
                    failed.extend(fault.passes().then_some(it));
                }
            }
        }
        tracing::info!(channels, failed = failed.len(), found, "looked for what was said in slack meanwhile");
        told(found);
        left = failed;
        if left.is_empty() {
            return;
        }
        if !tries.again().await {
            tracing::error!(channels = left.len(), "what was missed there is lost");
            return;
        }
    }
}

/// What was not read to its end yet.
struct Missing {
    channel: String,
    /// The replies below this message; else what stands in the channel itself.
    thread: Option<String>,
    floor: Timestamp,
}

/// The time after which a message may be new to us.
fn floor(ears: &Ears, last: Option<&MessageId>, alive: Timestamp) -> Timestamp {
    let last = last.and_then(|it| said_at(it.as_str()));
    let since = before(last.map_or(alive, |it| it.min(alive)), OVERLAP);
    since.max(before(ears.clock.now(), BACK_MAX))
}

/// The time in a `ts`: seconds and a counter.
pub(super) fn said_at(ts: &str) -> Option<Timestamp> {
    let (seconds, rest) = ts.split_once('.')?;
    let millis = rest.get(..3).and_then(|it| it.parse::<i64>().ok()).unwrap_or(0);
    Some(from_millis(seconds.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(millis)?))
}

/// How many messages there were new to us.
async fn look(ears: &Arc<Ears>, missing: &Missing) -> Result<usize, Fault> {
    let channel = missing.channel.as_str();
    let mut missed = match &missing.thread {
        Some(thread) => replies(ears, channel, thread, missing.floor).await?,
        None => history(ears, channel, missing.floor).await?,
    };
    missed.sort_by(|a, b| a["ts"].as_str().cmp(&b["ts"].as_str()));
    let mut found = 0;
    for message in missed {
        let Some(delivery) = delivery(ears, channel, message) else { continue };
        match ears.store(delivery).await {
            Ok(Accepted::New) => found += 1,
            Ok(Accepted::Duplicate) => {}
            Err(NotStored) => return Err(Fault::NotStored),
        }
    }
    Ok(found)
}

/// A channel's messages, and the replies below those of them that have new ones.
async fn history(ears: &Ears, channel: &str, floor: Timestamp) -> Result<Vec<Value>, ChatError> {
    let (mut missed, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = read(ears, Method::History, channel, &[], cursor.as_deref()).await?;
        let messages = page["messages"].as_array().cloned().unwrap_or_default();
        for message in &messages {
            if is_after(message, "latest_reply", floor)
                && let Some(thread) = message["ts"].as_str()
            {
                missed.extend(replies(ears, channel, thread, floor).await?);
            }
        }
        let older = messages.iter().any(|it| !is_after(it, "ts", floor));
        missed.extend(messages.into_iter().filter(|it| is_after(it, "ts", floor)));
        cursor = next(&page);
        if older || cursor.is_none() {
            break;
        }
    }
    Ok(missed)
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

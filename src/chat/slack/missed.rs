//! What people said while nobody listened: read from the channels' history and handed on as if it had come late. What
//! was heard after all is a duplicate under its key.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::backoff::{Backoff, Tries};
use super::ears::{Ears, NotStored};
use super::events;
use super::method::Method;
use crate::chat::{Accepted, ChatError, Memory};
use crate::clock::before;
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
    let mut tries = tries(&ears);
    let mut told = false;
    let mut tell = || {
        if !std::mem::replace(&mut told, true) {
            ears.intake.returned(Platform::Slack);
        }
    };
    let Some(memory) = recall(&ears, &mut tries).await else { return tell() };
    // Nothing was ever heard: whatever stands there was not said to us. What has come since we are back says nothing of
    // the time before.
    let Some(alive) = heard_at.or(memory.heard_at) else { return tell() };
    let left = places(&memory).map(|(place, last)| Missing {
        floor: floor(&ears, last, alive),
        place,
        ceiling: None,
    });
    find(&ears, left.collect(), &mut tries, |_, _| tell()).await;
}

/// Looks again and again, where whatever stands between Slack and us may be away without our noticing: Slack repeats for
/// six minutes only. If something was missed, so was perhaps what nobody fetches, as marks.
///
/// What is young may be on its way still: a later look takes it. What was read is not read again; what was said before the
/// first look is [`fetch`]'s.
pub(super) async fn keep_looking(ears: &Arc<Ears>) -> Infallible {
    let began = ears.clock.now();
    let mut read: HashMap<Spoken, Timestamp> = HashMap::new();
    loop {
        tokio::time::sleep(ears.timing.look).await;
        let mut tries = tries(ears);
        let Some(memory) = recall(ears, &mut tries).await else { continue };
        let ceiling = before(ears.now_there(), ears.timing.margin);
        let left = places(&memory).map(|(place, _)| {
            let since = read.get(&place).copied().unwrap_or(began);
            Missing { floor: floor(ears, None, since), place, ceiling: Some(ceiling) }
        });
        find(ears, left.collect(), &mut tries, |found, done| {
            read.extend(done.iter().map(|it| (it.place.clone(), ceiling)));
            if 0 < found {
                ears.intake.returned(Platform::Slack);
            }
        })
        .await;
    }
}

fn tries(ears: &Ears) -> Tries {
    Tries::begin(Backoff::new(ears.timing.pause_first, ears.timing.pause_longest), AGAIN_MAX)
}

/// What the bot knows of its channels; nothing if its store does not say for too long.
async fn recall(ears: &Ears, tries: &mut Tries) -> Option<Memory> {
    let workspace = ears.own.place("", None).workspace;
    loop {
        match ears.intake.memory(Platform::Slack, workspace.clone()).await {
            Ok(memory) => return Some(memory),
            Err(error) => tracing::error!(%error, "what was missed in slack cannot be told"),
        }
        if !tries.again().await {
            return None;
        }
    }
}

/// Every channel, with the last message that is known of it, and every thread of an open question: a busy channel's history
/// ends long before an old question, and names no replies below it.
fn places(memory: &Memory) -> impl Iterator<Item = (Spoken, Option<&MessageId>)> {
    let channels = memory.spots.iter().map(|it| {
        let place = Spoken { channel: it.channel.to_string(), thread: None };
        (place, it.last.as_ref())
    });
    let threads = memory.questions.iter().map(|it| {
        let thread = it.place.thread.as_ref().unwrap_or(&it.message).to_string();
        (Spoken { channel: it.place.channel.to_string(), thread: Some(thread) }, None)
    });
    channels.chain(threads)
}

/// Reads all of it, and again what could not be read. After each round `told` hears how much was found in it that nobody
/// had told of, and what was read to its end.
async fn find(
    ears: &Arc<Ears>,
    mut left: Vec<Missing>,
    tries: &mut Tries,
    mut told: impl FnMut(usize, &[Missing]),
) {
    loop {
        let (channels, mut found, mut done, mut failed) = (left.len(), 0, Vec::new(), Vec::new());
        for it in left {
            match look(ears, &it).await {
                Ok(number) => {
                    found += number;
                    done.push(it);
                }
                Err(fault) => {
                    let Spoken { channel, thread } = &it.place;
                    tracing::warn!(channel, thread, %fault, "a channel could not be read for what was missed");
                    failed.extend(fault.passes().then_some(it));
                }
            }
        }
        tracing::info!(channels, failed = failed.len(), found, "looked for what was said in slack meanwhile");
        told(found, &done);
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

/// Where something may have been said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Spoken {
    channel: String,
    /// The replies below this message; else what stands in the channel itself.
    thread: Option<String>,
}

/// What was not read to its end yet.
struct Missing {
    place: Spoken,
    floor: Timestamp,
    /// What is younger is not asked for.
    ceiling: Option<Timestamp>,
}

/// The time after which a message may be new to us.
fn floor(ears: &Ears, last: Option<&MessageId>, alive: Timestamp) -> Timestamp {
    let last = last.and_then(|it| said_at(it.as_str()));
    let since = before(last.map_or(alive, |it| it.min(alive)), OVERLAP);
    since.max(before(ears.now_there(), BACK_MAX))
}

/// The time in a `ts`: seconds, and a fraction that tells messages of one channel apart.
pub(super) fn said_at(ts: &str) -> Option<Timestamp> {
    let (seconds, rest) = ts.split_once('.')?;
    let micros = rest.get(..6).and_then(|it| it.parse::<i64>().ok()).unwrap_or(0);
    let all = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?;
    Timestamp::from_microsecond(all).ok()
}

/// How many messages there were new to us.
async fn look(ears: &Arc<Ears>, missing: &Missing) -> Result<usize, Fault> {
    let channel = missing.place.channel.as_str();
    let mut missed = match &missing.place.thread {
        Some(thread) => replies(ears, channel, thread, missing.floor).await?,
        None => history(ears, channel, missing.floor).await?,
    };
    if let Some(ceiling) = missing.ceiling {
        missed.retain(|it| !is_after(it, "ts", ceiling));
    }
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
    use crate::clock::from_millis;

    #[test]
    fn a_ts_is_seconds_and_a_counter() {
        let micros = Timestamp::from_microsecond(1_790_000_000_123_456).ok();
        assert_eq!(said_at("1790000000.123456"), micros);
        assert!(said_at("1790000000.000017") < said_at("1790000000.000025"));
        assert_eq!(said_at("1790000000.1"), Some(from_millis(1_790_000_000_000)));
        for not in ["", "1790000000", "soon.1", "99999999999999999999.1", "-.-"] {
            assert_eq!(said_at(not), None, "{not}");
        }
    }
}

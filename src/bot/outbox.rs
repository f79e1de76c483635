//! Sends the outbox: most urgent first, one letter at a time per channel, progress at most once a second per card where
//! the platform limits us, and nothing faster than it lets us. A chat that is away delays nothing but its own letters.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Bot, attach,
    doubt::{self, Doubts},
    draw::{self, Drawn, Stands},
    pace::{self, Pace},
    turns::Turns,
};
use crate::{
    chat::{Call, ChatAdapter, ChatError, Lost, PRIVATE, Trouble},
    clock,
    id::{MessageRef, OutboxId, Place, Platform},
    message::{Card, Mark, words},
    pace::Bucket,
    store::{
        Change,
        outbox::{Letter, Priority, Wanted},
    },
};

/// Letters read at a time.
const MOST: i64 = 256;
/// Looked at when nobody rings.
const PAUSE: Duration = Duration::from_millis(500);
/// Between two edits of one card.
const PROGRESS: Duration = Duration::from_secs(1);
/// The same in a terminal, which limits nobody.
const PROGRESS_TERMINAL: Duration = Duration::from_millis(150);
/// Between tries at a platform that is away.
const RETRY: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// Until a letter for a chat that is not configured is looked at again.
const ABSENT: Duration = Duration::from_secs(3_600);
/// Until a letter is looked at again whose message stands below one that is still to be posted.
const BELOW: Duration = Duration::from_millis(500);

/// Who answers a message waits at most this long for its post to be recorded: a platform that hangs holds up nobody.
const RECORDED: Duration = Duration::from_secs(5);
/// Times that one letter is posted again after somebody removed it.
const REMOVED_MAX: i64 = 9;

/// What is on its way, by channel.
#[derive(Default)]
pub(super) struct Lanes {
    turns: Turns,
    edited: Mutex<HashMap<OutboxId, Instant>>,
    /// Where a message is posted that no row knows yet.
    posting: Mutex<HashSet<String>>,
    recorded: Notify,
    pub(super) doubts: Doubts,
    pace: Pace,
}

impl Lanes {
    /// Resolves once every message that stands in this channel is recorded: people answer faster than we write.
    pub(super) async fn recorded(&self, place: &Place) {
        let lane = lane(place);
        let recorded = async {
            loop {
                let next = self.recorded.notified();
                tokio::pin!(next);
                next.as_mut().enable();
                if !self.posting.lock().unwrap_or_else(PoisonError::into_inner).contains(&lane) {
                    return;
                }
                next.await;
            }
        };
        if tokio::time::timeout(RECORDED, recorded).await.is_err() {
            tracing::warn!(lane, "a message is still being posted");
        }
    }
}

fn lane(place: &Place) -> String {
    format!("{}/{}/{}", place.platform, place.workspace, place.channel)
}

pub(super) async fn run(bot: &Bot, stop: CancellationToken) {
    let lanes = bot.0.lanes.clone();
    let ring = bot.engine().letters();
    loop {
        lanes.turns.begin_round();
        let now = bot.engine().clock().now();
        let mut next = Instant::now() + PAUSE;
        match bot.engine().store().waiting_letters::<Value>(now, MOST).await {
            Ok(letters) => {
                let later = letters.into_iter().filter_map(|it| take(bot, it, &lanes)).min();
                next = later.map_or(next, |it| it.min(next));
            }
            Err(error) => tracing::error!(%error, "the outbox could not be read"),
        }
        tokio::select! {
            () = ring.notified() => {}
            () = tokio::time::sleep_until(next) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Sends a letter, if it may go now; else when it may. One whose channel is busy is found again when that is over.
fn take(bot: &Bot, letter: Letter<Value>, lanes: &Arc<Lanes>) -> Option<Instant> {
    let adapter = bot.adapter(letter.place.platform).cloned();
    let lane = lane(&letter.place);
    if let Some(at) = is_too_soon(&letter, lanes) {
        return Some(at);
    }
    if !lanes.turns.enter(&lane) {
        return None;
    }
    let (bot, lanes) = (bot.clone(), lanes.clone());
    let Some(adapter) = adapter else {
        tokio::spawn(async move {
            absent(&bot, &letter).await;
            lanes.turns.leave(&lane);
        });
        return None;
    };
    let place = letter.message.as_ref().map_or(&letter.place, |it| &it.place);
    let counted = adapter.buckets(place, pace::call(&letter, &lanes.doubts));
    if let Err(at) = lanes.pace.take(&counted, letter.priority == Priority::Now) {
        lanes.turns.give_back(&lane);
        return Some(at);
    }
    lanes.posting.lock().unwrap_or_else(PoisonError::into_inner).insert(lane.clone());
    tokio::spawn(async move {
        let sent = send(&bot, adapter.as_ref(), &letter, &counted).await;
        lanes.posting.lock().unwrap_or_else(PoisonError::into_inner).remove(&lane);
        lanes.recorded.notify_waiters();
        // Who waits for the store to close does not wait for a picture.
        let ring = bot.engine().letters();
        drop(bot);
        match sent {
            Ok(Some((message, drawn))) => drop(tokio::spawn(beside(adapter, lanes.clone(), message, drawn))),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(letter = letter.subject, %error, "a letter could not be kept");
                tokio::time::sleep(PAUSE).await;
            }
        }
        lanes.turns.leave(&lane);
        ring.notify_one();
    });
    None
}

/// A place in a chat that is not configured: the letter stands in nobody's way, and is sent should the chat come.
async fn absent(bot: &Bot, letter: &Letter<Value>) {
    let platform = letter.place.platform;
    tracing::warn!(letter = letter.subject, %platform, "a message is for a chat that is not configured");
    let due = clock::after(bot.engine().clock().now(), ABSENT);
    let why = format!("{platform} is not configured");
    if let Err(error) = bot.engine().store().letter_put_off(letter.id, due, why).await {
        tracing::error!(letter = letter.subject, %error, "a letter could not be put off");
        tokio::time::sleep(PAUSE).await;
    }
}

/// An edit right after the last one waits, so that a burst is one edit: until when.
fn is_too_soon(letter: &Letter<Value>, lanes: &Lanes) -> Option<Instant> {
    let pause = match letter.place.platform {
        Platform::Terminal => PROGRESS_TERMINAL,
        Platform::Slack | Platform::Discord => PROGRESS,
    };
    let mut edited = lanes.edited.lock().unwrap_or_else(PoisonError::into_inner);
    edited.retain(|_, at| at.elapsed() < PROGRESS);
    edited.get(&letter.id).map(|at| *at + pause).filter(|at| Instant::now() < *at)
}

/// Sends a letter as history has it now; what was posted anew, and where.
async fn send(
    bot: &Bot,
    adapter: &dyn ChatAdapter,
    letter: &Letter<Value>,
    counted: &[Bucket<String>],
) -> anyhow::Result<Option<(MessageRef, Drawn)>> {
    let (store, lanes) = (bot.engine().store(), &bot.0.lanes);
    let drawn = match draw::draw(bot, letter).await {
        Ok(Some(drawn)) => drawn,
        // Nothing to say any more, as for a reminder of a decided gate.
        Ok(None) => {
            lanes.pace.untaken(counted);
            store.letter_sent(letter.id, letter.wanted, None).await?;
            return Ok(None);
        }
        // It stands in nobody's way: what it tells of is lost, or a later version wrote it.
        Err(error) => {
            lanes.pace.untaken(counted);
            tracing::error!(letter = letter.subject, %error, "a letter cannot be drawn");
            let due = clock::after(bot.engine().clock().now(), growing(RETRY, letter.tries).min(RETRY_MAX));
            store.letter_put_off(letter.id, due, format!("it cannot be drawn: {error:#}")).await?;
            return Ok(None);
        }
    };
    let place = match &drawn.stands {
        Stands::There => letter.place.clone(),
        Stands::Below(message) => message.place.in_thread(message.message.clone()),
        Stands::NotYet => {
            lanes.pace.untaken(counted);
            let due = clock::after(bot.engine().clock().now(), growing(BELOW, letter.tries).min(RETRY_MAX));
            store.letter_put_off(letter.id, due, "what it follows is not posted yet".to_owned()).await?;
            return Ok(None);
        }
    };
    let sent = match (&drawn.to, &letter.message) {
        (Some(to), _) => adapter.whisper(&letter.place, to, &drawn.card).await.map(|()| None),
        (None, Some(message)) if lanes.doubts.holds(letter.id) => {
            doubt::settle(bot, adapter, message, &drawn).await?.map(|()| None)
        }
        (None, Some(message)) => adapter.edit(message, &drawn.card).await.map(|()| None),
        (None, None) => post(bot, adapter, letter, &place, &drawn.card).await.map(Some),
    };
    lanes.pace.answered(counted);
    if !matches!(sent, Err(ChatError::RateLimited { .. })) {
        // Before the row says so: whoever read it a moment ago takes it for one that waits still.
        lanes.edited.lock().unwrap_or_else(PoisonError::into_inner).insert(letter.id, Instant::now());
    }
    match sent {
        Ok(message) => {
            let posted = message.clone();
            lanes.doubts.end(letter.id);
            store.letter_sent(letter.id, letter.wanted, message).await?;
            Ok(posted.map(|message| (message, drawn)))
        }
        // The letter waits with all others that count in the same bucket, and keeps its place among them.
        Err(ChatError::RateLimited { retry_after }) => {
            tracing::debug!(letter = letter.subject, ?retry_after, "the chat takes no more for now");
            lanes.pace.close(counted, retry_after);
            Ok(None)
        }
        Err(ChatError::Gone) if letter.message.is_some() => gone(bot, letter).await.map(|()| None),
        Err(error) => put_off(bot, letter, error).await.map(|()| None),
    }
}

/// Posts a message again that somebody removed. One that is removed once more is let go until the next look: somebody,
/// or something, does not want it there.
async fn gone(bot: &Bot, letter: &Letter<Value>) -> anyhow::Result<()> {
    let store = bot.engine().store();
    let looked = bot.0.lanes.doubts.end(letter.id);
    let stood = letter.message.clone().filter(|it| it.message.as_str() != PRIVATE);
    let again = letter.removed == 0 || (looked && letter.removed < REMOVED_MAX);
    if stood.is_some() && !again {
        tracing::warn!(
            letter = letter.subject,
            "a message was removed again, and is not posted again for now"
        );
        store.letter_sent(letter.id, letter.wanted, None).await?;
    } else {
        tracing::info!(letter = letter.subject, "a message is gone, and is posted again");
        store.letter_gone(letter.id, stood, bot.engine().clock().now()).await?;
    }
    Ok(())
}

/// Posts, unless an earlier try was accepted although nobody heard so: its answer was lost, or we ended too early.
async fn post(
    bot: &Bot,
    adapter: &dyn ChatAdapter,
    letter: &Letter<Value>,
    place: &Place,
    card: &Card,
) -> Result<MessageRef, ChatError> {
    let nonce = nonce(letter);
    if 0 < letter.tries || letter.created_at < bot.0.started {
        let lost = Lost { nonce: &nonce, card, since: letter.created_at };
        match adapter.find(place, &lost).await {
            Ok(Some(message)) if !is_recorded(bot, &message).await => {
                return adapter.edit(&message, card).await.map(|()| message);
            }
            Ok(Some(_) | None) => {}
            // Where we may not look, twice is better than never.
            Err(error @ (ChatError::Refused { .. } | ChatError::Broken { .. } | ChatError::Gone)) => {
                tracing::warn!(letter = letter.subject, %error, "nobody can tell whether it was posted before");
            }
            Err(error) => return Err(error),
        }
    }
    adapter.post(place, card, &nonce).await
}

/// Whether a message is another letter's, which may show the same.
async fn is_recorded(bot: &Bot, message: &MessageRef) -> bool {
    let known: Result<Option<Letter<Value>>, _> = bot.engine().store().find_letter(message).await;
    known.is_ok_and(|it| it.is_some())
}

/// What hangs on a message that stands now: our marks, files. It waits for its own turn, and holds up no letter.
async fn beside(adapter: Arc<dyn ChatAdapter>, lanes: Arc<Lanes>, message: MessageRef, drawn: Drawn) {
    if drawn.offers_marks && adapter.shows_all(&drawn.card) {
        offer(adapter.as_ref(), &lanes.pace, &message).await;
    }
    attach::all(adapter.as_ref(), &lanes.pace, message, drawn.files).await;
}

/// Our own marks under a gate's message, for people to click. Without them the buttons still work.
async fn offer(adapter: &dyn ChatAdapter, pace: &Pace, message: &MessageRef) {
    let counted = adapter.buckets(&message.place, Call::React);
    for mark in [Mark::Approve, Mark::Reject] {
        if let Err(error) = pace.patiently(&counted, || adapter.react(message, mark)).await {
            tracing::info!(%error, "no mark was put under a gate's message");
        }
    }
}

/// Twice as long after each try.
fn growing(first: Duration, tries: i64) -> Duration {
    first * 2u32.pow(u32::try_from(tries).unwrap_or(u32::MAX).min(7))
}

async fn put_off(bot: &Bot, letter: &Letter<Value>, error: ChatError) -> anyhow::Result<()> {
    let pause = match &error {
        ChatError::RateLimited { .. } | ChatError::Unreachable { .. } | ChatError::Unclear { .. } => {
            growing(RETRY, letter.tries).min(RETRY_MAX)
        }
        ChatError::Gone | ChatError::Refused { .. } | ChatError::Broken { .. } => RETRY_MAX,
    };
    match &error {
        // It stays so until a person changes something: said once, tried again each minute.
        ChatError::Refused { .. } if 0 < letter.tries => {
            tracing::debug!(letter = letter.subject, %error, "a message was refused again");
        }
        ChatError::Refused { .. }
        | ChatError::RateLimited { .. }
        | ChatError::Unreachable { .. }
        | ChatError::Unclear { .. }
        | ChatError::Gone
        | ChatError::Broken { .. } => {
            tracing::warn!(letter = letter.subject, place = ?letter.place.channel, %error, "a message was not sent");
        }
    }
    if let (ChatError::Refused { code, fix }, 0) = (&error, letter.tries) {
        tell_refusal(bot, letter, code, fix).await?;
    }
    let due = clock::after(bot.engine().clock().now(), pause);
    bot.engine().store().letter_put_off(letter.id, due, error.to_string()).await?;
    Ok(())
}

/// Says once a day in the fallback channel that a place cannot be spoken in, and what to do.
async fn tell_refusal(bot: &Bot, letter: &Letter<Value>, code: &str, fix: &str) -> anyhow::Result<()> {
    let place = &letter.place;
    if is_told_of_all(bot, place.platform, code) {
        return Ok(());
    }
    let Some(fallback) = bot.0.parts.fallback.as_ref().filter(|it| it.channel != place.channel) else {
        return Ok(());
    };
    let name = format!("{}/{}/{}", place.platform, place.workspace, place.channel);
    let card = words::chat::refused(&name, code, fix);
    let day = bot.engine().clock().now().strftime("%F");
    let note = Wanted {
        subject: format!("refused:{name}:{code}:{day}"),
        place: fallback.clone(),
        body: serde_json::json!({ "say": { "card": card, "to": null } }),
        priority: Priority::Soon,
    };
    bot.engine().commit(vec![Change::Want(Box::new(note))]).await?;
    Ok(())
}

/// What keeps us from speaking there keeps us from speaking anywhere on the platform: that is told once for all of it.
fn is_told_of_all(bot: &Bot, platform: Platform, code: &str) -> bool {
    match bot.adapter(platform).and_then(|it| it.trouble()) {
        Some(Trouble::Mute { code: of_all, .. } | Trouble::Deaf { code: of_all, .. }) => of_all == code,
        Some(Trouble::NoMessageContent | Trouble::TooManySockets | Trouble::EventsLimited) | None => false,
    }
}

/// The same for every try of the same post: 24 digits of the row's id, and which post of it this is after the first.
fn nonce(letter: &Letter<Value>) -> String {
    let digits: String = letter.id.to_string().replace('-', "").chars().skip(8).collect();
    if letter.removed == 0 { digits } else { format!("{digits}{}", letter.removed) }
}

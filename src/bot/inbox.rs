//! Reads the inbox: deliveries of one channel one after another, channels beside each other. A delivery is done in the
//! transaction of its effect; one that meets a passing fault is tried again, one that keeps failing is answered.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Bot, hear, trigger};
use crate::{
    clock,
    id::{MessageRef, Place},
    message::{Delivery, Incoming, words},
    store::inbox::Waiting,
};

/// Looked at when nobody rings, for deliveries that met a fault.
const PAUSE: Duration = Duration::from_secs(1);
/// Lanes looked at at a time.
const MOST: i64 = 256;
/// The longest wait between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Tries of what a person said before they hear that it did not work: about a quarter of a minute.
pub(super) const TRIES_SAID: i64 = 5;
/// Tries of an event that nobody waits for: a repository may be away for a quarter of an hour.
pub(super) const TRIES_EVENT: i64 = 20;

pub(super) async fn run(bot: &Bot, stop: CancellationToken) {
    let busy: Arc<Mutex<HashSet<String>>> = Arc::default();
    let tasks = TaskTracker::new();
    loop {
        let now = bot.engine().clock().now();
        match bot.engine().store().waiting_deliveries(now, MOST).await {
            Ok(waiting) => waiting.into_iter().for_each(|it| take(bot, it, &busy, &tasks)),
            Err(error) => tracing::error!(%error, "the inbox could not be read"),
        }
        tokio::select! {
            () = bot.0.deliveries.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => break,
        }
    }
    tasks.close();
    tasks.wait().await;
}

/// What a person says in a channel is handled in order. A button or a reaction is an answer by itself: it does not
/// wait behind a command that asks a slow repository.
pub(super) fn lane(delivery: &Delivery) -> String {
    let place = &delivery.place;
    match &delivery.incoming {
        Incoming::Said(_) | Incoming::Missed { .. } => channel_of(place),
        Incoming::Pressed { message, .. }
        | Incoming::Unasked { message, .. }
        | Incoming::Reacted { message, .. }
        | Incoming::Found { message, .. } => lane_of(place, message),
    }
}

/// Where answers that are given on a message are handled.
pub(super) fn lane_of(place: &Place, message: &MessageRef) -> String {
    format!("{}#{}", channel_of(place), message.message)
}

fn channel_of(place: &Place) -> String {
    format!("{}/{}/{}", place.platform, place.workspace, place.channel)
}

/// Starts on a delivery unless its lane is at work; the next round finds it again.
fn take(bot: &Bot, waiting: Waiting, busy: &Arc<Mutex<HashSet<String>>>, tasks: &TaskTracker) {
    if !busy.lock().unwrap_or_else(PoisonError::into_inner).insert(waiting.lane.clone()) {
        return;
    }
    let delivery: Option<Delivery> =
        (waiting.source == "chat").then(|| serde_json::from_value(waiting.body.clone()).ok()).flatten();
    let (bot, busy) = (bot.clone(), busy.clone());
    tasks.spawn(async move {
        // A panic is a bug, but it must silence neither the channel nor the bot.
        let work = std::panic::AssertUnwindSafe(handle(&bot, &waiting, delivery.as_ref()));
        let done = work.catch_unwind().await;
        if !matches!(done, Ok(Ok(()))) {
            fail(&bot, &waiting, delivery.as_ref(), done.map_or("panic".to_owned(), |it| format!("{it:?}")))
                .await;
        }
        busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&waiting.lane);
        bot.ring();
    });
}

async fn handle(bot: &Bot, waiting: &Waiting, delivery: Option<&Delivery>) -> anyhow::Result<()> {
    match delivery {
        Some(delivery) => hear::hear(bot, waiting, delivery).await,
        None => trigger::trigger(bot, waiting).await,
    }
}

async fn fail(bot: &Bot, waiting: &Waiting, delivery: Option<&Delivery>, why: String) {
    let tries = waiting.tries + 1;
    tracing::error!(delivery = %waiting.id, tries, why, "a delivery could not be handled");
    let most = if delivery.is_some() { TRIES_SAID } else { TRIES_EVENT };
    if tries < most {
        let due = clock::after(bot.engine().clock().now(), pause(waiting.tries));
        if let Err(error) = bot.engine().store().put_off_delivery(waiting.id, due).await {
            tracing::error!(%error, "the try could not be counted");
            tokio::time::sleep(PAUSE).await;
        }
        return;
    }
    let short = waiting.id.to_string();
    let card = words::answer::broken(short.rsplit('-').next().unwrap_or(&short));
    let answer = delivery.map(|it| hear::answer(waiting.id, it, card, false));
    let changes = answer.into_iter().chain([crate::store::Change::Done(waiting.id)]).collect();
    if let Err(error) = bot.engine().commit(changes).await {
        tracing::error!(%error, "the apology could not be stored");
        tokio::time::sleep(PAUSE).await;
    }
}

/// How long after a try that failed, counted from 0, the next one comes.
fn pause(tries: i64) -> Duration {
    let doubled = PAUSE * 2u32.saturating_pow(u32::try_from(tries).unwrap_or(u32::MAX).min(6));
    doubled.min(PAUSE_MAX)
}

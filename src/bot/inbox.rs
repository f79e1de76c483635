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
    message::{Delivery, words},
    store::inbox::Waiting,
};

/// Looked at when nobody rings, for deliveries that met a fault.
const PAUSE: Duration = Duration::from_secs(1);
/// Deliveries read at a time.
const MOST: i64 = 256;
/// Tries before a delivery that keeps failing is answered with an apology and put away.
pub(super) const TRIES: i64 = 5;

pub(super) async fn run(bot: &Bot, stop: CancellationToken) {
    let busy: Arc<Mutex<HashSet<String>>> = Arc::default();
    let tasks = TaskTracker::new();
    loop {
        match bot.engine().store().waiting_deliveries(MOST).await {
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

/// Starts on a delivery unless its channel is at work; the next round finds it again.
fn take(bot: &Bot, waiting: Waiting, busy: &Arc<Mutex<HashSet<String>>>, tasks: &TaskTracker) {
    let delivery: Option<Delivery> =
        (waiting.source == "chat").then(|| serde_json::from_value(waiting.body.clone()).ok()).flatten();
    let lane = match &delivery {
        Some(it) => format!("{}/{}/{}", it.place.platform, it.place.workspace, it.place.channel),
        None => trigger::lane(&waiting),
    };
    if !busy.lock().unwrap_or_else(PoisonError::into_inner).insert(lane.clone()) {
        return;
    }
    let (bot, busy) = (bot.clone(), busy.clone());
    tasks.spawn(async move {
        // A panic is a bug, but it must silence neither the channel nor the bot.
        let work = std::panic::AssertUnwindSafe(handle(&bot, &waiting, delivery.as_ref()));
        let done = work.catch_unwind().await;
        if !matches!(done, Ok(Ok(()))) {
            fail(&bot, &waiting, delivery.as_ref(), done.map_or("panic".to_owned(), |it| format!("{it:?}")))
                .await;
        }
        busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&lane);
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
    tracing::error!(delivery = %waiting.id, tries = waiting.tries + 1, why, "a delivery could not be handled");
    let store = bot.engine().store();
    if let Err(error) = store.count_try(waiting.id).await {
        tracing::error!(%error, "the try could not be counted");
    }
    if waiting.tries + 1 >= TRIES {
        let short = waiting.id.to_string();
        let card = words::answer::broken(short.rsplit('-').next().unwrap_or(&short));
        let answer = delivery.map(|it| hear::answer(waiting.id, it, card, false));
        let changes = answer.into_iter().chain([crate::store::Change::Done(waiting.id)]).collect();
        if let Err(error) = bot.engine().commit(changes).await {
            tracing::error!(%error, "the apology could not be stored");
        }
        return;
    }
    tokio::time::sleep(PAUSE).await;
}

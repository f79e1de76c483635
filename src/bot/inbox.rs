//! Reads the inbox: deliveries of one channel one after another, channels beside each other. A delivery is done in the
//! transaction of its effect; one that meets a passing fault is tried again, one that keeps failing is answered.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Bot, hear, trigger, turns::Turns};
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
    let turns: Arc<Turns> = Arc::default();
    let tasks = TaskTracker::new();
    loop {
        turns.begin_round();
        let now = bot.engine().clock().now();
        match bot.engine().store().waiting_deliveries(now, MOST).await {
            Ok(waiting) => waiting.into_iter().for_each(|it| take(bot, it, &turns, &tasks)),
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

/// Whether what came under a key that stands is the same thing, told by an event once and fetched the other time. What
/// the platform says of its author may have changed between; a row of an earlier version does not say when it was.
pub(super) fn is_same(stands: &Value, again: &Delivery) -> bool {
    let Ok(stands) = serde_json::from_value::<Delivery>(stands.clone()) else { return false };
    if (&stands.account, &stands.place, &stands.incoming) == (&again.account, &again.place, &again.incoming) {
        return true;
    }
    match (&stands.incoming, &again.incoming) {
        (
            Incoming::Said(known) | Incoming::Missed { said: known, .. },
            Incoming::Said(told) | Incoming::Missed { said: told, .. },
        ) => {
            let is_fetched =
                !matches!((&stands.incoming, &again.incoming), (Incoming::Said(_), Incoming::Said(_)));
            // Words that were not for us are not kept.
            let same_words = known.text.is_empty() || (is_fetched && known.text == told.text);
            stands.account == again.account && known.message == told.message && same_words
        }
        (
            Incoming::Said(_)
            | Incoming::Missed { .. }
            | Incoming::Pressed { .. }
            | Incoming::Unasked { .. }
            | Incoming::Reacted { .. }
            | Incoming::Found { .. },
            _,
        ) => false,
    }
}

fn channel_of(place: &Place) -> String {
    format!("{}/{}/{}", place.platform, place.workspace, place.channel)
}

/// Starts on a delivery unless its lane is at work; the next round finds it again.
fn take(bot: &Bot, waiting: Waiting, turns: &Arc<Turns>, tasks: &TaskTracker) {
    if !turns.enter(&waiting.lane) {
        return;
    }
    let delivery: Option<Delivery> =
        (waiting.source == "chat").then(|| serde_json::from_value(waiting.body.clone()).ok()).flatten();
    let (bot, turns) = (bot.clone(), turns.clone());
    tasks.spawn(async move {
        // A panic is a bug, but it must silence neither the channel nor the bot.
        let work = std::panic::AssertUnwindSafe(handle(&bot, &waiting, delivery.as_ref()));
        let done = work.catch_unwind().await;
        if !matches!(done, Ok(Ok(()))) {
            fail(&bot, &waiting, delivery.as_ref(), done.map_or("panic".to_owned(), |it| format!("{it:?}")))
                .await;
        }
        turns.leave(&waiting.lane);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(incoming: Value) -> Value {
        json!({
            "key": "k", "standing": "member", "display": "bea", "incoming": incoming,
            "account": {"platform": "slack", "workspace": "T1", "user": "U1"},
            "place": {"platform": "slack", "workspace": "T1", "channel": "C1", "thread": null},
        })
    }

    #[test]
    fn the_same_words_fetched_are_the_same_and_others_under_their_key_are_not() {
        let said = |text: &str| json!({"text": text, "addressed": false, "message": "1.2"});
        let heard = |text: &str| told(json!({"said": said(text)}));
        let fetched =
            |text: &str| told(json!({"missed": {"said": said(text), "at": "2026-11-21T10:00:00Z"}}));
        let is_same = |stands: Value, again: Value| {
            is_same(&stands, &serde_json::from_value(again).expect("a delivery"))
        };
        assert!(is_same(heard("!help"), fetched("!help")));
        assert!(is_same(fetched("!help"), heard("!help")));
        for again in [heard("a word"), fetched("a word")] {
            assert!(is_same(heard(""), again), "talk that was not kept");
        }
        assert!(!is_same(heard("!help"), fetched("!deploy shop")));
        assert!(!is_same(heard("!help"), heard("!deploy shop")));
        let mut another = fetched("!help");
        another["account"]["user"] = json!("U2");
        assert!(!is_same(heard("!help"), another));
        assert!(!is_same(json!("?"), heard("!help")));
        let mut guest = heard("!help");
        (guest["standing"], guest["at"]) = (json!("guest"), json!("2026-11-21T10:00:00Z"));
        assert!(is_same(heard("!help"), guest));
    }
}

//! Timers of rules: each instant is a row of the inbox before anything comes of it, under a key of timer and instant, so
//! that two processes, or a restart, fire it once. What was missed while nobody looked fires once, if it is not long ago.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Bot;
use crate::{
    clock,
    engine::Live,
    rule::{Happened, Listens, Timer},
    store::{StoreError, inbox::Arrival},
};

/// Between two looks while no timer is due: content may have changed.
const LOOK: Duration = Duration::from_secs(60);
/// The same after a fault.
const PAUSE: Duration = Duration::from_secs(1);
/// What is missed by more than this is not made up for: a nightly work at noon is nobody's wish.
const GRACE: Duration = Duration::from_secs(3_600);
/// What the inbox calls the row that says since when a timer is known.
pub(super) const SEEN: &str = "timer";

/// Fires what is due until `stop`.
pub(super) async fn run(bot: &Bot, stop: CancellationToken) {
    // Up to when each timer was looked at by this process.
    let mut looked: BTreeMap<String, Timestamp> = BTreeMap::new();
    loop {
        let engine = bot.engine();
        let (live, now) = (engine.live(), engine.clock().now());
        let mut wake = clock::after(now, LOOK);
        for (key, (trigger, timer)) in timers(&live) {
            match look(bot, &mut looked, &key, (trigger, &timer), now).await {
                Ok(()) => wake = timer.next(now).map_or(wake, |next| wake.min(next)),
                Err(error) => {
                    tracing::error!(timer = key, %error, "a timer could not be looked at; trying again");
                    wake = wake.min(clock::after(now, PAUSE));
                }
            }
        }
        tokio::select! {
            () = engine.clock().sleep_until(wake) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// The timers that enabled rules listen to, each once however many do.
fn timers(live: &Live) -> BTreeMap<String, (&Listens, Timer)> {
    let rules = live.catalogue.rules.iter().filter(|it| it.enabled);
    rules
        .filter_map(|rule| {
            // What is no time was told when its file was read.
            let timer = Timer::of(&rule.trigger)?.ok()?;
            Some((format!("{SEEN}:{}", rule.trigger.identity()), (&rule.trigger, timer)))
        })
        .collect()
}

/// Fires what became due since the last look, the last instant alone.
async fn look(
    bot: &Bot,
    looked: &mut BTreeMap<String, Timestamp>,
    key: &str,
    (trigger, timer): (&Listens, &Timer),
    now: Timestamp,
) -> Result<(), StoreError> {
    let since = match looked.get(key) {
        Some(at) => *at,
        None => first_look(bot, key, now).await?,
    };
    if let Some(due) = timer.last_between(since.max(clock::before(now, GRACE)), now) {
        fire(bot, key, trigger, due, now).await?;
    }
    looked.insert(key.to_owned(), now);
    Ok(())
}

/// Since when a timer is known, or up to when an earlier process looked at it.
async fn first_look(bot: &Bot, key: &str, now: Timestamp) -> Result<Timestamp, StoreError> {
    let store = bot.engine().store();
    if let Some(at) = store.latest_in_lane(key).await? {
        return Ok(at);
    }
    let seen =
        Arrival { key: key.to_owned(), source: SEEN, lane: key.to_owned(), body: json!({ "format": 1 }) };
    store.receive(seen, now).await?;
    bot.ring();
    Ok(now)
}

async fn fire(
    bot: &Bot,
    key: &str,
    trigger: &Listens,
    due: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let late = clock::between(due, now);
    if PAUSE < late {
        tracing::warn!(timer = key, %due, late_seconds = late.as_secs(), "a timer fires late");
    }
    // As Python prints it; `schedule` is null there, too.
    let executed_at = due.strftime("%F %T+00:00").to_string();
    let happened =
        Happened::new(trigger.clone(), json!({ "executed_at": executed_at, "schedule": Value::Null }));
    let body =
        serde_json::to_value(&happened).map_err(|error| StoreError::CalledOff { why: error.to_string() })?;
    let arrival = Arrival {
        key: format!("{key}:{}", clock::to_millis(due)),
        source: Happened::SOURCE,
        lane: key.to_owned(),
        body,
    };
    bot.engine().store().receive(arrival, now).await?;
    bot.ring();
    Ok(())
}

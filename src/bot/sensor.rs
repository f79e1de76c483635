//! The sensors of packs at work: each is started again when it fails, after a while that grows, and what it says has
//! happened stands in the inbox before it is told so.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Bot, trouble};
use crate::{
    clock,
    content::Sensor,
    id::InboxId,
    message::{Card, words},
    rule::{Happened, Listens},
    runner::{Dispatch, Dispatched, OnSpawn, ProcessMark, Sensing, SensorEnd, Sensors},
    store::inbox::Arrival,
};

/// What the bot's own triggers begin with.
const OWN: &str = "core.st2.";
/// From the first failure to the next start.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest of these.
const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);
/// Between two looks at the configuration of a sensor that rests.
const LOOK: Duration = Duration::from_secs(1);
/// Whoever ran so long works; earlier failures are forgotten.
const STEADY: Duration = Duration::from_secs(60);
/// Failures in a row before somebody is told: a service that a sensor asks may be away for a moment.
const TOLD_AT: u32 = 3;

/// From so many failures in a row to the next start.
fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (PAUSE * 2_u32.pow(doublings)).min(PAUSE_MAX)
}

/// What the subjects begin with of the messages that tell that a sensor does not work.
fn trouble_of(sensor: &str) -> String {
    format!("trouble:sensor:{sensor}:")
}

/// Runs all enabled sensors of the content until `stop`.
pub(super) async fn run(bot: &Bot, stop: CancellationToken) {
    let Some(sensors) = bot.engine().sensors() else { return };
    let live = bot.engine().live();
    let enabled = live.catalogue.sensors.iter().filter(|it| it.enabled);
    join_all(enabled.map(|it| keep(bot, sensors, it, &stop))).await;
}

/// Keeps one sensor running.
async fn keep(bot: &Bot, sensors: &Sensors, sensor: &Sensor, stop: &CancellationToken) {
    let reference = sensor.reference();
    let failures = Failures::default();
    loop {
        let why = match run_once(bot, sensors, sensor, &failures, stop).await {
            SensorEnd::Stopped => return,
            SensorEnd::Finished => {
                return tracing::info!(
                    sensor = reference,
                    "it has nothing more to do, and is not started again"
                );
            }
            SensorEnd::Failed(why) => bot.engine().covered(&why),
        };
        let count = failures.one_more();
        let pause = pause(count);
        let again = pause.as_secs();
        tracing::warn!(
            sensor = reference,
            failures = count,
            why,
            again_in_seconds = again,
            "a sensor failed"
        );
        if TOLD_AT <= count {
            let log = sensors.log_of(&reference);
            let card = words::sensor::failing(&reference, &why, &log.display().to_string());
            tell(bot, &reference, Some(card)).await;
        }
        tokio::select! {
            () = rest(bot, sensor, pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Until the next start: at once when its pack is configured otherwise, as that is what whoever mends it waits for.
async fn rest(bot: &Bot, sensor: &Sensor, pause: Duration) {
    let clock = bot.engine().clock();
    let configured = || bot.engine().live().settings.packs.get(&sensor.pack).cloned();
    let (before, until) = (configured(), clock::after(clock.now(), pause));
    while clock.now() < until && configured() == before {
        clock.sleep_until(until.min(clock::after(clock.now(), LOOK))).await;
    }
}

/// Failures in a row.
#[derive(Default)]
struct Failures(AtomicU64);

impl Failures {
    fn one_more(&self) -> u32 {
        u32::try_from(self.0.fetch_add(1, Ordering::Relaxed)).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

async fn run_once(
    bot: &Bot,
    sensors: &Sensors,
    sensor: &Sensor,
    failures: &Failures,
    stop: &CancellationToken,
) -> SensorEnd {
    let sensing = match bot.engine().sensing(sensor).await {
        Ok(sensing) => sensing,
        Err(why) => return SensorEnd::Failed(why),
    };
    let reference = sensing.reference.clone();
    let (dispatch, spawned) = (dispatch(bot, &sensing), spawned(bot, &reference));
    tracing::info!(sensor = reference, "a sensor starts");
    let run = sensors.run(&sensing, &dispatch, Some(&spawned), stop);
    tokio::pin!(run);
    let steady = bot.engine().clock().sleep_until(clock::after(bot.engine().clock().now(), STEADY));
    let end = tokio::select! {
        end = &mut run => end,
        () = steady => {
            failures.forget();
            tell(bot, &reference, None).await;
            run.await
        }
    };
    let code = match &end {
        SensorEnd::Stopped | SensorEnd::Finished => 0,
        SensorEnd::Failed(_) => 1,
    };
    process_event(bot, "process_exit", &reference, json!({ "exit_code": code })).await;
    end
}

/// That it does not work, or does again, in the fallback channel.
async fn tell(bot: &Bot, reference: &str, wrong: Option<Card>) {
    let told = async {
        let changes = trouble::of(bot, &trouble_of(reference), wrong).await?;
        anyhow::Ok(bot.engine().commit(changes).await?)
    };
    if let Err(error) = told.await {
        tracing::error!(sensor = reference, %error, "how a sensor stands could not be told");
    }
}

/// Stores what a sensor says has happened, if a rule listens.
fn dispatch(bot: &Bot, sensing: &Sensing) -> Dispatch {
    let (bot, sensing) = (bot.clone(), Arc::new(sensing.clone()));
    Arc::new(move |it| {
        let (bot, sensing) = (bot.clone(), sensing.clone());
        Box::pin(async move { receive(&bot, &sensing, it).await })
    })
}

async fn receive(bot: &Bot, sensing: &Sensing, it: Dispatched) -> Result<(), String> {
    if it.trigger.starts_with(OWN) {
        return Err(words::sensor::own_trigger(&it.trigger));
    }
    let rules = &bot.engine().live().catalogue.rules;
    if !rules.iter().any(|rule| rule.enabled && rule.trigger.hears(&it.trigger, &it.parameters)) {
        tracing::debug!(sensor = sensing.reference, trigger = it.trigger, "no rule listens");
        return Ok(());
    }
    let trigger = Listens { kind: it.trigger, parameters: it.parameters };
    let payload = bot.engine().covered_event(sensing, it.payload);
    arrive(bot, &sensing.reference, trigger, payload).await
}

async fn arrive(bot: &Bot, reference: &str, trigger: Listens, payload: Value) -> Result<(), String> {
    let body = serde_json::to_value(Happened::new(trigger, payload)).map_err(|error| error.to_string())?;
    let lane = format!("sensor:{reference}");
    let key = format!("{lane}:{}", InboxId::generate());
    let arrival = Arrival { key, source: Happened::SOURCE, lane, body };
    let engine = bot.engine();
    engine.store().receive(arrival, engine.clock().now()).await.map_err(|error| error.to_string())?;
    bot.ring();
    Ok(())
}

fn spawned(bot: &Bot, reference: &str) -> OnSpawn {
    let (bot, reference) = (bot.clone(), reference.to_owned());
    Arc::new(move |mark: ProcessMark| {
        let (bot, reference) = (bot.clone(), reference.clone());
        Box::pin(async move {
            process_event(&bot, "process_spawn", &reference, json!({ "pid": mark.pid })).await;
        })
    })
}

/// `core.st2.sensor.process_spawn` and `process_exit`, if a rule listens.
async fn process_event(bot: &Bot, what: &str, reference: &str, more: Value) {
    let kind = format!("core.st2.sensor.{what}");
    if !bot.engine().live().hears(&kind) {
        return;
    }
    let now = bot.engine().clock().now();
    let mut object = json!({ "id": reference, "timestamp": now.as_second() });
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    let trigger = Listens { kind, parameters: serde_json::Map::new() };
    if let Err(error) = arrive(bot, reference, trigger, json!({ "object": object })).await {
        tracing::error!(sensor = reference, error, "what became of a sensor could not be stored");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_that_fails_and_fails_is_started_less_and_less_often() {
        let pauses = [1, 2, 3, 9, 10, u32::MAX].map(|it| pause(it).as_secs());
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300]);
    }
}

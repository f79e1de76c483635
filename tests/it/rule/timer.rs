//! Timers: each instant once, whoever restarts; what was missed once, and not for long.

use std::time::Duration;

use lockkeeper::clock::TestClock;

use super::world::{house, lines, rule, writer};
use crate::support::house::House;
use crate::support::trial::until;

/// A house whose rules of these timers write when they fired.
fn ticking(timers: &[(&str, &str)]) -> House {
    let house = house();
    writer(&house, "log");
    for (name, timer) in timers {
        rule(
            &house,
            name,
            &format!(
                "trigger: {{type: core.st2.{timer}}}\n\
                 action: {{ref: trial.log, parameters: {{text: \"{name} {{{{ trigger.executed_at }}}}\"}}}}\n"
            ),
        );
    }
    house
}

async fn written(house: &House, wanted: &[&str]) {
    until(&format!("{wanted:?}"), async || (wanted.len() <= lines(house, "log").len()).then_some(())).await;
    let mut found = lines(house, "log");
    found.sort();
    assert_eq!(found, wanted);
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn each_instant_fires_once_and_of_those_that_were_missed_the_last() {
    let house = ticking(&[("every", "IntervalTimer, parameters: {unit: minutes, delta: 1}")]);
    let clock = TestClock::at("2026-11-21T10:00:30Z".parse().unwrap());
    let bot = house.start_on(clock.clone()).await;
    until("the timer is known", async || {
        let lanes = bot.engine.store().latest_deliveries("timer", 10).await.unwrap();
        (lanes.len() == 1).then_some(())
    })
    .await;
    clock.advance(MINUTE / 2);
    let mut all = vec!["every 2026-11-21 10:01:00+00:00"];
    written(&house, &all).await;
    // Nobody looked for a while.
    clock.advance(MINUTE * 4 + MINUTE / 2);
    all.push("every 2026-11-21 10:05:00+00:00");
    written(&house, &all).await;
    bot.stop().await;
    // Away over some of them.
    clock.advance(MINUTE * 20);
    let bot = house.start_on(clock.clone()).await;
    all.push("every 2026-11-21 10:25:00+00:00");
    written(&house, &all).await;
    bot.stop().await;
    // A restart within the same minute fires nothing anew.
    let bot = house.start_on(clock.clone()).await;
    clock.advance(MINUTE);
    all.push("every 2026-11-21 10:26:00+00:00");
    written(&house, &all).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rules_of_one_timer_both_fire_and_what_is_long_past_does_not() {
    let house = ticking(&[
        ("a", "CronTimer, parameters: {hour: 2, minute: 0, timezone: Europe/Berlin}"),
        ("b", "CronTimer, parameters: {minute: 0, hour: 2, timezone: Europe/Berlin}"),
        ("date", "DateTimer, parameters: {date: 2026-11-22 00:30:00}"),
        ("past", "DateTimer, parameters: {date: 2026-11-21 09:59:00}"),
    ]);
    let clock = TestClock::at("2026-11-21T10:00:00Z".parse().unwrap());
    let bot = house.start_on(clock.clone()).await;
    until("the timers are known", async || {
        let lanes = bot.engine.store().latest_deliveries("timer", 10).await.unwrap();
        (lanes.len() == 3).then_some(())
    })
    .await;
    clock.advance(MINUTE * (14 * 60 + 30));
    written(&house, &["date 2026-11-22 00:30:00+00:00"]).await;
    clock.advance(MINUTE * 30);
    let all =
        ["a 2026-11-22 01:00:00+00:00", "b 2026-11-22 01:00:00+00:00", "date 2026-11-22 00:30:00+00:00"];
    written(&house, &all).await;
    bot.stop().await;
    // Away for a night and more: nightly work is not done at noon.
    clock.advance(MINUTE * 60 * 34);
    let bot = house.start_on(clock.clone()).await;
    clock.advance(MINUTE * 60 * 14);
    written(
        &house,
        &[
            "a 2026-11-22 01:00:00+00:00",
            "a 2026-11-24 01:00:00+00:00",
            "b 2026-11-22 01:00:00+00:00",
            "b 2026-11-24 01:00:00+00:00",
            "date 2026-11-22 00:30:00+00:00",
        ],
    )
    .await;
    bot.stop().await;
}

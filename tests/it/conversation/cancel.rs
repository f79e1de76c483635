//! Stopping in the middle: whatever hosts were being changed, they are asked what they run before it is said to have
//! ended.

use std::path::Path;

use lockkeeper::demo::World;

use crate::support::chat::{Chat, Person::*};
use crate::support::house::Bot;
use crate::support::shop::{all_ended, open, open_with, short_watch};
use crate::support::talk::{Talk, each_chat};
use crate::support::trial::{history, hold_installation, hold_no_more, until_held};

/// Cancels release 1 while this host is being installed; its card, once it has ended.
async fn canceled_while_installing(world: &World, bot: &Bot, host: &str) -> String {
    until_held(world.dir(), host).await;
    bot.ask("ann", "!cancel 1", |text| text.contains("Stopping 1; its card says when it has")).await;
    let card = bot.shows(0, |text| text.contains("Release #1 of shop: stopped")).await;
    hold_no_more(world.dir(), host);
    all_ended(bot).await;
    card
}

/// Nothing is at work, nothing is locked, nothing is permitted.
async fn is_at_rest(dir: &Path) {
    let mut history = history(dir).await.unwrap();
    for sql in [
        "SELECT COUNT(*) FROM attempt WHERE ended_at IS NULL",
        "SELECT COUNT(*) FROM environment_lock",
        "SELECT COUNT(*) FROM permission WHERE ended_at IS NULL",
        "SELECT COUNT(*) FROM rollout WHERE outcome = 'begun'",
    ] {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut history).await.unwrap();
        assert_eq!(count, 0, "{sql}");
    }
}

fn row<'t>(table: &'t str, host: &str) -> &'t str {
    table.lines().find(|it| it.contains(host)).unwrap_or_else(|| panic!("{host} is not in\n{table}"))
}

each_chat!(
    a_rollout_that_is_stopped_says_what_every_host_runs_and_how_to_go_back,
    Talk::release(short_watch())
);

async fn a_rollout_that_is_stopped_says_what_every_host_runs_and_how_to_go_back(talk: &mut Talk<impl Chat>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop canary");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    let dir = talk.world().dir().to_owned();
    hold_installation(&dir, "web-2");
    talk.says(Bea, "!approve 1");
    talk.sees("#1: approved").await;
    talk.becomes(&question, "approved by bea").await;
    until_held(&dir, "web-2").await;
    assert_eq!(card.labels(), ["Stop"]);
    talk.presses(Zed, &card, "Stop");
    talk.sees_alone(Zed, "I do not know this account").await;
    talk.presses(Ann, &card, "Stop");
    talk.sees_alone(Ann, "Stopping 1; its card says when it has").await;
    let card = talk.ends_as(&card).await;
    assert_eq!(card.labels(), [""; 0], "there is nothing left to stop");
    hold_no_more(&dir, "web-2");
    all_ended(talk.bot()).await;
    assert!(card.head().ends_with("Release #1 of shop: stopped"), "{card}");
    for said in
        ["new: web-1", "old: web-3", "unknown: web-2", "`!rollback shop` brings every reachable host back"]
    {
        assert!(card.words.contains(said), "it does not say {said}:\n{card}");
    }
    is_at_rest(&dir).await;
    talk.says(Ann, "!where shop");
    let table = talk.hears(Ann, "What runs where").await.words;
    let first = format!("sha256:{}", talk.world().first().0.short());
    assert!(row(&table, "web-1").contains("#1 "), "{table}");
    assert!(row(&table, "web-2").contains("unknown"), "{table}");
    assert!(row(&table, "web-3").contains(&first), "{table}");

    talk.says(Ann, "!rollback shop");
    let back = talk.sees("Rollback #2 of shop").await;
    talk.becomes(&back, "Rollback #2 of shop: done").await;
    talk.sees("ann: Rollback #2 of shop: done.").await;
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);
    assert_eq!(talk.world().versions("canary").await, [Some(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_stopped_half_way_says_what_it_may_run_and_how_to_go_back() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    world.commit_good(2).await.unwrap();
    hold_installation(world.dir(), "canary-1");
    bot.player.say("ann", "!deploy shop canary");
    let card = canceled_while_installing(&world, &bot, "canary-1").await;
    let said = "canary-1 may still run this artifact, which was not approved. `!rollback shop in canary` takes the canary back.";
    assert!(card.contains("unknown: canary-1") && card.contains(said), "{card}");
    is_at_rest(world.dir()).await;
    let table = bot.ask("ann", "!where shop", |text| text.contains("What runs where")).await;
    assert!(row(&table, "canary-1").contains("unknown"), "{table}");
    bot.stop().await;
    world.end().await.unwrap();
}

/// The workflow leaves it as it is, so nobody but the engine asks.
#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_failed_and_is_held_is_asked_what_it_runs() {
    let dir = tempfile::TempDir::new().unwrap();
    let hold = [("four_eyes: true", "four_eyes: true, on_fail: hold")];
    let (world, bot) = open_with(dir.path(), &short_watch(), &hold).await;
    world.commit_good(2).await.unwrap();
    world.doom_host("canary-1").await.unwrap();
    let card =
        bot.ask("ann", "!deploy shop canary", |text| text.contains("Release #1 of shop: failed\n")).await;
    assert!(card.contains("canary-1 may still run this artifact"), "{card}");
    let table = bot.ask("ann", "!where shop", |text| text.contains("What runs where")).await;
    assert!(row(&table, "canary-1").contains("unknown"), "{table}");
    is_at_rest(world.dir()).await;
    bot.stop().await;
    world.end().await.unwrap();
}

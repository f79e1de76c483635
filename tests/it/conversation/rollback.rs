//! Going back: where to, however often it is asked for and whoever is silent.

use std::path::Path;

use lockkeeper::demo::{Terms, World};
use lockkeeper::engine::Asked;

use crate::support::chat::{Chat, Person::*};
use crate::support::house::{Bot, House};
use crate::support::shop::{all_ended, edit, open_on};
use crate::support::talk::{Talk, each_chat, reads};
use crate::support::trial::{finish_held, hold_installation, until_held};

/// Hosts on version 1, and a watch that is over at once: these tests are about what follows a release.
async fn open(dir: &Path) -> (World, Bot) {
    open_on(dir, &quick()).await
}

fn quick() -> Terms {
    Terms { interval: "100ms".to_owned(), duration: "500ms".to_owned(), ..Terms::default() }
}

/// A release by ann that bea lets through, up to the end of its card.
async fn release(world: &World, bot: &Bot, version: u32, number: i64) -> String {
    world.commit_good(version).await.unwrap();
    bot.ask("ann", "!deploy shop", |text| text.contains(&format!("May #{number} shop"))).await;
    bot.player.say("bea", &format!("!approve {number}"));
    ended(bot, &format!("Release #{number} of shop")).await
}

/// The card with this title, once its execution has ended.
async fn ended(bot: &Bot, title: &str) -> String {
    let ends = [("✅", "done"), ("❌", "failed"), ("•", "stopped")];
    let ends = ends.map(|(symbol, end)| format!("{symbol} {title}: {end}"));
    bot.shows(0, |text| ends.iter().any(|end| text.contains(end))).await
}

async fn rollback(bot: &Bot, number: i64) -> String {
    bot.player.say("ann", "!rollback shop");
    ended(bot, &format!("Rollback #{number} of shop")).await
}

/// The same release, as it is talked about.
async fn released(talk: &mut Talk<impl Chat>, version: u32, number: i64) {
    talk.world().commit_good(version).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees(&format!("Release #{number} of shop")).await;
    let question = talk.sees(&format!("May #{number} shop")).await;
    talk.says(Bea, &format!("!approve {number}"));
    talk.sees(&format!("#{number}: approved")).await;
    talk.becomes(&question, "approved by bea").await;
    talk.ends_as(&card).await;
    talk.sees(&format!("ann: Release #{number} of shop: done.")).await;
}

each_chat!(a_silent_host_does_not_change_where_a_rollback_goes, Talk::release(quick()));

/// Nor does asking again.
async fn a_silent_host_does_not_change_where_a_rollback_goes(talk: &mut Talk<impl Chat>) {
    released(talk, 2, 1).await;
    assert_eq!(talk.world().versions("app").await, [Some(2); 3]);

    talk.world().kill_host("web-2").await.unwrap();
    talk.says(Ann, "!rollback shop");
    let card = talk.sees("Rollback #2 of shop").await;
    let card = talk.ends_as(&card).await;
    assert!(card.words.contains("new: canary-1, web-1 and web-3"), "{card}");
    assert!(card.words.contains("unknown: web-2"), "{card}");
    talk.sees("@ann: Rollback #2 of shop: failed").await;
    assert_eq!(talk.world().versions("app").await, [Some(1), None, Some(1)]);

    talk.world().revive_host("web-2").await.unwrap();
    talk.says(Ann, "!rollback shop");
    let card = talk.sees("Rollback #3 of shop").await;
    let card = talk.ends_as(&card).await;
    assert!(card.words.contains("new: canary-1, web-1, web-2 and web-3"), "{card}");
    talk.sees("ann: Rollback #3 of shop: done.").await;
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);
    assert_eq!(talk.world().versions("canary").await, [Some(1)], "the canary goes back with the others");

    talk.says(Ann, "!rollback shop");
    reads!(talk.sees("already").await, @"Every host of shop in production runs sha256:<hash> already, the last good release; nothing was changed. Going further back needs an approval: `!deploy shop@VERSION`.");
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_ran_on_every_host_is_nothing_to_go_back_to_even_if_all_run_it_now() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    world.doom_host("web-3").await.unwrap();
    let card = release(&world, &bot, 2, 1).await;
    assert!(card.contains("unknown: web-3"), "{card}");
    // The host comes back on what was installed last.
    world.revive_host("web-3").await.unwrap();
    let all = async || (world.versions("app").await == [Some(2); 3]).then_some(());
    world.until(crate::support::house::PATIENCE, all).await.unwrap();

    release(&world, &bot, 3, 2).await;
    assert_eq!(world.versions("app").await, [Some(3), Some(3), Some(3)]);
    rollback(&bot, 3).await;
    assert_eq!(world.versions("app").await, [Some(1), Some(1), Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rollback_the_record_names_the_release_that_runs_and_who_is_to_be_asked_for_more() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    release(&world, &bot, 2, 1).await;
    let second = world.repository().head().await.unwrap();
    release(&world, &bot, 3, 2).await;
    let card = rollback(&bot, 3).await;
    assert!(card.contains(&format!("{} (main)", second.short())), "{card}");
    assert_eq!(world.versions("app").await, [Some(2), Some(2), Some(2)]);

    let table = bot.ask("ann", "!where shop", |text| text.contains("What runs where")).await;
    for host in ["web-1", "web-2", "web-3"] {
        let row = table.lines().find(|it| it.contains(host)).unwrap();
        assert!(row.contains(&format!("#1 {}", second.short())), "{table}");
    }
    bot.ask("ann", "!rollback shop", |text| text.contains("runs #1 ") && text.contains("already")).await;
    bot.ask("ann", "!promote 3", |text| text.contains("#3 was a rollback")).await;
    bot.stop().await;
    world.end().await.unwrap();
}

each_chat!(the_canary_alone_goes_back_to_what_production_runs, Talk::release(quick()));

async fn the_canary_alone_goes_back_to_what_production_runs(talk: &mut Talk<impl Chat>) {
    released(talk, 2, 1).await;
    talk.world().commit_good(3).await.unwrap();
    talk.says(Ann, "!deploy shop canary");
    let release = talk.sees("Release #2 of shop").await;
    let question = talk.sees("May #2 shop").await;
    assert_eq!(talk.world().versions("canary").await, [Some(3)]);

    talk.says(Ann, "!rollback shop in canary");
    let card = talk.sees("Rollback #3 of shop").await;
    let card = talk.ends_as(&card).await;
    assert!(card.words.contains("done") && card.words.contains("new: canary-1"), "{card}");
    talk.sees("ann: Rollback #3 of shop: done.").await;
    assert_eq!(talk.world().versions("canary").await, [Some(2)]);
    assert_eq!(talk.world().versions("app").await, [Some(2); 3]);
    talk.becomes(&question, "rollback #3 took its place").await;
    talk.becomes(&release, "rollback #3 took its place").await;
    talk.says(Ann, "!rollback shop in canary");
    talk.sees("The canary of shop in production runs #1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leaves_the_pool_as_full_as_a_rollout_does() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    release(&world, &bot, 2, 1).await;
    let mut out_at_once = 0;
    let watching = async {
        loop {
            let fleet = world.fleet().await.unwrap();
            out_at_once = out_at_once.max(fleet.hosts.iter().filter(|it| !it.in_pool).count());
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = watching => unreachable!("it watches for ever"),
        _ = rollback(&bot, 2) => {}
    }
    assert_eq!(out_at_once, 1, "hosts that were out of the pool at the same time");
    assert_eq!(world.versions("app").await, [Some(1), Some(1), Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_goes_back_to_what_was_approved_and_its_card_says_what_it_is_left_on() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    world.commit_good(2).await.unwrap();
    bot.ask("ann", "!deploy shop canary", |text| text.contains("May #1 shop")).await;
    bot.player.say("ann", "!cancel 1");
    let card =
        bot.shows(0, |text| text.contains("Release #1 of shop: ") && text.contains("still runs")).await;
    assert!(
        card.contains(
            "canary-1 still runs this artifact, which was not approved. `!rollback shop in canary` takes the canary back."
        ),
        "{card}"
    );
    let question = bot.shows(0, |text| text.contains("stopped by ann")).await;
    assert!(question.contains("Nothing was changed on web-1, web-2 and web-3."), "{question}");

    world.commit_good(3).await.unwrap();
    bot.ask("ann", "!deploy shop canary", |text| text.contains("May #2 shop")).await;
    bot.player.say("bea", "!reject 2 not today");
    let card = bot.shows(0, |text| text.contains("Release #2 of shop: rejected")).await;
    assert!(!card.contains("still run"), "{card}");
    assert_eq!(world.versions("canary").await, [Some(1)], "version 2 was never approved");
    bot.stop().await;
    world.end().await.unwrap();
}

/// The watch of the next release takes ten minutes; the first one's was short.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_ends_the_watch_of_another_release() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    release(&world, &bot, 2, 1).await;
    bot.stop().await;
    edit(&world, "config/apps/shop.yaml", "interval: 100ms, duration: 500ms", "interval: 30s, duration: 10m");
    let bot = House::start_at(&world.config()).await;
    world.commit_good(3).await.unwrap();
    bot.ask("ann", "!deploy shop", |text| text.contains("▸ watch the canary")).await;
    let card = rollback(&bot, 3).await;
    assert!(card.contains("new: canary-1, web-1, web-2 and web-3"), "{card}");
    let card = bot.shows(0, |text| text.contains("Release #2 of shop: rollback #3 took its place")).await;
    assert!(!card.contains("failed:") && !card.contains("!rollback"), "{card}");
    assert_eq!(world.versions("canary").await, [Some(1)]);
    assert_eq!(world.versions("app").await, [Some(1); 3]);

    // The canary alone as well.
    world.commit_good(4).await.unwrap();
    bot.ask("ann", "!deploy shop", |text| text.contains("▸ watch the canary")).await;
    bot.player.say("ann", "!rollback shop in canary");
    ended(&bot, "Rollback #5 of shop").await;
    bot.shows(0, |text| text.contains("Release #4 of shop: rollback #5 took its place")).await;
    assert_eq!(world.versions("canary").await, [Some(1)]);
    all_ended(&bot).await;
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_closes_the_question_about_another_release() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    release(&world, &bot, 2, 1).await;
    world.commit_good(3).await.unwrap();
    bot.ask("ann", "!deploy shop", |text| text.contains("May #2 shop")).await;
    rollback(&bot, 3).await;
    bot.shows(0, |text| text.contains("#2 shop to production: rollback #3 took its place")).await;
    bot.shows(0, |text| text.contains("Release #2 of shop: rollback #3 took its place")).await;
    bot.ask("bea", "!approve 2", |text| text.contains("#2 is decided")).await;
    assert_eq!(world.versions("canary").await, [Some(1)]);
    assert_eq!(world.versions("app").await, [Some(1); 3]);
    all_ended(&bot).await;
    bot.stop().await;
    world.end().await.unwrap();
}

/// Another one waits for the canary all the while: it goes on after the rollback.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_waits_for_an_installation_that_is_under_way_and_for_nobody_else() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    release(&world, &bot, 2, 1).await;
    std::fs::remove_file(world.dir().join("hosts/canary-1/shop/installed")).unwrap();
    hold_installation(world.dir(), "canary-1");
    world.commit_good(3).await.unwrap();
    bot.player.say("ann", "!deploy shop");
    until_held(world.dir(), "canary-1").await;
    bot.player.say("ann", "!rollback shop");
    let at_work = "wait for the canary · #2 is at work there";
    bot.shows(0, |text| text.contains("Rollback #3 of shop") && text.contains(at_work)).await;
    world.commit_good(4).await.unwrap();
    bot.player.say("ann", "!deploy shop");
    bot.shows(0, |text| text.contains("Release #4 of shop") && text.contains("#3 goes back first")).await;
    assert_eq!(world.versions("app").await, [Some(2); 3], "nothing has gone back yet");

    finish_held(world.dir(), "canary-1").await;
    ended(&bot, "Rollback #3 of shop").await;
    bot.shows(0, |text| text.contains("Release #2 of shop: rollback #3 took its place")).await;
    assert!(bot.engine.store().gates_of::<Asked>(2).await.unwrap().is_empty(), "nobody was asked about #2");
    assert_eq!(world.versions("app").await, [Some(1); 3]);
    bot.shows(0, |text| text.contains("May #4 shop")).await;
    assert_eq!(world.versions("canary").await, [Some(4)]);
    bot.ask("bea", "!reject 4 not today", |text| text.contains("rejected by bea")).await;
    all_ended(&bot).await;
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_does_not_begin_without_its_artifact() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    release(&world, &bot, 2, 1).await;
    let first = world.first().0;
    std::fs::remove_file(world.dir().join(format!("data/artifacts/{first}.tar.gz"))).unwrap();
    let answer = bot.ask("ann", "!rollback shop", |text| text.contains("I do not have the artifact")).await;
    assert!(
        answer.contains(&format!(
            "sha256:{} that shop would go back to, so nothing was changed",
            first.short()
        ))
    );
    assert_eq!(world.versions("app").await, [Some(2), Some(2), Some(2)]);
    let fleet = world.fleet().await.unwrap();
    assert!(fleet.hosts.iter().all(|it| it.in_pool), "{fleet:?}");
    bot.stop().await;
    world.end().await.unwrap();
}

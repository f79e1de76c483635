//! Two releases of one app want the same canary and the same door: what was asked for last has them, and the other one
//! says so.

use lockkeeper::demo::Terms;
use lockkeeper::engine::Asked;

use crate::support::chat::{Chat, Person::*};
use crate::support::shop::{all_ended, open_on, short_watch};
use crate::support::talk::{Talk, each_chat, reads};

each_chat!(a_newer_release_takes_the_place_of_one_that_waits, Talk::release(short_watch()));

async fn a_newer_release_takes_the_place_of_one_that_waits(talk: &mut Talk<impl Chat>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let first = talk.sees("Release #1 of shop").await;
    let asked = talk.sees("May #1 shop to production?").await;
    talk.world().commit_good(3).await.unwrap();
    talk.says(Dora, "!deploy shop");
    let second = talk.sees("Release #2 of shop").await;
    let closed = talk.becomes(&asked, "#1 shop to production: another release took its place").await;
    assert_eq!(closed.labels(), [""; 0], "nobody can answer any more");
    let card = talk.becomes(&first, "Release #1 of shop: another release took its place").await;
    assert!(!card.words.contains("!rollback"), "its canary is the other's: {card}");

    let asked = talk.sees("May #2 shop to production?").await;
    assert_eq!(talk.world().versions("canary").await, [Some(3)]);
    talk.says(Bea, "!approve 1");
    reads!(talk.sees_alone(Bea, "#1 is").await, @"#1 is decided: another release took its place.");
    talk.says(Bea, "!approve 2");
    talk.sees("#2: approved").await;
    talk.becomes(&asked, "approved by bea").await;
    talk.becomes(&second, "Release #2 of shop: done").await;
    talk.sees("dora: Release #2 of shop: done.").await;
    assert_eq!(talk.world().versions("app").await, [Some(3); 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_release_does_not_wait_for_a_watch_that_nobody_wants_any_more() {
    let dir = tempfile::TempDir::new().unwrap();
    let watch = Terms { interval: "30s".to_owned(), duration: "10m".to_owned(), ..Terms::default() };
    let (world, bot) = open_on(dir.path(), &watch).await;
    world.commit_good(2).await.unwrap();
    bot.ask("ann", "!deploy shop", |text| text.contains("▸ watch the canary")).await;
    world.commit_good(3).await.unwrap();
    bot.player.say("dora", "!deploy shop");
    let card = bot.shows(0, |text| text.contains("Release #1 of shop: another release took its place")).await;
    assert!(!card.contains("failed:") && !card.contains("!rollback"), "{card}");
    bot.shows(0, |text| text.contains("Release #2 of shop") && text.contains("▸ watch the canary")).await;
    assert_eq!(world.versions("canary").await, [Some(3)]);
    let installed = std::fs::read_to_string(world.dir().join("hosts/canary-1/shop/installed")).unwrap();
    assert_eq!(installed.lines().count(), 2, "the first was not taken back in between: {installed}");
    let card = bot.shows(0, |text| text.contains("Release #2 of shop")).await;
    assert!(!card.contains("wait for the canary"), "{card}");
    bot.stop().await;
    world.end().await.unwrap();
}

/// The older one's installation is under way: the newer one waits for its end, also over a restart.
#[tokio::test(flavor = "multi_thread")]
async fn two_releases_never_install_on_one_canary_at_a_time() {
    use crate::support::trial::{finish_held, hold_installation, until_held};

    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open_on(dir.path(), &short_watch()).await;
    world.commit_good(2).await.unwrap();
    hold_installation(world.dir(), "canary-1");
    bot.player.say("ann", "!deploy shop");
    until_held(world.dir(), "canary-1").await;
    world.commit_good(3).await.unwrap();
    bot.ask("dora", "!deploy shop", |text| text.contains("▸ wait for the canary")).await;
    assert!(bot.engine.store().hosts_touched(root(&bot, 2).await).await.unwrap().is_empty());
    finish_held(world.dir(), "canary-1").await;
    bot.shows(0, |text| text.contains("Release #1 of shop: another release took its place")).await;
    bot.shows(0, |text| text.contains("May #2 shop to production?")).await;
    assert_eq!(world.versions("canary").await, [Some(3)]);
    assert!(bot.engine.store().gates_of::<Asked>(1).await.unwrap().is_empty(), "nobody was asked about #1");
    bot.ask("bea", "!reject 2 not today", |text| text.contains("rejected by bea")).await;
    all_ended(&bot).await;
    bot.stop().await;
    world.end().await.unwrap();
}

async fn root(bot: &crate::support::house::Bot, number: i64) -> lockkeeper::id::ExecutionId {
    bot.engine.store().find_release_number(number).await.unwrap().unwrap().execution
}

each_chat!(a_gate_that_nobody_answers_reminds_until_somebody_does, Talk::release(short_watch()));

/// It rings those whose answer would count and who want to be rung: not Emil, who asked, nor Dora, who is in no group
/// that may answer.
async fn a_gate_that_nobody_answers_reminds_until_somebody_does(talk: &mut Talk<impl Chat>) {
    talk.resets("expires_after: 30m", "expires_after: 30m, remind_after: 1s").await;
    talk.world().commit_good(2).await.unwrap();
    talk.says(Emil, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    let reminder = talk.sees("#1 shop still waits for production").await;
    assert!(reminder.words.contains("It needs 1 of sre. Time left: 29 min"), "{reminder}");
    assert_eq!(reminder.rings, [Bea, Cid], "{reminder}");
    talk.says(Cid, "!notify me nothing");
    talk.sees_alone(Cid, "From now on I name you without ringing you").await;
    let mut patience = 20;
    while talk.sees("still waits").await.rings != [Bea] {
        patience -= 1;
        assert!(0 < patience, "he is rung still");
    }

    talk.says(Bea, "!reject 1 not today");
    talk.sees("#1: rejected by bea").await;
    talk.becomes(&question, "rejected by bea").await;
    talk.becomes(&card, "Release #1 of shop: rejected").await;
    talk.sees("@emil: Release #1 of shop: rejected.").await;
    talk.skims("still waits");
    let gate = talk.bot().engine.store().gates_of::<Asked>(1).await.unwrap().remove(0).body.gate;
    assert!(2 <= gate.reminders, "{gate:?}");
}

//! Pushes that come faster than a canary is watched: what is begun is brought to its verdict, the newest of those that
//! wait comes next, and whoever asks by hand goes first.

use lockkeeper::demo::{Terms, World};
use lockkeeper::engine::Asked;
use lockkeeper::gate::Decision;

use crate::support::chat::{Chat, Person::*};
use crate::support::house::{Bot, House};
use crate::support::shop::{all_ended, open_pushed, push};
use crate::support::talk::{Talk, each_chat};
use crate::support::trial::{finish_held, hold_installation, until, until_held};

/// A watch whose end no test waits for.
fn long_watch() -> Terms {
    Terms { interval: "30s".to_owned(), duration: "10m".to_owned(), ..Terms::default() }
}

fn short_watch(duration: &str) -> Terms {
    Terms { interval: "200ms".to_owned(), duration: duration.to_owned(), ..Terms::default() }
}

/// The card of this release, once it says so.
async fn card(bot: &Bot, number: i64, text: &str) -> String {
    let title = format!("Release #{number} of shop");
    bot.shows(0, |it| it.contains(&title) && it.contains(text)).await
}

/// A push whose release waits for its turn, and the line of its card that says for whom.
async fn waits(world: &World, bot: &Bot, version: u32, number: i64, whom: &str) {
    push(world, bot, version).await;
    let card = card(bot, number, whom).await;
    assert!(card.contains(&format!("wait for the canary · {whom}")), "{card}");
    assert!(card.contains(&format!("Release #{number} of shop: waiting for its turn")), "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_come_faster_than_a_watch_end_no_watch_and_the_newest_of_them_is_next() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open_pushed(dir.path(), &short_watch("3s")).await;
    hold_installation(world.dir(), "canary-1");
    push(&world, &bot, 2).await;
    until_held(world.dir(), "canary-1").await;
    waits(&world, &bot, 3, 2, "#1 is at work there").await;
    waits(&world, &bot, 4, 3, "#1 is at work there").await;
    let gone = card(&bot, 2, "another release took its place: #3").await;
    assert!(!gone.contains("failed:") && !gone.contains("!rollback"), "{gone}");

    finish_held(world.dir(), "canary-1").await;
    card(&bot, 3, "wait for the canary · #1 is watched there").await;
    bot.shows(0, |text| text.contains("May #1 shop to production?")).await;
    card(&bot, 3, "wait for the canary · the question about #1 stands until").await;
    let status = bot.ask("bea", "!status shop", |text| text.contains("Waiting for an answer")).await;
    assert!(
        status.contains("Release #3 of shop: waiting for its turn: the question about #1 stands until"),
        "{status}"
    );
    // Nobody answers for as long as the canary was watched.
    card(&bot, 1, "another release took its place: #3").await;
    let gate = bot.engine.store().gates_of::<Asked>(1).await.unwrap().remove(0).body.gate;
    let Some(Decision::Superseded { at, .. }) = gate.decision else { panic!("{:?}", gate.decision) };
    assert!(3 <= (at - gate.sealed_at).get_seconds(), "{} to {at}", gate.sealed_at);
    bot.shows(0, |text| text.contains("May #3 shop to production?")).await;
    assert_eq!(world.versions("canary").await, [Some(4)]);
    let installed = std::fs::read_to_string(world.dir().join("hosts/canary-1/shop/installed")).unwrap();
    assert_eq!(installed.lines().count(), 2, "the second was never installed: {installed}");
    bot.ask("bea", "!reject 3 not today", |text| text.contains("rejected by bea")).await;
    all_ended(&bot).await;
    bot.stop().await;
    world.end().await.unwrap();
}

each_chat!(
    a_push_waits_for_the_end_of_a_question_that_somebody_has_approved,
    Talk::pushed(Terms { approvals: 2, ..short_watch("1s") })
);

async fn a_push_waits_for_the_end_of_a_question_that_somebody_has_approved(talk: &mut Talk<impl Chat>) {
    push(talk.world(), talk.bot(), 2).await;
    let first = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    talk.says(Bea, "!approve 1");
    talk.sees("still needs 1 of sre").await;
    push(talk.world(), talk.bot(), 3).await;
    let second = talk.sees("Release #2 of shop").await;
    let whom = "wait for the canary · the question about #1 is being answered";
    let waiting = talk.becomes(&second, whom).await;
    assert!(waiting.head().contains("Release #2 of shop: waiting for its turn"), "{waiting}");
    // Longer than a question stands that nobody has answered.
    let asked = async |bot: &Bot| bot.engine.store().gates_of::<Asked>(1).await.unwrap().remove(0).body.gate;
    let sealed_at = asked(talk.bot()).await.sealed_at;
    let over = async || (2 < (talk.bot().engine.clock().now() - sealed_at).get_seconds()).then_some(());
    until("its time is over", over).await;
    assert_eq!(asked(talk.bot()).await.decision, None);

    talk.says(Cid, "!approve 1");
    talk.sees("#1: approved").await;
    talk.becomes(&question, "approved by bea and cid").await;
    talk.becomes(&first, "Release #1 of shop: done").await;
    assert_eq!(talk.world().versions("app").await, [Some(2); 3]);
    let question = talk.sees("May #2 shop to production?").await;
    talk.says(Bea, "!reject 2 not today");
    talk.sees("#2: rejected by bea").await;
    talk.becomes(&question, "rejected by bea").await;
    talk.becomes(&second, "Release #2 of shop: rejected").await;
    talk.sees("Release #2 of shop: rejected.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_outlives_a_restart_and_who_asks_by_hand_goes_first() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open_pushed(dir.path(), &long_watch()).await;
    push(&world, &bot, 2).await;
    card(&bot, 1, "▸ watch the canary").await;
    waits(&world, &bot, 3, 2, "#1 is watched there").await;
    bot.stop().await;
    let bot = House::start_at(&world.config()).await;
    waits(&world, &bot, 4, 3, "#1 is watched there").await;
    card(&bot, 2, "another release took its place: #3").await;
    assert_eq!(world.versions("canary").await, [Some(2)], "the first is watched still");

    world.commit_good(5).await.unwrap();
    bot.player.say("ann", "!deploy shop");
    card(&bot, 1, "another release took its place: #4").await;
    card(&bot, 3, "another release took its place: #4").await;
    card(&bot, 4, "▸ watch the canary").await;
    assert_eq!(world.versions("canary").await, [Some(5)]);
    bot.ask("ann", "!cancel 4", |text| text.contains("Stopping 4")).await;
    all_ended(&bot).await;
    bot.stop().await;
    world.end().await.unwrap();
}

/// What waits behind a wish of a person does not end it.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_does_not_end_what_somebody_asked_for_and_what_waits() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open_pushed(dir.path(), &long_watch()).await;
    hold_installation(world.dir(), "canary-1");
    push(&world, &bot, 2).await;
    until_held(world.dir(), "canary-1").await;
    world.commit_good(3).await.unwrap();
    bot.player.say("ann", "!deploy shop");
    card(&bot, 2, "wait for the canary · #1 is at work there").await;
    waits(&world, &bot, 4, 3, "#1 is at work there; #2 was asked for before").await;
    finish_held(world.dir(), "canary-1").await;
    card(&bot, 1, "another release took its place: #2").await;
    card(&bot, 2, "▸ watch the canary").await;
    card(&bot, 3, "wait for the canary · #2 is watched there").await;
    assert_eq!(world.versions("canary").await, [Some(3)]);
    bot.ask("ann", "!cancel 3", |text| text.contains("Stopping 3")).await;
    bot.ask("ann", "!cancel 2", |text| text.contains("Stopping 2")).await;
    all_ended(&bot).await;
    bot.stop().await;
    world.end().await.unwrap();
}

//! Four eyes: whoever had a hand in a release does not approve it, by whatever way it comes to its gate.

use lockkeeper::demo::{Author, Release, World};
use lockkeeper::message::Mark;

use crate::support::chat::{Chat, Person::*, Seen};
use crate::support::shop::{all_ended, ask, edit, open, short_watch};
use crate::support::talk::{Talk, each_chat};
use crate::support::trial::until;

const CID: Author = Author { name: "Cid", email: "cid@shop.example" };
const ANN: Author = Author { name: "Ann", email: "ann@shop.example" };

each_chat!(asking_again_makes_nobody_a_stranger, Talk::release(short_watch()));

async fn asking_again_makes_nobody_a_stranger(talk: &mut Talk<impl Chat>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Cid, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop").await;
    talk.says(Cid, "!approve 1");
    talk.sees_alone(Cid, "You asked for this release").await;
    rejected(talk, &question, &card).await;

    talk.says(Emil, "!promote 1");
    let card = talk.sees("Promotion #1 of shop").await;
    let again = talk.sees("May #1 shop").await;
    assert!(again.words.contains("cid, again by emil"), "{again}");
    talk.says(Cid, "!approve 1");
    talk.sees_alone(Cid, "You asked for this release").await;
    talk.says(Emil, "!approve 1");
    talk.sees_alone(Emil, "You ran this release again").await;
    rejected(talk, &again, &card).await;

    // The third time, those of the first two are still known.
    talk.says(Ann, "!promote 1");
    let card = talk.sees("Promotion #1 of shop").await;
    let third = talk.sees("cid, again by ann and emil").await;
    talk.reacts(Emil, &third, Mark::Approve);
    talk.sees_alone(Emil, "You ran this release again").await;
    talk.presses(Cid, &third, "Approve");
    talk.sees_alone(Cid, "You asked for this release").await;
    rejected(talk, &third, &card).await;
}

/// Bea says no, up to the end.
async fn rejected(talk: &mut Talk<impl Chat>, question: &Seen, card: &Seen) {
    talk.says(Bea, "!reject 1 not today");
    talk.sees("#1: rejected by bea").await;
    talk.becomes(question, "rejected by bea").await;
    talk.becomes(card, "#1 of shop: rejected").await;
    talk.sees(" #1 of shop: rejected.").await;
    all_ended(talk.bot()).await;
}

async fn commit(world: &World, author: Author, version: u32) {
    world.repository().commit(author, "Let people pay", Release::good(version)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wrote_any_commit_that_a_release_brings_may_not_approve_it() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    // Nobody knows which commit the first version is of, so every author counts.
    commit(&world, CID, 2).await;
    let first = ask(&world, &bot).await.card.to_string();
    assert!(first.contains("authors of any commit may not approve"), "{first}");
    bot.ask("cid", "!approve 1", |text| text.contains("You wrote commits of this release")).await;
    bot.ask("bea", "!approve 1", |text| text.contains("#1: approved")).await;
    bot.shows(0, |text| text.contains("Release #1 of shop: done")).await;

    // Many commits, and a host that does not answer: the last complete rollout is known.
    commit(&world, CID, 3).await;
    for _ in 0..50 {
        commit(&world, ANN, 3).await;
    }
    world.kill_host("web-3").await.unwrap();
    bot.player.say("ann", "!deploy shop");
    let second = bot.shows(0, |text| text.contains("May #2 shop")).await;
    assert!(!second.contains("authors of any commit"), "{second}");
    assert_eq!((second.matches("(Ann)").count(), second.matches("(Cid)").count()), (50, 1), "{second}");
    bot.ask("cid", "!approve 2", |text| text.contains("You wrote commits of this release")).await;
    bot.ask("bea", "!reject 2", |text| text.contains("rejected by bea")).await;
    all_ended(&bot).await;
    world.revive_host("web-3").await.unwrap();
    until("web-3 is back", async || (world.versions("app").await == [Some(2); 3]).then_some(())).await;

    // Back on the first version, whose commit nobody knows: the rollback's own row names another.
    bot.ask("ann", "!rollback shop", |text| text.contains("Rollback #3 of shop: done")).await;
    bot.player.say("ann", "!deploy shop");
    let fourth = bot.shows(0, |text| text.contains("May #4 shop")).await;
    assert!(fourth.contains("authors of any commit may not approve"), "{fourth}");
    bot.ask("cid", "!approve 4", |text| text.contains("You wrote commits of this release")).await;
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_nobody_can_open_says_so_when_it_opens() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    commit(&world, CID, 2).await;
    for other in ["bea", "emil"] {
        let person = format!("emails: [{other}@shop.example], groups: [sre]");
        edit(&world, "config/people.yaml", &person, &person.replace("sre", "developers"));
    }
    bot.player.say("ann", "!deploy shop");
    let card = bot.shows(0, |text| text.contains("May #1 shop")).await;
    assert!(card.contains("Nobody is left who could approve this: it needs 1 of sre"), "{card}");

    edit(
        &world,
        "config/people.yaml",
        "[bea@shop.example], groups: [developers]",
        "[bea@shop.example], groups: [sre]",
    );
    until("bea may", async || {
        bot.live.now().settings.people.members(&"sre".into()).any(|it| it.name == "bea".into()).then_some(())
    })
    .await;
    bot.ask("bea", "!approve 1", |text| text.contains("#1: approved")).await;
    bot.shows(0, |text| text.contains("Release #1 of shop: done")).await;
    bot.stop().await;
    world.end().await.unwrap();
}

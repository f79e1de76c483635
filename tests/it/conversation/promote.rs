//! The same artifact asked for again, and what history says of it.

use lockkeeper::demo::Terms;
use lockkeeper::engine::Asked;

use crate::support::chat::{Chat, Person::*};
use crate::support::shop::{commit_edited, open_on};
use crate::support::talk::{Talk, each_chat, reads};

fn quick(duration: &str) -> Terms {
    Terms { interval: "100ms".to_owned(), duration: duration.to_owned(), ..Terms::default() }
}

each_chat!(nobody_walks_around_a_canary_that_is_being_watched, Talk::release(quick("60s")));

async fn nobody_walks_around_a_canary_that_is_being_watched(talk: &mut Talk<impl Chat>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop canary");
    let card = talk.sees("Release #1 of shop").await;
    talk.becomes(&card, "▸ watch the canary").await;
    talk.says(Ann, "!promote 1");
    reads!(talk.hears(Ann, "under way").await, @"#1 is still under way. Wait for its end, or stop it with `!cancel 1`; then promote it.");
    talk.says(Ann, "!cancel 1");
    talk.hears(Ann, "Stopping 1").await;
    talk.becomes(&card, "Release #1 of shop: stopped").await;
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);
}

each_chat!(a_promotion_is_an_entry_of_its_own_in_the_history, Talk::release(quick("500ms")));

async fn a_promotion_is_an_entry_of_its_own_in_the_history(talk: &mut Talk<impl Chat>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop canary");
    let release = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop").await;
    talk.says(Bea, "!reject 1 not today");
    talk.sees("#1: rejected by bea").await;
    talk.becomes(&question, "rejected by bea").await;
    talk.becomes(&release, "Release #1 of shop: rejected").await;
    talk.sees("@ann: Release #1 of shop: rejected.").await;

    talk.says(Ann, "!promote 1");
    let promotion = talk.sees("Promotion #1 of shop").await;
    let question = talk.sees("May #1 shop").await;
    talk.says(Bea, "!history shop");
    let table = talk.hears(Bea, "Releases of shop").await.words;
    let rows: Vec<&str> = table.lines().filter(|it| it.contains("#1")).collect();
    assert_eq!(rows.len(), 2, "{table}");
    assert!(rows[0].contains("promoted to production") && rows[0].contains("waiting"), "{table}");
    assert!(rows[1].contains("deployed to production") && rows[1].contains("rejected"), "{table}");

    talk.says(Bea, "!approve 1");
    talk.sees("#1: approved").await;
    talk.becomes(&question, "approved by bea").await;
    talk.becomes(&promotion, "Promotion #1 of shop: done").await;
    talk.sees("ann: Promotion #1 of shop: done.").await;
    assert_eq!(talk.world().versions("app").await, [Some(2); 3]);
}

/// A build that waits for a file holds back the first release while the second one gets to its gate.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_comes_late_gives_way_to_what_was_asked_for_after_it() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open_on(dir.path(), &quick("500ms")).await;
    let go = dir.path().join("go");
    commit_edited(&world, |path| {
        let wait = format!("#!/bin/sh\nuntil [ -e {} ]; do sleep 0.05; done\n", go.display());
        std::fs::write(path.join("script/cibuild"), wait).unwrap();
    });
    bot.ask("ann", "!deploy shop", |text| text.contains("Release #1 of shop")).await;
    world.commit_good(3).await.unwrap();
    bot.ask("ann", "!deploy shop", |text| text.contains("May #2 shop")).await;

    std::fs::write(&go, "").unwrap();
    bot.shows(0, |text| text.contains("Release #1 of shop: another release took its place")).await;
    let open = bot.engine.store().open_gates::<Asked>().await.unwrap();
    assert_eq!(open.iter().map(|it| it.number).collect::<Vec<_>>(), [2]);
    assert!(bot.engine.store().gates_of::<Asked>(1).await.unwrap().is_empty(), "nobody was asked about #1");

    // Who asks for the older one now means it.
    bot.ask("ann", "!promote 1", |text| text.contains("May #1 shop")).await;
    bot.shows(0, |text| text.contains("Release #2 of shop: another release took its place")).await;
    bot.stop().await;
    world.end().await.unwrap();
}

//! Platforms tell of things twice, and of what was done later first: a question stands as people left it all the same.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lockkeeper::demo::Terms;
use lockkeeper::engine::Asked;
use lockkeeper::gate::Act;
use lockkeeper::message::Mark;

use crate::support::chat::{Person::*, Platform};
use crate::support::shop::short_watch;
use crate::support::talk::{Talk, each_of};
use crate::support::trial::until;

const ORDERS: u64 = 24;

each_of!(
    in_whatever_order_it_is_told_a_question_stands_as_people_left_it,
    Talk::release(Terms { approvals: 2, ..short_watch() }),
    in_discord: DiscordChat
);

/// Bea puts her mark and takes it away, again and again; beside her are people whose marks are no votes, words that were
/// changed to a vote, and another bot that says one.
async fn in_whatever_order_it_is_told_a_question_stands_as_people_left_it(talk: &mut Talk<impl Platform>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    let mut stands = false;
    for seed in 1..=ORDERS {
        talk.chat().hold();
        // The last order leaves the mark there.
        let toggles = if seed == ORDERS { 3 + u64::from(stands) } else { 2 + seed % 3 };
        for _ in 0..toggles {
            talk.chat().tell_twice();
            match stands {
                false => talk.reacts(Bea, &question, Mark::Approve),
                true => talk.unreacts(Bea, &question, Mark::Approve),
            }
            stands = !stands;
        }
        for who in [Ann, Zed] {
            talk.reacts(who, &question, Mark::Approve);
            talk.unreacts(who, &question, Mark::Approve);
        }
        talk.chat().pretend(Cid, "!approve 1");
        talk.chat().release(seed);
        talk.says(Dora, "!whoami");
        talk.sees_alone(Dora, "You are dora").await;
        all_handled(talk).await;
        assert_eq!(voters(talk).await, if stands { vec!["bea"] } else { Vec::new() }, "order {seed}");
        talk.skims("");
    }
    assert!(stands);
    talk.reacts(Cid, &question, Mark::Approve);
    talk.becomes(&question, "#1 shop to production: approved by bea and cid").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
    // What was told to one person alone may come after what it was about.
    all_handled(talk).await;
    talk.skims("");
}

/// Waits until everything that was told has had its effect.
async fn all_handled(talk: &Talk<impl Platform>) {
    let store = talk.bot().engine.store().clone();
    until("all is handled", async || {
        let waiting = store.waiting_deliveries(Timestamp::MAX, 1).await.expect("deliveries");
        (talk.chat().all_told() && waiting.is_empty()).then_some(())
    })
    .await;
}

/// Whose latest answer approves.
async fn voters(talk: &Talk<impl Platform>) -> Vec<String> {
    let gates = talk.bot().engine.store().open_gates::<Asked>().await.expect("gates");
    let latest: BTreeMap<String, bool> = gates[0]
        .body
        .gate
        .votes
        .iter()
        .map(|it| (it.person.to_string(), matches!(it.act, Act::Approve { .. })))
        .collect();
    latest.into_iter().filter_map(|(person, approves)| approves.then_some(person)).collect()
}

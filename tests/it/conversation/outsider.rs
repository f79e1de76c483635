//! Who is not one of us any more, and what is not a question of ours.

use lockkeeper::demo::Terms;
use lockkeeper::engine::Asked;
use lockkeeper::message::Mark;

use crate::support::chat::{Person::*, Platform};
use crate::support::shop::short_watch;
use crate::support::talk::{Talk, each_platform, reads};
use crate::support::trial::{history, until};

each_platform!(
    a_listed_person_who_became_a_guest_has_no_vote,
    Talk::release(Terms { approvals: 1, ..short_watch() })
);

/// Bea's account is a guest's by now: whichever way she answers, she is told so, and nothing is counted.
async fn a_listed_person_who_became_a_guest_has_no_vote(talk: &mut Talk<impl Platform>) {
    talk.chat().demote(Bea);
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    talk.presses(Bea, &question, "Approve");
    reads!(talk.sees_alone(Bea, "guests").await, @"I take no votes from guests.");
    talk.reacts(Bea, &question, Mark::Approve);
    reads!(talk.sees_alone(Bea, "guests").await, @"I take no votes from guests.");
    talk.replies(Bea, &question, "approve");
    talk.sees_alone(Bea, "from guests.").await;
    talk.says(Bea, "!approve 1");
    talk.sees_alone(Bea, "from guests.").await;
    // Nor may a guest stop it.
    talk.reacts(Bea, &question, Mark::Reject);
    reads!(talk.sees_alone(Bea, "guests").await, @"I take no votes from guests.");
    let gates = talk.bot().engine.store().gates_of::<Asked>(1).await.unwrap();
    assert!(gates[0].body.gate.votes.is_empty() && gates[0].body.gate.decision.is_none());
    assert_eq!(talk.world().versions("app").await, [Some(1); 3]);

    talk.says(Cid, "!approve 1");
    talk.sees("#1: approved").await;
    talk.becomes(&question, "approved by cid").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
}

each_platform!(only_our_own_message_is_the_question, Talk::release(Terms { approvals: 1, ..short_watch() }));

/// Zed, and another bot, post the question word for word: what is answered there is answered to them.
async fn only_our_own_message_is_the_question(talk: &mut Talk<impl Platform>) {
    talk.world().commit_good(2).await.unwrap();
    talk.says(Ann, "!deploy shop");
    let card = talk.sees("Release #1 of shop").await;
    let question = talk.sees("May #1 shop to production?").await;
    for imitation in talk.chat().imitate(Zed, &question) {
        for mark in [Mark::Approve, Mark::Reject] {
            talk.reacts(Bea, &imitation, mark);
        }
        talk.replies(Bea, &imitation, "approve");
        talk.replies(Bea, &imitation, "reject");
        // Whatever came of the words would be said before this is.
        talk.replies(Dora, &imitation, "!whoami");
        talk.sees_alone(Dora, "You are dora").await;
    }
    marks_are_handled(talk, 4).await;
    let gates = talk.bot().engine.store().gates_of::<Asked>(1).await.unwrap();
    let gate = &gates[0].body.gate;
    assert!(gate.votes.is_empty() && gate.decision.is_none(), "{gate:?}");

    talk.replies(Bea, &question, "approve");
    talk.sees("#1: approved").await;
    talk.becomes(&question, "approved by bea").await;
    talk.becomes(&card, "Release #1 of shop: done").await;
    talk.sees("ann: Release #1 of shop: done.").await;
}

/// Waits until so many marks were heard of and nothing of any is left to do.
async fn marks_are_handled(talk: &Talk<impl Platform>, count: i64) {
    let mut history = history(talk.world().dir()).await.unwrap();
    until("the marks are handled", async || {
        let sql = "SELECT COUNT(*) FROM inbox WHERE done_at IS NOT NULL AND json_extract(body, '$.incoming.reacted') \
                   IS NOT NULL";
        let done: i64 = sqlx::query_scalar(sql).fetch_one(&mut history).await.ok()?;
        (done == count).then_some(())
    })
    .await;
}

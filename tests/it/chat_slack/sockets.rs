//! Two sockets at once, as in production: Slack deals what happens to either.

use std::time::Duration;

use lockkeeper::chat::{ChatAdapter as _, Memory, Spot};
use lockkeeper::id::ChannelId;
use lockkeeper::message::{Card, Mark};
use serde_json::json;

use super::{Talk, general};
use crate::support::away::missed;
use crate::support::cards;
use crate::support::fake_slack::{ANN, BEA, FakeSlack, GENERAL};
use crate::support::wire::Push;
use crate::support::{Inbox, said};

async fn two() -> Talk {
    Talk::start_holding(FakeSlack::start().await, Inbox::default(), 2).await
}

#[tokio::test]
async fn what_comes_over_both_sockets_has_one_effect() {
    let talk = two().await;
    for text in ["!one", "!two", "!three"] {
        talk.fake.duplicate_next_event();
        let ts = talk.fake.say(ANN, GENERAL, text);
        assert_eq!(talk.inbox.next().await.incoming, said(text, false, &ts));
    }
    talk.slack.post(&general(), &cards::question(), "n1").await.expect("posted");
    let question = talk.fake.next_message(GENERAL).await;
    talk.fake.duplicate_next_event();
    talk.fake.press(BEA, &question, "Approve");
    talk.inbox.next().await;
    talk.fake.duplicate_next_event();
    talk.fake.react(BEA, GENERAL, &question.ts, "white_check_mark", true);
    talk.inbox.next().await;
    talk.fake.duplicate_next_event();
    talk.fake.command(BEA, GENERAL, "status");
    talk.inbox.next().await;
    talk.inbox.until("the other socket's copies were recognised", |it| it.duplicates() == 6).await;
    talk.fake.until("all are acknowledged", |it| it.acknowledged() == 12).await;
    assert_eq!((talk.fake.dealt(1), talk.fake.dealt(2)), (6, 6), "each socket had a copy of each");
    talk.finish().await;
}

#[tokio::test]
async fn one_of_two_is_lost_and_nobody_notices() {
    let talk = two().await;
    let spot = Spot { channel: ChannelId::from(GENERAL), last: None };
    talk.inbox.remember(Memory { heard_at: None, spots: vec![spot], ..Memory::default() });
    // No successor opens for now.
    for _ in 0..3 {
        talk.fake.fail_next("apps.connections.open", crate::support::wire::Fault::Status(503));
    }
    talk.fake.push_to_oldest(Push::Cut);
    let ts = talk.fake.say(ANN, GENERAL, "!meanwhile");
    assert_eq!(talk.inbox.next().await.incoming, said("!meanwhile", false, &ts));
    assert_eq!((talk.fake.dealt(2), talk.fake.opened()), (1, 2), "the other one had it");
    // It was on its way over the line that broke.
    talk.fake.murmur(BEA, GENERAL, "!lost", 0, json!({}));
    assert_eq!(missed(&talk.inbox.next().await).0, "!lost");
    talk.fake.until("there are two again", |it| it.sockets() == 2).await;
    talk.inbox.until("what the other one had is known", |it| it.duplicates() == 1).await;
    assert_eq!((talk.fake.opened(), talk.fake.calls("conversations.history")), (3, 1), "one gap, one look");
    assert_eq!((talk.slack.deaf_since(), talk.slack.trouble()), (None, None));
    talk.finish().await;
}

#[tokio::test]
async fn what_went_to_a_half_open_socket_comes_by_the_other() {
    let talk = two().await;
    talk.fake.expect_acks_within(Duration::from_millis(50));
    talk.slack.post(&general(), &Card::say("vote"), "n1").await.expect("posted");
    let vote = talk.fake.next_message(GENERAL).await;
    talk.fake.push_to_oldest(Push::Freeze);
    // Dealt in turn: one of the two goes where nobody reads.
    talk.fake.react(BEA, GENERAL, &vote.ts, "white_check_mark", true);
    talk.fake.react(BEA, GENERAL, &vote.ts, "no_entry", true);
    let mut marks = Vec::new();
    for _ in 0..2 {
        match talk.inbox.next().await.incoming {
            lockkeeper::message::Incoming::Reacted { mark, .. } => marks.push(mark),
            other => panic!("no mark: {other:?}"),
        }
    }
    assert!(marks.contains(&Mark::Approve) && marks.contains(&Mark::Reject), "{marks:?}");
    talk.fake.until("the half-open one is replaced", |it| it.opened() == 3).await;
    talk.finish().await;
}

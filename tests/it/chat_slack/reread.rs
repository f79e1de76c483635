//! How a message of ours stands, and whose marks are under it, is read back from Slack.

use lockkeeper::chat::{ChatAdapter, ChatError, Marked};
use lockkeeper::id::{Account, MessageId, MessageRef, Platform, WorkspaceId};
use lockkeeper::message::{Card, Mark};
use serde_json::json;

use super::{Talk, general};
use crate::support::cards::stand_as_drawn;
use crate::support::fake_slack::{ANN, BEA, GENERAL, TEAM};
use crate::support::wire::Fault;

fn marked(user: &str, mark: Mark) -> Marked {
    let account =
        Account { platform: Platform::Slack, workspace: WorkspaceId::from(TEAM), user: user.into() };
    Marked { account, mark }
}

#[tokio::test]
async fn messages_stand_as_they_were_drawn_until_something_else_is() {
    let talk = Talk::start().await;
    let posted = async || drop(talk.fake.next_message(GENERAL).await);
    let edited = async || drop(talk.fake.next_edit(GENERAL).await);
    stand_as_drawn(&*talk.slack, &general(), posted, edited).await;
    talk.finish().await;
}

#[tokio::test]
async fn what_was_removed_is_gone_in_a_channel_in_a_thread_and_as_a_tombstone() {
    let talk = Talk::start().await;
    let card = Card::say("here");
    let first = talk.slack.post(&general(), &card, "n1").await.expect("posted");
    let thread = general().in_thread(first.message.clone());
    let below = talk.slack.post(&thread, &card, "n2").await.expect("posted");
    let last = talk.slack.post(&thread, &card, "n3").await.expect("posted");
    for _ in 0..3 {
        talk.fake.next_message(GENERAL).await;
    }
    assert_eq!(talk.slack.stands(&below, &card).await, Ok(true));
    talk.fake.remove(GENERAL, below.message.as_str());
    assert_eq!(talk.slack.stands(&below, &card).await, Err(ChatError::Gone));
    assert_eq!(talk.slack.stands(&last, &card).await, Ok(true));
    talk.fake.remove(GENERAL, first.message.as_str());
    for gone in [&first, &below] {
        assert_eq!(talk.slack.stands(gone, &card).await, Err(ChatError::Gone));
        assert_eq!(talk.slack.edit(gone, &card).await, Err(ChatError::Gone));
        assert_eq!(talk.slack.marks(gone).await, Err(ChatError::Gone));
    }
    let never = MessageRef { place: general(), message: MessageId::from("1790000000.000001") };
    assert_eq!(talk.slack.stands(&never, &card).await, Err(ChatError::Gone));
    talk.finish().await;
}

#[tokio::test]
async fn everybodys_marks_are_read_but_ours_and_those_that_mean_nothing() {
    let talk = Talk::start().await;
    let posted = talk.slack.post(&general(), &Card::say("vote"), "n1").await.expect("posted");
    let ts = talk.fake.next_message(GENERAL).await.ts;
    assert_eq!(talk.slack.marks(&posted).await, Ok(Some([].into())));
    talk.slack.react(&posted, Mark::Approve).await.expect("reacted");
    for (who, name) in [
        (ANN, "white_check_mark"),
        (BEA, "white_check_mark"),
        (BEA, "no_entry"),
        (ANN, "eyes"),
        (BEA, "white_check_mark::skin-tone-2"),
    ] {
        talk.fake.put_mark(who, GENERAL, &ts, name, true);
    }
    let all = [marked(ANN, Mark::Approve), marked(BEA, Mark::Approve), marked(BEA, Mark::Reject)];
    assert_eq!(talk.slack.marks(&posted).await, Ok(Some(all.into())));
    talk.fake.put_mark(BEA, GENERAL, &ts, "white_check_mark", false);
    let left = [marked(ANN, Mark::Approve), marked(BEA, Mark::Reject)];
    assert_eq!(talk.slack.marks(&posted).await, Ok(Some(left.into())));
    talk.fake.fail_next("reactions.get", Fault::Status(503));
    assert!(matches!(talk.slack.marks(&posted).await, Err(ChatError::Unclear { .. })));
    talk.finish().await;
}

#[tokio::test]
async fn that_a_line_stands_again_is_told_and_that_one_is_replaced_is_not() {
    let talk = Talk::start().await;
    talk.inbox.until("it is told at the start", |it| it.returned() == 1).await;
    talk.fake.drop_sockets();
    talk.inbox.until("and again", |it| it.returned() == 2).await;
    // A line that Slack replaces loses nothing.
    talk.fake.announce_disconnect("refresh_requested");
    let opened = talk.fake.opened();
    talk.fake.until("it is replaced", |it| opened < it.opened()).await;
    talk.fake.happen(
        json!({"type": "message", "user": ANN, "channel": GENERAL, "ts": "1790000000.5", "text": "!x"}),
    );
    talk.inbox.next().await;
    assert_eq!(talk.inbox.returned(), 2);
    talk.finish().await;
}

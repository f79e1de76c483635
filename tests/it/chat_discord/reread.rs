//! How a message of ours stands, and whose marks are under it, is read back from Discord.

use lockkeeper::chat::discord::{DiscordHearing, PublicKey};
use lockkeeper::chat::{ChatAdapter, ChatError, Marked};
use lockkeeper::id::{Account, MessageId, MessageRef, Platform, WorkspaceId};
use lockkeeper::message::{Card, Mark};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::{Talk, adapter_with, general};
use crate::support::cards::{approve, card};
use crate::support::fake_discord::{ANN, BEA, GENERAL, GUILD, TOKEN};

fn marked(user: &str, mark: Mark) -> Marked {
    let account =
        Account { platform: Platform::Discord, workspace: WorkspaceId::from(GUILD), user: user.into() };
    Marked { account, mark }
}

#[tokio::test]
async fn a_message_stands_as_it_was_drawn_until_something_else_is() {
    let talk = Talk::start().await;
    let mut runner = TestRunner::deterministic();
    for number in 0..25 {
        let drawn = card().new_tree(&mut runner).expect("a card").current();
        let posted = talk.discord.post(&general(), &drawn, &format!("n{number}")).await.expect("posted");
        talk.fake.next_message(GENERAL).await;
        assert_eq!(talk.discord.stands(&posted, &drawn).await, Ok(true), "{drawn:?}");
        let other = Card { buttons: vec![approve("Again")], ..Card::say("something else") };
        assert_eq!(talk.discord.stands(&posted, &other).await, Ok(false));
        talk.discord.edit(&posted, &other).await.expect("edited");
        talk.fake.next_edit(GENERAL).await;
        assert_eq!(talk.discord.stands(&posted, &other).await, Ok(true));
    }
    talk.finish().await;
}

#[tokio::test]
async fn what_was_removed_is_gone_and_what_may_not_be_read_is_refused() {
    let talk = Talk::start().await;
    let card = Card::say("here");
    let first = talk.discord.post(&general(), &card, "n1").await.expect("posted");
    let below =
        talk.discord.post(&general().in_thread(first.message.clone()), &card, "n2").await.expect("posted");
    talk.fake.next_message(GENERAL).await;
    talk.fake.next_message(first.message.as_str()).await;
    talk.fake.remove(first.message.as_str());
    assert_eq!(talk.discord.stands(&first, &card).await, Err(ChatError::Gone));
    assert_eq!(talk.discord.marks(&first).await, Err(ChatError::Gone));
    assert_eq!(talk.discord.stands(&below, &card).await, Ok(true), "a thread outlives its message");
    let never = MessageRef { place: general(), message: MessageId::from("7") };
    assert_eq!(talk.discord.stands(&never, &card).await, Err(ChatError::Gone));
    talk.fake.keep_out(GENERAL);
    let refused = talk.discord.stands(&never, &card).await;
    assert!(matches!(refused, Err(ChatError::Refused { code, .. }) if code == "50001"));
    talk.finish().await;
}

#[tokio::test]
async fn everybodys_marks_are_read_but_those_of_bots_and_those_that_mean_nothing() {
    let talk = Talk::start().await;
    let posted = talk.discord.post(&general(), &Card::say("vote"), "n1").await.expect("posted");
    let id = talk.fake.next_message(GENERAL).await.id;
    assert_eq!(talk.discord.marks(&posted).await, Ok(Some([].into())));
    talk.discord.react(&posted, Mark::Approve).await.expect("reacted");
    talk.fake.set_member("777", json!({"user": {"id": "777", "bot": true}}));
    let mut all = Vec::new();
    for number in 0..150_u64 {
        let who = (200_000_000_000_000_000 + number).to_string();
        talk.fake.put_mark(&who, &id, "✅", true);
        all.push(marked(&who, Mark::Approve));
    }
    for (who, emoji) in [("777", "✅"), (ANN, "✅"), (BEA, "⛔"), (ANN, "👀")] {
        talk.fake.put_mark(who, &id, emoji, true);
    }
    all.extend([marked(ANN, Mark::Approve), marked(BEA, Mark::Reject)]);
    assert_eq!(talk.discord.marks(&posted).await, Ok(Some(all.iter().cloned().collect())));
    talk.fake.put_mark(ANN, &id, "✅", false);
    all.retain(|it| *it != marked(ANN, Mark::Approve));
    assert_eq!(talk.discord.marks(&posted).await, Ok(Some(all.into_iter().collect())));
    talk.finish().await;
}

#[tokio::test]
async fn where_discord_posts_to_us_no_mark_counts_however_it_is_come_by() {
    let talk = Talk::start().await;
    let posted = talk.discord.post(&general(), &Card::say("vote"), "n1").await.expect("posted");
    let id = talk.fake.next_message(GENERAL).await.id;
    talk.fake.put_mark(ANN, &id, "✅", true);
    let public_key = PublicKey::parse(&"a".repeat(64)).expect("a key");
    let posts = adapter_with(&talk.fake, TOKEN, DiscordHearing::Http { public_key }, None);
    assert_eq!(posts.marks(&posted).await, Ok(None));
    talk.finish().await;
}

#[tokio::test]
async fn that_a_line_stands_again_is_told() {
    let talk = Talk::start().await;
    talk.inbox.until("it is told at the start", |it| it.returned() == 1).await;
    talk.fake.drop_socket();
    talk.inbox.until("and after a resume", |it| it.returned() == 2).await;
    talk.fake.forget_sessions();
    talk.fake.drop_all_lines();
    talk.inbox.until("and with a new session", |it| it.returned() == 3).await;
    talk.finish().await;
}

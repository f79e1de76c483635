//! How a message of ours stands, and whose marks are under it, is read back from Discord.

use std::time::Duration;

use lockkeeper::chat::discord::{DiscordHearing, PublicKey};
use lockkeeper::chat::{ChatAdapter, ChatError, Lost, Marked};
use lockkeeper::clock::{Clock as _, SystemClock, after};
use lockkeeper::id::{Account, MessageId, MessageRef, Place, Platform, WorkspaceId};
use lockkeeper::message::{Card, Mark};
use serde_json::json;

use super::{Talk, adapter_with, general};
use crate::support::cards::{self, stand_as_drawn};
use crate::support::fake_discord::{ANN, BEA, GENERAL, GUILD, TOKEN};
use crate::support::wire::Fault;

fn marked(user: &str, mark: Mark) -> Marked {
    let account =
        Account { platform: Platform::Discord, workspace: WorkspaceId::from(GUILD), user: user.into() };
    Marked { account, mark }
}

#[tokio::test]
async fn messages_stand_as_they_were_drawn_until_something_else_is() {
    let talk = Talk::start().await;
    let posted = async || drop(talk.fake.next_message(GENERAL).await);
    let edited = async || drop(talk.fake.next_edit(GENERAL).await);
    stand_as_drawn(&*talk.discord, &general(), posted, edited).await;
    talk.finish().await;
}

/// Discord does not say which nonce a message had: buttons name what they are about, and words are compared.
#[tokio::test]
async fn a_post_whose_answer_was_lost_is_found_by_what_it_shows() {
    let talk = Talk::start().await;
    let since = SystemClock.now();
    let (question, line) = (cards::question(), Card::say("two  hosts"));
    talk.discord.post(&general(), &Card::say("another"), "n0").await.expect("posted");
    talk.fake.next_message(GENERAL).await;
    for (card, nonce) in [(&question, "n1"), (&line, "n2")] {
        talk.fake.fail_next("POST channels", Fault::AnswerLost);
        let answer = talk.discord.post(&general(), card, nonce).await;
        assert!(matches!(answer, Err(ChatError::Unclear { .. })), "{answer:?}");
    }
    // Somebody else's copy is none of ours.
    talk.fake.murmur(ANN, GENERAL, "one host", 0, json!({}));
    let (asked, told) = (talk.fake.next_message(GENERAL).await, talk.fake.next_message(GENERAL).await);
    let find = async |place: Place, card: &Card, since| {
        let found = talk.discord.find(&place, &Lost { nonce: "n", card, since }).await.expect("looked");
        found.map(|it| it.message.to_string())
    };
    let later = Card { blocks: Card::say("less time is left").blocks, ..question.clone() };
    assert_eq!(find(general(), &later, since).await.as_deref(), Some(asked.id.as_str()));
    assert_eq!(find(general(), &line, since).await.as_deref(), Some(told.id.as_str()));
    assert_eq!(find(general(), &Card::say("one host"), since).await, None);
    assert_eq!(find(general(), &line, after(since, Duration::from_secs(120))).await, None, "an older one");
    let nowhere = general().in_thread(MessageId::from(asked.id.as_str()));
    assert_eq!(find(nowhere, &line, since).await, None, "no thread is there yet");
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

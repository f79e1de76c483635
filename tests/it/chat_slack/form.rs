//! Reject asks why: a form opens, and what is written there is the answer.

use std::time::Duration;

use lockkeeper::chat::ChatAdapter;
use lockkeeper::demo::World;
use lockkeeper::message::Incoming;
use serde_json::json;

use super::{Talk, adapter, general};
use crate::support::PATIENCE;
use crate::support::cards::{self, reason_of, reject};
use crate::support::chat::{Chat as _, SlackChat};
use crate::support::fake_slack::{APP_TOKEN, BEA, FakeSlack, Form, GENERAL, Posted};
use crate::support::house::Bot;
use crate::support::shop::{self, short_watch};
use crate::support::wire::Fault;

/// A question with both buttons, as the people see it.
async fn question(talk: &Talk) -> Posted {
    talk.slack.post(&general(), &cards::question(), "n1").await.expect("posted");
    talk.fake.next_message(GENERAL).await
}

async fn form(talk: &Talk, question: &Posted) -> Form {
    talk.fake.press(BEA, question, "Reject");
    talk.fake.next_form(BEA).await
}

#[tokio::test]
async fn reject_opens_a_form_and_what_is_written_there_is_the_answer() {
    let talk = Talk::start().await;
    let question = question(&talk).await;
    let form = form(&talk, &question).await;
    let texts = ["title", "submit", "close"].map(|it| form.view[it]["text"].as_str().unwrap_or_default());
    assert_eq!(texts, ["Reject this release?", "Reject", "Back"]);
    assert_eq!(form.view["blocks"][0]["label"]["text"], "Why?");
    talk.fake.until("the press is acknowledged", |it| it.acknowledged() == 1).await;

    talk.fake.submit(&form, "  p99 is up, \"look\" & <see>  ");
    let heard = talk.inbox.next().await;
    assert_eq!(reason_of(&heard), "p99 is up, \"look\" & <see>");
    assert_eq!((heard.account.user.as_str(), &heard.place), (BEA, &general()));
    let Incoming::Pressed { message, .. } = &heard.incoming else { panic!("a press") };
    assert_eq!(message.message.as_str(), question.ts);
    talk.fake.until("the form is acknowledged", |it| it.acknowledged() == 2).await;
    talk.finish().await;
}

#[tokio::test]
async fn two_forms_are_two_acts_and_a_copy_of_one_is_none() {
    let talk = Talk::start().await;
    let question = question(&talk).await;
    talk.fake.duplicate_next_event();
    let first = form(&talk, &question).await;
    talk.fake.duplicate_next_event();
    talk.fake.submit(&first, "no");
    let one = talk.inbox.next().await;
    talk.inbox.until("the copy was recognised", |it| it.duplicates() == 1).await;

    let second = form(&talk, &question).await;
    talk.fake.submit(&second, "no");
    let two = talk.inbox.next().await;
    assert_eq!((reason_of(&one), reason_of(&two)), ("no", "no"));
    assert_ne!(one.key, two.key);
    talk.finish().await;
}

#[tokio::test]
async fn a_closed_form_says_nothing_and_the_buttons_still_work() {
    let talk = Talk::start().await;
    let question = question(&talk).await;
    let form = form(&talk, &question).await;
    talk.fake.close(&form);
    talk.fake.press(BEA, &question, "Approve");
    let heard = talk.inbox.next().await;
    assert!(
        matches!(&heard.incoming, Incoming::Pressed { act, reason: None, .. } if act.starts_with("approve:"))
    );
    let approve = &question.buttons()[0];
    assert_eq!(approve["confirm"]["text"]["text"], "api 1.4 to production", "approving still asks back");
    talk.finish().await;
}

#[tokio::test]
async fn words_that_are_no_reason_keep_the_form_open_and_say_why() {
    let talk = Talk::start().await;
    let question = question(&talk).await;
    let form = form(&talk, &question).await;
    talk.fake.submit(&form, " ... ");
    talk.fake.submit(&form, &"x".repeat(501));
    talk.fake.until("both are answered", |it| it.replies().len() == 2).await;
    let told: Vec<_> = talk.fake.replies().iter().map(|it| it["errors"]["why"].clone()).collect();
    assert_eq!(told, [json!("Write at least one word."), json!("Write at most 500 characters.")]);
    talk.fake.submit(&form, "p99");
    assert_eq!(reason_of(&talk.inbox.next().await), "p99");
    talk.finish().await;
}

#[tokio::test]
async fn a_form_that_the_store_did_not_take_is_not_acknowledged() {
    let talk = Talk::start().await;
    let question = question(&talk).await;
    let form = form(&talk, &question).await;
    talk.fake.until("the press is acknowledged", |it| it.acknowledged() == 1).await;
    talk.fake.expect_acks_within(Duration::from_millis(300));
    talk.inbox.refuse_next(1);
    talk.fake.submit(&form, "lost");
    // Slack shows an error in the form, and the person sends it again.
    talk.fake.until("Slack gives it up", |it| it.lost() == 1).await;
    assert_eq!(talk.fake.acknowledged(), 1);
    talk.fake.expect_acks_within(PATIENCE);
    talk.fake.submit(&form, "kept");
    assert_eq!(reason_of(&talk.inbox.next().await), "kept");
    talk.fake.until("the second is acknowledged", |it| it.acknowledged() == 2).await;
    talk.fake.expect_lost(1);
    talk.finish().await;
}

#[tokio::test]
async fn a_form_that_does_not_open_is_said_and_the_press_is_acknowledged_meanwhile() {
    for fault in [
        Fault::Code("expired_trigger_id".to_owned()),
        Fault::Code("missing_scope".to_owned()),
        Fault::Status(503),
        Fault::RateLimit("30".to_owned()),
        Fault::Slow(Duration::from_secs(60)),
    ] {
        let talk = Talk::start().await;
        talk.fake.expect_acks_within(Duration::from_millis(1_500));
        let question = question(&talk).await;
        talk.fake.fail_next("views.open", fault.clone());
        talk.fake.press(BEA, &question, "Reject");
        talk.fake.until("the press is acknowledged", |it| it.acknowledged() == 1).await;
        let heard = talk.inbox.next().await;
        let told = matches!(&heard.incoming, Incoming::Unasked { act, .. } if *act == reject().act.encode());
        assert!(told, "{fault:?}: {heard:?}");
        assert_eq!(heard.account.user.as_str(), BEA);
        talk.finish().await;
    }
}

// A whole bot.

/// The rehearsal's world, also in a Slack workspace; its question, once more as a message there.
async fn asked(dir: &std::path::Path) -> (World, Bot, FakeSlack, Posted) {
    let fake = FakeSlack::start().await;
    let chat = SlackChat(fake.clone());
    let world = shop::world(dir, &short_watch()).await;
    let config = world.config();
    chat.join(config.parent().expect("a folder"));
    let bot = chat.connect(&config).await;
    let question = shop::ask(&world, &bot).await;
    let slack = adapter(&fake, APP_TOKEN);
    slack.post(&general(), &question.card, "n1").await.expect("posted");
    let posted = fake.next_message(GENERAL).await;
    (world, bot, fake, posted)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_stands_on_the_gate_and_without_a_form_the_command_is_named() {
    let dir = tempfile::TempDir::new().expect("a folder");
    let (world, bot, fake, question) = asked(dir.path()).await;
    // Slack itself asks whether it is meant, in these words, before it tells us of a press.
    let confirm = &question.buttons()[0]["confirm"];
    let words =
        ["title", "text", "confirm", "deny"].map(|it| confirm[it]["text"].as_str().unwrap_or_default());
    let [title, text, yes, no] = words;
    assert_eq!([title, yes, no], ["Roll out #1?", "Approve", "Back"]);
    let gates = bot.engine.store().gates_of::<lockkeeper::engine::Asked>(1).await.expect("a gate");
    let artifact = gates[0].body.gate.facts.artifact.short().to_owned();
    assert_eq!(text, format!("shop sha256:{artifact} to 3 hosts in production."));
    assert!(question.buttons()[1]["confirm"].is_null(), "Reject asks why");

    fake.fail_next("views.open", Fault::Status(500));
    fake.press(BEA, &question, "Reject");
    let told = fake.next_message(GENERAL).await;
    assert_eq!(told.only_for.as_deref(), Some(BEA));
    insta::assert_snapshot!(told.words(), @"The form did not open, so nothing was counted. Say `!reject 1 <why>` instead.");

    fake.press(BEA, &question, "Reject");
    let form = fake.next_form(BEA).await;
    fake.submit(&form, "p99 is up");
    let rejected = bot.shows(0, |text| text.contains("rejected by bea")).await;
    assert!(rejected.contains("Reason: p99 is up."), "{rejected}");
    bot.stop().await;
    fake.finish().await;
    world.end().await.expect("the world ends");
}

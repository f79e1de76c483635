//! `/lockkeeper …` is the same as words addressed to the bot.

use std::time::Duration;

use lockkeeper::chat::{ChatAdapter, ChatError};
use lockkeeper::identity::Standing;
use lockkeeper::message::{Card, Incoming};

use super::{Talk, general};
use crate::support::PATIENCE;
use crate::support::cards::{ann_of, approve};
use crate::support::fake_slack::{ANN, APP_TOKEN, BEA, BOT_TOKEN, DIRECT, FakeSlack, GENERAL, TEAM};
use crate::support::house::House;
use lockkeeper::id::Platform;

fn text_of(incoming: &Incoming) -> (&str, bool) {
    match incoming {
        Incoming::Said(said) => (&said.text, said.addressed),
        other => panic!("not said: {other:?}"),
    }
}

#[tokio::test]
async fn a_command_is_words_addressed_to_us_and_alone_it_asks_for_help() {
    let talk = Talk::start().await;
    talk.fake.command(
        ANN,
        GENERAL,
        "deploy <http://api.io|api.io> for <@U0BEA|bea> in <#C1|ops> &amp; “web”",
    );
    let heard = talk.inbox.next().await;
    assert_eq!(text_of(&heard.incoming), ("deploy api.io for <@U0BEA> in #ops & \"web\"", true));
    assert_eq!((&heard.account, &heard.place), (&ann_of(Platform::Slack), &general()));
    assert_eq!(heard.standing, Standing::Unresolved);
    talk.fake.command(ANN, GENERAL, "  ");
    let alone = talk.inbox.next().await;
    assert_eq!(text_of(&alone.incoming), ("help", true));
    talk.fake.until("both are acknowledged", |it| it.acknowledged() == 2).await;
    assert!(talk.fake.replies().is_empty(), "the answer comes later, from the outbox");

    // Two people may be talking there, without us.
    talk.fake.command(ANN, DIRECT, "link");
    assert!(matches!(talk.inbox.next().await.incoming, Incoming::Said(said) if !said.direct));

    talk.fake.duplicate_next_event();
    talk.fake.command(ANN, GENERAL, "deploy api");
    talk.inbox.next().await;
    talk.inbox.until("its copy was recognised", |it| it.duplicates() == 1).await;
    talk.finish().await;
}

#[tokio::test]
async fn a_command_that_is_not_stored_is_not_acknowledged() {
    let talk = Talk::start().await;
    talk.fake.expect_acks_within(Duration::from_millis(300));
    talk.inbox.refuse_next(1);
    talk.fake.command(ANN, GENERAL, "deploy api");
    talk.fake.until("Slack gives it up, and tells its author", |it| it.lost() == 1).await;
    assert_eq!(talk.fake.acknowledged(), 0);
    talk.fake.expect_acks_within(PATIENCE);
    talk.fake.command(ANN, GENERAL, "deploy web");
    talk.inbox.next().await;
    talk.fake.until("the second is acknowledged", |it| it.acknowledged() == 1).await;
    talk.fake.expect_lost(1);
    talk.finish().await;
}

#[tokio::test]
async fn from_outside_the_channel_the_answer_is_private_and_says_what_to_do() {
    let talk = Talk::start().await;
    for code in ["not_in_channel", "channel_not_found"] {
        talk.fake.keep_out(GENERAL, code);
        talk.fake.command(ANN, GENERAL, "status");
        talk.inbox.next().await;
        let card = Card { buttons: vec![approve("Approve")], ..Card::say("Nothing is on its way.") };
        let posted = talk.slack.post(&general(), &card, "n1").await.expect("answered");
        let shown = talk.fake.next_message(GENERAL).await;
        assert_eq!((shown.only_for.as_deref(), shown.buttons().len()), (Some(ANN), 0));
        insta::allow_duplicates! { insta::assert_snapshot!(shown.words(), @r"
        Nothing is on its way.
        I am not in this channel, so only you see this. To answer here for all, type /invite <@U0LOCK>.
        ") }
        assert_eq!(talk.slack.edit(&posted, &card).await, Err(ChatError::Gone), "then it is posted for all");
    }
    let again = talk.slack.post(&general(), &Card::say("more"), "n2").await;
    assert!(matches!(again, Err(ChatError::Refused { .. })), "one command, one answer: {again:?}");

    talk.fake.command(BEA, GENERAL, "deploy");
    talk.fake.command(ANN, GENERAL, "deploy");
    talk.inbox.next().await;
    talk.inbox.next().await;
    talk.slack.whisper(&general(), &ann_of(Platform::Slack), &Card::say("no")).await.expect("whispered");
    assert_eq!(talk.fake.next_message(GENERAL).await.only_for.as_deref(), Some(ANN));

    talk.fake.invite(GENERAL);
    talk.slack.post(&general(), &Card::say("hello"), "n3").await.expect("posted");
    assert_eq!(talk.fake.next_message(GENERAL).await.only_for, None);
    talk.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_answers_a_command_in_the_channel_or_privately_from_outside() {
    let fake = FakeSlack::start().await;
    let house = House::new();
    let tokens = "bot_token: file:bot, app_token: file:app";
    house.also("config/lockkeeper.yaml", &format!("slack: {{{tokens}, api_url: \"{}\"}}\n", fake.url()));
    house.write("config/bot", BOT_TOKEN).write("config/app", APP_TOKEN);
    house.write("config/people.yaml", &format!("people: {{ann: {{slack: [\"{TEAM}/{ANN}\"]}}}}\n"));
    let bot = house.start().await;
    fake.until("the bot is connected", |it| 1 <= it.sockets()).await;
    fake.command(ANN, GENERAL, "statsu");
    let shown = fake.next_message(GENERAL).await;
    assert!(shown.only_for.is_none() && shown.words().contains("did not understand"), "{shown:?}");
    fake.command(ANN, GENERAL, "");
    let shown = fake.next_message(GENERAL).await;
    assert!(shown.words().contains("What you may run here"), "{shown:?}");
    fake.keep_out(GENERAL, "not_in_channel");
    for text in ["statsu", "whoami"] {
        fake.command(ANN, GENERAL, text);
        let shown = fake.next_message(GENERAL).await;
        assert_eq!(shown.only_for.as_deref(), Some(ANN));
        assert!(shown.words().contains("I am not in this channel"), "{shown:?}");
    }
    bot.stop().await;
    fake.finish().await;
}

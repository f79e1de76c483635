//! Deaf, and how it heals: what was said meanwhile is read and answered late.

use jiff::Timestamp;
use lockkeeper::chat::{ChatAdapter, Memory, Spot, Trouble};
use lockkeeper::id::{ChannelId, MessageId, MessageRef};
use lockkeeper::message::Incoming;
use serde_json::json;

use super::{Talk, adapter, general};
use crate::support::Inbox;
use crate::support::away::{ago, heard_long_ago, is_answered_late, missed, why_chats_are_red};
use crate::support::fake_slack::{ANN, APP_TOKEN, BEA, BOT, BOT_TOKEN, FakeSlack, GENERAL, TEAM};
use crate::support::house::House;
use crate::support::trial::until_answered;
use crate::support::wire::{Fault, Push};

const OPS: &str = "C0OPS";

fn memory(heard_at: Option<Timestamp>, last: Option<&str>) -> Memory {
    let spot = Spot { channel: ChannelId::from(GENERAL), last: last.map(MessageId::from) };
    Memory { heard_at, spots: vec![spot], ..Memory::default() }
}

#[tokio::test]
async fn what_was_said_while_the_line_was_half_open_is_fetched() {
    let talk = Talk::start().await;
    talk.inbox.remember(memory(None, None));
    let heard = talk.fake.say(ANN, GENERAL, "!heard");
    talk.inbox.next().await;
    talk.fake.push(Push::Freeze);
    talk.fake.murmur(ANN, GENERAL, "!one &amp; only", 0, json!({}));
    talk.fake.murmur(BEA, GENERAL, "approve", 0, json!({"thread_ts": heard}));
    talk.fake.murmur(ANN, GENERAL, "!changed", 0, json!({"edited": {"user": ANN, "ts": "1.1"}}));
    talk.fake.murmur(BOT, GENERAL, "!mine", 0, json!({}));
    talk.fake.murmur(ANN, GENERAL, "joined", 0, json!({"subtype": "channel_join"}));
    talk.fake.murmur(ANN, GENERAL, "!long ago", 300, json!({}));
    let (one, two) = (talk.inbox.next().await, talk.inbox.next().await);
    assert_eq!((missed(&one).0, missed(&one).1), ("!one & only", None));
    assert_eq!((missed(&two).0, missed(&two).1), ("approve", Some(heard.as_str())));
    assert!(ago(10) < missed(&one).2);
    talk.inbox.until("what was heard is known", |it| it.duplicates() == 1).await;
    assert_eq!(talk.slack.deaf_since(), None);
    talk.finish().await;
}

/// Slack has come back and fails still; then the store does not take what was found.
#[tokio::test]
async fn a_channel_that_could_not_be_read_is_read_again() {
    let talk = Talk::start().await;
    talk.inbox.remember(memory(None, None));
    talk.fake.say(ANN, GENERAL, "!heard");
    talk.inbox.next().await;
    for _ in 0..2 {
        talk.fake.fail_next("conversations.history", Fault::Status(503));
    }
    talk.fake.push(Push::Freeze);
    talk.fake.murmur(ANN, GENERAL, "!one", 0, json!({}));
    talk.fake.until("it was looked for in vain", |it| it.calls("conversations.history") == 2).await;
    talk.inbox.refuse_words(Some("!one"));
    // What is heard now does not move the time on from which the channel is read.
    let now = talk.fake.say(ANN, GENERAL, "!now");
    talk.inbox.remember(memory(Some(ago(0)), Some(&now)));
    assert!(matches!(&talk.inbox.next().await.incoming, Incoming::Said(said) if said.text == "!now"));
    talk.fake.until("it was found in vain", |it| 4 <= it.calls("conversations.history")).await;
    talk.inbox.refuse_words(None);
    assert_eq!(missed(&talk.inbox.next().await).0, "!one");
    talk.inbox.until("the rest was read", |it| 2 <= it.duplicates()).await;
    assert_eq!(talk.inbox.returned(), 2, "at the start, and once that we are back");
    talk.finish().await;
}

#[tokio::test]
async fn what_was_said_before_a_start_is_fetched_from_where_we_were() {
    let fake = FakeSlack::start().await;
    let known = fake.murmur(ANN, GENERAL, "!known", 3_000, json!({}));
    fake.murmur(ANN, GENERAL, "!missed", 2_900, json!({}));
    for number in 0..450 {
        fake.murmur(BOT, GENERAL, &format!("noise {number}"), 2_000, json!({}));
    }
    fake.rate_limit_next("conversations.history", "1");
    let inbox = Inbox::default();
    inbox.remember(memory(Some(ago(1_000)), Some(&known)));
    let talk = Talk::start_on(fake, inbox).await;
    assert_eq!(missed(&talk.inbox.next().await).0, "!known", "known by its key alone");
    assert_eq!(missed(&talk.inbox.next().await).0, "!missed");
    talk.finish().await;
}

/// In between, more was said than one looks through: the question itself is not come by.
#[tokio::test]
async fn an_answer_below_an_old_question_is_fetched() {
    let fake = FakeSlack::start().await;
    let question = fake.murmur(BOT, GENERAL, "May #1?", 3_000, json!({}));
    for number in 0..250 {
        fake.murmur(BEA, GENERAL, &format!("noise {number}"), 2_000, json!({}));
    }
    fake.murmur(ANN, GENERAL, "approve", 500, json!({"thread_ts": question}));
    let inbox = Inbox::default();
    let asked = MessageRef { place: general(), message: MessageId::from(question.as_str()) };
    inbox.remember(Memory { questions: vec![asked], ..memory(Some(ago(1_000)), None) });
    let talk = Talk::start_on(fake, inbox).await;
    let heard = talk.inbox.next().await;
    assert_eq!((missed(&heard).0, missed(&heard).1), ("approve", Some(question.as_str())));
    talk.finish().await;
}

#[tokio::test]
async fn a_bot_that_never_heard_anything_has_missed_nothing() {
    let fake = FakeSlack::start().await;
    fake.murmur(ANN, GENERAL, "!before your time", 60, json!({}));
    let inbox = Inbox::default();
    inbox.remember(memory(None, None));
    let talk = Talk::start_on(fake, inbox).await;
    talk.fake.say(ANN, GENERAL, "!now");
    assert!(matches!(&talk.inbox.next().await.incoming, Incoming::Said(said) if said.text == "!now"));
    assert_eq!(talk.fake.calls("conversations.history"), 0);
    talk.finish().await;
}

#[tokio::test]
async fn deaf_is_noticed_and_over_when_slack_is_heard_again() {
    let talk = Talk::start().await;
    assert_eq!(talk.slack.deaf_since(), None);
    for _ in 0..12 {
        talk.fake.fail_next("apps.connections.open", Fault::Status(503));
    }
    talk.fake.push(Push::Freeze);
    talk.fake.until("it is deaf", |_| talk.slack.deaf_since().is_some()).await;
    assert_eq!(talk.slack.trouble(), None, "it heals by itself");
    talk.fake.say(ANN, GENERAL, "!again");
    talk.inbox.next().await;
    assert_eq!(talk.slack.deaf_since(), None, "it hears again");
    talk.finish().await;
}

#[tokio::test]
async fn a_token_that_does_not_count_is_said_with_what_to_fix() {
    let fake = FakeSlack::start().await;
    fake.fail_next("auth.test", Fault::Code("token_revoked".to_owned()));
    let slack = adapter(&fake, APP_TOKEN);
    slack
        .listen(Inbox::default().intake(), tokio_util::sync::CancellationToken::new())
        .await
        .expect_err("it ends");
    assert!(slack.deaf_since().is_some(), "at once");
    match slack.trouble() {
        Some(Trouble::Deaf { code, fix }) => {
            assert_eq!(
                (code.as_str(), fix.as_str()),
                ("token_revoked", "put a valid token into the configuration")
            );
        }
        other => panic!("no trouble: {other:?}"),
    }
    fake.finish().await;
}

// A whole bot.

fn house(fake: &FakeSlack, more: &str) -> House {
    let house = House::new();
    let tokens = "bot_token: file:bot, app_token: file:app";
    house
        .also("config/lockkeeper.yaml", &format!("slack: {{{tokens}, api_url: \"{}\"}}\n{more}", fake.url()));
    house.write("config/bot", BOT_TOKEN).write("config/app", APP_TOKEN);
    house.write("config/people.yaml", &format!("people: {{ann: {{slack: [\"{TEAM}/{ANN}\"]}}}}\n"));
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_was_away_answers_late_and_asks_again_about_what_is_stale() {
    let fake = FakeSlack::start().await;
    let house = house(&fake, "");
    let bot = house.start().await;
    // Heard long ago, in this channel.
    let last = format!("{}.000001", ago(900).as_second());
    heard_long_ago(&bot, general(), format!("slack:message:{TEAM}:{GENERAL}:{last}"), &last).await;
    bot.stop().await;

    fake.murmur(ANN, GENERAL, "!cancel 7", 400, json!({}));
    fake.murmur(ANN, GENERAL, "!whoami", 40, json!({}));
    let bot = house.start().await;
    let stale = fake.next_message(GENERAL).await;
    assert_eq!(stale.only_for.as_deref(), Some(ANN));
    let late = fake.next_message(GENERAL).await;
    is_answered_late(&stale.words(), &late.words());
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_the_chat_that_is_deaf() {
    let fake = FakeSlack::start().await;
    let house = house(&fake, "");
    house.write("config/app", "xapp-wrong");
    let bot = house.start().await;
    let why = why_chats_are_red(&bot).await;
    assert!(why.starts_with("slack is deaf for "), "{why}");
    assert!(why.ends_with(" (deaf: `invalid_auth`: put a valid token into the configuration)"), "{why}");
    let healthy = reqwest::get(format!("http://{}/healthz", bot.address)).await.expect("an answer");
    assert_eq!(healthy.status(), 200, "no reason to restart it");
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_with_a_half_open_line_is_not_ready_until_it_has_another() {
    let fake = FakeSlack::start().await;
    let house = House::new();
    let slack = adapter(&fake, APP_TOKEN);
    let bot = house.start_beside(slack).await;
    fake.until("the bot is connected", |it| it.sockets() == 1).await;
    until_answered(bot.address, "/readyz", 200).await;
    fake.refuse_sockets(usize::MAX);
    fake.push(Push::Freeze);
    let why = why_chats_are_red(&bot).await;
    assert!(why.starts_with("slack is deaf for "), "{why}");
    fake.refuse_sockets(0);
    until_answered(bot.address, "/readyz", 200).await;
    bot.stop().await;
    fake.finish().await;
}

/// It is heard, but cannot answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_can_say_nothing_is_not_ready() {
    let fake = FakeSlack::start().await;
    let house = house(&fake, "");
    let bot = house.start().await;
    fake.until("the bot is connected", |it| it.sockets() == 1).await;
    fake.revoke("token_revoked");
    fake.say(ANN, GENERAL, "!whoami");
    let why = why_chats_are_red(&bot).await;
    assert_eq!(why, "slack is mute: `token_revoked`: put a valid token into the configuration");
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_cannot_be_spoken_in_is_told_of_elsewhere_once() {
    let fake = FakeSlack::start().await;
    let house = house(&fake, &format!("fallback_channel: slack/{TEAM}/{OPS}\n"));
    let bot = house.start().await;
    fake.until("the bot is connected", |it| 1 <= it.sockets()).await;
    fake.keep_out(GENERAL, "is_archived");
    fake.say(ANN, GENERAL, "!whoami");
    let told = fake.next_message(OPS).await;
    insta::assert_snapshot!(told.words(), @r"
    ❌ I cannot speak in slack/T0HOME/C0GENERAL
    `is_archived`: unarchive the channel or name another one. I go on trying once a minute.
    ");
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_asks_slack_itself() {
    let fake = FakeSlack::start().await;
    let house = house(&fake, "");
    let app = format!(
        "app: shop\nrepository: {{url: /nowhere}}\nchannels: [slack/{TEAM}/{GENERAL}, slack/{TEAM}/{OPS}]\nenvironments: {{}}\n"
    );
    house.write("config/apps/shop.yaml", &app);
    fake.keep_out(OPS, "not_in_channel");
    let config = house.path("config/lockkeeper.yaml");
    let run = |config: std::path::PathBuf| {
        let mut doctor = std::process::Command::new(env!("CARGO_BIN_EXE_lockkeeper"));
        let output = doctor.arg("doctor").arg("--config").arg(config).output().expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    };
    let told = tokio::task::spawn_blocking({
        let config = config.clone();
        move || run(config)
    })
    .await
    .expect("told");
    for line in [
        "ok    slack bot token: Slack knows it",
        "ok    slack scopes: the bot has all that it takes",
        "ok    slack app token: a socket may be opened",
        "ok    slack channel C0GENERAL: the bot is in it",
        "FAIL  slack channel C0OPS: refused with `not_in_channel`",
        "      → check the channel's id and invite the bot to it",
    ] {
        assert!(told.lines().any(|it| it == line), "{line}\n{told}");
    }
    fake.withhold("files:write");
    fake.withhold("reactions:read");
    let told = tokio::task::spawn_blocking({
        let config = config.clone();
        move || run(config)
    })
    .await
    .expect("told");
    let missing =
        "FAIL  slack scopes: files:write, reactions:read missing\n      → paste `lockkeeper slack manifest`";
    assert!(told.contains(missing), "{told}");
    fake.fail_next("auth.test", Fault::Code("account_inactive".to_owned()));
    let told = tokio::task::spawn_blocking(move || run(config)).await.expect("told");
    assert!(
        told.contains("FAIL  slack bot token: refused with `account_inactive`\n      → put a valid token"),
        "{told}"
    );
    fake.finish().await;
}

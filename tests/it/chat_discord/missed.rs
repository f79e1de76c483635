//! What no session told is read from the channels, and answered late.

use lockkeeper::chat::{Memory, Spot};
use lockkeeper::id::{ChannelId, MessageId, Platform};
use lockkeeper::message::Incoming;
use serde_json::json;

use super::{Talk, general};
use crate::support::Inbox;
use crate::support::away::{ago, heard_long_ago, is_answered_late, missed, why_chats_are_red};
use crate::support::cards::ann_of;
use crate::support::fake_discord::{ANN, BEA, BOT, DIRECT, FakeDiscord, GENERAL, GUILD, TOKEN};
use crate::support::house::House;
use crate::support::wire::Fault;

fn spot(channel: &str, last: Option<&str>) -> Spot {
    Spot { channel: ChannelId::from(channel), last: last.map(MessageId::from) }
}

#[tokio::test]
async fn what_was_said_after_discord_forgot_the_session_is_fetched() {
    let talk = Talk::start().await;
    talk.inbox.remember(Memory {
        heard_at: None,
        spots: vec![spot(GENERAL, None), spot(DIRECT, None)],
        ..Memory::default()
    });
    let heard = talk.fake.say(ANN, GENERAL, "!heard");
    talk.inbox.next().await;
    talk.fake.thread_below(GENERAL, &heard);
    talk.fake.forget_sessions();
    talk.fake.murmur(ANN, GENERAL, "!one & \"only\"", 0, json!({}));
    talk.fake.murmur(BEA, &heard, "approve", 0, json!({}));
    talk.fake.murmur(ANN, DIRECT, "status", 0, json!({}));
    talk.fake.murmur(ANN, GENERAL, "!changed", 0, json!({"edited_timestamp": "2026-11-21T00:01:00Z"}));
    talk.fake.murmur(BOT, GENERAL, "!mine", 0, json!({}));
    talk.fake.murmur(ANN, GENERAL, "!hook", 0, json!({"webhook_id": "5"}));
    talk.fake.murmur(ANN, GENERAL, "joined", 0, json!({"type": 7}));
    talk.fake.murmur(ANN, GENERAL, "!long ago", 300, json!({}));
    talk.fake.drop_all_lines();
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(talk.inbox.next().await);
    }
    let find = |text: &str| all.iter().find(|it| missed(it).0 == text).expect(text);
    let one = find("!one & \"only\"");
    assert_eq!((&one.place, &one.account), (&general(), &ann_of(Platform::Discord)));
    assert!(ago(10) < missed(one).2);
    assert_eq!(missed(find("approve")).1, Some(heard.as_str()));
    let direct = find("status");
    assert!(matches!(&direct.incoming, Incoming::Missed { said, .. } if said.addressed), "{direct:?}");
    talk.inbox.until("what was heard is known", |it| it.duplicates() == 1).await;
    talk.finish().await;
}

#[tokio::test]
async fn what_could_not_be_read_is_read_again() {
    let talk = Talk::start().await;
    talk.inbox.remember(Memory { heard_at: None, spots: vec![spot(GENERAL, None)], ..Memory::default() });
    let heard = talk.fake.say(ANN, GENERAL, "!heard");
    talk.inbox.next().await;
    talk.fake.thread_below(GENERAL, &heard);
    for call in ["GET channels", "GET guilds"] {
        talk.fake.fail_next(call, Fault::Status(503));
        talk.fake.fail_next(call, Fault::Status(503));
    }
    talk.fake.forget_sessions();
    talk.fake.murmur(ANN, GENERAL, "!one", 0, json!({}));
    talk.fake.murmur(BEA, &heard, "approve", 0, json!({}));
    talk.fake.drop_all_lines();
    let (one, two) = (talk.inbox.next().await, talk.inbox.next().await);
    assert_eq!((missed(&one).0, missed(&two).0), ("!one", "approve"));
    talk.inbox.until("what was heard is known", |it| it.duplicates() == 1).await;
    talk.finish().await;
}

#[tokio::test]
async fn what_was_said_before_a_start_is_fetched_from_where_we_were() {
    let fake = FakeDiscord::start().await;
    let known = fake.murmur(ANN, GENERAL, "!known", 3_000, json!({}));
    fake.murmur(ANN, GENERAL, "!missed", 2_900, json!({}));
    for number in 0..250 {
        fake.murmur(BOT, GENERAL, &format!("noise {number}"), 2_000, json!({}));
    }
    fake.murmur(ANN, GENERAL, "!last", 1_900, json!({}));
    fake.rate_limit_next("GET channels", "0.1");
    let inbox = Inbox::default();
    inbox.remember(Memory {
        heard_at: Some(ago(1_000)),
        spots: vec![spot("7", None), spot(GENERAL, Some(&known))],
        ..Memory::default()
    });
    let talk = Talk::start_on(fake, inbox).await;
    for expected in ["!known", "!missed", "!last"] {
        assert_eq!(missed(&talk.inbox.next().await).0, expected);
    }
    talk.finish().await;
}

#[tokio::test]
async fn a_bot_that_never_heard_anything_has_missed_nothing() {
    let fake = FakeDiscord::start().await;
    fake.murmur(ANN, GENERAL, "!before your time", 60, json!({}));
    let inbox = Inbox::default();
    inbox.remember(Memory { heard_at: None, spots: vec![spot(GENERAL, None)], ..Memory::default() });
    let talk = Talk::start_on(fake, inbox).await;
    talk.fake.say(ANN, GENERAL, "!now");
    assert!(matches!(&talk.inbox.next().await.incoming, Incoming::Said(said) if said.text == "!now"));
    assert_eq!(talk.fake.calls("GET channels"), 0);
    talk.finish().await;
}

// A whole bot.

pub(super) fn house(fake: &FakeDiscord, more: &str) -> House {
    let house = House::new();
    house.also(
        "config/lockkeeper.yaml",
        &format!("discord: {{token: file:discord, api_url: \"{}\"}}\n{more}", fake.url()),
    );
    house.write("config/discord", TOKEN);
    house.write("config/people.yaml", &format!("people: {{ann: {{discord: [\"{GUILD}/{ANN}\"]}}}}\n"));
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_was_away_answers_late_and_asks_again_about_what_is_stale() {
    let fake = FakeDiscord::start().await;
    let house = house(&fake, "");
    let bot = house.start().await;
    fake.until("the bot is connected", |it| it.lines() == 1).await;
    // Heard long ago, in this channel.
    let last = fake.murmur(ANN, GENERAL, "hello", 900, json!({}));
    heard_long_ago(&bot, general(), format!("discord:message:{last}"), &last).await;
    bot.stop().await;

    fake.forget_sessions();
    fake.murmur(ANN, GENERAL, "!cancel 7", 400, json!({}));
    fake.murmur(ANN, GENERAL, "!whoami", 40, json!({}));
    let bot = house.start().await;
    let stale = fake.next_message(DIRECT).await;
    assert_eq!(stale.only_for.as_deref(), Some(ANN));
    let late = fake.next_message(DIRECT).await;
    is_answered_late(&stale.words(), &late.words());
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_the_chat_that_is_deaf() {
    let fake = FakeDiscord::start().await;
    let house = house(&fake, "");
    house.write("config/discord", "wrong-token");
    let bot = house.start().await;
    let why = why_chats_are_red(&bot).await;
    assert!(why.starts_with("discord is deaf for "), "{why}");
    assert!(why.ends_with(" (deaf: `401`: put a valid bot token into the configuration)"), "{why}");
    bot.stop().await;
    fake.finish().await;
}

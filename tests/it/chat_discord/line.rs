//! The line: resumed where it can be, also by the next process; given up when it is dead; and never begun too often.

use std::time::Duration;

use lockkeeper::chat::discord::DiscordHearing;
use lockkeeper::chat::{ChatAdapter, ListenError, Trouble};
use lockkeeper::clock::{Clock as _, SystemClock};
use lockkeeper::message::{Delivery, Incoming};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Talk, adapter, adapter_with, general, said};
use crate::support::fake_discord::{ANN, BEA, DIRECT, FakeDiscord, GENERAL, TOKEN};
use crate::support::house::House;
use crate::support::wire::{Fault, Push};
use crate::support::{Inbox, PATIENCE, direct};

/// The text of what was said while nobody listened.
fn late(delivery: &Delivery) -> &str {
    match &delivery.incoming {
        Incoming::Missed { said, .. } => &said.text,
        other => panic!("not late: {other:?}"),
    }
}

#[tokio::test]
async fn a_lost_line_is_resumed_and_what_was_missed_is_told_as_late() {
    let talk = Talk::start().await;
    talk.fake.drop_socket();
    talk.fake.until("the line is resumed", |it| it.resumed() == 1 && it.lines() == 1).await;
    let cuts = [
        Push::Cut,
        Push::Close(1001),
        Push::Close(4000),
        Push::Close(4008),
        Push::Frame(json!({"op": 7, "d": null})),
        Push::Frame(json!({"op": 9, "d": true})),
    ];
    for (number, cut) in cuts.into_iter().enumerate() {
        talk.fake.push(cut);
        talk.fake.say(ANN, GENERAL, &format!("!after {number}"));
        // Over the old line, or replayed on the new one.
        let heard = talk.inbox.next().await;
        assert!(matches!(&heard.incoming, Incoming::Missed { said, .. } | Incoming::Said(said)
            if said.text == format!("!after {number}")));
        talk.fake.until("the line is resumed", |it| it.resumed() == number + 2 && it.lines() == 1).await;
    }
    talk.fake.push(Push::Cut);
    talk.fake.until("the line is cut", |it| it.lines() == 0).await;
    let id = talk.fake.say(ANN, GENERAL, "!now");
    let heard = talk.inbox.next().await;
    assert!(late(&heard) == "!now" && heard.key == format!("discord:message:{id}"), "{heard:?}");
    assert_eq!(talk.fake.identified(), 1);
    assert_eq!(talk.fake.calls("GET channels"), 0, "nothing has to be looked for");
    talk.finish().await;
}

#[tokio::test]
async fn a_half_open_line_is_given_up_and_a_quiet_one_is_not() {
    // Beats so slow that they tell nothing.
    let fake = FakeDiscord::start().await;
    fake.beat_every(Duration::from_secs(60));
    let talk = Talk::start_on(fake, Inbox::default()).await;
    let quiet = talk.discord.heard_at();
    talk.fake.until("a quiet line answers", |_| talk.discord.heard_at() != quiet).await;
    assert_eq!((talk.fake.resumed(), talk.discord.deaf_since()), (0, None));
    talk.fake.push(Push::Freeze);
    talk.fake.until("it is resumed", |it| it.resumed() == 1 && it.lines() == 1).await;
    let id = talk.fake.say(ANN, GENERAL, "!help");
    assert_eq!(talk.inbox.next().await.incoming, said("!help", false, &id));
    assert_eq!(talk.fake.identified(), 1);
    talk.finish().await;
}

#[tokio::test]
async fn the_next_process_resumes_the_session_and_hears_what_it_missed() {
    let dir = TempDir::new().expect("a folder");
    let path = dir.path().join("discord.json");
    let fake = FakeDiscord::start().await;
    let open = || adapter_with(&fake, TOKEN, DiscordHearing::Gateway, Some(path.clone()));
    let first = Talk::start_with(fake.clone(), Inbox::default(), open()).await;
    let posted =
        first.discord.post(&general(), &lockkeeper::message::Card::say("vote"), "n1").await.expect("posted");
    fake.next_message(GENERAL).await;
    fake.say(ANN, GENERAL, "!before");
    let before = first.inbox.next().await;
    let inbox = first.inbox.clone();
    first.hang_up().await;

    fake.say(ANN, GENERAL, "!while away");
    fake.react(BEA, GENERAL, posted.message.as_str(), "✅", true);
    let second = Talk::start_with(fake.clone(), inbox, open()).await;
    assert_eq!(late(&second.inbox.next().await), "!while away");
    let vote = second.inbox.next().await;
    assert!(matches!(vote.incoming, Incoming::Reacted { added: true, .. }), "{vote:?}");
    assert_eq!((fake.identified(), fake.resumed()), (1, 1));
    assert_ne!(before.key, vote.key);

    // A crash loses the last second's book: what is told twice is known by its keys.
    let book = std::fs::read_to_string(&path).expect("a book");
    let mut book: serde_json::Value = serde_json::from_str(&book).expect("JSON");
    book["session"]["seq"] = json!(1);
    let inbox = second.inbox.clone();
    second.hang_up().await;
    std::fs::write(&path, book.to_string()).expect("a book");
    let third = Talk::start_with(fake.clone(), inbox, open()).await;
    third.inbox.until("all of it is known", |it| 3 <= it.duplicates()).await;
    third.finish().await;
}

/// What came after it is stored, but the session has not moved on over it.
#[tokio::test]
async fn what_the_store_never_took_is_told_to_the_next_process() {
    let dir = TempDir::new().expect("a folder");
    let path = dir.path().join("discord.json");
    let fake = FakeDiscord::start().await;
    let open = || adapter_with(&fake, TOKEN, DiscordHearing::Gateway, Some(path.clone()));
    let first = Talk::start_with(fake.clone(), Inbox::default(), open()).await;
    first.inbox.refuse_words(Some("stuck"));
    fake.say(ANN, GENERAL, "!stuck");
    let beside = fake.say(ANN, DIRECT, "beside");
    assert_eq!(first.inbox.next().await.incoming, direct("beside", &beside));
    let inbox = first.inbox.clone();
    first.hang_up().await;
    inbox.refuse_words(None);
    let second = Talk::start_with(fake.clone(), inbox, open()).await;
    assert_eq!(late(&second.inbox.next().await), "!stuck");
    second.inbox.until("what was stored is known", |it| it.duplicates() == 1).await;
    assert_eq!((fake.identified(), fake.resumed()), (1, 1));
    second.finish().await;
}

#[tokio::test]
async fn a_forgotten_session_is_begun_anew() {
    let talk = Talk::start().await;
    talk.fake.drop_socket();
    talk.fake.forget_sessions();
    talk.fake.until("it identified again", |it| it.identified() == 2 && it.lines() == 1).await;
    for code in [4007, 4009] {
        let before = talk.fake.identified();
        talk.fake.refuse_next_resume(code);
        talk.fake.drop_socket();
        talk.fake.until("and again", |it| before < it.identified() && it.lines() == 1).await;
    }
    let id = talk.fake.say(ANN, GENERAL, "!help");
    assert_eq!(talk.inbox.next().await.incoming, said("!help", false, &id));
    talk.finish().await;
}

#[tokio::test]
async fn what_no_new_line_heals_ends_listening_and_says_what_to_fix() {
    for code in [4004, 4010, 4011, 4012, 4013, 4014] {
        let fake = FakeDiscord::start().await;
        fake.refuse_next_identify(code);
        let discord = adapter(&fake, TOKEN);
        let listening = discord.listen(Inbox::default().intake(), CancellationToken::new());
        let ended = tokio::time::timeout(PATIENCE, listening).await.expect("it ends");
        assert!(
            matches!(&ended, Err(ListenError::Fatal { code: said, .. }) if *said == code.to_string()),
            "{ended:?}"
        );
        assert_eq!(fake.identified(), 1);
        assert!(discord.deaf_since().is_some(), "at once");
        let trouble = discord.trouble();
        assert!(
            matches!(&trouble, Some(Trouble::Deaf { code: said, .. }) if *said == code.to_string()),
            "{trouble:?}"
        );
        fake.finish().await;
    }
}

#[tokio::test]
async fn deaf_is_noticed_and_over_when_discord_is_heard_again() {
    let talk = Talk::start().await;
    assert_eq!(talk.discord.deaf_since(), None);
    talk.fake.shut_gateway(true);
    talk.fake.push(Push::Cut);
    let noticed = async {
        while talk.discord.deaf_since().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, noticed).await.expect("it is deaf");
    assert_eq!(talk.discord.trouble(), None, "it heals by itself");
    talk.fake.shut_gateway(false);
    talk.fake.until("it is back", |it| it.lines() == 1).await;
    talk.fake.say(ANN, GENERAL, "!again");
    talk.inbox.next().await;
    assert_eq!(talk.discord.deaf_since(), None, "it hears again");
    talk.finish().await;
}

#[tokio::test]
async fn discord_being_away_or_out_of_starts_is_waited_for() {
    let fake = FakeDiscord::start().await;
    fake.fail_next("GET gateway", Fault::Status(503));
    fake.fail_next("GET gateway", Fault::Page);
    fake.rate_limit_next("GET gateway", "0.1");
    fake.set_starts_left(0);
    let (discord, inbox, stop) = (adapter(&fake, TOKEN), Inbox::default(), CancellationToken::new());
    let listening = tokio::spawn({
        let (intake, stop) = (inbox.intake(), stop.clone());
        async move { discord.listen(intake, stop).await }
    });
    fake.until("the budget was asked for", |it| 5 <= it.calls("GET gateway")).await;
    assert_eq!(fake.identified(), 0, "nothing is begun while no start is left");
    fake.set_starts_left(50);
    fake.until("the bot is connected", |it| it.lines() == 1).await;
    stop.cancel();
    assert_eq!(listening.await.expect("no panic"), Ok(()));
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_dies_in_a_loop_begins_few_sessions() {
    let fake = FakeDiscord::start().await;
    let house = House::new();
    house.also(
        "config/lockkeeper.yaml",
        &format!("discord: {{token: file:discord, api_url: \"{}\"}}\n", fake.url()),
    );
    house.write("config/discord", TOKEN);
    // What nine processes left that died one after another, so many seconds ago.
    let leave = |seconds: i64| {
        let at = SystemClock.now().as_millisecond() - seconds * 1_000;
        house.write("data/discord.json", &json!({"session": null, "begun": vec![at; 9]}).to_string());
    };
    leave(1);
    let bot = house.start().await;
    assert!(!fake.begins_within(Duration::from_secs(2)).await, "the tenth waits");
    assert_eq!((fake.begun(), fake.calls("GET gateway")), (0, 0), "and asks nothing");
    bot.stop().await;
    leave(3_700);
    let bot = house.start().await;
    fake.until("an hour later nothing is waited for", |it| it.identified() == 1).await;
    bot.stop().await;
    let book = std::fs::read_to_string(house.path("data/discord.json")).expect("a book");
    let book: serde_json::Value = serde_json::from_str(&book).expect("JSON");
    assert_eq!(book["begun"].as_array().map(Vec::len), Some(1), "{book}");
    fake.finish().await;
}

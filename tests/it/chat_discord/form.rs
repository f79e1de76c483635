//! Approve asks back and names what will run; Reject asks why.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lockkeeper::chat::{ChatAdapter, Choice, Guide, GuideError, Typed};
use lockkeeper::demo::World;
use lockkeeper::identity::Actor;
use lockkeeper::message::{Button, Confirm, Delivery, Incoming};
use serde_json::json;

use super::{Talk, adapter, general};
use crate::support::cards::{self, approve, reason_of, reject};
use crate::support::chat::{Chat as _, DiscordChat};
use crate::support::fake_discord::{ANN, BEA, DIRECT, FakeDiscord, GENERAL, Posted, TOKEN};
use crate::support::house::{Bot, House};
use crate::support::shop::{self, short_watch};
use crate::support::wire::Fault;
use crate::support::{Inbox, direct};

/// Knows one question; or, if it is ill, nothing.
struct Asks {
    ill: bool,
}

#[async_trait]
impl Guide for Asks {
    async fn confirmation(&self, _act: &str) -> Result<Option<Confirm>, GuideError> {
        if self.ill {
            return Err(GuideError { why: "the store is away".to_owned() });
        }
        let [title, text, yes, no] =
            ["Roll out #42?", "shop sha256:1234 to 3 hosts in *production*.", "Approve", "Back"]
                .map(str::to_owned);
        Ok(Some(Confirm { title, text, yes, no }))
    }

    fn phrase(&self, _typed: &Typed) -> Option<String> {
        None
    }

    async fn choices(&self, _typed: &Typed, _option: &str, _so_far: &str, _who: &Actor) -> Vec<Choice> {
        Vec::new()
    }
}

async fn talk(ill: bool) -> Talk {
    let fake = FakeDiscord::start().await;
    let discord = adapter(&fake, TOKEN);
    let inbox = Inbox::default();
    let intake = inbox.intake().guided(Arc::new(Asks { ill }));
    Talk::start_through(fake, inbox, discord, intake).await
}

/// A question with both buttons, as the people see it.
async fn question(talk: &Talk) -> Posted {
    talk.discord.post(&general(), &cards::question(), "n1").await.expect("posted");
    talk.fake.next_message(GENERAL).await
}

/// What only the presser sees after this press.
async fn aside(talk: &Talk, press: &str) -> Posted {
    let shown = talk.fake.next_message(&format!("token-{press}")).await;
    assert_eq!(shown.only_for.as_deref(), Some(BEA));
    shown
}

#[tokio::test]
async fn approve_names_what_will_run_and_counts_once_it_is_meant() {
    let talk = talk(false).await;
    let question = question(&talk).await;
    let press = talk.fake.press(BEA, &question, "Approve");
    let asked = aside(&talk, &press).await;
    insta::assert_snapshot!(asked.words(), @r"
    **Roll out #42?**
    shop sha256:1234 to 3 hosts in *production*.
    Approve
    Back
    ");
    talk.fake.press(BEA, &asked, "Back");
    let closed = talk.fake.next_edit(&asked.channel).await;
    assert_eq!(closed.words(), "Nothing was counted. The buttons above still work.");

    let press = talk.fake.press(BEA, &question, "Approve");
    let asked = aside(&talk, &press).await;
    let sure = talk.fake.press(BEA, &asked, "Approve");
    let heard = talk.inbox.next().await;
    let Incoming::Pressed { message, act, reason: None } = &heard.incoming else { panic!("{heard:?}") };
    assert_eq!((message.message.as_str(), act), (question.id.as_str(), &approve("").act.encode()));
    assert_eq!((heard.key, heard.place), (format!("discord:interaction:{sure}"), general()));
    let closed = talk.fake.next_edit(&asked.channel).await;
    assert!(closed.buttons().is_empty() && closed.words().starts_with("Your answer is on its way"));
    talk.finish().await;
}

#[tokio::test]
async fn reject_opens_a_form_and_what_is_written_there_is_the_answer() {
    let talk = talk(false).await;
    let question = question(&talk).await;
    let press = talk.fake.press(BEA, &question, "Reject");
    let form = talk.fake.next_form(BEA).await;
    assert_eq!(form.view["title"], "Reject this release?");
    assert_eq!(form.view["components"][0]["components"][0]["label"], "Why?");
    talk.fake.until("the press is answered", |it| it.is_answered(&press)).await;

    let sent = talk.fake.submit(&form, "  p99 is up, \"look\" & <see>  ");
    let heard = talk.inbox.next().await;
    assert_eq!(reason_of(&heard), "p99 is up, \"look\" & <see>");
    assert_eq!((heard.account.user.as_str(), &heard.place), (BEA, &general()));
    let Incoming::Pressed { message, .. } = &heard.incoming else { panic!("a press") };
    assert_eq!(message.message.as_str(), question.id);
    talk.fake.until("the form is answered", |it| it.is_answered(&sent)).await;
    talk.fake.duplicate_last_event();
    talk.inbox.until("the copy was recognised", |it| it.duplicates() == 1).await;
    talk.fake.forgive_second_answers();
    talk.finish().await;
}

/// It is to be answered within 3 s, whatever else came before it.
#[tokio::test]
async fn what_is_pressed_waits_behind_no_message() {
    let talk = talk(false).await;
    let question = question(&talk).await;
    let press = talk.fake.press(BEA, &question, "Reject");
    let form = talk.fake.next_form(BEA).await;
    talk.fake.until("the press is answered", |it| it.is_answered(&press)).await;
    talk.inbox.refuse_words(Some("stuck"));
    talk.fake.say(BEA, GENERAL, "!stuck");
    talk.fake.say(BEA, GENERAL, "!behind it");
    let beside = talk.fake.say(ANN, DIRECT, "beside");
    let sent = talk.fake.submit(&form, "p99");
    let (one, two) = (talk.inbox.next().await, talk.inbox.next().await);
    let (word, answer) = if one.place == general() { (two, one) } else { (one, two) };
    assert_eq!((reason_of(&answer), &word.incoming), ("p99", &direct("beside", &beside)));
    talk.fake.until("the form is answered", |it| it.is_answered(&sent)).await;
    talk.inbox.refuse_words(None);
    for text in ["!stuck", "!behind it"] {
        let heard = talk.inbox.next().await;
        assert!(matches!(&heard.incoming, Incoming::Said(said) if said.text == text), "{heard:?}");
    }
    talk.finish().await;
}

#[tokio::test]
async fn words_that_are_no_reason_are_told_to_their_author_alone() {
    let talk = talk(false).await;
    let question = question(&talk).await;
    talk.fake.press(BEA, &question, "Reject");
    let form = talk.fake.next_form(BEA).await;
    let empty = talk.fake.submit(&form, " ... ");
    assert_eq!(aside(&talk, &empty).await.words(), "Write at least one word.");
    let long = talk.fake.submit(&form, &"x".repeat(501));
    assert_eq!(aside(&talk, &long).await.words(), "Write at most 500 characters.");
    talk.fake.submit(&form, "p99");
    assert_eq!(reason_of(&talk.inbox.next().await), "p99");
    talk.finish().await;
}

#[tokio::test]
async fn what_cannot_be_asked_back_is_said_and_counts_for_nothing() {
    let unasked = |heard: &Delivery, button: &Button| {
        assert!(
            matches!(&heard.incoming, Incoming::Unasked { act, .. } if *act == button.act.encode()),
            "{heard:?}"
        );
        assert_eq!(heard.account.user.as_str(), BEA);
    };
    let talk = talk(false).await;
    let shown = question(&talk).await;
    for (label, button) in [("Reject", reject()), ("Approve", approve("Approve"))] {
        talk.fake.fail_next("POST interactions", Fault::Code("10062".to_owned()));
        let press = talk.fake.press(BEA, &shown, label);
        talk.fake.give_up(&press);
        unasked(&talk.inbox.next().await, &button);
    }
    talk.finish().await;

    let talk = self::talk(true).await;
    let shown = question(&talk).await;
    talk.fake.press(BEA, &shown, "Approve");
    unasked(&talk.inbox.next().await, &approve("Approve"));
    talk.finish().await;
}

#[tokio::test]
async fn an_answer_that_comes_after_three_seconds_is_void_and_said_so() {
    let talk = talk(false).await;
    let question = question(&talk).await;
    talk.fake.answers_within(Duration::ZERO);
    let press = talk.fake.press(BEA, &question, "Reject");
    talk.fake.give_up(&press);
    assert!(matches!(talk.inbox.next().await.incoming, Incoming::Unasked { .. }));
    talk.finish().await;
}

#[tokio::test]
async fn a_press_that_was_told_twice_is_one_act_and_an_old_question_is_not_asked_again() {
    let talk = talk(false).await;
    let question = question(&talk).await;
    talk.fake.push(crate::support::wire::Push::Cut);
    talk.fake.until("the line is cut", |it| it.lines() == 0).await;
    let press = talk.fake.press(BEA, &question, "Approve");
    talk.fake.give_up(&press);
    talk.fake.until("the line is resumed", |it| it.resumed() == 1).await;
    let press = talk.fake.press(BEA, &question, "Approve");
    let asked = aside(&talk, &press).await;
    let sure = talk.fake.press(BEA, &asked, "Approve");
    assert_eq!(talk.inbox.next().await.key, format!("discord:interaction:{sure}"));
    talk.fake.next_edit(&asked.channel).await;
    talk.fake.duplicate_last_event();
    talk.inbox.until("the copy was recognised", |it| it.duplicates() == 1).await;
    talk.fake.forgive_second_answers();
    talk.finish().await;
}

// A whole bot.

/// The rehearsal's world, also in a Discord server; its question, once more as a message there.
async fn asked(dir: &std::path::Path) -> (World, Bot, FakeDiscord, Posted) {
    let fake = FakeDiscord::start().await;
    let chat = DiscordChat(fake.clone());
    let world = shop::world(dir, &short_watch()).await;
    let config = world.config();
    chat.join(config.parent().expect("a folder"));
    let bot = chat.connect(&config).await;
    let question = shop::ask(&world, &bot).await;
    adapter(&fake, TOKEN).post(&general(), &question.card, "n1").await.expect("posted");
    let posted = fake.next_message(GENERAL).await;
    (world, bot, fake, posted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_posted_before_a_crash_works_after_it_with_question_and_reason() {
    let dir = tempfile::TempDir::new().expect("a folder");
    let (world, bot, fake, question) = asked(dir.path()).await;
    let before = fake.begun();
    bot.stop().await;
    let bot = House::start_at(&world.config()).await;
    fake.until("the bot is back", |it| before < it.begun() && it.lines() == 1).await;

    let press = fake.press(BEA, &question, "Approve");
    let sure = fake.next_message(&format!("token-{press}")).await;
    assert!(sure.words().starts_with("**Roll out #1?**\nshop sha256:"), "{}", sure.words());
    assert!(sure.words().contains("in production"), "{}", sure.words());
    fake.press(BEA, &sure, "Back");
    fake.next_edit(&sure.channel).await;

    fake.press(BEA, &question, "Reject");
    let form = fake.next_form(BEA).await;
    let sent = fake.submit(&form, "p99 is up");
    let rejected = bot.shows(0, |text| text.contains("rejected by bea")).await;
    assert!(rejected.contains("Reason: p99 is up."), "{rejected}");
    fake.until("the form is answered", |it| it.is_answered(&sent)).await;

    // What is decided is not asked about again: the press says so, to the presser alone.
    let late = fake.press(BEA, &question, "Approve");
    let told = fake.next_message(&format!("token-{late}")).await;
    assert!(told.only_for.as_deref() == Some(BEA) && told.words().contains("rejected"), "{}", told.words());
    bot.stop().await;
    fake.finish().await;
    world.end().await.expect("the world ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_approval_told_again_by_the_next_session_decides_once() {
    let dir = tempfile::TempDir::new().expect("a folder");
    let (world, bot, fake, question) = asked(dir.path()).await;
    let press = fake.press(BEA, &question, "Approve");
    let sure = fake.next_message(&format!("token-{press}")).await;
    fake.press(BEA, &sure, "Approve");
    fake.next_edit(&sure.channel).await;
    bot.shows(0, |text| text.contains("approved by bea")).await;
    // The book of the session is lost with the machine's last second: Discord tells all of it again.
    let before = fake.begun();
    bot.stop().await;
    let book = world.dir().join("data/discord.json");
    let mut text: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&book).expect("a book")).expect("JSON");
    text["session"]["seq"] = json!(1);
    std::fs::write(&book, text.to_string()).expect("a book");
    let bot = House::start_at(&world.config()).await;
    fake.until("the bot is back", |it| before < it.begun() && it.lines() == 1).await;
    shop::all_ended(&bot).await;
    bot.stop().await;
    // The first press asked back before; told again, it is one on a question that is decided, and may be answered so.
    fake.forgive_second_answers();
    fake.skip_messages();
    let mut history = crate::support::trial::history(world.dir()).await.expect("its database");
    let votes: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM vote").fetch_one(&mut history).await.expect("votes");
    assert_eq!(votes, 1);
    fake.finish().await;
    world.end().await.expect("the world ends");
}

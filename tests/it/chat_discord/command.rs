//! `/deploy app:shop` is the same as words addressed to the bot, and what is typed there is completed.

use std::time::Duration;

use lockkeeper::chat::{ChatAdapter, ChatError, Intake};
use lockkeeper::id::Platform;
use lockkeeper::identity::Standing;
use lockkeeper::message::{Card, Delivery, Incoming};
use serde_json::json;

use super::missed::house;
use super::{Talk, adapter, general};
use crate::support::Inbox;
use crate::support::cards::{ann_of, approve};
use crate::support::fake_discord::{ANN, BEA, DIRECT, FakeDiscord, GENERAL, GUILD, TOKEN};
use crate::support::wire::Push;

fn text_of(incoming: &Incoming) -> (&str, bool) {
    match incoming {
        Incoming::Said(said) => (&said.text, said.addressed),
        other => panic!("not said: {other:?}"),
    }
}

#[tokio::test]
async fn a_command_is_words_addressed_to_us_and_stands_there_for_all() {
    let talk = Talk::start().await;
    let command =
        talk.fake.command(ANN, GENERAL, "lockkeeper", json!({"text": "deploy <https://api.io> “web” `x`"}));
    let heard = talk.inbox.next().await;
    assert_eq!(text_of(&heard.incoming), ("deploy https://api.io \"web\" `x`", true));
    assert_eq!((&heard.account, &heard.place), (&ann_of(Platform::Discord), &general()));
    assert_eq!((heard.standing, heard.key), (Standing::Member, format!("discord:interaction:{command}")));
    let shown = talk.fake.next_message(GENERAL).await;
    assert_eq!((shown.words().as_str(), shown.only_for), ("deploy https://api.io \"web\" `x`", None));

    talk.fake.command(ANN, GENERAL, "lockkeeper", json!({}));
    assert_eq!(text_of(&talk.inbox.next().await.incoming), ("help", true));
    assert_eq!(talk.fake.next_message(GENERAL).await.words(), "`help`");
    talk.fake.duplicate_last_event();
    talk.inbox.until("its copy was recognised", |it| it.duplicates() == 1).await;

    let thread = talk.fake.open_thread(GENERAL);
    talk.fake.command(ANN, &thread, "lockkeeper", json!({"text": "status"}));
    let heard = talk.inbox.next().await;
    assert_eq!(heard.place.thread.as_ref().map(|it| it.as_str()), Some(thread.as_str()));
    assert!(matches!(heard.incoming, Incoming::Said(said) if !said.direct));
    talk.fake.next_message(&thread).await;
    talk.fake.command(ANN, DIRECT, "lockkeeper", json!({"text": "status"}));
    let heard = talk.inbox.next().await;
    assert_eq!((heard.account, heard.standing), (ann_of(Platform::Discord), Standing::Unresolved));
    assert!(matches!(heard.incoming, Incoming::Said(said) if said.direct));
    talk.fake.next_message(DIRECT).await;
    talk.fake.forgive_second_answers();
    talk.finish().await;
}

/// What Discord shows for all is what the bot says was typed.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_command_is_shown_to_nobody() {
    let fake = FakeDiscord::start().await;
    let house = house(&fake, "");
    house.workflow(
        "version: 1.0\ntasks: {one: {action: core.noop}}\n",
        "{number: {type: string, secret: true}}",
    );
    let bot = house.start().await;
    fake.until("the bot is connected", |it| it.lines() == 1).await;
    for (text, shown) in [("go hunter2secret", "`go ********`"), ("GO hunter2secret", "`GO ********`")] {
        let command = fake.command(ANN, GENERAL, "lockkeeper", json!({ "text": text }));
        assert_eq!(fake.next_message(GENERAL).await.words(), shown);
        let told = fake.next_message(&format!("token-{command}")).await.words();
        assert!(told.contains("has been seen: change it") && !told.contains("hunter2"), "{told}");
    }
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test]
async fn a_command_is_not_answered_before_it_is_stored_and_late_ones_are_late() {
    let (fake, inbox) = (FakeDiscord::start().await, Inbox::default());
    let (seen, door) = (fake.clone(), inbox.intake());
    let intake = Intake::new(move |delivery: Delivery| {
        let (seen, door) = (seen.clone(), door.clone());
        async move {
            let id = delivery.key.rsplit(':').next().unwrap_or_default();
            // Long enough for an answer that does not wait to be there.
            let early = seen.answered_within(id, Duration::from_millis(100)).await;
            assert!(!early, "{id} was answered before it was stored");
            door.accept(delivery).await
        }
    });
    let discord = adapter(&fake, TOKEN);
    let talk = Talk::start_through(fake, inbox, discord, intake).await;
    talk.fake.command(ANN, GENERAL, "lockkeeper", json!({"text": "status"}));
    talk.inbox.next().await;
    talk.fake.next_message(GENERAL).await;

    talk.fake.push(Push::Cut);
    talk.fake.until("the line is cut", |it| it.lines() == 0).await;
    talk.fake.answers_within(Duration::ZERO);
    let command = talk.fake.command(ANN, GENERAL, "lockkeeper", json!({"text": "deploy shop"}));
    talk.fake.give_up(&command);
    let heard = talk.inbox.next().await;
    assert!(
        matches!(&heard.incoming, Incoming::Missed { said, .. } if said.text == "deploy shop"),
        "{heard:?}"
    );
    talk.finish().await;
}

#[tokio::test]
async fn where_we_may_not_speak_the_answer_is_private_and_says_what_to_do() {
    let talk = Talk::start().await;
    talk.fake.keep_out(GENERAL);
    let refused = talk.discord.post(&general(), &Card::say("x"), "n0").await;
    assert!(matches!(refused, Err(ChatError::Refused { .. })), "nobody gave a command here: {refused:?}");
    let command = talk.fake.command(ANN, GENERAL, "lockkeeper", json!({"text": "status"}));
    talk.inbox.next().await;
    talk.fake.next_message(GENERAL).await;
    let card = Card { buttons: vec![approve("Approve")], ..Card::say("Nothing is on its way.") };
    let posted = talk.discord.post(&general(), &card, "n1").await.expect("answered");
    let shown = talk.fake.next_message(&format!("token-{command}")).await;
    assert_eq!((shown.only_for.as_deref(), shown.buttons().len()), (Some(ANN), 0));
    insta::assert_snapshot!(shown.words(), @r"
    Nothing is on its way.
    I may not speak in this channel, so only you see this. To answer here for all, I need the permissions View Channel, Send Messages and Embed Links in it.
    ");
    assert_eq!(talk.discord.edit(&posted, &card).await, Err(ChatError::Gone), "then it is posted for all");
    talk.finish().await;
}

// A whole bot.

const SHOP: &str =
    "app: shop\nrepository: {url: /nowhere, branch: trunk}\nchannels: [discord/GUILD/GENERAL]\n";

#[tokio::test(flavor = "multi_thread")]
async fn options_become_words_and_each_command_has_one_answer() {
    let fake = FakeDiscord::start().await;
    let house = house(&fake, "");
    house.write("config/apps/shop.yaml", &SHOP.replace("GUILD", GUILD).replace("GENERAL", GENERAL));
    let bot = house.start().await;
    fake.until("the bot is connected", |it| it.lines() == 1).await;
    let command = fake.command(ANN, GENERAL, "whoami", json!({}));
    assert_eq!(fake.next_message(GENERAL).await.words(), "`whoami`");
    // What concerns one person is for that person.
    let told = fake.next_message(&format!("token-{command}")).await;
    assert!(told.only_for.as_deref() == Some(ANN) && told.words().starts_with("You are ann"));

    fake.command(ANN, GENERAL, "history", json!({"app": "nothing"}));
    assert_eq!(fake.next_message(GENERAL).await.words(), "`history nothing`");
    let told = fake.next_message(GENERAL).await;
    assert!(told.words().contains("nothing") && told.words().contains("shop"), "{}", told.words());

    let command = fake.command(ANN, GENERAL, "cancel", json!({"release": "7"}));
    assert_eq!(fake.next_message(GENERAL).await.words(), "`cancel 7`");
    let place = fake.answer_to(&command, GENERAL).await;
    assert!(place.words().contains("no release or execution 7"), "{}", place.words());

    // An option never becomes two.
    fake.command(ANN, GENERAL, "history", json!({"app": "shop to production"}));
    assert_eq!(fake.next_message(GENERAL).await.words(), "`history shop to production`");
    fake.next_message(GENERAL).await;

    let wrong = fake.command(ANN, GENERAL, "approve", json!({"words": "looks good"}));
    let told = fake.next_message(&format!("token-{wrong}")).await;
    assert_eq!(told.only_for.as_deref(), Some(ANN));
    insta::assert_snapshot!(told.words(), @"These options of `approve` do not go together, so nothing was run. `help` shows what does.");
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_completed_for_people_and_for_nobody_else() {
    let fake = FakeDiscord::start().await;
    let house = house(&fake, "");
    house.write("config/apps/shop.yaml", &SHOP.replace("GUILD", GUILD).replace("GENERAL", GENERAL));
    house.write(
        "config/apps/secret-app.yaml",
        &SHOP.replace("shop", "secret-app").replace("GUILD", GUILD).replace("GENERAL", GENERAL),
    );
    let bot = house.start().await;
    fake.until("the bot is connected", |it| it.lines() == 1).await;
    let offered = async |user: &str, channel: &str, options: serde_json::Value, focused: &str| {
        let typing = fake.type_in(user, channel, "deploy", options, focused);
        let values = fake.offered(&typing).await.into_iter().map(|(_, value)| value);
        values.collect::<Vec<_>>()
    };
    assert_eq!(offered(ANN, GENERAL, json!({"app": ""}), "app").await, ["secret-app", "shop"]);
    assert_eq!(offered(ANN, GENERAL, json!({"app": "SH"}), "app").await, ["shop"]);
    assert_eq!(offered(ANN, DIRECT, json!({"app": "sh"}), "app").await, ["shop"], "asked of the server");
    assert_eq!(offered(ANN, GENERAL, json!({"app": "shop", "version": ""}), "version").await, ["trunk"]);
    assert_eq!(offered(ANN, GENERAL, json!({"app": "shop", "stage": "can"}), "stage").await, ["canary"]);
    assert_eq!(offered(ANN, GENERAL, json!({"app": "shop", "surprise": ""}), "surprise").await, [""; 0]);
    // A member that nobody knows, and one who is a guest.
    assert_eq!(offered(BEA, GENERAL, json!({"app": ""}), "app").await, [""; 0]);
    fake.set_member(ANN, json!({"flags": 16}));
    assert_eq!(offered(ANN, GENERAL, json!({"app": ""}), "app").await, [""; 0]);
    bot.stop().await;
    fake.finish().await;
}

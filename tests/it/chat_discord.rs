//! The Discord adapter against a fake guild, over real HTTP and WebSocket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lockkeeper::chat::discord::render::render;
use lockkeeper::chat::discord::{Discord, DiscordHearing, DiscordSettings, DiscordTiming};
use lockkeeper::chat::{Attachment, ChatAdapter, ChatError, Intake, ListenError, Trouble};
use lockkeeper::clock::SystemClock;
use lockkeeper::id::{ChannelId, MessageId, MessageRef, Place, Platform, WorkspaceId};
use lockkeeper::identity::Standing;
use lockkeeper::message::{Block, Card, Incoming, Mark, Said, Text, Tone};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::cards::{HOSTILE, ann_of, approve, card, letters};
use crate::support::fake_discord::{ANN, BEA, BOT, DIRECT, FakeDiscord, GENERAL, GUILD, TOKEN, rules};
use crate::support::wire::{Fault, Push};
use crate::support::{Inbox, PATIENCE, direct, said};

mod command;
mod form;
mod http;
mod limit;
mod line;
mod missed;
mod register;
mod reread;

fn adapter(fake: &FakeDiscord, token: &str) -> Arc<Discord> {
    adapter_with(fake, token, DiscordHearing::Gateway, None)
}

fn adapter_with(
    fake: &FakeDiscord,
    token: &str,
    hearing: DiscordHearing,
    sessions: Option<PathBuf>,
) -> Arc<Discord> {
    let timing = DiscordTiming {
        intake: Duration::from_millis(200),
        pause_first: Duration::from_millis(10),
        pause_longest: Duration::from_millis(100),
        ping: Duration::from_millis(300),
        deaf: Duration::from_millis(900),
        ask: Duration::from_millis(300),
        ..DiscordTiming::default()
    };
    let settings = DiscordSettings {
        token: token.into(),
        guild: Some(GUILD.to_owned()),
        api_url: Some(fake.url()),
        hearing,
        sessions,
        timing,
    };
    Arc::new(Discord::new(settings, Arc::new(SystemClock)).expect("an adapter"))
}

struct Talk {
    fake: FakeDiscord,
    discord: Arc<Discord>,
    inbox: Inbox,
    stop: CancellationToken,
    listening: JoinHandle<Result<(), ListenError>>,
}

impl Talk {
    async fn start() -> Self {
        Self::start_on(FakeDiscord::start().await, Inbox::default()).await
    }

    async fn start_on(fake: FakeDiscord, inbox: Inbox) -> Self {
        let discord = adapter(&fake, TOKEN);
        Self::start_with(fake, inbox, discord).await
    }

    async fn start_with(fake: FakeDiscord, inbox: Inbox, discord: Arc<Discord>) -> Self {
        let intake = inbox.intake();
        Self::start_through(fake, inbox, discord, intake).await
    }

    async fn start_through(fake: FakeDiscord, inbox: Inbox, discord: Arc<Discord>, intake: Intake) -> Self {
        let stop = CancellationToken::new();
        let listening = tokio::spawn({
            let (discord, stop) = (discord.clone(), stop.clone());
            async move { discord.listen(intake, stop).await }
        });
        fake.until("the bot is connected", |it| it.lines() == 1).await;
        Self { fake, discord, inbox, stop, listening }
    }

    async fn finish(self) {
        self.fake.clone().finish().await;
        self.inbox.finish();
        self.hang_up().await;
    }

    async fn hang_up(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.listening).await.expect("listening ends");
        assert_eq!(ended.expect("no panic"), Ok(()));
    }
}

fn general() -> Place {
    Place {
        platform: Platform::Discord,
        workspace: WorkspaceId::from(GUILD),
        channel: ChannelId::from(GENERAL),
        thread: None,
    }
}

#[tokio::test]
async fn a_message_is_delivered_with_who_said_it() {
    let talk = Talk::start().await;
    let id = talk.fake.say(ANN, GENERAL, "!deploy api & “web”");
    let heard = talk.inbox.next().await;
    assert_eq!(heard.incoming, said("!deploy api & \"web\"", false, &id));
    assert_eq!((heard.account, heard.place), (ann_of(Platform::Discord), general()));
    assert_eq!((heard.standing, heard.display.as_str()), (Standing::Member, "ann"));
    assert!(talk.discord.heard_at().is_some());
    talk.finish().await;
}

#[tokio::test]
async fn mentions_and_direct_messages_are_addressed() {
    let talk = Talk::start().await;
    let id = talk.fake.say(ANN, GENERAL, &format!("<@{BOT}> help"));
    assert_eq!(talk.inbox.next().await.incoming, said("help", true, &id));
    let id = talk.fake.say(ANN, DIRECT, "help");
    let heard = talk.inbox.next().await;
    assert_eq!(heard.incoming, direct("help", &id));
    assert_eq!((heard.account, heard.standing), (ann_of(Platform::Discord), Standing::Unresolved));
    talk.finish().await;
}

#[tokio::test]
async fn a_message_in_a_thread_says_where_the_thread_hangs() {
    let talk = Talk::start().await;
    let thread = talk.fake.open_thread(GENERAL);
    talk.fake.say(ANN, &thread, "approve");
    assert_eq!(talk.inbox.next().await.place, general().in_thread(MessageId::from(thread.as_str())));
    talk.fake.say(BEA, &thread, "approve");
    assert_eq!(talk.inbox.next().await.place, general().in_thread(MessageId::from(thread.as_str())));
    assert_eq!(talk.fake.calls("GET channels"), 1, "asked once");
    talk.finish().await;
}

#[tokio::test]
async fn edits_bots_webhooks_and_system_messages_say_nothing() {
    let talk = Talk::start().await;
    let id = talk.fake.say(ANN, GENERAL, "!help");
    talk.inbox.next().await;
    talk.fake.edit(ANN, GENERAL, &id, "!deploy api");
    talk.fake.delete(GENERAL, &id);
    talk.fake.say(BOT, GENERAL, "!deploy api");
    talk.fake.say_with(ANN, GENERAL, "!deploy api", json!({"webhook_id": "5"}));
    talk.fake.say_with(
        ANN,
        GENERAL,
        "!deploy api",
        json!({"author": {"id": "77", "username": "x", "bot": true}}),
    );
    talk.fake.say_with(ANN, GENERAL, "!deploy api", json!({"type": 7}));
    talk.fake.react(ANN, GENERAL, &id, "👀", true);
    talk.fake.react(BOT, GENERAL, &id, "✅", true);
    let last = talk.fake.say(ANN, GENERAL, "!end");
    assert_eq!(talk.inbox.next().await.incoming, said("!end", false, &last));
    talk.finish().await;
}

#[tokio::test]
async fn a_press_is_answered_once_it_is_durable() {
    let talk = Talk::start().await;
    let card =
        Card { buttons: vec![approve("Approve")], ..Card::titled(Tone::Waiting, "api 1.4 → production") };
    let posted = talk.discord.post(&general(), &card, "n1").await.expect("posted");
    let shown = talk.fake.next_message(GENERAL).await;

    // Nobody asks back here, as with a button whose gate is closed.
    let first = talk.fake.press(BEA, &shown, "Approve");
    let heard = talk.inbox.next().await;
    let act = card.buttons[0].act.encode();
    assert_eq!(heard.incoming, Incoming::Pressed { message: posted, act, reason: None });
    assert_eq!((heard.account.user.as_str(), heard.standing), (BEA, Standing::Member));
    talk.fake.until("it is answered", |it| it.is_answered(&first)).await;

    talk.inbox.refuse_next(1);
    let second = talk.fake.press(BEA, &shown, "Approve");
    assert_eq!(talk.inbox.next().await.key, format!("discord:interaction:{second}"));
    assert_eq!((talk.fake.identified(), talk.fake.resumed()), (1, 0));
    talk.finish().await;
}

#[tokio::test]
async fn whispers_answer_a_press_unseen_and_else_go_to_the_person() {
    let talk = Talk::start().await;
    let ann = ann_of(Platform::Discord);
    talk.discord.whisper(&general(), &ann, &Card::say("only you")).await.expect("whispered");
    assert_eq!(talk.fake.next_message(DIRECT).await.words(), "only you");

    let card = Card { buttons: vec![approve("Approve")], ..Card::say("vote") };
    talk.discord.post(&general(), &card, "n1").await.expect("posted");
    let shown = talk.fake.next_message(GENERAL).await;
    let press = talk.fake.press(ANN, &shown, "Approve");
    talk.inbox.next().await;
    // It waits until Discord has the answer to the press: before that it takes no other.
    talk.discord.whisper(&general(), &ann, &Card::say("counted")).await.expect("whispered");
    assert_eq!(talk.fake.next_message(&format!("token-{press}")).await.words(), "counted");

    // Over before its time, as 401 has it; our own token is none the worse for it.
    talk.fake.fail_next("POST webhooks", Fault::Code("50027".to_owned()));
    talk.discord.whisper(&general(), &ann, &Card::say("by letter")).await.expect("whispered");
    assert_eq!(talk.fake.next_message(DIRECT).await.words(), "by letter");
    assert_eq!(talk.discord.trouble(), None);
    talk.finish().await;
}

#[tokio::test]
async fn marks_are_heard_when_added_and_when_removed() {
    let talk = Talk::start().await;
    let posted = talk.discord.post(&general(), &Card::say("vote"), "n1").await.expect("posted");
    let shown = talk.fake.next_message(GENERAL).await;
    talk.discord.react(&posted, Mark::Approve).await.expect("reacted");
    talk.discord.react(&posted, Mark::Approve).await.expect("again is no error");
    let message = talk.fake.message(&shown.id).expect("it stands");
    assert_eq!(message.reactions["%E2%9C%85"].len(), 1);

    let mut keys = Vec::new();
    for (emoji, mark, added) in [
        ("✅", Mark::Approve, true),
        ("✅", Mark::Approve, false),
        ("⛔", Mark::Reject, true),
        ("✅", Mark::Approve, true),
    ] {
        talk.fake.react(BEA, GENERAL, &shown.id, emoji, added);
        let heard = talk.inbox.next().await;
        assert_eq!(heard.incoming, Incoming::Reacted { message: posted.clone(), mark, added, at: None });
        assert!(!keys.contains(&heard.key), "each is an act of its own");
        keys.push(heard.key);
    }
    talk.fake.say(ANN, GENERAL, "!status");
    talk.inbox.next().await;
    talk.fake.duplicate_last_event();
    talk.inbox.until("the copy was recognised", |it| it.duplicates() == 1).await;
    talk.finish().await;
}

#[tokio::test]
async fn what_the_store_refuses_is_tried_again_and_counts_once() {
    let talk = Talk::start().await;
    talk.inbox.refuse_next(2);
    talk.fake.say(ANN, GENERAL, "!one");
    talk.fake.say(ANN, GENERAL, "!two");
    let (one, two) = (talk.inbox.next().await, talk.inbox.next().await);
    assert!(matches!(one.incoming, Incoming::Said(Said { text, .. }) if text == "!one"));
    assert!(matches!(two.incoming, Incoming::Said(Said { text, .. }) if text == "!two"));
    talk.inbox.stall_next(Duration::from_secs(30));
    talk.fake.say(ANN, GENERAL, "!three");
    assert!(
        matches!(talk.inbox.next().await.incoming, Incoming::Said(Said { text, .. }) if text == "!three")
    );
    assert_eq!(talk.fake.identified(), 1);
    talk.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_arrives_in_its_order_behind_a_slow_insert() {
    let talk = Talk::start().await;
    talk.inbox.stall_next(Duration::from_millis(150));
    for number in 0..300 {
        talk.fake.say(ANN, GENERAL, &format!("!deploy {number}"));
    }
    let mut heard = Vec::new();
    for _ in 0..300 {
        heard.push(talk.inbox.next().await.key);
    }
    assert!(heard.is_sorted());
    assert_eq!((talk.inbox.duplicates(), talk.fake.resumed()), (0, 0));
    talk.finish().await;
}

#[tokio::test]
async fn what_was_heard_before_the_stop_is_stored() {
    let talk = Talk::start().await;
    talk.inbox.stall_next(Duration::from_millis(100));
    for number in 0..10 {
        talk.fake.say(ANN, GENERAL, &format!("!deploy {number}"));
    }
    talk.fake.until("all were heard", |_| talk.discord.heard_at().is_some()).await;
    talk.inbox.next().await;
    talk.stop.cancel();
    let ended = tokio::time::timeout(PATIENCE, talk.listening).await.expect("listening ends");
    assert_eq!(ended.expect("no panic"), Ok(()));
    for _ in 1..10 {
        talk.inbox.next().await;
    }
    talk.inbox.finish();
    talk.fake.finish().await;
}

#[tokio::test]
async fn an_event_with_less_than_promised_is_heard_all_the_same() {
    let talk = Talk::start().await;
    for less in
        [json!({"mention_roles": null}), json!({"timestamp": "?"}), json!({"embeds": 7, "member": null})]
    {
        let id = talk.fake.say_with(ANN, GENERAL, "!help", less);
        assert_eq!(talk.inbox.next().await.incoming, said("!help", false, &id));
    }
    talk.fake.happen(
        "MESSAGE_REACTION_ADD",
        json!({"user_id": BEA, "channel_id": GENERAL, "message_id": "7", "guild_id": GUILD,
            "emoji": {"name": "✅"}}),
    );
    let heard = talk.inbox.next().await;
    assert!(matches!(heard.incoming, Incoming::Reacted { mark: Mark::Approve, added: true, .. }));
    talk.finish().await;
}

#[tokio::test]
async fn a_guest_is_never_heard_as_a_member() {
    let talk = Talk::start().await;
    talk.fake.set_member(BEA, json!({"flags": 16}));
    let posted = talk.discord.post(&general(), &Card::say("vote"), "n1").await.expect("posted");
    talk.fake.next_message(GENERAL).await;
    talk.fake.say(BEA, GENERAL, "!deploy api");
    assert_eq!(talk.inbox.next().await.standing, Standing::Guest);
    talk.fake.react(BEA, GENERAL, posted.message.as_str(), "✅", true);
    assert_eq!(talk.inbox.next().await.standing, Standing::Guest);
    talk.finish().await;
}

#[tokio::test]
async fn what_cannot_be_understood_does_not_end_the_loop() {
    let talk = Talk::start().await;
    for frame in ["", "not json", "[]", "7", "{\"op\":99}", "{\"op\":0,\"t\":null,\"s\":null}"] {
        talk.fake.push(Push::Raw(frame.to_owned()));
    }
    talk.fake.happen("BRAND_NEW_EVENT", json!({"x": [1]}));
    talk.fake.happen("MESSAGE_CREATE", json!({"id": 7, "author": null}));
    talk.fake.happen("INTERACTION_CREATE", json!(null));
    talk.fake.happen("MESSAGE_REACTION_ADD", json!([]));
    let id = talk.fake.say(ANN, GENERAL, "!help");
    assert_eq!(talk.inbox.next().await.incoming, said("!help", false, &id));
    assert_eq!((talk.fake.identified(), talk.fake.resumed()), (1, 0));
    talk.finish().await;
}

#[tokio::test]
async fn a_wrong_token_or_missing_intent_ends_listening_with_what_to_fix() {
    let fake = FakeDiscord::start().await;
    let wrong = adapter(&fake, "wrong");
    let stop = CancellationToken::new();
    let listening = wrong.listen(Inbox::default().intake(), stop.clone());
    let ended = tokio::time::timeout(PATIENCE, listening).await.expect("it ends");
    assert!(matches!(ended, Err(ListenError::Fatal { code, .. }) if code == "401"));
    let calls = fake.calls("POST channels");
    assert!(wrong.post(&general(), &Card::say("x"), "n").await.is_err());
    assert_eq!(fake.calls("POST channels"), calls, "a refused token is not tried again and again");
    assert!(matches!(wrong.trouble(), Some(Trouble::Deaf { .. })), "deaf first of all");

    fake.refuse_intents();
    let right = adapter(&fake, TOKEN);
    let listening = right.listen(Inbox::default().intake(), stop);
    let ended = tokio::time::timeout(PATIENCE, listening).await.expect("it ends");
    assert!(matches!(ended, Err(ListenError::Fatal { code, .. }) if code == "4014"));
    fake.finish().await;
}

#[tokio::test]
async fn each_failure_says_what_may_be_done_next() {
    let talk = Talk::start().await;
    let post = async |fault: Fault| {
        talk.fake.fail_next("POST channels", fault);
        talk.discord.post(&general(), &Card::say("hi"), "n1").await.expect_err("it fails")
    };
    assert!(matches!(post(Fault::Status(503)).await, ChatError::Unclear { .. }));
    assert!(matches!(post(Fault::Page).await, ChatError::Unclear { .. }));
    assert!(
        matches!(post(Fault::Code("50013".to_owned())).await, ChatError::Refused { code, .. } if code == "50013")
    );
    let gone = MessageRef { place: general(), message: MessageId::from("1") };
    assert_eq!(talk.discord.edit(&gone, &Card::say("x")).await, Err(ChatError::Gone));
    talk.finish().await;
}

#[tokio::test]
async fn a_post_repeated_with_its_nonce_stands_once() {
    let talk = Talk::start().await;
    let nonce = "0190a3f4-8c1e-7abc-9def-0123456789ab";
    talk.fake.fail_next("POST channels", Fault::AnswerLost);
    let answer = talk.discord.post(&general(), &Card::say("hi"), nonce).await;
    assert!(matches!(answer, Err(ChatError::Unclear { .. })));
    let again = talk.discord.post(&general(), &Card::say("hi"), nonce).await.expect("posted");
    assert_eq!(talk.fake.next_message(GENERAL).await.id, again.message.as_str());
    assert_eq!(talk.fake.messages(GENERAL).len(), 1);
    talk.finish().await;
}

#[tokio::test]
async fn a_thread_is_opened_below_a_message_when_first_needed() {
    let talk = Talk::start().await;
    let top = talk
        .discord
        .post(&general(), &Card::titled(Tone::Working, "deploying api"), "n1")
        .await
        .expect("posted");
    assert_eq!(talk.fake.next_message(GENERAL).await.words(), "⏳ deploying api");
    talk.discord.edit(&top, &Card::titled(Tone::Good, "deployed api")).await.expect("edited");
    assert_eq!(talk.fake.next_edit(GENERAL).await.words(), "✅ deployed api");

    let thread = general().in_thread(top.message.clone());
    let reply =
        talk.discord.post(&thread, &Card::default().code("line 1\nline 2"), "n2").await.expect("posted");
    let shown = talk.fake.next_message(top.message.as_str()).await;
    assert_eq!(shown.words(), "```\nline 1\nline 2\n```");
    assert_eq!(reply.place, thread);
    talk.discord.edit(&reply, &Card::say("done")).await.expect("edited in the thread");
    talk.fake.next_edit(top.message.as_str()).await;
    talk.fake.say(ANN, top.message.as_str(), "approve");
    assert_eq!(talk.inbox.next().await.place, thread);

    let file = Attachment {
        name: "chart \"1\".png".to_owned(),
        media_type: "image/png".to_owned(),
        bytes: b"\x89PNG".to_vec(),
        alt: "p99 rises".to_owned(),
    };
    talk.discord.upload(&thread, &file).await.expect("uploaded");
    let shown = talk.fake.next_file(top.message.as_str()).await;
    assert_eq!((shown.name.as_str(), shown.alt, shown.bytes), ("chart__1_.png", file.alt, file.bytes));
    assert_eq!(shown.thread.as_deref(), Some(top.message.as_str()));
    talk.finish().await;
}

#[tokio::test]
async fn standing_is_asked_of_the_guild_and_failure_is_no_standing() {
    let talk = Talk::start().await;
    let ann = ann_of(Platform::Discord);
    talk.fake.fail_next("GET guilds", Fault::Status(500));
    assert!(talk.discord.standing(&ann).await.is_err());
    assert_eq!(talk.discord.standing(&ann).await, Ok((Standing::Member, "ann".to_owned())));
    talk.fake.set_member(BEA, Value::Null);
    let mut other = ann.clone();
    other.user = BEA.into();
    assert_eq!(talk.discord.standing(&other).await.map(|it| it.0), Ok(Standing::External));
    for (user, facts, expected) in [
        ("201", json!({"pending": true}), Standing::Guest),
        ("202", json!({"flags": 16}), Standing::Guest),
        ("203", json!({"user": {"id": "203", "bot": true}}), Standing::Bot),
    ] {
        talk.fake.set_member(user, facts);
        other.user = user.into();
        assert_eq!(talk.discord.standing(&other).await.map(|it| it.0), Ok(expected), "{user}");
    }
    other.workspace = WorkspaceId::from("9");
    assert_eq!(talk.discord.standing(&other).await.map(|it| it.0), Ok(Standing::External));
    talk.finish().await;
}

#[tokio::test]
async fn texts_that_come_empty_are_trouble_until_one_comes_full() {
    let talk = Talk::start().await;
    talk.fake.withhold_content(true);
    talk.fake.say(ANN, GENERAL, "!deploy api");
    // The words of what mentions us are shown to us in any case.
    let id = talk.fake.say(ANN, GENERAL, &format!("<@{BOT}> help"));
    assert_eq!(talk.inbox.next().await.incoming, said("help", true, &id));
    talk.fake.say(ANN, DIRECT, "sync");
    talk.inbox.next().await;
    assert_eq!(talk.discord.trouble(), Some(Trouble::NoMessageContent));
    talk.fake.withhold_content(false);
    talk.fake.say(ANN, GENERAL, "!deploy api");
    talk.inbox.next().await;
    assert_eq!(talk.discord.trouble(), None);
    talk.finish().await;
}

#[test]
fn mentions_ring_and_links_lead_only_where_we_put_them() {
    let ann = ann_of(Platform::Discord);
    let text = Text::plain("ping ").mention(ann.clone()).link("log", "https://ci.example/1");
    let hostile = Text::plain(HOSTILE.concat()).bold(HOSTILE.concat()).code(HOSTILE.concat());
    let mut card = Card::titled(Tone::Bad, hostile.clone()).text(hostile.clone()).text(text);
    card = card.lines(vec![hostile.clone()]).code(HOSTILE.concat()).fields(vec![("<@1>", hostile)]);
    let body = render(&card).body;
    assert_eq!(
        rules::active(&body),
        [format!("@{ANN}"), format!("@{ANN}"), "<https://ci.example/1>".to_owned()]
    );
    assert_eq!(
        body["allowed_mentions"],
        json!({"parse": [], "users": [ANN], "roles": [], "replied_user": false})
    );
    assert_eq!(body["content"], format!("<@{ANN}>"), "an embed rings nobody");

    let short = render(&Card::say(Text::plain("hi @everyone ").mention(ann))).body;
    assert_eq!(short["content"], format!("hi \\@everyone <@{ANN}>"));
}

#[test]
fn a_plan_that_does_not_fit_is_not_offered_for_a_click() {
    let mut card =
        Card::titled(Tone::Waiting, "api → production").lines(vec![Text::plain("x".repeat(400)); 20]);
    card.buttons = vec![approve("Approve")];
    card.if_cut = Text::plain("type !approve 7 aaaaaaaa");
    card.footer = Text::plain("seal 0123abcd");
    let rendered = render(&card);
    assert!(rendered.cut && rendered.body["components"] == json!([]));
    let shown = rules::words(&rendered.body);
    assert!(shown.contains("type !approve 7 aaaaaaaa") && shown.contains("[… +"), "{shown}");
    assert!(!shown.contains("0123abcd"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_card_is_whole_or_says_that_it_is_not(card in card()) {
        let rendered = render(&card);
        prop_assert_eq!(rules::refusal(&rendered.body), None);
        prop_assert_eq!(rules::active(&rendered.body), Vec::<String>::new());
        let rows = rendered.body["components"].as_array().map_or(0, Vec::len);
        let shown = letters(&rules::words(&rendered.body));
        if rendered.cut {
            prop_assert_eq!(rows, 0);
            prop_assert!(shown.contains(&letters("too long: type !approve 7 aaaaaaaa")));
        } else {
            prop_assert_eq!(rows, usize::from(!card.buttons.is_empty()));
            for block in &card.blocks {
                let parts: Vec<String> = match block {
                    Block::Text(text) => text.0.iter().map(|it| Text(vec![it.clone()]).to_string()).collect(),
                    Block::Lines(lines) => lines.iter().map(Text::to_string).collect(),
                    Block::Fields(fields) => fields.iter().map(|it| it.value.to_string()).collect(),
                    Block::Code(code) => vec![code.clone()],
                    Block::Chart { unicode, .. } => vec![unicode.clone()],
                };
                for part in parts {
                    // Hidden characters are written out as `\u{…}`, which adds letters.
                    if part.chars().all(|it| it.is_ascii_graphic() || it == ' ' || it == '\n') {
                        prop_assert!(shown.contains(&letters(&part)), "{part} is missing in {shown}");
                    }
                }
            }
        }
    }
}

//! The Slack adapter against a fake workspace, over real HTTP and WebSocket.

mod command;
mod door;
mod form;
mod http;
mod line;
mod manifest;
mod missed;
mod reread;
mod sockets;

use std::sync::Arc;
use std::time::Duration;

use lockkeeper::chat::slack::render::render;
use lockkeeper::chat::slack::{Hearing, Slack, SlackSettings, SlackTiming};
use lockkeeper::chat::{Attachment, ChatAdapter, ChatError, ListenError, Lost, Trouble};
use lockkeeper::clock::{Clock as _, SystemClock};
use lockkeeper::id::{ChannelId, MessageId, MessageRef, Place, Platform, WorkspaceId};
use lockkeeper::identity::Standing;
use lockkeeper::message::{Block, Card, Incoming, Mark, Text, Tone};
use proptest::prelude::*;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::cards::{HOSTILE, ann_of, approve, card, letters};
use crate::support::fake_slack::{
    ANN, APP_TOKEN, BEA, BOT, BOT_TOKEN, DIRECT, FakeSlack, GENERAL, TEAM, rules,
};
use crate::support::wire::{Fault, Push};
use crate::support::{Inbox, PATIENCE, direct, said};

fn adapter(fake: &FakeSlack, app_token: &str) -> Arc<Slack> {
    adapter_holding(fake, app_token, 1)
}

fn adapter_holding(fake: &FakeSlack, app_token: &str, connections: usize) -> Arc<Slack> {
    adapter_with(fake, Hearing::Socket { app_token: app_token.into(), connections })
}

fn adapter_with(fake: &FakeSlack, hearing: Hearing) -> Arc<Slack> {
    adapter_patient(fake, hearing, Duration::ZERO)
}

/// What is younger than the margin may be on its way still.
fn adapter_patient(fake: &FakeSlack, hearing: Hearing, margin: Duration) -> Arc<Slack> {
    let timing = SlackTiming {
        intake: Duration::from_millis(200),
        ping: Duration::from_millis(100),
        pause_first: Duration::from_millis(10),
        pause_longest: Duration::from_millis(100),
        deaf: Duration::from_millis(400),
        ask: Duration::from_millis(100),
        look: Duration::from_millis(300),
        margin,
        ..SlackTiming::default()
    };
    let settings = SlackSettings { bot_token: BOT_TOKEN.into(), hearing, api_url: Some(fake.url()), timing };
    Arc::new(Slack::new(settings, Arc::new(SystemClock)).expect("an adapter"))
}

struct Talk {
    fake: FakeSlack,
    slack: Arc<Slack>,
    inbox: Inbox,
    stop: CancellationToken,
    listening: JoinHandle<Result<(), ListenError>>,
}

impl Talk {
    async fn start() -> Self {
        Self::start_on(FakeSlack::start().await, Inbox::default()).await
    }

    /// With a workspace where something was said already, and an inbox that may know some of it.
    async fn start_on(fake: FakeSlack, inbox: Inbox) -> Self {
        Self::start_holding(fake, inbox, 1).await
    }

    /// With so many sockets at once.
    async fn start_holding(fake: FakeSlack, inbox: Inbox, connections: usize) -> Self {
        let slack = adapter_holding(&fake, APP_TOKEN, connections);
        let stop = CancellationToken::new();
        let listening = tokio::spawn({
            let (slack, intake, stop) = (slack.clone(), inbox.intake(), stop.clone());
            async move { slack.listen(intake, stop).await }
        });
        fake.until("the bot is connected", |it| it.sockets() == connections).await;
        Self { fake, slack, inbox, stop, listening }
    }

    async fn finish(self) {
        self.fake.finish().await;
        self.inbox.finish();
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.listening).await.expect("listening ends");
        assert_eq!(ended.expect("no panic"), Ok(()));
    }
}

fn general() -> Place {
    Place {
        platform: Platform::Slack,
        workspace: WorkspaceId::from(TEAM),
        channel: ChannelId::from(GENERAL),
        thread: None,
    }
}

#[tokio::test]
async fn a_message_is_delivered_once_it_is_durable() {
    let talk = Talk::start().await;
    let ts = talk.fake.say(ANN, GENERAL, "!deploy api &amp; “web” canary");
    let heard = talk.inbox.next().await;
    assert_eq!(heard.incoming, said("!deploy api & \"web\" canary", false, &ts));
    assert_eq!(heard.account, ann_of(Platform::Slack));
    assert_eq!((heard.place, heard.standing), (general(), Standing::Unresolved));
    talk.fake.until("it is acknowledged", |it| it.acknowledged() == 1).await;
    assert!(talk.slack.heard_at().is_some());
    talk.finish().await;
}

#[tokio::test]
async fn mentions_and_direct_messages_are_addressed_and_threads_are_kept() {
    let talk = Talk::start().await;
    let ts = talk.fake.say(ANN, GENERAL, &format!("<@{BOT}> help"));
    assert_eq!(talk.inbox.next().await.incoming, said("help", true, &ts));
    let alone = talk.fake.say(ANN, DIRECT, "help");
    assert_eq!(talk.inbox.next().await.incoming, direct("help", &alone));
    let reply = talk.fake.say_with(BEA, GENERAL, "approve", json!({"thread_ts": ts}));
    let heard = talk.inbox.next().await;
    assert_eq!(heard.incoming, said("approve", false, &reply));
    assert_eq!(heard.place, general().in_thread(MessageId::from(ts.as_str())));
    talk.finish().await;
}

#[tokio::test]
async fn what_the_store_refuses_comes_again_and_counts_once() {
    let talk = Talk::start().await;
    talk.fake.expect_acks_within(Duration::from_millis(50));
    talk.inbox.refuse_next(1);
    let ts = talk.fake.say(ANN, GENERAL, "!deploy api");
    assert_eq!(talk.inbox.next().await.incoming, said("!deploy api", false, &ts));
    talk.fake.until("only the second copy is acknowledged", |it| it.acknowledged() == 1).await;

    talk.inbox.stall_next(Duration::from_secs(5));
    let late = talk.fake.say(ANN, GENERAL, "!deploy web");
    assert_eq!(talk.inbox.next().await.incoming, said("!deploy web", false, &late));

    talk.fake.expect_acks_within(Duration::from_secs(3));
    let before = talk.inbox.duplicates();
    talk.fake.duplicate_next_event();
    let twice = talk.fake.say(ANN, GENERAL, "!help");
    assert_eq!(talk.inbox.next().await.incoming, said("!help", false, &twice));
    talk.inbox.until("the copy was recognised", |it| before < it.duplicates()).await;
    talk.finish().await;
}

#[tokio::test]
async fn a_burst_is_acknowledged_in_time_behind_a_slow_insert() {
    let talk = Talk::start().await;
    talk.inbox.stall_next(Duration::from_millis(150));
    for number in 0..300 {
        talk.fake.say(ANN, GENERAL, &format!("!deploy {number}"));
    }
    for _ in 0..300 {
        talk.inbox.next().await;
    }
    talk.fake.until("all are acknowledged", |it| it.acknowledged() == 300).await;
    assert_eq!((talk.inbox.duplicates(), talk.fake.opened()), (0, 1));
    talk.finish().await;
}

#[tokio::test]
async fn edits_bots_and_broadcasts_are_acknowledged_and_say_nothing() {
    let talk = Talk::start().await;
    let ts = talk.fake.say(ANN, GENERAL, "!help");
    talk.inbox.next().await;
    talk.fake.edit(ANN, GENERAL, &ts, "!deploy api");
    talk.fake.delete(GENERAL, &ts);
    talk.fake.say(BOT, GENERAL, "!deploy api");
    talk.fake.say_with(ANN, GENERAL, "!deploy api", json!({"bot_id": "B7", "subtype": "bot_message"}));
    talk.fake.say_with(ANN, GENERAL, "!deploy api", json!({"subtype": "thread_broadcast", "thread_ts": ts}));
    talk.fake.react(ANN, GENERAL, &ts, "eyes", true);
    talk.fake.react(BOT, GENERAL, &ts, "white_check_mark", true);
    talk.fake.until("all are acknowledged", |it| it.acknowledged() == 8).await;
    talk.finish().await;
}

#[tokio::test]
async fn a_press_carries_its_act_and_a_key_of_its_own() {
    let talk = Talk::start().await;
    let card =
        Card { buttons: vec![approve("Approve")], ..Card::titled(Tone::Waiting, "api 1.4 → production") };
    let posted = talk.slack.post(&general(), &card, "n1").await.expect("posted");
    let shown = talk.fake.next_message(GENERAL).await;
    assert_eq!(shown.ts, posted.message.as_str());

    talk.fake.press(BEA, &shown, "Approve");
    let first = talk.inbox.next().await;
    let act = card.buttons[0].act.encode();
    assert_eq!(first.incoming, Incoming::Pressed { message: posted.clone(), act, reason: None });
    assert_eq!(first.account.user.as_str(), BEA);
    talk.fake.duplicate_next_event();
    talk.fake.press(BEA, &shown, "Approve");
    assert_ne!(talk.inbox.next().await.key, first.key, "a second press is a second act");
    talk.inbox.until("its copy is not", |it| it.duplicates() == 1).await;
    talk.finish().await;
}

#[tokio::test]
async fn marks_are_heard_when_added_and_when_removed() {
    let talk = Talk::start().await;
    let posted = talk.slack.post(&general(), &Card::say("vote"), "n1").await.expect("posted");
    let shown = talk.fake.next_message(GENERAL).await;
    talk.slack.react(&posted, Mark::Approve).await.expect("reacted");
    talk.slack.react(&posted, Mark::Approve).await.expect("again is no error");
    let message = talk.fake.message(GENERAL, &shown.ts).expect("it stands");
    assert_eq!(message.reactions["white_check_mark"].len(), 1);

    for (name, mark, added) in [
        ("white_check_mark", Mark::Approve, true),
        ("white_check_mark", Mark::Approve, false),
        ("no_entry", Mark::Reject, true),
    ] {
        talk.fake.react(BEA, GENERAL, &shown.ts, name, added);
        let heard = talk.inbox.next().await;
        let Incoming::Reacted { at: Some(at), .. } = heard.incoming else { panic!("when? {heard:?}") };
        assert_eq!(heard.incoming, Incoming::Reacted { message: posted.clone(), mark, added, at: Some(at) });
        assert_eq!(heard.account.user.as_str(), BEA);
    }
    talk.finish().await;
}

#[tokio::test]
async fn a_lost_socket_is_replaced_and_nothing_is_missed() {
    let talk = Talk::start().await;
    talk.fake.drop_sockets();
    let ts = talk.fake.say(ANN, GENERAL, "!after the cut");
    assert_eq!(talk.inbox.next().await.incoming, said("!after the cut", false, &ts));

    talk.fake.push(Push::Close(1001));
    let ts = talk.fake.say(ANN, GENERAL, "!after the close");
    assert_eq!(talk.inbox.next().await.incoming, said("!after the close", false, &ts));

    talk.fake.push(Push::Freeze);
    let ts = talk.fake.say(ANN, GENERAL, "!after the silence");
    assert_eq!(talk.inbox.next().await.incoming, said("!after the silence", false, &ts));
    assert_eq!(talk.fake.opened(), 4);
    talk.finish().await;
}

#[tokio::test]
async fn an_announced_end_opens_the_next_socket_before_the_old_one_closes() {
    for reason in ["refresh_requested", "warning"] {
        let talk = Talk::start().await;
        talk.fake.announce_disconnect(reason);
        talk.fake.until("two sockets stand at once", |it| it.sockets() == 2).await;
        let ts = talk.fake.say(ANN, GENERAL, "!one");
        assert_eq!(talk.inbox.next().await.incoming, said("!one", false, &ts));
        let ts = talk.fake.say(ANN, GENERAL, "!two");
        assert_eq!(talk.inbox.next().await.incoming, said("!two", false, &ts));
        talk.finish().await;
    }
}

#[tokio::test]
async fn what_cannot_be_understood_does_not_end_the_loop() {
    let talk = Talk::start().await;
    for frame in ["", "not json", "[]", "7", "{\"type\":\"hello\"}", "{\"type\":\"surprise\"}"] {
        talk.fake.push(Push::Raw(frame.to_owned()));
    }
    talk.fake.happen(json!({"type": "brand_new_event", "user": {"id": 7}}));
    talk.fake.happen(json!({"type": "message", "user": null, "channel": {}, "ts": 1}));
    talk.fake.happen(json!(null));
    talk.fake.until("all are acknowledged", |it| it.acknowledged() == 3).await;
    let ts = talk.fake.say(ANN, GENERAL, "!help");
    assert_eq!(talk.inbox.next().await.incoming, said("!help", false, &ts));
    assert_eq!(talk.fake.opened(), 1);
    talk.finish().await;
}

#[tokio::test]
async fn a_wrong_token_or_socket_mode_switched_off_ends_listening_with_what_to_fix() {
    let fake = FakeSlack::start().await;
    let slack = adapter(&fake, "xapp-wrong");
    let listening = slack.listen(Inbox::default().intake(), CancellationToken::new());
    let ended = tokio::time::timeout(PATIENCE, listening).await.expect("it ends");
    assert!(matches!(ended, Err(ListenError::Fatal { code, .. }) if code == "invalid_auth"));
    fake.finish().await;

    let talk = Talk::start().await;
    talk.fake.announce_disconnect("link_disabled");
    let ended = tokio::time::timeout(PATIENCE, talk.listening).await.expect("it ends").expect("no panic");
    assert!(matches!(ended, Err(ListenError::Fatal { code, .. }) if code == "link_disabled"));
    talk.fake.finish().await;
}

#[tokio::test]
async fn slack_being_away_at_the_start_is_waited_for() {
    let fake = FakeSlack::start().await;
    fake.fail_next("auth.test", Fault::Status(503));
    fake.fail_next("auth.test", Fault::Page);
    fake.fail_next("apps.connections.open", Fault::Code("internal_error".to_owned()));
    fake.rate_limit_next("apps.connections.open", "0");
    let (slack, inbox, stop) = (adapter(&fake, APP_TOKEN), Inbox::default(), CancellationToken::new());
    let listening = tokio::spawn({
        let (intake, stop) = (inbox.intake(), stop.clone());
        async move { slack.listen(intake, stop).await }
    });
    fake.until("the bot is connected", |it| it.sockets() == 1).await;
    stop.cancel();
    assert_eq!(listening.await.expect("no panic"), Ok(()));
    fake.finish().await;
}

#[tokio::test]
async fn each_failure_says_what_may_be_done_next() {
    let talk = Talk::start().await;
    let post = async |fault: Fault| {
        talk.fake.fail_next("chat.postMessage", fault);
        talk.slack.post(&general(), &Card::say("hi"), "n1").await.expect_err("it fails")
    };
    let seconds = |it| ChatError::RateLimited { retry_after: Duration::from_secs(it) };
    assert_eq!(post(Fault::RateLimit("7".to_owned())).await, seconds(7));
    assert_eq!(post(Fault::RateLimit("0".to_owned())).await, seconds(1));
    assert_eq!(post(Fault::RateLimit("soon".to_owned())).await, seconds(30));
    assert_eq!(post(Fault::RateLimit("999999999".to_owned())).await, seconds(3_600));
    assert!(matches!(post(Fault::Status(503)).await, ChatError::Unclear { .. }));
    assert!(matches!(post(Fault::Page).await, ChatError::Unclear { .. }));
    assert!(matches!(post(Fault::Code("fatal_error".to_owned())).await, ChatError::Unclear { .. }));
    talk.fake.fail_next("chat.postMessage", Fault::Slow(Duration::from_millis(300)));
    talk.slack.post(&general(), &Card::say("late"), "n1").await.expect("slow is not lost");
    assert_eq!(talk.fake.next_message(GENERAL).await.words(), "late");
    assert_eq!(talk.fake.messages(GENERAL).len(), 1);
    let refused = post(Fault::Code("is_archived".to_owned())).await;
    assert!(matches!(refused, ChatError::Refused { code, .. } if code == "is_archived"));

    let gone = MessageRef { place: general(), message: MessageId::from("1.1") };
    assert_eq!(talk.slack.edit(&gone, &Card::say("x")).await, Err(ChatError::Gone));
    talk.finish().await;
}

#[tokio::test]
async fn a_post_whose_answer_was_lost_is_found_by_its_nonce() {
    let talk = Talk::start().await;
    talk.fake.fail_next("chat.postMessage", Fault::AnswerLost);
    let answer = talk.slack.post(&general(), &Card::say("hi"), "n-lost").await;
    assert!(matches!(answer, Err(ChatError::Unclear { .. })));
    let shown = talk.fake.next_message(GENERAL).await;
    let card = Card::say("hi");
    let lost = |nonce| Lost { nonce, card: &card, since: SystemClock.now() };
    let found = talk.slack.find(&general(), &lost("n-lost")).await.expect("looked").expect("found");
    assert_eq!(found.message.as_str(), shown.ts);
    assert_eq!(talk.slack.find(&general(), &lost("n-other")).await, Ok(None));
    talk.finish().await;
}

#[tokio::test]
async fn nobody_listening_at_the_address_is_unreachable() {
    let fake = FakeSlack::start().await;
    let mut settings = SlackSettings {
        bot_token: BOT_TOKEN.into(),
        hearing: Hearing::Socket { app_token: APP_TOKEN.into(), connections: 1 },
        api_url: Some("http://127.0.0.1:1/api".to_owned()),
        timing: SlackTiming::default(),
    };
    let slack = Slack::new(settings, Arc::new(SystemClock)).expect("an adapter");
    let answer = slack.post(&general(), &Card::say("hi"), "n1").await;
    assert!(matches!(answer, Err(ChatError::Unreachable { .. })), "{answer:?}");
    settings = SlackSettings {
        bot_token: BOT_TOKEN.into(),
        hearing: Hearing::Socket { app_token: APP_TOKEN.into(), connections: 1 },
        api_url: Some(format!("{}/", fake.url())),
        timing: SlackTiming::default(),
    };
    let slack = Slack::new(settings, Arc::new(SystemClock)).expect("an adapter");
    slack.post(&general(), &Card::say("a slash at the end is no harm"), "n1").await.expect("posted");
    fake.next_message(GENERAL).await;
    fake.finish().await;
}

#[tokio::test]
async fn cards_are_posted_in_threads_edited_in_place_whispered_and_accompanied_by_files() {
    let talk = Talk::start().await;
    let top = talk
        .slack
        .post(&general(), &Card::titled(Tone::Working, "deploying api"), "n1")
        .await
        .expect("posted");
    assert_eq!(talk.fake.next_message(GENERAL).await.words(), "⏳ deploying api");
    talk.slack.edit(&top, &Card::titled(Tone::Good, "deployed api")).await.expect("edited");
    assert_eq!(talk.fake.next_edit(GENERAL).await.words(), "✅ deployed api");

    let thread = general().in_thread(top.message.clone());
    talk.slack.post(&thread, &Card::say("").code("line 1\nline 2"), "n2").await.expect("posted");
    let reply = talk.fake.next_message(GENERAL).await;
    assert_eq!(reply.thread(), Some(top.message.as_str()));
    assert!(reply.words().contains("```\nline 1\nline 2\n```"), "{}", reply.words());

    talk.slack.whisper(&thread, &ann_of(Platform::Slack), &Card::say("only you")).await.expect("whispered");
    let whisper = talk.fake.next_message(GENERAL).await;
    assert_eq!(whisper.only_for.as_deref(), Some(ANN));

    let file = Attachment {
        name: "chart.png".to_owned(),
        media_type: "image/png".to_owned(),
        bytes: b"\x89PNG".to_vec(),
        alt: "p99 rises".to_owned(),
    };
    talk.slack.upload(&thread, &file).await.expect("uploaded");
    let shown = talk.fake.next_file(GENERAL).await;
    assert_eq!((shown.name, shown.alt, shown.bytes), (file.name, file.alt, file.bytes));
    assert_eq!(shown.thread.as_deref(), Some(top.message.as_str()));
    talk.finish().await;
}

#[tokio::test]
async fn standing_is_asked_once_a_minute_and_failure_is_no_standing() {
    let talk = Talk::start().await;
    let ann = ann_of(Platform::Slack);
    talk.fake.fail_next("users.info", Fault::Status(500));
    assert!(talk.slack.standing(&ann).await.is_err());
    assert_eq!(talk.slack.standing(&ann).await, Ok((Standing::Member, "ann".to_owned())));
    talk.fake.set_user(ANN, json!({"is_restricted": true}));
    assert_eq!(talk.slack.standing(&ann).await, Ok((Standing::Member, "ann".to_owned())));
    assert_eq!(talk.fake.calls("users.info"), 2);
    let mut elsewhere = ann.clone();
    elsewhere.workspace = WorkspaceId::from("T0OTHER");
    assert_eq!(talk.slack.standing(&elsewhere).await.map(|it| it.0), Ok(Standing::External));
    talk.finish().await;
}

#[tokio::test]
async fn slowed_subscriptions_are_trouble() {
    let talk = Talk::start().await;
    assert_eq!(talk.slack.trouble(), None);
    talk.fake.push(Push::Frame(json!({"type": "events_api", "envelope_id": "e1",
        "payload": {"type": "app_rate_limited", "team_id": TEAM, "minute_rate_limited": 1}})));
    talk.fake.say(ANN, GENERAL, "!help");
    talk.inbox.next().await;
    assert_eq!(talk.slack.trouble(), Some(Trouble::EventsLimited));
    talk.finish().await;
}

#[test]
fn mentions_ring_and_links_lead_only_where_we_put_them() {
    let text = Text::plain("ping ").mention(ann_of(Platform::Slack)).link("log", "https://ci.example/1?a&b");
    let hostile = Text::plain(HOSTILE.concat()).bold(HOSTILE.concat()).code(HOSTILE.concat());
    let mut card = Card::titled(Tone::Bad, hostile.clone()).text(hostile.clone()).text(text);
    card =
        card.lines(vec![hostile.clone()]).code(HOSTILE.concat()).fields(vec![("<!here>", hostile.clone())]);
    card.footer = hostile;
    let rendered = render(&card);
    let active = rules::active(&json!({"blocks": rendered.blocks, "text": rendered.text}));
    assert_eq!(active, ["@U0ANN", "https://ci.example/1?a&amp;b|log"]);
    let shown = rules::words(&json!({"blocks": rendered.blocks}));
    assert!(shown.contains("a\\u{202e}b\\u{200b}c\\u{0}d"), "{shown}");
}

#[test]
fn a_plan_that_does_not_fit_is_not_offered_for_a_click() {
    let mut card =
        Card::titled(Tone::Waiting, "api → production").lines(vec![Text::plain("x".repeat(400)); 40]);
    card.buttons = vec![approve("Approve")];
    card.if_cut = Text::plain("type !approve 7 aaaaaaaa");
    card.footer = Text::plain("seal 0123abcd");
    let rendered = render(&card);
    let shown = rules::words(&json!({"blocks": rendered.blocks}));
    assert!(rendered.cut && !shown.contains("Approve\n") && shown.contains("[… +"), "{shown}");
    assert!(shown.contains("type !approve 7 aaaaaaaa") && !shown.contains("0123abcd"), "{shown}");

    card.blocks = vec![Block::Text(Text::plain("x"))];
    let rendered = render(&card);
    assert!(!rendered.cut);
    let shown = rules::words(&json!({"blocks": rendered.blocks}));
    assert!(shown.contains("Approve") && shown.contains("seal 0123abcd"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_card_is_whole_or_says_that_it_is_not(card in card()) {
        let rendered = render(&card);
        let body = json!({"blocks": rendered.blocks, "text": rendered.text});
        prop_assert_eq!(rules::refusal(&body["blocks"]), None);
        prop_assert_eq!(rules::active(&body), Vec::<String>::new());
        let buttons = body["blocks"].as_array().expect("blocks").iter().filter(|it| it["type"] == "actions").count();
        let shown = letters(&rules::words(&body));
        if rendered.cut {
            prop_assert_eq!(buttons, 0);
            prop_assert!(shown.contains(&letters("too long: type !approve 7 aaaaaaaa")));
        } else {
            prop_assert_eq!(buttons, usize::from(!card.buttons.is_empty()));
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

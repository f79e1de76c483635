//! Slack posts to the bot: signed, stored, acknowledged.

use lockkeeper::boot::{App, BootError, Options};
use lockkeeper::clock::{Clock as _, SystemClock};
use lockkeeper::config;
use serde_json::json;

use crate::support::fake_slack::http::{Target, body, post, sign};
use crate::support::fake_slack::{ANN, BEA, BOT_TOKEN, FakeSlack, GENERAL, TEAM};
use crate::support::house::{Bot, House};
use crate::support::install_tls;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// A bot that Slack posts to.
struct Posted {
    house: House,
    fake: FakeSlack,
    bot: Bot,
    target: Target,
}

fn house(fake: &FakeSlack, listen: &str) -> House {
    let house = House::new();
    let config = format!(
        "data: {}\ncontent: [..]\nhttp: {{listen: \"{listen}\", token: file:token}}\nslack: {{mode: http, bot_token: \
         file:bot, signing_secret: file:secret, api_url: \"{}\"}}\n",
        house.path("data").display(),
        fake.url()
    );
    house.write("config/lockkeeper.yaml", &config);
    house.write("config/bot", BOT_TOKEN).write("config/secret", SECRET).write("config/token", "the token");
    house.write("config/people.yaml", &format!("people: {{ann: {{slack: [\"{TEAM}/{ANN}\"]}}}}\n"));
    house
}

impl Posted {
    async fn start(listen: &str) -> Self {
        let fake = FakeSlack::start().await;
        let house = house(&fake, listen);
        let bot = house.start().await;
        let base = format!("http://127.0.0.1:{}", bot.address.port());
        fake.post_to(&base, SECRET);
        Self { house, fake, bot, target: Target::new(&base, SECRET) }
    }

    async fn metrics(&self) -> String {
        let request = reqwest::Client::new().get(format!("{}/metrics", self.target.base));
        let answer = request.bearer_auth("the token").send().await.expect("an answer");
        answer.text().await.expect("a body")
    }

    async fn end(self) {
        self.bot.stop().await;
        self.fake.finish().await;
        drop(self.house);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_commands_and_presses_arrive_by_post_each_with_one_effect() {
    let posted = Posted::start("127.0.0.1:0").await;
    posted.fake.duplicate_next_event();
    posted.fake.say(ANN, GENERAL, "!whoami");
    assert!(posted.fake.next_message(GENERAL).await.words().starts_with("You are ann"));
    posted.fake.command(ANN, GENERAL, "wohami &amp; more");
    assert!(posted.fake.next_message(GENERAL).await.words().contains("did not understand"));
    posted.fake.command(ANN, GENERAL, "");
    assert!(posted.fake.next_message(GENERAL).await.words().contains("What you may run here"));
    posted.fake.until("all are acknowledged", |it| it.acknowledged() == 4).await;
    assert_eq!(
        (posted.fake.opened(), posted.fake.calls("apps.connections.open")),
        (0, 0),
        "no socket is opened"
    );
    posted.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_refused_and_answered_over_http_too() {
    let posted = Posted::start("127.0.0.1:0").await;
    let view = json!({"id": "V1", "callback_id": "reason", "private_metadata":
        json!({"act": "reject:x", "channel": GENERAL, "ts": "1.1", "thread": null}).to_string(),
        "state": {"values": {"why": {"text": {"value": "…"}}}}});
    let payload = json!({"type": "view_submission", "user": {"id": BEA, "team_id": TEAM}, "view": view});
    let (path, body) = body("interactive", &payload);
    let (status, answer) = post(&posted.target, path, &body, 0).await;
    assert_eq!(status, 200);
    assert!(answer.contains("\"errors\":{\"why\":\"Write at least one word.\"}"), "{answer}");
    posted.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_proven_and_a_redelivery_has_one_effect() {
    let posted = Posted::start("127.0.0.1:0").await;
    let challenge = json!({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"}).to_string();
    assert_eq!(
        post(&posted.target, "events", &challenge, 0).await,
        (200, "{\"challenge\":\"3eZbrw1aB\"}".to_owned())
    );

    let ts = format!("{}.000900", SystemClock.now().as_second());
    let event = json!({"type": "message", "user": ANN, "channel": GENERAL, "ts": ts, "text": "!whoami"});
    let payload =
        json!({"type": "event_callback", "team_id": TEAM, "event": event, "event_id": "Ev900"}).to_string();
    for retry in 0..4 {
        assert_eq!(post(&posted.target, "events", &payload, retry).await, (200, String::new()));
    }
    posted.fake.next_message(GENERAL).await;
    // Whatever came of a copy would stand before the answer to this.
    posted.fake.say(ANN, GENERAL, "!help");
    assert!(posted.fake.next_message(GENERAL).await.words().contains("What you may run here"));
    posted.end().await;
}

/// What is not stored is not acknowledged, whichever address it came to, and has its effect when it comes again.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_does_not_take_is_not_acknowledged() {
    let posted = Posted::start("127.0.0.1:0").await;
    let ts = format!("{}.000900", SystemClock.now().as_second());
    let event = json!({"type": "message", "user": ANN, "channel": GENERAL, "ts": ts, "text": "!whoami"});
    let event = json!({"type": "event_callback", "team_id": TEAM, "event": event, "event_id": "Ev900"});
    let command =
        json!({"user_id": ANN, "channel_id": GENERAL, "team_id": TEAM, "trigger_id": "1.2", "text": ""});
    let press = json!({"type": "block_actions", "user": {"id": ANN, "team_id": TEAM}, "team": {"id": TEAM},
        "container": {"channel_id": GENERAL, "message_ts": "1.1"}, "trigger_id": "1.3",
        "actions": [{"action_id": "approve", "value": "approve:x", "action_ts": ts}]});
    let all = [("events_api", event), ("slash_commands", command), ("interactive", press)];
    let send = async |(kind, payload): &(&str, serde_json::Value)| {
        let (path, body) = body(kind, payload);
        post(&posted.target, path, &body, 0).await.0
    };
    let lock = posted.house.lock_store().await;
    for it in &all {
        assert_eq!(send(it).await, 503, "{it:?}");
    }
    drop(lock);
    for it in &all {
        assert_eq!(send(it).await, 200, "{it:?}");
    }
    // What came too late to be acknowledged may be stored all the same, before what came before it.
    let answers =
        [posted.fake.next_message(GENERAL).await.words(), posted.fake.next_message(GENERAL).await.words()];
    for part in ["You are ann", "What you may run here"] {
        assert_eq!(answers.iter().filter(|it| it.contains(part)).count(), 1, "{answers:?}");
    }
    posted.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_again_for_something_else_is_refused_and_counted() {
    let posted = Posted::start("127.0.0.1:0").await;
    let ts = format!("{}.000077", SystemClock.now().as_second());
    for text in ["!whoami", "!help", "!whoami"] {
        let done = posted.fake.acknowledged() + 1;
        posted.fake.say_with(ANN, GENERAL, text, json!({"ts": ts}));
        posted.fake.until("it is acknowledged", |it| done <= it.acknowledged()).await;
    }
    assert!(posted.fake.next_message(GENERAL).await.words().starts_with("You are ann"));
    let metrics = posted.metrics().await;
    assert!(metrics.contains("lockkeeper_delivery_keys_reused_total{source=\"chat\"} 1"), "{metrics}");
    posted.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_by_slack_now_is_refused_stored_nowhere_and_counted() {
    // Reachable beyond loopback: these need no token, for they are signed.
    let posted = Posted::start("0.0.0.0:0").await;
    let now = SystemClock.now().as_second();
    let ts = format!("{now}.000009");
    let event = json!({"type": "message", "user": ANN, "channel": GENERAL, "ts": ts, "text": "!whoami"});
    let body =
        json!({"type": "event_callback", "team_id": TEAM, "event": event, "event_id": "Ev1"}).to_string();
    let good = sign(SECRET, now, &body);
    let send = async |path: &str, at: Option<i64>, signature: Option<&str>, body: &str| {
        let mut request = reqwest::Client::new().post(format!("{}/slack/{path}", posted.target.base));
        if let Some(at) = at {
            request = request.header("x-slack-request-timestamp", at.to_string());
        }
        if let Some(signature) = signature {
            request = request.header("x-slack-signature", signature);
        }
        request.body(body.to_owned()).send().await.expect("an answer").status().as_u16()
    };
    let old = sign(SECRET, now - 301, &body);
    let bad = [
        send("events", None, Some(&good), &body).await,
        send("events", Some(now), None, &body).await,
        send("events", Some(now), Some("v0=00"), &body).await,
        send("events", Some(now), Some(&good), &format!("{body} ")).await,
        send("events", Some(now - 1), Some(&good), &body).await,
        send("events", Some(now - 301), Some(&old), &body).await,
        send("interactions", Some(now), Some(&sign("another", now, &body)), &body).await,
        send("commands", Some(now), Some(&sign("", now, &body)), &body).await,
    ];
    assert_eq!(bad, [401; 8]);
    assert!(posted.metrics().await.contains("lockkeeper_signatures_refused_total{source=\"slack\"} 8"));
    assert_eq!(send("events", Some(now), Some(&sign(SECRET, now, "{")), "{").await, 400);
    assert_eq!(send("elsewhere", Some(now), Some(&good), &body).await, 404);
    // The same words under the same key: had any copy been stored, this would be a duplicate without an answer.
    assert_eq!(send("events", Some(now), Some(&good), &body).await, 200);
    posted.fake.next_message(GENERAL).await;
    let open = reqwest::get(format!("{}/metrics", posted.target.base)).await.expect("an answer");
    assert_eq!(open.status().as_u16(), 401, "everything else takes the token");
    posted.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_being_away_or_us_being_elsewhere_is_no_loss() {
    let fake = FakeSlack::start().await;
    let house = house(&fake, "127.0.0.1:0");
    for _ in 0..3 {
        fake.fail_next("auth.test", crate::support::wire::Fault::Status(503));
    }
    let bot = house.start().await;
    fake.post_to(&format!("http://127.0.0.1:{}", bot.address.port()), SECRET);
    fake.say(ANN, GENERAL, "!whoami");
    assert!(fake.next_message(GENERAL).await.words().starts_with("You are ann"), "it came again");
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_signing_secret_nothing_starts() {
    install_tls();
    for (secret, file) in [("", ""), ("signing_secret: file:secret, ", "            ")] {
        let house = House::new();
        house.write("config/bot", BOT_TOKEN).write("config/secret", file);
        house
            .also("config/lockkeeper.yaml", &format!("slack: {{{secret}mode: http, bot_token: file:bot}}\n"));
        let config = config::load(&house.path("config/lockkeeper.yaml")).expect("a configuration");
        let opened =
            App::open(Options { config, clock: std::sync::Arc::new(SystemClock), adapters: Vec::new() })
                .await;
        match opened.err() {
            Some(BootError::Chat(why)) => {
                insta::allow_duplicates! { insta::assert_snapshot!(why, @"slack in `mode: http` needs `signing_secret`: without it anybody could post as Slack. The app's settings show it under Basic Information") }
            }
            Some(BootError::Secret { what, .. }) => assert_eq!(what, "slack.signing_secret"),
            other => panic!("it started: {other:?}"),
        }
    }
}

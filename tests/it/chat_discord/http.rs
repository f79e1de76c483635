//! Discord posts commands and presses to us: signed, stored, answered.

use lockkeeper::boot::{App, BootError, Options};
use lockkeeper::clock::{Clock as _, SystemClock};
use lockkeeper::config;
use serde_json::json;

use crate::support::chat::{Chat as _, DiscordChat, Person, Seen};
use crate::support::fake_discord::{ANN, BEA, FakeDiscord, GENERAL, GUILD, TOKEN};
use crate::support::house::{Bot, House};
use crate::support::{install_tls, shop};

/// A bot that Discord posts to.
async fn posted() -> (FakeDiscord, House, Bot, String) {
    let fake = FakeDiscord::start().await;
    let key = fake.post_to("http://127.0.0.1:1");
    let house = House::new();
    let discord = format!(
        "discord: {{token: file:discord, mode: http, public_key: {key}, api_url: \"{}\"}}\n",
        fake.url()
    );
    house.also("config/lockkeeper.yaml", &discord);
    house.write("config/discord", TOKEN);
    house.write("config/people.yaml", &format!("people: {{ann: {{discord: [\"{GUILD}/{ANN}\"]}}}}\n"));
    let bot = house.start().await;
    let address = format!("http://127.0.0.1:{}/discord/interactions", bot.address.port());
    fake.move_posts(&address);
    (fake, house, bot, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_presses_and_completion_come_over_http() {
    let (fake, _house, bot, _) = posted().await;
    fake.command(ANN, GENERAL, "help", json!({}));
    assert_eq!(fake.next_message(GENERAL).await.words(), "`help`");
    assert!(fake.next_message(GENERAL).await.words().contains("What you may run here"));
    let typing = fake.type_in(BEA, GENERAL, "deploy", json!({"app": ""}), "app");
    assert!(fake.offered(&typing).await.is_empty());
    // Only who asked sees a refusal: with the token of the command, once Discord has its answer.
    let command = fake.command(BEA, GENERAL, "status", json!({}));
    fake.next_message(GENERAL).await;
    let told = fake.next_message(&format!("token-{command}")).await;
    assert_eq!(told.only_for.as_deref(), Some(BEA));
    assert_eq!(fake.identified(), 0, "no line is held");
    bot.stop().await;
    fake.finish().await;
}

/// Discord posts neither marks nor messages, so a question names none of both; its buttons and commands answer it.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_speaks_of_what_can_be_said_there_and_of_no_marks() {
    let dir = tempfile::TempDir::new().expect("a temporary folder");
    let world = shop::world(dir.path(), &shop::short_watch()).await;
    let chat = DiscordChat(FakeDiscord::start().await);
    let key = chat.0.post_to("http://127.0.0.1:1");
    chat.configure(world.config().parent().expect("a folder"));
    let http = format!("discord: {{mode: http, public_key: {key}, ");
    shop::edit(&world, "config/lockkeeper.yaml", "discord: {", &http);
    let bot = House::start_at(&world.config()).await;
    chat.0.move_posts(&format!("http://127.0.0.1:{}/discord/interactions", bot.address.port()));
    let sees = async |part: &str| -> Seen {
        let found = chat.find(|| chat.shown().into_iter().find(|it| it.words.contains(part))).await;
        found.unwrap_or_else(|| panic!("no `{part}`: {}", chat.history()))
    };

    world.commit_good(2).await.expect("a commit");
    chat.0.command(ANN, GENERAL, "deploy", json!({"app": "shop"}));
    let question = sees("May #1 shop to production?").await;
    assert!(
        question.words.contains("Answer with the buttons, `/lockkeeper text:approve 1` or"),
        "{question}"
    );
    chat.press(Person::Bea, &question, "Approve");
    let decided = sees("#1 shop to production: approved by bea").await;
    assert_eq!((&decided.id, decided.marks), (&question.id, 0), "what the edit came after");
    sees("Release #1 of shop: done").await;
    // Nobody could say it so here.
    let spelled: Vec<Seen> = chat.shown().into_iter().filter(|it| it.words.contains("`!")).collect();
    assert!(spelled.is_empty(), "{spelled:?}");
    bot.stop().await;
    chat.finish().await;
    world.end().await.expect("the world ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_discord_signed_is_read() {
    let (fake, _house, bot, address) = posted().await;
    let now = SystemClock.now().as_second();
    let ping = json!({"type": 1, "id": "1", "application_id": "2"}).to_string();
    let client = reqwest::Client::new();
    let send = async |at: Option<i64>, signature: Option<&str>, body: &str| {
        let mut request = client.post(&address);
        if let Some(at) = at {
            request = request.header("x-signature-timestamp", at.to_string());
        }
        if let Some(signature) = signature {
            request = request.header("x-signature-ed25519", signature);
        }
        let answer = request.body(body.to_owned()).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };
    let sign = |at: i64, body: &str| fake.sign(&at.to_string(), body);
    let good = sign(now, &ping);
    assert_eq!(
        send(Some(now), Some(&good), &ping).await,
        (200, "{\"type\":1}".to_owned()),
        "it is asked first"
    );
    let old = sign(now - 301, &ping);
    for (at, signature, body) in [
        (None, Some(good.as_str()), ping.clone()),
        (Some(now), None, ping.clone()),
        (Some(now), Some("00"), ping.clone()),
        (Some(now), Some(good.as_str()), format!("{ping} ")),
        (Some(now - 1), Some(good.as_str()), ping.clone()),
        (Some(now - 301), Some(old.as_str()), ping.clone()),
    ] {
        assert_eq!(send(at, signature, &body).await.0, 401, "{at:?} {signature:?}");
    }
    let metrics =
        reqwest::get(format!("http://127.0.0.1:{}/metrics", bot.address.port())).await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    assert!(metrics.contains("lockkeeper_signatures_refused_total{source=\"discord\"} 6"), "{metrics}");
    for body in ["{", "[]", "{\"type\":9}"] {
        assert_eq!(send(Some(now), Some(&sign(now, body)), body).await.0, 400, "{body}");
    }
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_interaction_twice_is_one_command() {
    let (fake, _house, bot, address) = posted().await;
    let now = SystemClock.now().as_second().to_string();
    let member = json!({"user": {"id": ANN, "username": "ann"}, "flags": 0, "roles": []});
    let id = fake.id_now();
    let body =
        json!({"type": 2, "id": id, "application_id": "100000000000000999", "token": "t", "guild_id": GUILD,
        "channel_id": GENERAL, "channel": {"id": GENERAL, "type": 0}, "member": member,
        "data": {"type": 1, "name": "lockkeeper", "options": [{"name": "text", "type": 3, "value": "help"}]}})
        .to_string();
    let client = reqwest::Client::new();
    for _ in 0..2 {
        let request = client.post(&address).header("x-signature-timestamp", &now);
        let request = request.header("x-signature-ed25519", fake.sign(&now, &body)).body(body.clone());
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        let answer: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!((&answer["type"], &answer["data"]["content"]), (&json!(4), &json!("`help`")));
    }
    // Other words under its id are no command, and counted.
    let other = body.replace("\"help\"", "\"status\"");
    let request = client.post(&address).header("x-signature-timestamp", &now);
    let request = request.header("x-signature-ed25519", fake.sign(&now, &other)).body(other);
    assert_eq!(request.send().await.expect("an answer").status().as_u16(), 200);
    let metrics = reqwest::get(format!("http://127.0.0.1:{}/metrics", bot.address.port())).await;
    let metrics = metrics.expect("an answer").text().await.expect("text");
    assert!(metrics.contains("lockkeeper_delivery_keys_reused_total{source=\"chat\"} 1"), "{metrics}");
    assert!(fake.next_message(GENERAL).await.words().contains("What you may run here"));
    fake.command(ANN, GENERAL, "help", json!({"topic": "whoami"}));
    assert_eq!(fake.next_message(GENERAL).await.words(), "`help whoami`", "nothing was said between");
    fake.next_message(GENERAL).await;
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_does_not_take_is_not_answered() {
    let (fake, house, bot, address) = posted().await;
    let now = SystemClock.now().as_second().to_string();
    let body = json!({"type": 2, "id": fake.id_now(), "application_id": "100000000000000999", "token": "t",
        "guild_id": GUILD, "channel_id": GENERAL, "channel": {"id": GENERAL, "type": 0},
        "member": {"user": {"id": ANN, "username": "ann"}, "flags": 0, "roles": []},
        "data": {"type": 1, "name": "lockkeeper", "options": [{"name": "text", "type": 3, "value": "help"}]}})
    .to_string();
    let client = reqwest::Client::new();
    let send = async || {
        let request = client.post(&address).header("x-signature-timestamp", &now);
        let request = request.header("x-signature-ed25519", fake.sign(&now, &body)).body(body.clone());
        request.send().await.expect("an answer").status().as_u16()
    };
    let lock = house.lock_store().await;
    assert_eq!(send().await, 503);
    drop(lock);
    assert_eq!(send().await, 200);
    assert!(fake.next_message(GENERAL).await.words().contains("What you may run here"));
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_public_key_nothing_starts_and_by_the_gateway_nothing_is_taken() {
    install_tls();
    for (key, part) in [("", "needs `public_key`"), ("public_key: abc, ", "64 hexadecimal digits")] {
        let house = House::new();
        house.write("config/discord", TOKEN);
        house.also("config/lockkeeper.yaml", &format!("discord: {{{key}mode: http, token: file:discord}}\n"));
        let config = config::load(&house.path("config/lockkeeper.yaml")).expect("a configuration");
        let options = Options { config, clock: std::sync::Arc::new(SystemClock), adapters: Vec::new() };
        match App::open(options).await.err() {
            Some(BootError::Chat(why)) => assert!(why.contains(part), "{why}"),
            other => panic!("it started: {other:?}"),
        }
    }
    let fake = FakeDiscord::start().await;
    let house = super::missed::house(&fake, "");
    let bot = house.start().await;
    let address = format!("http://127.0.0.1:{}/discord/interactions", bot.address.port());
    let answer = reqwest::Client::new().post(address).body("{}").send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 404);
    bot.stop().await;
    fake.finish().await;
}

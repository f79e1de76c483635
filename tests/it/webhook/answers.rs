//! What senders and operators are answered.

use std::sync::Arc;

use jiff::Timestamp;
use lockkeeper::boot::{App, BootError, Options};
use lockkeeper::clock::{SystemClock, from_millis};
use lockkeeper::config;
use lockkeeper::store::inbox::Arrival;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};

use super::world::{NOTHING, SECRET, World, drained, request, roots, signature};
use crate::support::house::{Bot, House};
use crate::support::trial::until_answered;

async fn get(bot: &Bot, path: &str) -> Response {
    reqwest::get(format!("http://{}{path}", bot.address)).await.expect("it works")
}

async fn received(bot: &Bot) -> usize {
    bot.engine.store().waiting_deliveries(Timestamp::MAX, 1_000).await.expect("it works").len()
}

async fn error(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("it works");
    (status, body["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_with_the_secret_is_refused_and_not_stored() {
    let world = World::new("");
    let commit = world.commit("ann", "Open the shop", "exit 0");
    let bot = world.house.start().await;
    let body = world.pushed("ann-codes", NOTHING, &commit).to_string();
    let good = signature(SECRET, body.as_bytes());
    for header in [None, Some(signature("another", body.as_bytes())), Some(good.replace("sha256=", "sha1="))]
    {
        let sent = request(&bot, "one", "push").body(body.clone());
        let sent = match &header {
            Some(header) => sent.header("x-hub-signature-256", header),
            None => sent,
        };
        let (status, why) = error(sent.send().await.unwrap()).await;
        assert_eq!(status, 401, "{header:?}: {why}");
    }
    let changed = body.replace("refs/heads/main", "refs/heads/Main");
    let sent = request(&bot, "one", "push").header("x-hub-signature-256", &good).body(changed);
    assert_eq!(sent.send().await.unwrap().status(), 401);
    let twice = request(&bot, "one", "push").header("x-hub-signature-256", &good);
    let twice = twice.header("x-hub-signature-256", "sha256=00").body(body.clone());
    assert_eq!(twice.send().await.unwrap().status(), 401, "two signatures are none");
    assert_eq!(received(&bot).await, 0);
    assert!(roots(&bot).await.is_empty());
    // The id is not taken: the true delivery still gets in.
    let sent = request(&bot, "one", "push").header("x-hub-signature-256", &good).body(body);
    assert_eq!(sent.send().await.unwrap().json::<Value>().await.unwrap(), json!({ "ok": "stored" }));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_delivery_gets_its_own_answer() {
    let world = World::new("");
    let bot = world.house.start().await;
    let huge = vec![b' '; 5 * 1024 * 1024 + 1];
    let (status, why) = error(request(&bot, "one", "push").body(huge).send().await.unwrap()).await;
    assert_eq!((status, why.as_str()), (413, "the body is larger than 5242880 bytes"));

    let signed = |id: &str, event: &str, body: &'static str| {
        request(&bot, id, event)
            .header("x-hub-signature-256", signature(SECRET, body.as_bytes()))
            .body(body)
            .send()
    };
    for (id, event, body, wanted) in [
        ("", "push", "{}", "the X-GitHub-Delivery header is not a delivery id"),
        ("a", "push", "{}", "the push has no `ref`"),
        ("b", "push", "null", "the push has no `ref`"),
        ("c", "push", r#"{"ref": null, "after": null, "repository": null}"#, "the push has no `ref`"),
        ("d", "push", r#"{"ref": "refs/heads/main", "after": [1]}"#, "the push has no `after`"),
    ] {
        let (status, why) = error(signed(id, event, body).await.unwrap()).await;
        assert_eq!((status, why.as_str()), (400, wanted));
    }
    let (status, why) = error(signed("e", "push", "{").await.unwrap()).await;
    assert_eq!((status, &why[..20]), (400, "the body is no JSON:"));
    for (event, body) in [("ping", "{}"), ("workflow_run", "{}"), ("", "not even json")] {
        assert_eq!(signed("f", event, body).await.unwrap().status(), StatusCode::OK, "{event}");
    }
    assert_eq!(received(&bot).await, 0);

    let address = bot.address;
    let answer = reqwest::Client::new().post(format!("http://{address}/webhooks/gitlab")).send().await;
    assert_eq!(error(answer.unwrap()).await.0, 404);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_may_come_as_a_form_and_nothing_else_but_json() {
    let world = World::new("");
    let commit = world.commit("ann", "Open the shop", "exit 0");
    let bot = world.house.start().await;
    let push = world.pushed("ann-codes", NOTHING, &commit).to_string();
    let form: String = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &push).finish();
    let send = |id: &'static str, content_type: &'static str, body: &str, signed: &str| {
        let request =
            request(&bot, id, "push").header("x-hub-signature-256", signature(SECRET, signed.as_bytes()));
        let mut request = request.body(body.to_owned()).build().unwrap();
        request.headers_mut().insert("content-type", content_type.parse().unwrap());
        reqwest::Client::new().execute(request)
    };
    const FORM: &str = "application/x-www-form-urlencoded";
    // The signature is over the form, and not over what is in it.
    assert_eq!(send("one", FORM, &form, &push).await.unwrap().status(), 401);
    assert_eq!(send("one", FORM, &form, &form).await.unwrap().status(), StatusCode::ACCEPTED);
    let (status, why) = error(send("two", FORM, &push, &push).await.unwrap()).await;
    assert_eq!((status, why.as_str()), (400, "the form has no field `payload`"));
    let (status, why) = error(send("two", "text/plain", &push, &push).await.unwrap()).await;
    assert_eq!((status, why.starts_with("set the webhook's content type")), (415, true));
    drained(&bot).await;
    assert_eq!(roots(&bot).await.len(), 1);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_hides_its_length_is_cut_off_at_the_limit() {
    let world = World::new("");
    let bot = world.house.start().await;
    let piece = vec![b' '; 1024 * 1024];
    let pieces = futures_util::stream::iter((0..8).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let sent = request(&bot, "one", "push").body(reqwest::Body::wrap_stream(pieces)).send().await;
    // Either the answer arrives, or the connection ends while the rest is still being sent.
    if let Ok(answer) = sent {
        assert_eq!(answer.status(), 413);
    }
    assert_eq!(get(&bot, "/healthz").await.status(), 200);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_secret_no_webhook_is_taken() {
    let house = House::new();
    let bot = house.start().await;
    let (status, why) = error(request(&bot, "one", "push").body("{}").send().await.unwrap()).await;
    assert_eq!(status, 404);
    assert_eq!(why, "no webhook of `github` is taken: the configuration has no `webhooks.github.secret`");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_commit_acknowledges_nothing_and_recovers_by_itself() {
    let world = World::new("");
    let commit = world.commit("ann", "Open the shop", "exit 0");
    let bot = world.house.start().await;
    assert_eq!(get(&bot, "/readyz").await.status(), 200);
    let file = format!("sqlite:{}", world.house.path("data/lockkeeper.db").display());
    let mut other = sqlx::sqlite::SqliteConnection::connect(&file).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();

    let body = world.pushed("ann-codes", NOTHING, &commit);
    let answer = world.deliver_as(&bot, "one", "push", &body).await;
    assert_eq!(answer.headers()["retry-after"], "5");
    assert_eq!(error(answer).await.0, 503);
    let answer = get(&bot, "/readyz").await;
    assert_eq!(answer.status(), 503);
    let said: Value = answer.json().await.unwrap();
    assert_eq!(said["checks"]["store"]["ok"], false);
    assert_eq!(get(&bot, "/healthz").await.status(), 200);

    other.execute("ROLLBACK").await.unwrap();
    until_answered(bot.address, "/readyz", 200).await;
    let answer = world.deliver_as(&bot, "one", "push", &body).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    drained(&bot).await;
    assert_eq!(roots(&bot).await.len(), 1);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_moved_away_acknowledges_nothing_until_it_is_back() {
    let world = World::new("");
    let commit = world.commit("ann", "Open the shop", "exit 0");
    let bot = world.house.start().await;
    assert_eq!(get(&bot, "/readyz").await.status(), 200);
    let (file, aside) = (world.house.path("data/lockkeeper.db"), world.house.path("aside.db"));
    std::fs::rename(&file, &aside).unwrap();
    let body = world.pushed("ann-codes", NOTHING, &commit);
    assert_eq!(world.deliver_as(&bot, "one", "push", &body).await.status(), 503);
    assert_eq!(get(&bot, "/readyz").await.status(), 503);
    std::fs::rename(&aside, &file).unwrap();
    assert_eq!(world.deliver_as(&bot, "one", "push", &body).await.status(), StatusCode::ACCEPTED);
    assert_eq!(get(&bot, "/readyz").await.status(), 200);
    drained(&bot).await;
    assert_eq!(roots(&bot).await.len(), 1);
    let other = world.pushed("ann-codes", NOTHING, &"9".repeat(40));
    let (status, why) = error(world.deliver_as(&bot, "one", "push", &other).await).await;
    assert_eq!(
        (status, why.as_str()),
        (409, "a delivery of this id came before with another body; nothing was taken from this one")
    );
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_what_is_red() {
    let house = House::new();
    house.write("config/people.yaml", "people: [not, a, map]\n");
    let bot = house.start().await;
    let answer = get(&bot, "/readyz").await;
    assert_eq!(answer.status(), 503);
    let said: Value = answer.json().await.unwrap();
    assert_eq!((&said["ready"], &said["checks"]["store"]["ok"]), (&json!(false), &json!(true)));
    assert_eq!(said["checks"]["settings"]["ok"], false);
    assert_eq!(said["chats"][0]["platform"], "terminal");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_stands_in_the_store() {
    let world = World::new("");
    let commit = world.commit("ann", "Open the shop", "exit 0");
    let bot = world.house.start().await;
    let before = get(&bot, "/metrics").await;
    assert!(before.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let before = before.text().await.unwrap();
    assert!(before.contains("lockkeeper_inbox_waiting 0\n"), "{before}");
    assert!(!before.contains("lockkeeper_executions{"), "{before}");
    world.push(&bot, "ann-codes", NOTHING, &commit).await;
    bot.shows(0, |it| it.contains("Build of shop: done")).await;
    let after = get(&bot, "/metrics").await.text().await.unwrap();
    assert!(after.contains("lockkeeper_executions{status=\"succeeded\"} 1\n"), "{after}");
    let arrival = Arrival { key: "k".into(), source: "chat", lane: "x".into(), body: json!({}) };
    bot.engine.store().receive(arrival, from_millis(0)).await.unwrap();
    let waiting = get(&bot, "/metrics").await.text().await.unwrap();
    assert!(waiting.contains("lockkeeper_inbox_oldest_age_seconds "), "{waiting}");
    bot.stop().await;
}

async fn opened(house: &House) -> Result<App, BootError> {
    let config = config::load(&house.path("config/lockkeeper.yaml")).expect("it works");
    App::open(Options { config, clock: Arc::new(SystemClock), adapters: Vec::new() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_loopback_nothing_is_opened_without_a_token() {
    let house = House::new();
    let config = |http: &str| format!("data: {}\nhttp: {{{http}}}\n", house.path("data").display());
    house.write("config/lockkeeper.yaml", &config("listen: \"0.0.0.0:0\""));
    let error = opened(&house).await.err().unwrap();
    assert!(matches!(error, BootError::Exposed { .. }), "{error}");
    house.write("config/empty", "");
    house.write("config/lockkeeper.yaml", &config("listen: \"[::]:0\", token: \"file:empty\""));
    assert!(opened(&house).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_loopback_operators_show_the_token_and_senders_their_signature() {
    let world = World::new("");
    let config = format!(
        "data: {}\nhttp: {{listen: \"0.0.0.0:0\", token: \"file:token\"}}\nwebhooks: {{github: {{secret: \"file:secret\"}}}}\n",
        world.house.path("data").display()
    );
    world.house.write("config/lockkeeper.yaml", &config).write("config/token", "hunter2hunter2");
    let mut bot = world.house.start().await;
    bot.address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    assert_eq!(get(&bot, "/healthz").await.status(), 200);
    for path in ["/readyz", "/metrics"] {
        assert_eq!(get(&bot, path).await.status(), 401, "{path}");
        for (token, status) in [("hunter2hunter2", 200), ("hunter2hunter3", 401)] {
            let url = format!("http://{}{path}", bot.address);
            let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
            assert_eq!(answer.status(), status, "{path} {token}");
        }
    }
    assert_eq!(world.deliver(&bot, "ping", &json!({})).await.status(), 200);
    bot.stop().await;
}

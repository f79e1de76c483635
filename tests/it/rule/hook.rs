//! Who may post, and what becomes of it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use lockkeeper::status::Status;
use serde_json::{Value, json};
use sha2::Sha256;

use super::world::{SECRET, bare, house, lines, post, refusal, rule, send, settled, writer};
use crate::support::house::House;

/// `deployed` writes the app, if it was deployed well.
fn listening() -> House {
    let house = house();
    writer(&house, "log");
    rule(
        &house,
        "deployed",
        "trigger: {type: core.st2.webhook, parameters: {url: deployed}}\n\
         criteria: {trigger.body.status: {type: eq, pattern: ok}}\n\
         action: {ref: trial.log, parameters: {text: \"{{ trigger.body.app }} by {{ trigger.headers['X-Who'] }}\"}}\n",
    );
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_starts_what_listens_to_it_at_all_of_stackstorms_addresses() {
    let house = listening();
    let bot = house.start().await;
    for (at, path) in
        ["/webhooks/deployed", "/v1/webhooks/deployed", "/api/v1/webhooks/deployed/"].iter().enumerate()
    {
        let body = json!({"status": "ok", "app": format!("shop-{at}")});
        let answer = send(post(&bot, path, &body).header("x-who", "ci")).await;
        assert_eq!(answer.status(), 202, "{path}");
        assert_eq!(answer.json::<Value>().await.unwrap(), body, "the body comes back");
    }
    assert_eq!(
        send(post(&bot, "/webhooks/deployed", &json!({"status": "bad", "app": "x"}))).await.status(),
        202
    );
    let roots = settled(&bot).await;
    assert_eq!(lines(&house, "log"), ["shop-0 by ci", "shop-1 by ci", "shop-2 by ci"]);
    assert!(roots.iter().all(|it| it.status == Status::Succeeded));
    assert_eq!(roots[0].context["rule"]["ref"], "trial.deployed");
    assert!(!roots[0].context.contains_key("requester") && !roots[0].context.contains_key("asker"));
    // Nothing went wrong, so nothing is said.
    assert!(bot.player.messages().is_empty(), "{:?}", bot.player.messages());
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_show_the_secret_of_that_very_address_is_refused() {
    let house = listening();
    rule(
        &house,
        "own",
        "trigger: {type: core.st2.webhook, parameters: {url: /own/place}}\naction: {ref: core.noop}\n",
    );
    let bot = house.start().await;
    let body = json!({"status": "ok", "app": "shop"});
    for (request, wanted) in [
        (bare(&bot, "/v1/webhooks/deployed"), 401),
        (bare(&bot, "/v1/webhooks/deployed").header("st2-api-key", "another secret"), 401),
        (bare(&bot, "/v1/webhooks/deployed").header("st2-api-key", ""), 401),
        (bare(&bot, "/v1/webhooks/deployed?st2-api-key=nothing"), 401),
        (bare(&bot, "/v1/webhooks/deployed").header("x-auth-token", &SECRET[1..]), 401),
        (
            bare(&bot, "/v1/webhooks/deployed")
                .header("x-hub-signature-256", format!("sha256={}", "0".repeat(64))),
            401,
        ),
        // The secret of all is not that of an address that has one of its own, and the other way round.
        (bare(&bot, "/v1/webhooks/own/place").header("st2-api-key", SECRET), 401),
        (bare(&bot, "/v1/webhooks/own/place").header("st2-api-key", "another secret"), 202),
        (bare(&bot, "/v1/webhooks/deployed").header("x-auth-token", SECRET), 202),
        (bare(&bot, "/v1/webhooks/deployed?x=1&st2-api-key=a+sender%27s+secret"), 202),
    ] {
        let request = request.json(&body).build().unwrap();
        let (url, headers) = (request.url().clone(), request.headers().clone());
        let answer = reqwest::Client::new().execute(request).await.unwrap();
        assert_eq!(answer.status(), wanted, "{url} {headers:?}");
    }
    let text = body.to_string();
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&text).finalize();
    let signed = bare(&bot, "/v1/webhooks/deployed")
        .header("x-hub-signature-256", format!("sha256={}", hex::encode(mac.into_bytes())))
        .body(text);
    assert_eq!(send(signed).await.status(), 202);
    let (status, why) = refusal(post(&bot, "/v1/webhooks/nowhere", &body)).await;
    assert_eq!((status, why.as_str()), (404, "Webhook nowhere not registered with st2"));
    settled(&bot).await;
    let file = std::fs::read(house.path("data/lockkeeper.db")).unwrap();
    let wal = std::fs::read(house.path("data/lockkeeper.db-wal")).unwrap_or_default();
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|it| it == text.as_bytes());
    assert!(holds(&wal, "application/json") || holds(&file, "application/json"), "headers are kept");
    assert!(!holds(&file, SECRET) && !holds(&wal, SECRET), "and the secret is not");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_secret_nothing_is_taken() {
    let house = listening();
    let config =
        format!("data: {}\ncontent: [..]\nhttp: {{listen: \"127.0.0.1:0\"}}\n", house.path("data").display());
    house.write("config/lockkeeper.yaml", &config);
    let bot = house.start().await;
    let (status, why) = refusal(post(&bot, "/webhooks/deployed", &json!({}))).await;
    assert_eq!(status, 404);
    assert!(why.contains("neither `webhooks.deployed.secret` nor `webhooks.st2.secret`"), "{why}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_sent_again_starts_nothing_again() {
    let house = listening();
    let bot = house.start().await;
    let body = json!({"status": "ok", "app": "shop"});
    for (try_number, app, wanted) in [("1", "shop", 202), ("2", "shop", 202), ("3", "cart", 409)] {
        let body = json!({"status": "ok", "app": app});
        let sent = post(&bot, "/webhooks/deployed", &body)
            .header("idempotency-key", "one")
            .header("x-who", try_number);
        assert_eq!(send(sent).await.status(), wanted, "{try_number}");
    }
    settled(&bot).await;
    bot.stop().await;
    // After a restart it is known, too.
    let bot = house.start().await;
    let again = post(&bot, "/webhooks/deployed", &body).header("idempotency-key", "one");
    assert_eq!(send(again).await.status(), 202);
    // Without an id each is one of its own.
    assert_eq!(send(post(&bot, "/webhooks/deployed", &body).header("x-who", "4")).await.status(), 202);
    settled(&bot).await;
    assert_eq!(lines(&house, "log"), ["shop by 1", "shop by 4"]);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_read_as_there_and_what_is_nothing_is_refused() {
    let house = listening();
    rule(
        &house,
        "form",
        "trigger: {type: core.st2.webhook, parameters: {url: form}}\n\
         action: {ref: trial.log, parameters: {text: \"{{ trigger.body.a[0] }} {{ trigger.headers_lower['content-type'] }}\"}}\n",
    );
    let bot = house.start().await;
    let with = |content_type: &str, body: &'static str| {
        let request = bare(&bot, "/webhooks/form").header("st2-api-key", SECRET);
        request.header("content-type", content_type).body(body)
    };
    assert_eq!(send(with("application/x-www-form-urlencoded", "a=x+y")).await.status(), 202);
    assert_eq!(send(with("application/json", "{")).await.status(), 400);
    assert_eq!(send(with("image/png", "x")).await.status(), 415);
    settled(&bot).await;
    assert_eq!(lines(&house, "log"), ["x y application/x-www-form-urlencoded"]);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_trigger_but_the_bots_own_is_fired_at_one_address() {
    let house = listening();
    rule(
        &house,
        "monitored",
        "trigger: {type: nagios.state_change}\naction: {ref: trial.log, parameters: {text: \"{{ trigger.host }}\"}}\n",
    );
    let bot = house.start().await;
    let fire = |body: Value| post(&bot, "/v1/webhooks/st2", &body);
    assert_eq!(
        send(fire(json!({"trigger": "nagios.state_change", "payload": {"host": "web-1"}}))).await.status(),
        202
    );
    assert_eq!(send(fire(json!({"trigger": "nobody.listens", "payload": {}}))).await.status(), 202);
    assert_eq!(refusal(fire(json!({"payload": {}}))).await.0, 400);
    assert_eq!(refusal(fire(json!(["nagios.state_change"]))).await.0, 400);
    let (status, why) =
        refusal(fire(json!({"trigger": "core.st2.generic.actiontrigger", "payload": {}}))).await;
    assert_eq!(
        (status, why.as_str()),
        (400, "what happens in here, nobody can say from outside: post a trigger of your own")
    );
    let roots = settled(&bot).await;
    assert_eq!((roots.len(), lines(&house, "log")), (1, vec!["web-1".to_owned()]));
    bot.stop().await;
}

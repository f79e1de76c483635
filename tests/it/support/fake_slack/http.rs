//! The fake as a sender over HTTP: everything signed, events again if they were not taken.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use lockkeeper::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use sha2::Sha256;

use super::FakeSlack;

/// Really: at once, after 1 min, after 5 min.
const RETRY_AFTER: [Duration; 3] = [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(300)];

/// Where this workspace's app is posted to.
#[derive(Debug, Clone)]
pub struct Target {
    pub base: String,
    pub secret: String,
    /// Keeps connections, so that posts take no longer than they take.
    client: reqwest::Client,
}

impl Target {
    pub fn new(base: &str, secret: &str) -> Self {
        let (base, secret) = (base.to_owned(), secret.to_owned());
        Self { base, secret, client: reqwest::Client::new() }
    }
}

/// `X-Slack-Signature` of a body at a second.
pub fn sign(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(format!("v0:{at}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

/// One signed post; status and body of the answer.
pub async fn post(target: &Target, path: &str, body: &str, retry: usize) -> (u16, String) {
    let at = SystemClock.now().as_second();
    let kind = if path == "events" { "application/json" } else { "application/x-www-form-urlencoded" };
    let mut request = target
        .client
        .post(format!("{}/slack/{path}", target.base))
        .header("content-type", kind)
        .header("x-slack-request-timestamp", at.to_string())
        .header("x-slack-signature", sign(&target.secret, at, body));
    if 0 < retry {
        request = request
            .header("x-slack-retry-num", retry.to_string())
            .header("x-slack-retry-reason", "http_error");
    }
    match request.body(body.to_owned()).timeout(Duration::from_secs(3)).send().await {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
        Err(_) => (0, String::new()),
    }
}

/// A payload as Slack posts it: path and body.
pub fn body(kind: &str, payload: &Value) -> (&'static str, String) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    match kind {
        "events_api" => ("events", payload.to_string()),
        "interactive" => ("interactions", form.append_pair("payload", &payload.to_string()).finish()),
        _ => {
            let fields = payload.as_object().expect("fields");
            form.extend_pairs(fields.iter().map(|(key, value)| (key, value.as_str().unwrap_or_default())));
            ("commands", form.finish())
        }
    }
}

impl FakeSlack {
    /// From now on everything that happens is posted there instead of going over sockets.
    pub fn post_to(&self, base: &str, secret: &str) {
        self.world(|it| it.target = Some(Target::new(base, secret)));
    }

    /// Sends what happened; events come again until they are taken, interactions never.
    pub(super) fn send(&self, target: Target, envelope: Value) {
        let fake = self.clone();
        tokio::spawn(async move {
            let kind = envelope["type"].as_str().unwrap_or_default();
            let (path, body) = body(kind, &envelope["payload"]);
            let pauses = if path == "events" { RETRY_AFTER.as_slice() } else { &[] };
            for retry in 0..=pauses.len() {
                let (status, answer) = post(&target, path, &body, retry).await;
                if status == 200 {
                    fake.world(|it| {
                        it.note_taken(&envelope);
                        it.replies.extend(serde_json::from_str::<Value>(&answer).ok());
                    });
                    return;
                }
                if let Some(pause) = pauses.get(retry) {
                    tokio::time::sleep(*pause).await;
                }
            }
            fake.world(|it| it.lost.push(json!({"path": path, "body": body})));
        });
    }
}

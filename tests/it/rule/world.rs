//! A house with rules, and somebody who posts.

use lockkeeper::store::execution::Execution;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use crate::support::house::{Bot, House};
use crate::support::trial::until;
use crate::webhook::world::drained;

pub const SECRET: &str = "a sender's secret";
const PACK: &str = "name: trial\ndescription: A trial.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n";

/// A house that takes webhooks, and tells the terminal what goes wrong.
pub fn house() -> House {
    let house = House::new();
    house.also(
        "config/lockkeeper.yaml",
        "fallback_channel: terminal/main\nwebhooks: {st2: {secret: \"file:secret\"}, own/place: {secret: \"file:own\"}}\n",
    );
    house.write("config/secret", SECRET).write("config/own", "another secret");
    house.write("commands/trial/pack.yaml", PACK);
    house
}

/// A rule of the pack `trial`.
pub fn rule(house: &House, name: &str, rest: &str) {
    let text = format!("name: {name}\nenabled: true\n{rest}");
    house.write(&format!("commands/trial/rules/{name}.yaml"), &text);
}

/// An action that writes a text into a file of this name, a line each time.
pub fn writer(house: &House, name: &str) {
    let file = house.path(name);
    let text = format!(
        "name: {name}\nrunner_type: local-shell-cmd\ndescription: D.\nparameters:\n  text: {{type: string, required: true}}\n  \
         cmd: {{default: 'echo {{{{text}}}} >> {}', immutable: true}}\n",
        file.display()
    );
    house.write(&format!("commands/trial/actions/{name}.yaml"), &text);
}

/// What a file of the house holds; nothing if it is not there.
pub fn lines(house: &House, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(house.path(name)).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// A post with the secret, not sent yet.
pub fn post(bot: &Bot, path: &str, body: &Value) -> RequestBuilder {
    bare(bot, path).header("st2-api-key", SECRET).json(body)
}

/// A post that shows nothing.
pub fn bare(bot: &Bot, path: &str) -> RequestBuilder {
    reqwest::Client::new().post(format!("http://{}{path}", bot.address))
}

pub async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

/// Status and `error` of an answer.
pub async fn refusal(request: RequestBuilder) -> (u16, String) {
    let answer = send(request).await;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("an answer");
    (status, body["error"].as_str().unwrap_or_default().to_owned())
}

/// Waits until all that came in had its effect and all that was started has ended; the roots, oldest first.
pub async fn settled(bot: &Bot) -> Vec<Execution> {
    loop {
        drained(bot).await;
        let roots = until("all roots ended", async || {
            let roots = bot.engine.store().recent_executions(100).await.expect("it works");
            roots.iter().all(|it| it.ended_at.is_some()).then_some(roots)
        })
        .await;
        // The end of one may be an event again.
        let waiting =
            bot.engine.store().waiting_deliveries(jiff::Timestamp::MAX, 10).await.expect("it works");
        if waiting.is_empty() {
            return roots.into_iter().rev().collect();
        }
    }
}

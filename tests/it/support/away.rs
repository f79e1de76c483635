//! A bot that did not hear: what it reads of that time, how it answers late, and how it says that it is deaf.

use std::time::Duration;

use jiff::Timestamp;
use lockkeeper::clock::{Clock as _, SystemClock, before};
use lockkeeper::id::Place;
use lockkeeper::identity::Standing;
use lockkeeper::message::{Delivery, Incoming};
use lockkeeper::store::inbox::Arrival;
use serde_json::Value;

use super::cards::ann_of;
use super::house::Bot;
use super::said;
use super::trial::until;

pub fn ago(seconds: u64) -> Timestamp {
    before(SystemClock.now(), Duration::from_secs(seconds))
}

/// Text, thread and time of a message that was fetched.
pub fn missed(delivery: &Delivery) -> (&str, Option<&str>, Timestamp) {
    match &delivery.incoming {
        Incoming::Missed { said, at } => {
            (&said.text, delivery.place.thread.as_ref().map(|it| it.as_str()), *at)
        }
        other => panic!("not fetched: {other:?}"),
    }
}

/// Ann's message of this id came under this key a quarter of an hour ago: from there the bot reads on.
pub async fn heard_long_ago(bot: &Bot, place: Place, key: String, message: &str) {
    let account = ann_of(place.platform);
    let heard = Delivery {
        key,
        display: account.user.to_string(),
        account,
        standing: Standing::Unresolved,
        place,
        at: None,
        incoming: said("hello", false, message),
    };
    let body = serde_json::to_value(&heard).expect("JSON");
    let arrival = Arrival { key: heard.key, source: "chat", lane: "general".to_owned(), body };
    bot.engine.store().receive(arrival, ago(900)).await.expect("stored");
}

/// Of Ann's `!cancel 7` of 400 s ago and `!whoami` of 40 s ago, the first is asked about and the second answered late.
pub fn is_answered_late(stale: &str, late: &str) {
    assert!(stale.starts_with("I was away and read this 6 min "), "{stale}");
    assert!(stale.contains("so I did not run it. Say it again if you still want it: `!cancel 7`"), "{stale}");
    assert!(late.starts_with("Late by 4") && late.contains(" s: I was away.\nYou are ann"), "{late}");
}

/// Why the bot is not ready as to its chats, once it says so.
pub async fn why_chats_are_red(bot: &Bot) -> String {
    let url = format!("http://{}/readyz", bot.address);
    let body = until("a chat keeps the bot from being ready", async || {
        let answer = reqwest::get(&url).await.expect("an answer");
        if answer.status() == 503 { Some(answer.text().await.expect("a body")) } else { None }
    });
    let said: Value = serde_json::from_str(&body.await).expect("JSON");
    said["checks"]["chats"]["why"].as_str().expect("why").to_owned()
}

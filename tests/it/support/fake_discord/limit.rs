//! How often the fake lets itself be called (<https://docs.discord.com/developers/topics/rate-limits>). What Discord
//! takes it tells with each answer and nowhere else; these are numbers that people have seen.

use std::time::{Duration, Instant};

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::limits::{Counted, Rule};
use super::FakeDiscord;

const MESSAGES: Rule = Rule::Window { calls: 5, per: Duration::from_secs(5) };
const REACTIONS: Rule = Rule::Window { calls: 1, per: Duration::from_millis(250) };

pub(super) fn counted(method: &str, words: &[&str]) -> Counted {
    match words {
        ["channels", channel, "messages", rest @ ..] => {
            let reacts = rest.contains(&"reactions");
            let kind = if reacts { "reactions" } else { "messages" };
            let rule = (method != "GET").then_some(if reacts { REACTIONS } else { MESSAGES });
            Counted { key: format!("{method} {channel} {kind}"), rule, says: method != "GET" }
        }
        other => Counted { key: format!("{method} {}", other.join("/")), rule: None, says: false },
    }
}

pub(super) fn seconds(text: &str) -> Duration {
    Duration::try_from_secs_f64(text.parse().unwrap_or(0.0)).unwrap_or_default()
}

pub(super) fn too_fast(after: &str, all: bool) -> Response {
    let said = json!({"message": "You are being rate limited.", "retry_after": after.parse::<f64>().ok(),
        "global": all});
    // The header has whole seconds only.
    let header = after.parse::<f64>().map_or(after.to_owned(), |it| it.ceil().to_string());
    let scope = if all { "global" } else { "user" };
    let headers = [("retry-after", header), ("x-ratelimit-scope", scope.to_owned())];
    (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(said)).into_response()
}

/// The answer, and how many calls are left until when.
pub(super) fn told(mut response: Response, left: Option<(u32, Duration)>) -> Response {
    if let Some((remaining, reset)) = left {
        let headers = response.headers_mut();
        for (name, value) in [
            ("x-ratelimit-remaining", remaining.to_string()),
            ("x-ratelimit-reset-after", format!("{:.3}", reset.as_secs_f64() + 0.001)),
        ] {
            headers.insert(name, HeaderValue::from_str(&value).expect("a header"));
        }
    }
    response
}

impl FakeDiscord {
    /// Five messages in five seconds per channel, four reactions a second; and whoever is told to wait has to.
    pub fn strict_limits(&self) {
        self.world(|it| it.limits.be_strict());
    }

    /// Every call that would show something in a channel is refused for this long.
    pub fn silence(&self, pause: Duration) {
        self.world(|it| it.limits.silence(pause));
    }

    /// The next call meets the limit for everything, which holds for this long.
    pub fn rate_limit_all(&self, pause: Duration) {
        self.world(|it| it.limits.close_all_next(pause));
    }

    /// Calls that were refused because there were too many, not because a test planned it.
    pub fn refused(&self) -> usize {
        self.look(|it| it.limits.refused())
    }

    /// Edits as they were asked for: the message, and when.
    pub fn edits(&self) -> Vec<(String, Instant)> {
        self.look(|it| it.limits.calls("PATCH channels "))
    }
}

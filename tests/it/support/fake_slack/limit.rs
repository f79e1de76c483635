//! How often the fake lets itself be called (<https://docs.slack.dev/apis/web-api/rate-limits>).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::limits::{Counted, Rule};
use super::FakeSlack;

const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn counted(method: &str, body: &Value) -> Counted {
    let channel = body["channel"].as_str().unwrap_or_default();
    let (key, rule) = match method {
        "chat.postMessage" => {
            (format!("{method} {channel}"), Some(Rule::Leak { burst: 5, every: Duration::from_secs(1) }))
        }
        "chat.update" | "reactions.add" => (method.to_owned(), Some(Rule::Window { calls: 50, per: MINUTE })),
        other => (other.to_owned(), None),
    };
    let says = ["chat.", "reactions.add", "files."].iter().any(|it| method.starts_with(it));
    Counted { key, rule, says }
}

impl FakeSlack {
    /// One post a second per channel after a short burst, 50 edits a minute; and whoever is told to wait has to.
    pub fn strict_limits(&self) {
        self.world(|it| it.limits.be_strict());
    }

    /// Every call that would show something is refused for this long.
    pub fn silence(&self, pause: Duration) {
        self.world(|it| it.limits.silence(pause));
    }

    /// Calls that were refused because there were too many, not because a test planned it.
    pub fn refused(&self) -> usize {
        self.look(|it| it.limits.refused())
    }

    /// Edits as they were asked for: the message, and when.
    pub fn edits(&self) -> Vec<(String, Instant)> {
        self.look(|it| it.limits.calls("chat.update "))
    }

    /// When a method was called.
    pub fn called_at(&self, method: &str) -> Vec<Instant> {
        self.look(|it| it.limits.calls(method)).into_iter().map(|(_, at)| at).collect()
    }
}

//! What `lockkeeper doctor` asks of a workspace: whether the tokens count, and whether the bot reads its channels.

use std::convert::Infallible;
use std::time::Duration;

use serde_json::json;

use super::super::skew;
use super::manifest;
use super::method::Method;
use super::{ChatError, Slack};
use crate::id::ChannelId;

/// Between two looks at Slack's clock. Each message that we post says how it stands, too.
const COMPARE: Duration = Duration::from_secs(600);

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub what: String,
    /// What to change; `None` if all is well.
    pub fix: Option<String>,
}

impl Finding {
    fn of(what: &str, good: &str, outcome: Result<(), ChatError>) -> Self {
        match outcome {
            Ok(()) => Self { what: format!("{what}: {good}"), fix: None },
            Err(ChatError::Refused { code, fix }) => {
                Self { what: format!("{what}: refused with `{code}`"), fix: Some(fix) }
            }
            Err(error) => Self {
                what: format!("{what}: {error}"),
                fix: Some("is Slack reachable from this machine?".to_owned()),
            },
        }
    }
}

impl Slack {
    /// Asks Slack; says and changes nothing there.
    pub async fn look(&self, channels: &[ChannelId]) -> Vec<Finding> {
        let signed_in = self.own().await.map(drop);
        let known = signed_in.is_ok();
        let mut found = vec![Finding::of("slack bot token", "Slack knows it", signed_in)];
        if known {
            found.push(self.look_for_scopes().await);
            found.extend(self.look_at_clock().await);
        }
        if self.signing_secret.is_none() {
            let opened = self.api.post(Method::OpenConnection, &json!({})).await.map(drop);
            found.push(Finding::of("slack app token", "a socket may be opened", opened));
        }
        for channel in channels.iter().filter(|_| known) {
            let params = [("channel", channel.to_string()), ("limit", "1".to_owned())];
            let read = self.api.get(Method::History, &params).await.map(drop);
            found.push(Finding::of(&format!("slack channel {channel}"), "the bot is in it", read));
        }
        found
    }

    /// Compares our clock with Slack's, for as long as we listen.
    pub(super) async fn keep_comparing(&self) -> Infallible {
        loop {
            tokio::time::sleep(COMPARE).await;
            self.compare_soon().await;
        }
    }

    /// The same once. It holds nothing up for long.
    pub(super) async fn compare_soon(&self) {
        match tokio::time::timeout(self.timing.intake, self.compare_clocks()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "slack does not say what its clock says"),
            Err(_) => tracing::debug!("slack does not say in time what its clock says"),
        }
    }

    async fn compare_clocks(&self) -> Result<(), ChatError> {
        let asked = self.clock.now();
        if let Some(said) = self.api.date().await? {
            self.skew.learn(asked, said, self.clock.now());
        }
        Ok(())
    }

    async fn look_at_clock(&self) -> Option<Finding> {
        // That Slack cannot be reached was said already.
        self.compare_clocks().await.ok()?;
        let (told, is_off) = self.skew.judge("Slack")?;
        Some(Finding { what: format!("slack {told}"), fix: is_off.then(|| skew::FIX.to_owned()) })
    }

    /// A scope that is missing is noticed only when something is done that takes it.
    async fn look_for_scopes(&self) -> Finding {
        let what = "slack scopes";
        let held = match self.api.scopes().await {
            Ok(Some(held)) => held,
            Ok(None) => return Finding::of(what, "Slack does not say which the bot has", Ok(())),
            Err(error) => return Finding::of(what, "", Err(error)),
        };
        let missing: Vec<&str> = manifest::scopes().into_iter().filter(|it| !held.contains(*it)).collect();
        if missing.is_empty() {
            return Finding::of(what, "the bot has all that it takes", Ok(()));
        }
        Finding {
            what: format!("{what}: {} missing", missing.join(", ")),
            fix: Some(
                "paste `lockkeeper slack manifest` into App Manifest, and install the app again".to_owned(),
            ),
        }
    }
}

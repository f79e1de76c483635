//! From what Slack delivers to rows of the inbox, and what Slack is answered: the same however it was delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;

use super::super::signs::Signs as Life;
use super::super::skew::Skew;
use super::api::Api;
use super::events::{self, Own};
use super::form::{self, Submission};
use super::method::Method;
use super::outlet::{Outlet, Outlets};
use super::{ChatError, Intake, SlackTiming};
use crate::chat::Accepted;
use crate::clock::{SharedClock, between, from_millis, to_millis};
use crate::message::{Delivery, Incoming};

/// Slack says so again each minute while it lasts, and counts by the hour
/// (<https://docs.slack.dev/reference/events/app_rate_limited>).
const SLOWED: Duration = Duration::from_secs(60 * 60);

/// After so many sockets that were one too many it is told of: an old process of ours may just be ending.
const TURNED_AWAY: u32 = 3;

/// Signs of life, and what Slack said about them.
#[derive(Default)]
pub(super) struct Signs {
    pub(super) life: Life,
    /// A socket has stood since the last loss.
    pub(super) connected: AtomicBool,
    /// Sockets that were one too many, one after another.
    turned_away: AtomicU32,
    /// When Slack last said that it slows events down, in milliseconds; 0 is never.
    slowed: AtomicI64,
    /// Rung when a socket stands.
    pub(super) hello: Notify,
}

impl Signs {
    fn slow(&self, now: Timestamp) {
        self.slowed.store(to_millis(now), Ordering::Relaxed);
    }

    pub(super) fn turn_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether other programs have taken our sockets, and it is not over by itself.
    pub(super) fn are_turned_away(&self) -> bool {
        TURNED_AWAY <= self.turned_away.load(Ordering::Relaxed)
    }

    /// Whether Slack slows our events down.
    pub(super) fn are_slowed(&self, now: Timestamp) -> bool {
        let at = self.slowed.load(Ordering::Relaxed);
        at != 0 && between(from_millis(at), now) < SLOWED
    }
}

/// What hearing takes.
pub(super) struct Ears {
    pub(super) api: Arc<Api>,
    pub(super) own: Own,
    pub(super) timing: SlackTiming,
    pub(super) clock: SharedClock,
    pub(super) signs: Arc<Signs>,
    pub(super) intake: Intake,
    pub(super) outlets: Arc<Outlets>,
    pub(super) skew: Arc<Skew>,
}

/// What Slack delivered was not stored: it must not be acknowledged, so that it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotStored;

impl Ears {
    pub(super) fn hear(&self) {
        self.signs.life.hear(self.clock.now());
    }

    /// What Slack's clock says.
    pub(super) fn now_there(&self) -> Timestamp {
        self.skew.theirs(self.clock.now())
    }

    pub(super) fn connected(&self) {
        self.signs.connected.store(true, Ordering::Relaxed);
        self.signs.turned_away.store(0, Ordering::Relaxed);
        self.signs.hello.notify_one();
    }

    /// Stores what was delivered; what to acknowledge it with once all of it is durable (`Null`: with nothing more).
    /// What gives no delivery is acknowledged, for it would be no clearer the next time.
    ///
    /// # Errors
    /// [`NotStored`].
    pub(super) async fn take(self: &Arc<Self>, kind: &str, payload: &Value) -> Result<Value, NotStored> {
        if payload["type"] == "app_rate_limited" {
            self.signs.slow(self.clock.now());
        }
        if kind == "interactive" && payload["type"] == "view_submission" {
            return match form::submission(payload, &self.own) {
                Submission::Good(delivery) => self.store(*delivery).await.map(|_| Value::Null),
                Submission::Wrong(reply) => Ok(reply),
                Submission::NotOurs => Ok(Value::Null),
            };
        }
        for delivery in events::deliveries(kind, payload, &self.own) {
            // Before the bot can answer.
            if let (true, Some(address)) = (kind == "slash_commands", payload["response_url"].as_str()) {
                self.outlets.keep(Outlet {
                    channel: delivery.place.channel.clone(),
                    user: delivery.account.user.clone(),
                    address: address.to_owned(),
                    at: self.clock.now(),
                });
            }
            match form::wanted(payload, delivery) {
                // Nothing has happened yet that could be lost, and Slack does not repeat a press: what follows must
                // not hold the acknowledgement up.
                Ok(asked) => drop(tokio::spawn(self.clone().ask(asked))),
                Err(delivery) => {
                    self.store(*delivery).await?;
                }
            }
        }
        Ok(Value::Null)
    }

    pub(super) async fn store(&self, delivery: Delivery) -> Result<Accepted, NotStored> {
        let key = delivery.key.clone();
        match tokio::time::timeout(self.timing.intake, self.intake.accept(delivery)).await {
            Ok(Ok(accepted)) => Ok(accepted),
            Ok(Err(error)) => {
                tracing::error!(delivery.key = key, error = %error, "a delivery was not stored and not acknowledged");
                Err(NotStored)
            }
            Err(_) => {
                tracing::error!(delivery.key = key, "a delivery was not stored in time and not acknowledged");
                Err(NotStored)
            }
        }
    }

    /// Opens a form; if that fails, the bot says how to do without.
    async fn ask(self: Arc<Self>, asked: form::Asked) {
        let opening = self.api.post(Method::OpenView, &asked.body);
        let why = match tokio::time::timeout(form::OPEN_MAX, opening).await {
            Ok(Ok(_)) => return,
            // A copy of the same press has opened it.
            Ok(Err(ChatError::Refused { code, .. })) if code == "exchanged_trigger_id" => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer in {:?}", form::OPEN_MAX),
        };
        tracing::warn!(why, "a form did not open");
        let press = asked.press;
        let Incoming::Pressed { message, act, .. } = press.incoming else { return };
        let key = format!("{}:unasked", press.key);
        // It is logged if this is not stored either; the button still stands.
        let _ = self.store(Delivery { key, incoming: Incoming::Unasked { message, act }, ..press }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_slowed_until_slack_has_not_said_so_for_an_hour() {
        let (signs, minute) = (Signs::default(), 60_000);
        assert!(!signs.are_slowed(from_millis(minute)));
        for at in [1, 2] {
            signs.slow(from_millis(at * minute));
        }
        assert!(signs.are_slowed(from_millis(61 * minute)));
        assert!(!signs.are_slowed(from_millis(62 * minute)));
    }
}

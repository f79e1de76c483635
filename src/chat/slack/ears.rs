//! From what Slack delivers to rows of the inbox, and what Slack is answered: the same however it was delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::sync::Notify;

use super::super::signs::Signs as Life;
use super::api::Api;
use super::events::{self, Own};
use super::form::{self, Submission};
use super::method::Method;
use super::outlet::{Outlet, Outlets};
use super::{ChatError, Intake, SlackTiming};
use crate::clock::SharedClock;
use crate::message::{Delivery, Incoming};

/// Signs of life, and what Slack said about them.
#[derive(Default)]
pub(super) struct Signs {
    pub(super) life: Life,
    /// A socket has said hello since the last loss.
    pub(super) connected: AtomicBool,
    pub(super) events_limited: AtomicBool,
    /// Rung at each hello.
    pub(super) hello: Notify,
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
}

/// What Slack delivered was not stored: it must not be acknowledged, so that it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotStored;

impl Ears {
    pub(super) fn hear(&self) {
        self.signs.life.hear(self.clock.now());
    }

    pub(super) fn connected(&self) {
        self.signs.connected.store(true, Ordering::Relaxed);
        self.signs.hello.notify_one();
    }

    /// Stores what was delivered; what to acknowledge it with once all of it is durable (`Null`: with nothing more).
    /// What gives no delivery is acknowledged, for it would be no clearer the next time.
    ///
    /// # Errors
    /// [`NotStored`].
    pub(super) async fn take(self: &Arc<Self>, kind: &str, payload: &Value) -> Result<Value, NotStored> {
        if payload["type"] == "app_rate_limited" {
            self.signs.events_limited.store(true, Ordering::Relaxed);
        }
        if kind == "interactive" && payload["type"] == "view_submission" {
            return match form::submission(payload, &self.own) {
                Submission::Good(delivery) => self.store(*delivery).await.map(|()| Value::Null),
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
                Err(delivery) => self.store(*delivery).await?,
            }
        }
        Ok(Value::Null)
    }

    pub(super) async fn store(&self, delivery: Delivery) -> Result<(), NotStored> {
        let key = delivery.key.clone();
        match tokio::time::timeout(self.timing.intake, self.intake.accept(delivery)).await {
            Ok(Ok(_)) => Ok(()),
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

//! From what Slack delivers to rows of the inbox, and what Slack is answered: the same however it was delivered.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;

use super::api::Api;
use super::events::{self, Own};
use super::form::{self, Submission};
use super::method::Method;
use super::outlet::{Outlet, Outlets};
use super::{ChatError, Intake, ListenError, SlackTiming};
use crate::clock::{SharedClock, between, from_millis, to_millis};
use crate::message::{Delivery, Incoming};

/// Signs of life.
#[derive(Default)]
pub(super) struct Signs {
    /// Milliseconds; 0 is never.
    pub(super) heard: AtomicI64,
    /// A socket has said hello since the last loss.
    pub(super) connected: AtomicBool,
    pub(super) events_limited: AtomicBool,
    /// When somebody began to listen, in milliseconds; 0 is never.
    pub(super) began: AtomicI64,
    /// Listening ended for good.
    pub(super) ended: Mutex<Option<ListenError>>,
    /// Rung at each hello.
    pub(super) hello: Notify,
}

impl Signs {
    pub(super) fn heard_at(&self) -> Option<Timestamp> {
        at(&self.heard)
    }

    /// Since when nothing has come although it should, if that is longer than `patience`.
    pub(super) fn deaf_since(&self, now: Timestamp, patience: Duration) -> Option<Timestamp> {
        let since = self.heard_at().max(at(&self.began))?;
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        (ended || patience < between(since, now)).then_some(since)
    }
}

fn at(millis: &AtomicI64) -> Option<Timestamp> {
    let millis = millis.load(Ordering::Relaxed);
    (millis != 0).then(|| from_millis(millis))
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
        self.signs.heard.store(to_millis(self.clock.now()), Ordering::Relaxed);
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

//! What Slack posts to us (<https://docs.slack.dev/apis/events-api/using-http-request-urls>): the same payloads as over a
//! socket, each signed. Nothing is read before its signature fits, nothing acknowledged before it is durable.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::ears::{Ears, NotStored};
use super::method::Method;
use super::signature::{SignatureError, verify};
use super::{Backoff, Intake, ListenError, Slack, healed_by_waiting, missed};
use crate::chat::ChatError;

/// Slack waits 3 s in all.
const OWN_MAX: Duration = Duration::from_secs(1);

/// Which address it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JSON.
    Event,
    /// A form whose `payload` is JSON.
    Interaction,
    /// A form.
    Command,
}

/// One request as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    pub kind: Kind,
    /// `X-Slack-Request-Timestamp`
    pub timestamp: Option<&'a str>,
    /// `X-Slack-Signature`
    pub signature: Option<&'a str>,
    /// The raw bytes that were signed.
    pub body: &'a [u8],
}

/// What to answer with 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    Json(Value),
}

/// Why a request is not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The configuration says that Slack is heard over a socket.
    #[error("slack is not heard over http here: set `slack: {{mode: http}}`")]
    NotOpen,
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but not what Slack sends: the same again would be no clearer.
    #[error("the body is not what slack sends to this address")]
    Malformed,
    /// Slack is to send it again.
    #[error("it cannot be stored now; come again")]
    NotStored,
    /// We do not know yet who we are in the workspace.
    #[error("slack does not say who we are; come again")]
    NotReady,
}

impl Slack {
    /// Takes one request.
    ///
    /// # Errors
    /// [`Refused`]; nothing was stored.
    pub async fn arrive(&self, arrival: Arrival<'_>, intake: Intake) -> Result<Answer, Refused> {
        let secret = self.signing_secret.as_ref().ok_or(Refused::NotOpen)?;
        verify(secret, arrival.timestamp, arrival.signature, arrival.body, self.clock.now())?;
        let (kind, payload) = read(arrival.kind, arrival.body).ok_or(Refused::Malformed)?;
        // Asked once when the address is entered in the app's settings.
        if payload["type"] == "url_verification" {
            let challenge = payload["challenge"].as_str().ok_or(Refused::Malformed)?;
            return Ok(Answer::Json(serde_json::json!({ "challenge": challenge })));
        }
        let own = match tokio::time::timeout(OWN_MAX, self.own()).await {
            Ok(Ok(own)) => own.clone(),
            Ok(Err(_)) | Err(_) => return Err(Refused::NotReady),
        };
        let ears = self.ears(own, intake);
        ears.hear();
        match ears.take(kind, &payload).await {
            Ok(Value::Null) => Ok(Answer::Nothing),
            Ok(reply) => Ok(Answer::Json(reply)),
            Err(NotStored) => Err(Refused::NotStored),
        }
    }

    /// Where Slack posts to us, silence may mean that nobody speaks: we ask whether it is still there, and whether our
    /// token still counts.
    pub(super) async fn keep_asking(
        &self,
        ears: &Arc<Ears>,
        stop: CancellationToken,
    ) -> Result<(), ListenError> {
        let mut backoff = Backoff::new(self.timing.pause_first, self.timing.pause_longest);
        let nothing = Value::Object(Map::new());
        let mut looking = JoinSet::new();
        // Before Slack answers, and after it did not, something may have been said to nobody: it repeats for six minutes
        // only.
        let mut gap = Some(None);
        loop {
            let asked: Result<Value, ChatError> = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                asked = self.api.post(Method::Test, &nothing) => asked,
            };
            let pause = match asked {
                Ok(_) => {
                    if let Some(heard_at) = gap.take() {
                        while looking.try_join_next().is_some() {}
                        looking.spawn(missed::fetch(ears.clone(), heard_at));
                    }
                    ears.hear();
                    backoff.reset();
                    self.timing.ask
                }
                Err(error) => {
                    if !matches!(error, ChatError::RateLimited { .. }) {
                        gap = gap.or(Some(self.signs.life.heard_at()));
                    }
                    healed_by_waiting(error, &mut backoff)?
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// The payload, and the word that a socket's envelope would have for it.
fn read(kind: Kind, body: &[u8]) -> Option<(&'static str, Value)> {
    match kind {
        Kind::Event => Some(("events_api", serde_json::from_slice(body).ok()?)),
        Kind::Interaction => {
            let (_, payload) = form_urlencoded::parse(body).find(|(name, _)| name == "payload")?;
            Some(("interactive", serde_json::from_str(&payload).ok()?))
        }
        Kind::Command => {
            let fields = form_urlencoded::parse(body);
            let fields: Map<String, Value> =
                fields.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect();
            Some(("slash_commands", Value::Object(fields)))
        }
    }
}

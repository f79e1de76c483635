//! What Discord posts to us
//! (<https://docs.discord.com/developers/interactions/overview#preparing-for-interactions>): commands and presses, each
//! signed. Nothing is read before its signature fits, nothing answered before it is durable.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use serenity::http::Route;
use tokio_util::sync::CancellationToken;

use super::signature::{SignatureError, verify};
use super::{Backoff, ChatError, Discord, DiscordHearing, Intake, ListenError};
use crate::id::Platform;

/// Discord waits 3 s in all.
const GUILD_MAX: Duration = Duration::from_secs(1);
/// Until Discord has taken our answer to its post, nothing more can be said with its token.
const TAKEN: Duration = Duration::from_millis(400);

/// One request as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// `X-Signature-Timestamp`
    pub timestamp: Option<&'a str>,
    /// `X-Signature-Ed25519`
    pub signature: Option<&'a str>,
    /// The raw bytes that were signed.
    pub body: &'a [u8],
}

/// Why a request is not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The configuration says that Discord is heard over the gateway.
    #[error("discord is not heard over http here: set `discord: {{mode: http, public_key: …}}`")]
    NotOpen,
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but not what Discord sends: the same again would be no clearer.
    #[error("the body is not what discord sends to this address")]
    Malformed,
    /// Discord shows the person that it failed; it does not send it again.
    #[error("it cannot be stored now")]
    NotStored,
    /// We do not know yet which server is ours.
    #[error("discord does not say which server is ours; come again")]
    NotReady,
}

impl Discord {
    /// Takes one request; what to answer with 200.
    ///
    /// # Errors
    /// [`Refused`]; nothing was stored.
    pub async fn arrive(&self, arrival: Arrival<'_>, intake: &Intake) -> Result<Value, Refused> {
        let DiscordHearing::Http { public_key } = &self.hearing else { return Err(Refused::NotOpen) };
        verify(public_key, arrival.timestamp, arrival.signature, arrival.body, self.clock.now())?;
        let data: Value = serde_json::from_slice(arrival.body).map_err(|_| Refused::Malformed)?;
        // Asked when the address is entered, and now and then.
        if data["type"] == 1 {
            return Ok(json!({"type": 1}));
        }
        match tokio::time::timeout(GUILD_MAX, self.ears.guild()).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return Err(Refused::NotReady),
        }
        self.ears.hear();
        self.ears.know_application(data["application_id"].as_str().unwrap_or_default());
        match self.ears.arrived(intake, &data).await {
            Ok(Some(reply)) => {
                if let Some(told) = self.ears.remember(&data) {
                    tokio::spawn(async move {
                        tokio::time::sleep(TAKEN).await;
                        told.send_replace(true);
                    });
                }
                Ok(reply)
            }
            Ok(None) => Err(Refused::Malformed),
            Err(why) => {
                tracing::error!(why, "an interaction was not stored and not acknowledged");
                Err(Refused::NotStored)
            }
        }
    }

    /// Where Discord posts to us, silence may mean that nobody does anything: we ask whether it is still there, and
    /// whether our token still counts.
    pub(super) async fn keep_asking(
        &self,
        intake: &Intake,
        stop: &CancellationToken,
    ) -> Result<(), ListenError> {
        let mut backoff = Backoff::new(self.timing.pause_first, self.timing.pause_longest);
        let ears = Arc::clone(&self.ears);
        // It answered the last time.
        let mut known = false;
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                asked = ears.rest.get(Route::UserMe) => asked,
            };
            let pause = match asked {
                Ok(me) => {
                    ears.know_user(me["id"].as_str().unwrap_or_default());
                    ears.hear();
                    backoff.reset();
                    if !std::mem::replace(&mut known, true) {
                        intake.returned(Platform::Discord);
                    }
                    self.timing.ask
                }
                Err(ChatError::Refused { code, fix }) if code == "401" => {
                    return Err(ListenError::Fatal { code, fix });
                }
                Err(ChatError::RateLimited { retry_after }) => retry_after.max(backoff.pause()),
                Err(error) => {
                    tracing::warn!(%error, "discord does not say who we are");
                    known = false;
                    backoff.pause()
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

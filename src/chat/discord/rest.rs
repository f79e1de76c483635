//! Discord's REST API: serenity's routes and requests over serenity's kind of client, without its rate limiter (`limit`
//! says why) and with its answers' headers, which it does not pass on.
//!
//! Answers are read leniently from the raw response: serenity's models turn an accepted message into an error when
//! Discord's answer has a field too few.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest_serenity::Client;
use reqwest_serenity::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use serenity::Error;
use serenity::builder::{CreateAttachment, CreateMessage};
use serenity::http::{HttpError, LightMethod, Multipart, MultipartUpload, Request, Route};

use super::super::skew::{Skew, dated};
use super::super::{ChatError, Trouble};
use super::limit::{Key, Limits, Told};
use crate::clock::SharedClock;

/// No call waits longer.
const CALL_MAX: Duration = Duration::from_secs(10);
/// The same for one that brings a file.
const UPLOAD_MAX: Duration = Duration::from_secs(30);

pub(super) struct Rest {
    client: Client,
    /// With the word that stands before it in a header.
    token: SecretString,
    /// `https://discord.com` unless given.
    base: Option<String>,
    limits: Limits,
    clock: SharedClock,
    skew: Skew,
    /// The token was refused: 10,000 refusals in ten minutes would ban the address, so nothing is asked any more.
    refused: AtomicBool,
}

/// How often to wait for one's turn, and how long at most each time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) tries: usize,
    pub(super) longest: Duration,
}

const SOON: Patience = Patience { tries: 3, longest: Duration::from_secs(2) };

/// An answer as it came.
struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

/// Discord's id in one of ours. What never was one does not exist there either.
pub(super) fn id<T: From<NonZeroU64>>(text: &str) -> Result<T, ChatError> {
    text.parse::<NonZeroU64>().map(T::from).map_err(|_| ChatError::Gone)
}

impl Rest {
    /// # Errors
    /// When there is no TLS to be had.
    pub(super) fn new(base: Option<&str>, token: &SecretString, clock: SharedClock) -> anyhow::Result<Self> {
        let given = token.expose_secret().trim();
        let token = if given.starts_with("Bot ") { given.to_owned() } else { format!("Bot {given}") };
        Ok(Self {
            client: Client::builder().use_rustls_tls().build()?,
            token: token.into(),
            base: base.map(str::to_owned),
            limits: Limits::default(),
            clock,
            skew: Skew::default(),
            refused: AtomicBool::new(false),
        })
    }

    /// That we are mute, if we are.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        let ChatError::Refused { code, fix } = unauthorized() else { return None };
        self.refused.load(Ordering::Relaxed).then_some(Trouble::Mute { code, fix })
    }

    /// How Discord's clock stands to ours.
    pub(super) fn skew(&self) -> &Skew {
        &self.skew
    }

    /// Asks, and waits for its turn if that comes soon: who asks needs the answer to go on.
    pub(super) async fn get(&self, route: Route<'_>) -> Result<Value, ChatError> {
        self.ask_patiently(SOON, &Request::new(route, LightMethod::Get)).await
    }

    /// The same with parameters and a patience of one's own.
    pub(super) async fn patient(
        &self,
        patience: Patience,
        route: Route<'_>,
        params: &[(&'static str, String)],
    ) -> Result<Value, ChatError> {
        let params = (!params.is_empty()).then(|| params.to_vec());
        self.ask_patiently(patience, &Request::new(route, LightMethod::Get).params(params)).await
    }

    async fn ask_patiently(&self, patience: Patience, request: &Request<'_>) -> Result<Value, ChatError> {
        let mut left = patience.tries;
        loop {
            match self.call(request.clone()).await {
                Err(ChatError::RateLimited { retry_after })
                    if 0 < left && retry_after <= patience.longest =>
                {
                    left -= 1;
                    tokio::time::sleep(retry_after).await;
                }
                other => return other,
            }
        }
    }

    pub(super) async fn put(&self, route: Route<'_>) -> Result<Value, ChatError> {
        self.call(Request::new(route, LightMethod::Put)).await
    }

    /// Puts something in the place of all that was there.
    pub(super) async fn overwrite(
        &self,
        route: Route<'_>,
        body: &impl Serialize,
    ) -> Result<Value, ChatError> {
        self.call(Request::new(route, LightMethod::Put).body(Some(encode(body)?))).await
    }

    pub(super) async fn post(&self, route: Route<'_>, body: &impl Serialize) -> Result<Value, ChatError> {
        self.call(Request::new(route, LightMethod::Post).body(Some(encode(body)?))).await
    }

    pub(super) async fn patch(&self, route: Route<'_>, body: &impl Serialize) -> Result<Value, ChatError> {
        self.call(Request::new(route, LightMethod::Patch).body(Some(encode(body)?))).await
    }

    /// A message with a file.
    pub(super) async fn upload(
        &self,
        route: Route<'_>,
        message: CreateMessage,
        file: CreateAttachment,
    ) -> Result<Value, ChatError> {
        let message = String::from_utf8_lossy(&encode(&message.add_file(file.clone()))?).into_owned();
        let form = Multipart {
            upload: MultipartUpload::Attachments(vec![file]),
            fields: Vec::new(),
            payload_json: Some(message),
        };
        self.call_within(UPLOAD_MAX, Request::new(route, LightMethod::Post).multipart(Some(form))).await
    }

    async fn call(&self, request: Request<'_>) -> Result<Value, ChatError> {
        self.call_within(CALL_MAX, request).await
    }

    async fn call_within(&self, most: Duration, request: Request<'_>) -> Result<Value, ChatError> {
        if self.refused.load(Ordering::Relaxed) {
            return Err(unauthorized());
        }
        let key = Key::of(*request.method_ref(), request.route_ref());
        if let Some(retry_after) = self.limits.pause(key, Instant::now()) {
            return Err(ChatError::RateLimited { retry_after });
        }
        match tokio::time::timeout(most, self.ask(request)).await {
            Ok(Ok(answer)) => self.read(key, &answer),
            Ok(Err(error)) => Err(failure(error)),
            Err(_) => Err(ChatError::Unclear { why: format!("no answer in {most:?}") }),
        }
    }

    async fn ask(&self, request: Request<'_>) -> Result<Answer, Error> {
        let request = request.build(&self.client, self.token.expose_secret(), self.base.as_deref())?;
        let asked = self.clock.now();
        let response = request.send().await.map_err(HttpError::Request)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if let Some(said) = headers.get("date").and_then(|it| dated(it.to_str().ok()?)) {
            self.skew.learn(asked, said, self.clock.now());
        }
        let text = response.text().await.map_err(HttpError::Request)?;
        Ok(Answer { status, headers, text })
    }

    fn read(&self, key: Key, answer: &Answer) -> Result<Value, ChatError> {
        let said = serde_json::from_str::<Value>(&answer.text).ok();
        let header = |name: &str| answer.headers.get(name).and_then(|it| it.to_str().ok());
        let told = Told {
            status: answer.status,
            remaining: header("x-ratelimit-remaining"),
            reset_after: header("x-ratelimit-reset-after"),
            retry_after: header("retry-after"),
            scope: header("x-ratelimit-scope"),
            body: said.as_ref(),
        };
        if let Some(retry_after) = self.limits.learn(key, &told, Instant::now()) {
            return Err(ChatError::RateLimited { retry_after });
        }
        if !(200..300).contains(&answer.status) {
            let code = said.and_then(|it| it["code"].as_i64()).unwrap_or(-1);
            let refusal = refusal(answer.status, code);
            if refusal == unauthorized() && !self.refused.swap(true, Ordering::Relaxed) {
                tracing::error!("discord does not take our token any more; nothing is asked with it");
            }
            return Err(refusal);
        }
        match said {
            Some(said) => Ok(said),
            None if answer.text.trim().is_empty() => Ok(Value::Null),
            None => Err(ChatError::Unclear { why: "it was not Discord that answered".to_owned() }),
        }
    }
}

fn encode(body: &impl Serialize) -> Result<Vec<u8>, ChatError> {
    serde_json::to_vec(body).map_err(|error| ChatError::Broken { why: error.to_string() })
}

fn unauthorized() -> ChatError {
    ChatError::Refused {
        code: "401".to_owned(),
        fix: "put a valid bot token into the configuration".to_owned(),
    }
}

/// Addresses are left out of errors: interaction tokens stand in them.
fn failure(error: Error) -> ChatError {
    match error {
        Error::Http(HttpError::Request(error)) => {
            let never_sent = error.is_connect() || error.is_builder();
            let mut why = String::new();
            let bare = error.without_url();
            let mut next: Option<&dyn std::error::Error> = Some(&bare);
            while let Some(error) = next {
                why = format!("{why}: {error}");
                next = error.source();
            }
            let why = why.trim_start_matches(": ").to_owned();
            if never_sent { ChatError::Unreachable { why } } else { ChatError::Unclear { why } }
        }
        other => ChatError::Broken { why: other.to_string() },
    }
}

/// <https://docs.discord.com/developers/topics/opcodes-and-status-codes#json>
fn refusal(status: u16, code: i64) -> ChatError {
    let fix = match (status, code) {
        // An interaction's token that is void says nothing of ours.
        (401, 50_027) => return ChatError::Gone,
        (401, _) => return unauthorized(),
        (500.., _) => return ChatError::Unclear { why: format!("HTTP status {status}") },
        (404, 10_003 | 10_008 | 10_015 | 10_062) => return ChatError::Gone,
        (_, 50_001 | 50_013) => "give the bot the permissions that the guide lists in this channel",
        (_, 50_007) => "the person has to allow direct messages from members of this server",
        (_, 30_033 | 160_006) => "archive some threads of this channel",
        (_, 50_083) => "unarchive the thread",
        _ => "look the code up in Discord's list of JSON error codes",
    };
    let code = if code <= 0 { status.to_string() } else { code.to_string() };
    ChatError::Refused { code, fix: fix.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_gone() {
        assert_eq!(refusal(404, 10_008), ChatError::Gone);
        for undecodable in [-1, 0] {
            let refused = refusal(404, undecodable);
            assert!(matches!(refused, ChatError::Refused { code, .. } if code == "404"));
        }
    }
}

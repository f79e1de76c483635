//! Discord's REST API through serenity's client: its routes, its headers, its rate limiter.
//!
//! Answers are read leniently from the raw response: serenity's models turn an accepted message into an error when
//! Discord's answer has a field too few. With another `base` than Discord's own, serenity can only be used without its
//! rate limiter (that one ignores the address), and then a 429 comes through; how long to wait is in headers that
//! serenity does not pass on.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use serenity::Error;
use serenity::builder::{CreateAttachment, CreateMessage};
use serenity::http::{Http, HttpBuilder, HttpError, LightMethod, Multipart, MultipartUpload, Request, Route};

use super::super::ChatError;

/// With the waits of serenity's rate limiter.
const CALL_MAX: Duration = Duration::from_secs(30);
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Rest {
    http: Http,
    /// The token was refused: 10,000 refusals in ten minutes would ban the address, so nothing is asked any more.
    refused: AtomicBool,
}

/// serenity's client; `base` is `https://discord.com` unless given.
pub(super) fn client(base: Option<&str>, token: &SecretString) -> Http {
    let builder = HttpBuilder::new(token.expose_secret());
    match base {
        Some(base) => builder.proxy(base).ratelimiter_disabled(true).build(),
        None => builder.build(),
    }
}

/// Discord's id in one of ours. What never was one does not exist there either.
pub(super) fn id<T: From<NonZeroU64>>(text: &str) -> Result<T, ChatError> {
    text.parse::<NonZeroU64>().map(T::from).map_err(|_| ChatError::Gone)
}

impl Rest {
    pub(super) fn new(base: Option<&str>, token: &SecretString) -> Self {
        Self { http: client(base, token), refused: AtomicBool::new(false) }
    }

    pub(super) async fn get(&self, route: Route<'_>) -> Result<Value, ChatError> {
        self.call(Request::new(route, LightMethod::Get)).await
    }

    /// Asks, and asks again after the pauses that Discord wants, at most so many.
    pub(super) async fn patient<'a>(
        &self,
        tries: usize,
        route: impl Fn() -> Result<Route<'a>, ChatError>,
        params: &[(&'static str, String)],
    ) -> Result<Value, ChatError> {
        let mut left = tries;
        loop {
            let params = (!params.is_empty()).then(|| params.to_vec());
            match self.call(Request::new(route()?, LightMethod::Get).params(params)).await {
                Err(ChatError::RateLimited { retry_after }) if 0 < left => {
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
        self.call(Request::new(route, LightMethod::Post).multipart(Some(form))).await
    }

    async fn call(&self, request: Request<'_>) -> Result<Value, ChatError> {
        if self.refused.load(Ordering::Relaxed) {
            return Err(unauthorized());
        }
        let asked = async {
            let answer = self.http.request(request).await?;
            answer.text().await.map_err(Error::from)
        };
        let text = match tokio::time::timeout(CALL_MAX, asked).await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                let error = failure(error);
                if error == unauthorized() {
                    self.refused.store(true, Ordering::Relaxed);
                }
                return Err(error);
            }
            Err(_) => return Err(ChatError::Unclear { why: format!("no answer in {CALL_MAX:?}") }),
        };
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text)
            .map_err(|_| ChatError::Unclear { why: "it was not Discord that answered".to_owned() })
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
        Error::Http(HttpError::UnsuccessfulRequest(answer)) => {
            refusal(answer.status_code.as_u16(), answer.error.code)
        }
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
fn refusal(status: u16, code: isize) -> ChatError {
    let fix = match (status, code) {
        (401, _) => return unauthorized(),
        (429, _) => return ChatError::RateLimited { retry_after: RETRY_AFTER },
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

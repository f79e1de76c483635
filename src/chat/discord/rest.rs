//! Discord's REST API. A client of our own: serenity's loses `Retry-After` when its rate limiter is off, waits inside
//! a call when it is on, and turns an accepted message into an error when its answer has a field too few.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::super::ChatError;

const CALL_MAX: Duration = Duration::from_secs(10);
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(5);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
const BASE: &str = "https://discord.com";
const AGENT: &str = concat!("DiscordBot (lockkeeper, ", env!("CARGO_PKG_VERSION"), ")");

pub(super) struct Rest {
    client: reqwest::Client,
    base: String,
    token: SecretString,
    /// The token was refused: 10,000 refusals in ten minutes would ban the address, so nothing is asked any more.
    refused: AtomicBool,
}

impl Rest {
    /// `base` is `https://discord.com` unless given.
    pub(super) fn new(base: Option<&str>, token: SecretString) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: reqwest::Client::builder().user_agent(AGENT).timeout(CALL_MAX).build()?,
            base: base.unwrap_or(BASE).trim_end_matches('/').to_owned(),
            token,
            refused: AtomicBool::new(false),
        })
    }

    pub(super) fn token(&self) -> &str {
        self.token.expose_secret().trim_start_matches("Bot ")
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, ChatError> {
        self.send(path, self.request(Method::GET, path)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, ChatError> {
        self.send(path, self.request(Method::POST, path).json(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Value, ChatError> {
        self.send(path, self.request(Method::PATCH, path).json(body)).await
    }

    pub(super) async fn put(&self, path: &str) -> Result<Value, ChatError> {
        self.send(path, self.request(Method::PUT, path).header("content-length", 0)).await
    }

    /// A body that is already encoded.
    pub(super) async fn post_raw(
        &self,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Result<Value, ChatError> {
        let request = self.request(Method::POST, path).header("content-type", media_type).body(body);
        self.send(path, request.timeout(CALL_MAX * 3)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}/api/v10/{path}", self.base))
            .header("authorization", format!("Bot {}", self.token()))
    }

    async fn send(&self, path: &str, request: RequestBuilder) -> Result<Value, ChatError> {
        if self.refused.load(Ordering::Relaxed) {
            return Err(unauthorized());
        }
        // Interaction tokens stand in paths: only the first word is repeated in errors.
        let call = path.split('/').next().unwrap_or_default();
        let answer = request.send().await.map_err(|error| failure(call, error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.map_err(|error| failure(call, error))?;
        let body: Option<Value> = serde_json::from_str(&text).ok();
        if status == StatusCode::UNAUTHORIZED {
            self.refused.store(true, Ordering::Relaxed);
            return Err(unauthorized());
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            let said = body.as_ref().and_then(|it| it["retry_after"].as_f64());
            let header =
                headers.get("retry-after").and_then(|it| it.to_str().ok()).and_then(|it| it.parse().ok());
            return Err(ChatError::RateLimited { retry_after: retry_after(said.or(header)) });
        }
        if status.is_success() {
            return match body {
                Some(body) => Ok(body),
                None if text.trim().is_empty() => Ok(Value::Null),
                None => Err(ChatError::Unclear { why: format!("`{call}` was not answered by Discord") }),
            };
        }
        if status.is_server_error() {
            return Err(ChatError::Unclear { why: format!("`{call}`: HTTP status {status}") });
        }
        Err(refusal(status, body.as_ref()))
    }
}

fn retry_after(seconds: Option<f64>) -> Duration {
    let asked = seconds.and_then(|it| Duration::try_from_secs_f64(it).ok()).unwrap_or(RETRY_AFTER_DEFAULT);
    asked.clamp(Duration::from_millis(100), RETRY_AFTER_MAX)
}

fn unauthorized() -> ChatError {
    ChatError::Refused {
        code: "401".to_owned(),
        fix: "put a valid bot token into the configuration".to_owned(),
    }
}

fn failure(call: &str, error: reqwest::Error) -> ChatError {
    let never_sent = error.is_connect() || error.is_builder();
    let mut why = format!("`{call}`");
    let bare = error.without_url();
    let mut next: Option<&dyn std::error::Error> = Some(&bare);
    while let Some(error) = next {
        why = format!("{why}: {error}");
        next = error.source();
    }
    if never_sent { ChatError::Unreachable { why } } else { ChatError::Unclear { why } }
}

/// <https://docs.discord.com/developers/topics/opcodes-and-status-codes#json>
fn refusal(status: StatusCode, body: Option<&Value>) -> ChatError {
    let code = body.and_then(|it| it["code"].as_i64()).unwrap_or(0);
    let fix = match (status.as_u16(), code) {
        (404, 10_003 | 10_008 | 10_015 | 10_062) => return ChatError::Gone,
        (_, 50_001 | 50_013) => "give the bot the permissions that the guide lists in this channel",
        (_, 50_007) => "the person has to allow direct messages from members of this server",
        (_, 30_033 | 160_006) => "archive some threads of this channel",
        (_, 50_083) => "unarchive the thread",
        _ => "look the code up in Discord's list of JSON error codes",
    };
    let code = if code == 0 { status.as_u16().to_string() } else { code.to_string() };
    ChatError::Refused { code, fix: fix.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn waiting_times_are_believed_within_reason() {
        assert_eq!(retry_after(Some(1.5)), Duration::from_millis(1_500));
        assert_eq!(retry_after(Some(0.0)), Duration::from_millis(100));
        assert_eq!(retry_after(Some(f64::MAX)), RETRY_AFTER_DEFAULT);
        assert_eq!(retry_after(Some(-1.0)), RETRY_AFTER_DEFAULT);
        assert_eq!(retry_after(Some(1e9)), RETRY_AFTER_MAX);
        assert_eq!(retry_after(None), RETRY_AFTER_DEFAULT);
    }

    #[test]
    fn only_what_is_missing_is_gone() {
        let gone = json!({"code": 10_008, "message": "Unknown Message"});
        assert_eq!(refusal(StatusCode::NOT_FOUND, Some(&gone)), ChatError::Gone);
        assert!(
            matches!(refusal(StatusCode::NOT_FOUND, None), ChatError::Refused { code, .. } if code == "404")
        );
    }
}

//! Slack's Web API, through slack-morphism's client with answers read leniently: a field that Slack adds or drops must
//! not turn an accepted message into an error.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use slack_morphism::errors::SlackClientError;
use slack_morphism::prelude::{SlackClientHyperConnector, SlackClientHyperHttpsConnector};
use slack_morphism::{
    ClientResult, SlackApiToken, SlackApiTokenValue, SlackClient, SlackClientApiCallContext,
    SlackClientHttpConnector,
};

use super::super::skew::dated;
use super::super::{ChatError, Trouble};
use super::method::Method;

const BASE: &str = "https://slack.com/api";
/// No call waits longer; slack-morphism itself sets no limit.
pub(super) const CALL_MAX: Duration = Duration::from_secs(10);
/// The pause when Slack says "too fast" but not for how long.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(30);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// Which of the app's two tokens a call needs.
#[derive(Debug, Clone, Copy)]
pub(super) enum As {
    /// `xoxb-`: everything but opening a socket.
    Bot,
    /// `xapp-` with `connections:write`.
    App,
}

pub(super) struct Api {
    client: Client,
    bot: Token,
    app: Token,
    /// Of the configured address.
    host: Option<String>,
    /// Without a slash at its end.
    base: String,
}

/// A token, and whether it counts.
struct Token {
    token: SlackApiToken,
    /// Slack's word for why it does not. Nothing is asked with it any more: only another one can help, and that comes
    /// with a start.
    void: OnceLock<String>,
}

impl Token {
    fn new(secret: &SecretString) -> Self {
        let token = SlackApiToken::new(SlackApiTokenValue(secret.expose_secret().to_owned()));
        Self { token, void: OnceLock::new() }
    }

    /// # Errors
    /// That Slack has refused it.
    fn usable(&self, method: Method) -> Result<&SlackApiToken, ChatError> {
        match self.void.get() {
            Some(code) => Err(refused(method.name(), code)),
            None => Ok(&self.token),
        }
    }

    fn learn(&self, answer: &Result<Value, ChatError>) {
        if let Err(ChatError::Refused { code, fix }) = answer
            && is_void(code)
            && self.void.set(code.clone()).is_ok()
        {
            tracing::error!(code, fix, "slack does not take our token any more; nothing is asked with it");
        }
    }
}

/// slack-morphism's own connector speaks https only; a base URL of plain http (tests, emulators) needs another type.
enum Client {
    Https(SlackClient<SlackClientHyperHttpsConnector>),
    Plain(SlackClient<SlackClientHyperConnector<HttpConnector>>),
}

impl Api {
    /// `base` is `https://slack.com/api` unless given.
    ///
    /// # Errors
    /// When the machine's root certificates cannot be read.
    pub(super) fn new(base: Option<&str>, bot: &SecretString, app: &SecretString) -> std::io::Result<Self> {
        let client = match base.map(|it| it.trim_end_matches('/')) {
            Some(base) if base.starts_with("http://") => Client::Plain(SlackClient::new(
                SlackClientHyperConnector::with_connector(HttpConnector::new()).with_slack_api_url(base),
            )),
            Some(base) => {
                Client::Https(SlackClient::new(SlackClientHyperConnector::new()?.with_slack_api_url(base)))
            }
            None => Client::Https(SlackClient::new(SlackClientHyperConnector::new()?)),
        };
        let host = base.and_then(|it| reqwest::Url::parse(it).ok()?.host_str().map(str::to_owned));
        let base = base.map_or(BASE, |it| it.trim_end_matches('/')).to_owned();
        Ok(Self { client, bot: Token::new(bot), app: Token::new(app), host, base })
    }

    /// Calls a method with a JSON body.
    pub(super) async fn post(&self, method: Method, body: &Value) -> Result<Value, ChatError> {
        let caller = match method.caller() {
            As::Bot => &self.bot,
            As::App => &self.app,
        };
        let token = caller.usable(method)?;
        let name = method.name();
        let call = async {
            match &self.client {
                Client::Https(client) => post(client, token, name, body).await,
                Client::Plain(client) => post(client, token, name, body).await,
            }
        };
        let answer = answer(name, tokio::time::timeout(CALL_MAX, call).await);
        caller.learn(&answer);
        answer
    }

    /// Calls one of the methods that take no JSON (`users.info`, `files.getUploadURLExternal`).
    pub(super) async fn get(&self, method: Method, params: &[(&str, String)]) -> Result<Value, ChatError> {
        let token = self.bot.usable(method)?;
        let name = method.name();
        let params: Vec<(&str, Option<&String>)> =
            params.iter().map(|(key, value)| (*key, Some(value))).collect();
        let call = async {
            match &self.client {
                Client::Https(client) => {
                    client.open_session(token).http_session_api.http_get(name, &params, None).await
                }
                Client::Plain(client) => {
                    client.open_session(token).http_session_api.http_get(name, &params, None).await
                }
            }
        };
        let answer = answer(name, tokio::time::timeout(CALL_MAX, call).await);
        self.bot.learn(&answer);
        answer
    }

    /// That we are mute, if we are.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        let code = self.bot.void.get()?;
        let ChatError::Refused { code, fix } = refused("", code) else { return None };
        Some(Trouble::Mute { code, fix })
    }

    /// The scopes of the bot's token; `None` where Slack does not say. They stand in a header of each answer,
    /// which Slack's own client calls `scopes`
    /// (<https://docs.slack.dev/tools/node-slack-sdk/reference/web-api/interfaces/WebAPICallResult>).
    pub(super) async fn scopes(&self) -> Result<Option<BTreeSet<String>>, ChatError> {
        let said = self.header("x-oauth-scopes", Some(&self.bot)).await?;
        Ok(said.map(|it| it.split(',').map(|scope| scope.trim().to_owned()).collect()))
    }

    /// What Slack's clock says, in whole seconds; no token is needed to ask.
    pub(super) async fn date(&self) -> Result<Option<Timestamp>, ChatError> {
        Ok(self.header("date", None).await?.and_then(|it| dated(&it)))
    }

    /// A header of Slack's answer, which slack-morphism does not pass on.
    async fn header(&self, name: &str, caller: Option<&Token>) -> Result<Option<String>, ChatError> {
        let failed = |error: reqwest::Error| ChatError::Unreachable { why: error.without_url().to_string() };
        let client = reqwest::Client::builder().timeout(CALL_MAX);
        let client = client.redirect(reqwest::redirect::Policy::none()).build().map_err(failed)?;
        let mut asked = client.post(format!("{}/{}", self.base, Method::Test.name()));
        if let Some(caller) = caller {
            asked = asked.bearer_auth(&caller.token.token_value.0);
        }
        let answer = asked.send().await.map_err(failed)?;
        Ok(answer.headers().get(name).and_then(|it| it.to_str().ok()).map(str::to_owned))
    }

    /// Says something where a slash command was given, for its author alone, at the address that came with it.
    pub(super) async fn respond(&self, address: &str, body: &Value) -> Result<(), ChatError> {
        let target = reqwest::Url::parse(address).ok().filter(|it| self.is_slack(it));
        let Some(target) = target else {
            return Err(ChatError::Broken { why: "the address for answers is not Slack's".to_owned() });
        };
        let call = async {
            match &self.client {
                Client::Https(client) => respond(client, target, body).await,
                Client::Plain(client) => respond(client, target, body).await,
            }
        };
        match tokio::time::timeout(CALL_MAX, call).await {
            Ok(sent) => sent.map(drop).map_err(|error| failure("response_url", error)),
            Err(_) => Err(ChatError::Unclear { why: "`response_url` gave no answer".to_owned() }),
        }
    }

    /// Slack's own hosts, or that of the configured address.
    fn is_slack(&self, address: &reqwest::Url) -> bool {
        let host = address.host_str().unwrap_or_default();
        let theirs = ["slack.com", "slack-gov.com"]
            .iter()
            .any(|it| host.strip_suffix(it).is_some_and(|before| before.is_empty() || before.ends_with('.')));
        (theirs && address.scheme() == "https") || self.host.as_deref() == Some(host)
    }

    /// Sends a file's bytes to the address that `files.getUploadURLExternal` gave.
    pub(super) async fn put_bytes(
        &self,
        address: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<(), ChatError> {
        let target = reqwest::Url::parse(address)
            .map_err(|error| ChatError::Broken { why: format!("upload address `{address}`: {error}") })?;
        let media_type = media_type.to_owned();
        let call = async {
            match &self.client {
                Client::Https(client) => {
                    let session = client.open_session(&self.bot.token);
                    session.http_session_api.http_post_uri_binary(target, media_type, bytes, None).await
                }
                Client::Plain(client) => {
                    let session = client.open_session(&self.bot.token);
                    session.http_session_api.http_post_uri_binary(target, media_type, bytes, None).await
                }
            }
        };
        let sent: ClientResult<Value> = match tokio::time::timeout(CALL_MAX * 3, call).await {
            Ok(sent) => sent,
            Err(_) => return Err(ChatError::Unreachable { why: "the upload took too long".to_owned() }),
        };
        sent.map(drop).map_err(|error| failure("upload", error))
    }
}

async fn post<C>(
    client: &SlackClient<C>,
    token: &SlackApiToken,
    method: &str,
    body: &Value,
) -> ClientResult<Value>
where
    C: SlackClientHttpConnector + Send + Sync,
{
    client.open_session(token).http_session_api.http_post(method, body, None).await
}

/// Without a token: the address itself is the right to answer.
async fn respond<C>(client: &SlackClient<C>, target: reqwest::Url, body: &Value) -> ClientResult<Value>
where
    C: SlackClientHttpConnector + Send + Sync,
{
    let span = tracing::Span::none();
    let context = SlackClientApiCallContext {
        rate_control_params: None,
        token: None,
        tracing_span: &span,
        is_sensitive_url: true,
    };
    client.http_api.connector.http_post_uri(target, body, context).await
}

fn answer(
    method: &str,
    outcome: Result<ClientResult<Value>, tokio::time::error::Elapsed>,
) -> Result<Value, ChatError> {
    match outcome {
        Err(_) => Err(ChatError::Unclear { why: format!("`{method}` gave no answer in {CALL_MAX:?}") }),
        Ok(Err(error)) => Err(failure(method, error)),
        // A proxy's page with status 200 comes as an empty object.
        Ok(Ok(body)) if body["ok"] == Value::Bool(true) => Ok(body),
        Ok(Ok(_)) => Err(ChatError::Unclear { why: format!("`{method}` was not answered by Slack") }),
    }
}

/// Sorts slack-morphism's errors by what the outbox may do next.
fn failure(method: &str, error: SlackClientError) -> ChatError {
    match error {
        SlackClientError::RateLimitError(limit) => ChatError::RateLimited {
            retry_after: limit
                .retry_after
                .unwrap_or(RETRY_AFTER_DEFAULT)
                .clamp(Duration::from_secs(1), RETRY_AFTER_MAX),
        },
        SlackClientError::ApiError(refusal) => refused(method, &refusal.code),
        SlackClientError::HttpError(error) if error.status_code.is_server_error() => {
            ChatError::Unclear { why: format!("`{method}`: HTTP status {}", error.status_code) }
        }
        SlackClientError::HttpError(error) => ChatError::Refused {
            code: format!("http {}", error.status_code.as_u16()),
            fix: "check the API address and what stands between it and this machine".to_owned(),
        },
        SlackClientError::HttpProtocolError(error) => {
            let never_sent = error
                .cause
                .as_ref()
                .and_then(|it| it.downcast_ref::<hyper_util::client::legacy::Error>())
                .is_some_and(hyper_util::client::legacy::Error::is_connect);
            let why = format!("`{method}`: {}", chain(error.cause.as_deref()));
            if never_sent { ChatError::Unreachable { why } } else { ChatError::Unclear { why } }
        }
        SlackClientError::ProtocolError(error) => {
            ChatError::Unclear { why: format!("`{method}`: the answer is not JSON: {}", error.json_error) }
        }
        SlackClientError::EndOfStream(_)
        | SlackClientError::SystemError(_)
        | SlackClientError::SocketModeProtocolError(_) => {
            ChatError::Unclear { why: format!("`{method}`: the connection broke") }
        }
    }
}

fn chain(error: Option<&(dyn std::error::Error + Send + Sync)>) -> String {
    let mut words = Vec::new();
    let mut next = error.map(|it| it as &dyn std::error::Error);
    while let Some(error) = next {
        words.push(error.to_string());
        next = error.source();
    }
    words.join(": ")
}

/// Slack's error codes: <https://docs.slack.dev/reference/methods/chat.postMessage#errors> and its neighbours.
fn refused(method: &str, code: &str) -> ChatError {
    let fix = match code {
        "message_not_found" | "thread_not_found" => return ChatError::Gone,
        "ratelimited" | "rate_limited" => return ChatError::RateLimited { retry_after: RETRY_AFTER_DEFAULT },
        // Slack's words: "It's possible some aspect of the operation succeeded before the error was raised."
        "internal_error" | "fatal_error" | "request_timeout" => {
            return ChatError::Unclear { why: format!("`{method}`: {code}") };
        }
        "service_unavailable" | "team_added_to_org" => {
            return ChatError::Unreachable { why: format!("`{method}`: {code}") };
        }
        "channel_not_found" | "not_in_channel" => "check the channel's id and invite the bot to it",
        "is_archived" => "unarchive the channel or name another one",
        "user_not_in_channel" => "the person has to join the channel first",
        "missing_scope" | "no_permission" | "not_allowed_token_type" => {
            "give the app the scopes that `lockkeeper slack manifest` prints and install it again"
        }
        "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" => {
            "put a valid token into the configuration"
        }
        "link_disabled" | "socket_mode_not_enabled" => "turn Socket Mode on in the app's settings",
        "msg_blocks_too_long" | "msg_too_long" | "invalid_blocks" | "invalid_blocks_format" => {
            "report this card as a fault of the renderer"
        }
        _ => "look the code up in Slack's reference of this method",
    };
    ChatError::Refused { code: code.to_owned(), fix: fix.to_owned() }
}

/// Codes for a channel that we are not in, or are not shown.
pub(super) fn is_outside(code: &str) -> bool {
    matches!(code, "not_in_channel" | "channel_not_found" | "user_not_in_channel")
}

/// Codes for a token that does not count, whatever is asked with it.
fn is_void(code: &str) -> bool {
    matches!(code, "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired")
}

/// Codes that no new connection heals.
pub(super) fn is_fatal(code: &str) -> bool {
    matches!(
        code,
        "invalid_auth"
            | "not_authed"
            | "account_inactive"
            | "token_revoked"
            | "token_expired"
            | "not_allowed_token_type"
            | "missing_scope"
            | "no_permission"
            | "org_login_required"
            | "ekm_access_denied"
            | "team_access_not_granted"
            | "link_disabled"
            | "socket_mode_not_enabled"
            | "forbidden_team"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_accepted_is_unclear_and_what_was_not_is_not() {
        assert!(matches!(refused("chat.postMessage", "fatal_error"), ChatError::Unclear { .. }));
        assert_eq!(refused("chat.update", "message_not_found"), ChatError::Gone);
        assert!(matches!(refused("chat.update", "surprise"), ChatError::Refused { .. }));
        assert!(matches!(answer("x", Ok(Ok(Value::Null))), Err(ChatError::Unclear { .. })));
    }
}

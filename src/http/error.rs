//! The one way an error leaves over HTTP: a status and `{"error": "…"}`. What happened inside goes to the log.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    chat::{discord, slack::Refused},
    sensor::webhook::{MalformedError, SignatureError, hook::ProofError},
    store::StoreError,
};

/// Seconds after which a sender may come again.
const RETRY_AFTER: &str = "5";

#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("there is nothing here")]
    NotFound,
    #[error("show the token of `http.token` as `Authorization: Bearer …`")]
    Unauthorized,
    #[error("no webhook of `{sender}` is taken: the configuration has no `webhooks.{sender}.secret`")]
    NotConfigured { sender: &'static str },
    #[error(
        "no webhook is taken here: the configuration has neither `webhooks.{0}.secret` nor `webhooks.st2.secret`"
    )]
    NoHookSecret(String),
    /// In StackStorm's words.
    #[error("Webhook {0} not registered with st2")]
    NoHook(String),
    #[error("the body has to be an object that names its `trigger`")]
    NoTrigger,
    #[error("what happens in here, nobody can say from outside: post a trigger of your own")]
    OwnTrigger,
    #[error(transparent)]
    Proof(#[from] ProofError),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Slack(#[from] Refused),
    #[error(transparent)]
    Discord(#[from] discord::Refused),
    #[error(transparent)]
    Malformed(#[from] MalformedError),
    #[error("the body is larger than {most} bytes")]
    TooLarge { most: usize },
    #[error("set the webhook's content type to application/json or application/x-www-form-urlencoded")]
    ContentType,
    #[error("a delivery of this id came before with another body; nothing was taken from this one")]
    Reused,
    #[error("the body did not arrive whole")]
    Cut,
    #[error("the request took too long")]
    Late,
    #[error("too much is coming in at once; come again")]
    Busy,
    #[error("it cannot be stored now; come again")]
    Store(#[from] StoreError),
    #[error("the store did not answer in time; come again")]
    StoreLate,
}

impl HttpError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound
            | Self::NotConfigured { .. }
            | Self::NoHookSecret(_)
            | Self::NoHook(_)
            | Self::Slack(Refused::NotOpen)
            | Self::Discord(discord::Refused::NotOpen) => StatusCode::NOT_FOUND,
            Self::Unauthorized
            | Self::Signature(_)
            | Self::Proof(_)
            | Self::Slack(Refused::Signature(_))
            | Self::Discord(discord::Refused::Signature(_)) => StatusCode::UNAUTHORIZED,
            Self::Malformed(_)
            | Self::NoTrigger
            | Self::OwnTrigger
            | Self::Cut
            | Self::Slack(Refused::Malformed)
            | Self::Discord(discord::Refused::Malformed) => StatusCode::BAD_REQUEST,
            Self::Reused => StatusCode::CONFLICT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Late
            | Self::Busy
            | Self::Store(_)
            | Self::StoreLate
            | Self::Slack(Refused::NotStored | Refused::NotReady)
            | Self::Discord(discord::Refused::NotStored | discord::Refused::NotReady) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Store(error) = &self {
            tracing::error!(%error, "a request could not be stored");
        } else {
            tracing::debug!(error = %self, status = status.as_u16(), "a request was refused");
        }
        let mut response = (status, Json(json!({ "error": self.to_string() }))).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER));
        }
        if matches!(self, Self::Unauthorized) {
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

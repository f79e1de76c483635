//! `POST /slack/events`, `/slack/interactions` and `/slack/commands`: verified, stored, acknowledged, in this order.
//!
//! | answer | when |
//! |---|---|
//! | 200 | it stands in the inbox, now or since its first delivery, or says nothing to us |
//! | 400 401 413 | it will never be taken like this |
//! | 404 | Slack is not heard over HTTP here |
//! | 503 | it is not stored: Slack sends an event again, and shows a person that a click failed |

use std::sync::atomic::Ordering;

use axum::{
    Json,
    extract::{Path, Request, State},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};

use super::{
    Held,
    error::HttpError,
    webhook::{text, whole},
};
use crate::chat::slack::{Answer, Arrival, Kind, Refused};

pub(super) async fn receive(
    State(surface): Held,
    Path(what): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, HttpError> {
    let kind = match what.as_str() {
        "events" => Kind::Event,
        "interactions" => Kind::Interaction,
        "commands" => Kind::Command,
        _ => return Err(HttpError::NotFound),
    };
    let slack = surface.parts.slack.as_ref().ok_or(HttpError::Slack(Refused::NotOpen))?;
    let (body, _room) = whole(&surface, request.into_body()).await?;
    let arrival = Arrival {
        kind,
        timestamp: text(&headers, "x-slack-request-timestamp"),
        signature: text(&headers, "x-slack-signature"),
        body: &body,
    };
    if let Some(number) = text(&headers, "x-slack-retry-num") {
        let why = text(&headers, "x-slack-retry-reason");
        tracing::info!(number, why, "slack sends something again");
    }
    match slack.arrive(arrival, surface.parts.bot.intake()).await {
        Ok(Answer::Nothing) => Ok(().into_response()),
        Ok(Answer::Json(body)) => Ok(Json(body).into_response()),
        Err(refused) => {
            if matches!(refused, Refused::Signature(_)) {
                surface.refused.slack.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(why = %refused, "a request that claims to be slack's was refused");
            }
            Err(HttpError::Slack(refused))
        }
    }
}

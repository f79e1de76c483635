//! `POST /discord/interactions`: verified, stored, answered, in this order.
//!
//! | answer | when |
//! |---|---|
//! | 200 | what it brings stands in the inbox; the body is what Discord shows |
//! | 400 401 413 | it will never be taken like this |
//! | 404 | Discord is not heard over HTTP here |
//! | 503 | it is not stored: Discord shows the person that it failed, and they do it again |

use std::sync::atomic::Ordering;

use axum::{
    Json,
    extract::{Request, State},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};

use super::{
    Held,
    error::HttpError,
    webhook::{text, whole},
};
use crate::chat::discord::{Arrival, Refused};

pub(super) async fn receive(
    State(surface): Held,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, HttpError> {
    let discord = surface.parts.discord.as_ref().ok_or(HttpError::Discord(Refused::NotOpen))?;
    let (body, _room) = whole(&surface, request.into_body()).await?;
    let arrival = Arrival {
        timestamp: text(&headers, "x-signature-timestamp"),
        signature: text(&headers, "x-signature-ed25519"),
        body: &body,
    };
    match discord.arrive(arrival, &surface.parts.bot.intake()).await {
        Ok(body) => Ok(Json(body).into_response()),
        Err(refused) => {
            if matches!(refused, Refused::Signature(_)) {
                surface.refused.discord.fetch_add(1, Ordering::Relaxed);
                // Discord itself sends wrong ones now and then, to see that they are refused.
                tracing::info!(why = %refused, "a request that claims to be discord's was refused");
            }
            Err(HttpError::Discord(refused))
        }
    }
}

//! `POST /webhooks/github`: verified, stored, acknowledged, in this order. The work begins later, from the inbox.
//!
//! | answer | when |
//! |---|---|
//! | 202 | it stands in the inbox, now or since its first delivery |
//! | 200 | a ping, or an event that nobody listens to |
//! | 400 401 413 415 | it will never be taken like this |
//! | 409 | its id stands already, with another body |
//! | 404 | no secret is configured, so nobody could be trusted |
//! | 503 | it is not stored: GitHub shows the delivery as failed, and it can be redelivered |

use std::sync::atomic::Ordering;

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::{Held, STORE_PATIENCE, Surface, error::HttpError};
use crate::{
    sensor::webhook::{
        self, Delivery, DeliveryId, Event,
        delivery::{EVENT_HEADER, ID_HEADER, payload},
        signature,
    },
    store::{
        StoreError,
        inbox::{Arrival, Received},
    },
};

/// A push of 2,048 commits with long messages takes about 3 MB; GitHub itself stops at 25.
const BODY_MAX: usize = 5 * 1024 * 1024;
/// The largest body that GitHub sends.
const FORGOTTEN_MAX: usize = 25 * 1024 * 1024;
/// Bodies that may be in memory at once, in bytes.
pub(super) const BODIES_MAX: usize = 8 * BODY_MAX;
/// How long a body may take to arrive.
const BODY_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

type Answer = Result<(StatusCode, Json<Value>), HttpError>;

pub(super) async fn receive(State(surface): Held, headers: HeaderMap, request: Request) -> Answer {
    let secret = surface.parts.webhooks.get("github").ok_or(HttpError::NotConfigured { sender: "github" })?;
    let (body, room) = whole(&surface, request.into_body()).await?;
    webhook::verify(secret, &body, text(&headers, signature::HEADER)).inspect_err(|_| {
        surface.refused.github.fetch_add(1, Ordering::Relaxed);
    })?;
    let content_type = text(&headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let id = DeliveryId::parse(text(&headers, ID_HEADER).unwrap_or_default())?;
    let name = text(&headers, EVENT_HEADER).unwrap_or_default();
    let event = Event::read(name, &payload(content_type, &body)?.ok_or(HttpError::ContentType)?)?;
    drop((body, room));
    match event {
        Event::Ping => Ok((StatusCode::OK, Json(json!({ "ok": "pong" })))),
        Event::Other => {
            tracing::debug!(delivery = id.key(), event = name, "nobody listens to this event");
            Ok((StatusCode::OK, Json(json!({ "ok": "nobody listens to this event" }))))
        }
        Event::Push(push) => store(&surface, Delivery::new(id, *push)).await,
    }
}

/// Acknowledged only after the row is committed. If the commit comes after our patience, the redelivery finds it.
async fn store(surface: &Surface, delivery: Delivery) -> Answer {
    let engine = &surface.parts.engine;
    let (key, id) = (delivery.id.key(), delivery.id.key());
    let body =
        serde_json::to_value(&delivery).map_err(|error| StoreError::CalledOff { why: error.to_string() })?;
    let lane = format!("github:{}", delivery.push.full_name.as_deref().unwrap_or_default().to_lowercase());
    let arrival = Arrival { key, source: "github", lane, body };
    let storing = engine.store().receive(arrival, engine.clock().now());
    let received =
        tokio::time::timeout(STORE_PATIENCE, storing).await.map_err(|_| HttpError::StoreLate)??;
    let said = match received {
        Received::New(_) => "stored",
        Received::Again => "known already",
        Received::Other(_) => {
            surface.refused.reused.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(delivery = id, "a delivery id came again with another body; it was refused");
            return Err(HttpError::Reused);
        }
    };
    surface.parts.bot.ring();
    Ok((StatusCode::ACCEPTED, Json(json!({ "ok": said }))))
}

/// The whole body, with the share of memory that it takes: charged as it arrives, so that a length that is only
/// claimed keeps nobody out.
pub(super) async fn whole(
    surface: &Surface,
    body: Body,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), HttpError> {
    let reading = async {
        let mut pieces = body.into_data_stream();
        let (mut whole, mut length, mut room) = (Vec::new(), 0, None);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| HttpError::Cut)?;
            length += piece.len();
            // Who is still sending would not hear the answer: the rest is read and forgotten, within reason.
            if length > FORGOTTEN_MAX {
                break;
            } else if length > BODY_MAX {
                (whole, room) = (Vec::new(), None);
            } else {
                charge(surface, piece.len(), &mut room).await?;
                whole.extend_from_slice(&piece);
            }
        }
        if length > BODY_MAX { Err(HttpError::TooLarge { most: BODY_MAX }) } else { Ok((whole, room)) }
    };
    tokio::time::timeout(BODY_PATIENCE, reading).await.map_err(|_| HttpError::Late)?
}

async fn charge(
    surface: &Surface,
    bytes: usize,
    room: &mut Option<OwnedSemaphorePermit>,
) -> Result<(), HttpError> {
    let share = u32::try_from(bytes).map_err(|_| HttpError::TooLarge { most: BODY_MAX })?;
    let waiting = surface.bodies.clone().acquire_many_owned(share);
    let more = tokio::time::timeout(STORE_PATIENCE, waiting).await.map_err(|_| HttpError::Busy)?;
    let more = more.map_err(|_| HttpError::Busy)?;
    match room {
        Some(room) => room.merge(more),
        None => *room = Some(more),
    }
    Ok(())
}

/// A header that stands there once; one that came twice, as a signature beside a forged one, counts as missing.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() { None } else { first.to_str().ok() }
}

//! `POST /webhooks/<url>`, also as `/v1/webhooks/<url>` and `/api/v1/webhooks/<url>`: what rules of the trigger
//! `core.st2.webhook` listen to. Proven, stored, acknowledged, in this order; rules look at it later, from the inbox.
//!
//! | answer | when |
//! |---|---|
//! | 202 | it stands in the inbox, now or since its first delivery; the body comes back, as from StackStorm |
//! | 400 401 413 415 | it will never be taken like this |
//! | 404 | no secret is configured for it, or no rule listens to it |
//! | 409 | its sender's id stands already, with another body |
//! | 503 | it is not stored: send it again |

use std::sync::atomic::Ordering;

use axum::{
    Json,
    extract::{Path, RawQuery, Request, State},
    http::{HeaderMap, StatusCode, header},
};
use serde_json::{Map, Value};

use super::{
    Held, STORE_PATIENCE, Surface,
    error::HttpError,
    webhook::{text, whole},
};
use crate::{
    id::InboxId,
    rule::{Happened, Listens, hook_of},
    secret::Secret,
    sensor::webhook::hook::{Proof, ProofError, body, delivery_id, payload},
    store::{
        StoreError,
        inbox::{Arrival, Received},
    },
};

/// The name under which the secret stands of every address that has none of its own; and, as an address, the one that
/// takes any trigger.
const ANY: &str = "st2";
/// What the bot's own triggers begin with.
const OWN: &str = "core.st2.";

type Answer = Result<(StatusCode, Json<Value>), HttpError>;

pub(super) async fn receive(
    State(surface): Held,
    Path(url): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    let url = hook_of(&url);
    let secret =
        secret(&surface, url).ok_or_else(|| HttpError::NoHookSecret(url.chars().take(100).collect()))?;
    let refused = |error: ProofError| {
        surface.refused.hook.fetch_add(1, Ordering::Relaxed);
        HttpError::Proof(error)
    };
    let proof = Proof::of(secret, |name| text(&headers, name), query.as_deref()).map_err(refused)?;
    let (bytes, room) = whole(&surface, request.into_body()).await?;
    proof.of_body(secret, &bytes).map_err(refused)?;
    let content_type = text(&headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let body = body(content_type, &bytes)?.ok_or(HttpError::ContentType)?;
    drop((bytes, room));
    if let Some(happened) = happened(&surface, url, &headers, &body)? {
        let id = delivery_id(|name| text(&headers, name));
        store(&surface, url, id, &happened).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(body)))
}

/// Its own, or else that of all: a sender who knows the secret of one address says nothing at another.
fn secret<'s>(surface: &'s Surface, url: &str) -> Option<&'s Secret> {
    surface.parts.webhooks.get(url).or_else(|| surface.parts.webhooks.get(ANY))
}

/// What rules are to look at; `None` if none of them listens.
fn happened(
    surface: &Surface,
    url: &str,
    headers: &HeaderMap,
    body: &Value,
) -> Result<Option<Happened>, HttpError> {
    let live = surface.parts.engine.live();
    let rules = &live.catalogue.rules;
    if url != ANY {
        if !rules.iter().any(|it| it.trigger.hook() == Some(url)) {
            return Err(HttpError::NoHook(url.chars().take(100).collect()));
        }
        let kept = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        return Ok(Some(Happened::new(Listens::webhook(url), payload(kept, body))));
    }
    let trigger = body.get("trigger").and_then(Value::as_str).filter(|it| !it.is_empty());
    let kind = trigger.ok_or(HttpError::NoTrigger)?.to_owned();
    if kind.starts_with(OWN) {
        return Err(HttpError::OwnTrigger);
    }
    let trigger = Listens { kind, parameters: Map::new() };
    let is_heard = rules.iter().any(|it| it.trigger.hears(&trigger.kind, &trigger.parameters));
    let payload = body.get("payload").cloned().unwrap_or_default();
    Ok(is_heard.then(|| Happened::new(trigger, payload)))
}

/// Returns after the row is committed. If the commit comes after our patience, the next try finds it, if it has an id.
async fn store(surface: &Surface, url: &str, id: Option<&str>, happened: &Happened) -> Result<(), HttpError> {
    let engine = &surface.parts.engine;
    let key =
        id.map_or_else(|| format!("hook:{url}:{}", InboxId::generate()), |id| format!("hook:{url}:{id}"));
    let body =
        serde_json::to_value(happened).map_err(|error| StoreError::CalledOff { why: error.to_string() })?;
    let arrival = Arrival { key: key.clone(), source: Happened::SOURCE, lane: format!("hook:{url}"), body };
    let storing = engine.store().receive(arrival, engine.clock().now());
    let received =
        tokio::time::timeout(STORE_PATIENCE, storing).await.map_err(|_| HttpError::StoreLate)??;
    match received {
        Received::New(_) => surface.parts.bot.ring(),
        Received::Again => {}
        // Headers differ from one try to the next.
        Received::Other(stands) if said(&stands).as_ref() == Some(words(happened)) => {}
        Received::Other(_) => {
            surface.refused.hook_reused.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(delivery = key, "a delivery id came again with another body; it was refused");
            return Err(HttpError::Reused);
        }
    }
    Ok(())
}

/// What stands under a key, but for the headers that it came with.
fn said(stands: &Value) -> Option<Value> {
    let happened: Happened = serde_json::from_value(stands.clone()).ok()?;
    Some(words(&happened).clone())
}

fn words(happened: &Happened) -> &Value {
    let is_hook = happened.trigger.starts_with(OWN);
    happened.payload.get("body").filter(|_| is_hook).unwrap_or(&happened.payload)
}

//! `/healthz`: the process answers. `/readyz`: it can do its work; if not, what keeps it from that.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{Held, STORE_PATIENCE, Surface};
use crate::{chat::ChatAdapter, clock};

pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// 200 or 503, each with every check. Chats are told of, not checked: their outage is no reason to restart us.
pub(super) async fn ready(State(surface): Held) -> (StatusCode, Json<Value>) {
    let engine = &surface.parts.engine;
    let beat = engine.store().is_writable(engine.clock().now());
    let store = tokio::time::timeout(STORE_PATIENCE, beat).await.unwrap_or(false);
    let live = engine.live();
    // Without people nobody could ask or approve anything.
    let (people, apps) = (live.settings.people.len(), live.settings.apps.len());
    let settings = people > 0;
    let ready = store && settings;
    let chats: Vec<Value> = surface.parts.adapters.iter().map(|it| chat(&surface, &**it)).collect();
    let body = json!({
        "ready": ready,
        "checks": {
            "store": said(store, "a write does not commit"),
            "settings": said(settings, "no people are loaded; `lockkeeper check` says why"),
        },
        "people": people,
        "apps": apps,
        "chats": chats,
        "content": live.bundle.digest,
    });
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}

fn said(good: bool, why: &str) -> Value {
    if good { json!({ "ok": true }) } else { json!({ "ok": false, "why": why }) }
}

fn chat(surface: &Surface, adapter: &dyn ChatAdapter) -> Value {
    let now = surface.parts.engine.clock().now();
    let silent = adapter.heard_at().map(|at| clock::between(at, now).as_secs());
    json!({
        "platform": adapter.platform().as_str(),
        "silent_seconds": silent,
        "trouble": adapter.trouble().map(|it| format!("{it:?}")),
    })
}

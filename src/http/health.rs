//! `/healthz`: the process answers. `/readyz`: it can do its work; if not, what keeps it from that.

use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Held, STORE_PATIENCE};
use crate::{
    chat::{ChatAdapter, Trouble},
    clock,
    message::words,
};

pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// 200 or 503, each with every check. A deaf chat is no reason to restart us, which is `/healthz`'s question.
pub(super) async fn ready(State(surface): Held) -> (StatusCode, Json<Value>) {
    let engine = &surface.parts.engine;
    let beat = engine.store().is_writable(engine.clock().now());
    let store = tokio::time::timeout(STORE_PATIENCE, beat).await.unwrap_or(false);
    let live = engine.live();
    // Without people nobody could ask or approve anything.
    let (people, apps) = (live.settings.people.len(), live.settings.apps.len());
    let settings = people > 0;
    let now = engine.clock().now();
    let chats: Vec<Value> = surface.parts.adapters.iter().map(|it| chat(&**it, now)).collect();
    let faults: Vec<String> = surface.parts.adapters.iter().filter_map(|it| fault(&**it, now)).collect();
    let ready = store && settings && faults.is_empty();
    let body = json!({
        "ready": ready,
        "checks": {
            "store": said(store, "a write does not commit"),
            "settings": said(settings, "no people are loaded; `lockkeeper check` says why"),
            "chats": said(faults.is_empty(), &faults.join("; ")),
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

fn chat(adapter: &dyn ChatAdapter, now: Timestamp) -> Value {
    let silent = adapter.heard_at().map(|at| clock::between(at, now).as_secs());
    json!({
        "platform": adapter.platform().as_str(),
        "silent_seconds": silent,
        "trouble": adapter.trouble().map(|it| it.to_string()),
    })
}

/// Which chat hears nothing, for how long, and why if that is known; or that nothing can be said in it.
fn fault(adapter: &dyn ChatAdapter, now: Timestamp) -> Option<String> {
    let (platform, trouble) = (adapter.platform(), adapter.trouble());
    let Some(since) = adapter.deaf_since() else {
        let mute = trouble.filter(|it| matches!(it, Trouble::Mute { .. }));
        return mute.map(|it| format!("{platform} is {it}"));
    };
    let mut text = format!("{platform} is deaf for {}", words::length(clock::between(since, now)));
    if let Some(trouble) = trouble {
        text.push_str(&format!(" ({trouble})"));
    }
    Some(text)
}

//! What is served over HTTP: webhooks in, and what an operator's tools ask.
//!
//! | path | what |
//! |---|---|
//! | `POST /webhooks/github` | signed events, into the inbox ([`webhook`]) |
//! | `POST [/api]/v1/webhooks/…`, `/webhooks/…` | what rules listen to, into the inbox ([`hook`]) |
//! | `POST /slack/{events,interactions,commands}` | signed payloads, into the inbox ([`slack`]) |
//! | `POST /discord/interactions` | the same of Discord ([`discord`]) |
//! | `GET /healthz` | the process answers ([`health`]) |
//! | `GET /readyz` | it can do its work, or what keeps it from that ([`health`]) |
//! | `GET /metrics` | numbers for Prometheus ([`metrics`]) |
//!
//! Beyond loopback everything but `/healthz` and what is signed takes a token ([`access`]). Every request has a deadline,
//! every body a limit, and there is a limit to connections ([`listener`]); [`error`] is the one way an error leaves.

mod access;
mod discord;
mod error;
mod health;
mod hook;
mod listener;
mod metrics;
mod slack;
mod webhook;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{
    bot::Bot,
    chat::{ChatAdapter, discord::Discord, slack::Slack},
    engine::Engine,
    secret::Secret,
};

use error::HttpError;
use listener::Limits;

/// A request that takes longer than this is answered with 503.
const DEADLINE: Duration = Duration::from_secs(15);
/// What the store may take before a sender is asked to come again.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// What the surface is built of.
pub struct Parts {
    pub engine: Engine,
    pub bot: Bot,
    pub adapters: Vec<Arc<dyn ChatAdapter>>,
    /// What senders show or sign with, by the address below `/webhooks/`; that of `st2` is for all that have none. Without
    /// any, webhooks are refused.
    pub webhooks: BTreeMap<String, Secret>,
    /// The workspace that posts to us, if it does.
    pub slack: Option<Arc<Slack>>,
    /// The server that posts to us, if it does.
    pub discord: Option<Arc<Discord>>,
    /// What callers beyond loopback show.
    pub token: Option<Secret>,
}

struct Surface {
    parts: Parts,
    /// Bytes of webhook bodies that may be in memory at once.
    bodies: Arc<Semaphore>,
    refused: Refused,
    /// Whether callers other than on this machine can reach us.
    open: bool,
}

/// Requests that were refused since the start.
#[derive(Default)]
struct Refused {
    // Whose signature did not fit.
    github: AtomicU64,
    slack: AtomicU64,
    discord: AtomicU64,
    /// What rules listen to: whose secret or signature did not fit.
    hook: AtomicU64,
    /// The same whose key had stood for something else.
    hook_reused: AtomicU64,
    /// GitHub's whose key had stood for something else.
    reused: AtomicU64,
}

type Shared = Arc<Surface>;

/// All routes, for a listener on this address.
pub fn router(parts: Parts, address: SocketAddr) -> Router {
    let open = !address.ip().is_loopback();
    let bodies = Arc::new(Semaphore::new(webhook::BODIES_MAX));
    let surface = Arc::new(Surface { parts, bodies, refused: Refused::default(), open });
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .route("/readyz", get(health::ready))
        .route_layer(middleware::from_fn_with_state(surface.clone(), access::token))
        .route("/healthz", get(health::alive))
        .route("/webhooks/github", post(webhook::receive))
        .route("/webhooks/{*url}", post(hook::receive))
        .route("/v1/webhooks/{*url}", post(hook::receive))
        .route("/api/v1/webhooks/{*url}", post(hook::receive))
        .route("/slack/{what}", post(slack::receive))
        .route("/discord/interactions", post(discord::receive))
        .fallback(async || HttpError::NotFound)
        .layer(middleware::from_fn(deadline))
        .with_state(surface)
}

async fn deadline(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(DEADLINE, next.run(request)).await;
    answer.unwrap_or_else(|_| HttpError::Late.into_response())
}

/// Serves until `stop`, then lets requests that are under way end.
///
/// # Errors
/// The listener has no address.
pub async fn serve(listener: TcpListener, parts: Parts, stop: CancellationToken) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving http");
    let router = router(parts, address);
    listener::serve(listener, router, Limits::default(), stop).await;
    Ok(())
}

type Held = State<Shared>;

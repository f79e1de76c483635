//! The sample app: an HTTP server that fails and dawdles exactly as its release says.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::program::told_to_end;

const PORT_PAUSE: Duration = Duration::from_millis(20);
const PORT_TRIES: u32 = 100;

/// Where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopArgs {
    pub host: String,
    pub port: u16,
    /// The app's folder on its host: `current/` is what runs.
    pub dir: PathBuf,
}

/// `shop.json` of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    /// The share of requests that get a 500.
    #[serde(default)]
    pub error_rate: f64,
    #[serde(default)]
    pub latency_ms: u64,
}

/// What `GET /version` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    pub app: String,
    pub version: u32,
    pub digest: String,
    pub host: String,
}

struct Shop {
    manifest: Manifest,
    running: Running,
    served: AtomicU64,
}

/// Serves the release that `current` names now, until told to end.
///
/// # Errors
/// The release cannot be read, or the port is taken.
pub async fn serve(args: ShopArgs) -> anyhow::Result<()> {
    let shop = Arc::new(Shop::open(&args)?);
    let listener = listen(args.port).await?;
    let router = Router::new().route("/", get(front)).route("/version", get(version)).with_state(shop);
    let server = axum::serve(listener, router).into_future();
    // A host that is switched off does not finish its sentence: open connections are dropped.
    tokio::select! {
        ended = server => ended.context("the shop's server"),
        () = told_to_end() => Ok(()),
    }
}

/// The process before us may hold the port for a moment longer.
async fn listen(port: u16) -> anyhow::Result<tokio::net::TcpListener> {
    let mut tick = tokio::time::interval(PORT_PAUSE);
    for _ in 0..PORT_TRIES {
        tick.tick().await;
        if let Ok(listener) = tokio::net::TcpListener::bind(("127.0.0.1", port)).await {
            return Ok(listener);
        }
    }
    anyhow::bail!("cannot listen on port {port}")
}

impl Shop {
    fn open(args: &ShopArgs) -> anyhow::Result<Self> {
        // One look at the link: it may be switched while we read.
        let current = std::fs::canonicalize(args.dir.join("current")).context("nothing is installed")?;
        let manifest: Manifest =
            serde_json::from_str(&read(&current.join("shop.json"))?).context("shop.json")?;
        let running = Running {
            app: "shop".to_owned(),
            version: manifest.version,
            digest: read(&current.join("DIGEST"))?.trim().to_owned(),
            host: args.host.clone(),
        };
        Ok(Self { manifest, running, served: AtomicU64::new(0) })
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

async fn front(State(shop): State<Arc<Shop>>) -> (StatusCode, String) {
    let number = shop.served.fetch_add(1, Ordering::Relaxed);
    // A little spread, so that latencies have a distribution; the same one on every host.
    tokio::time::sleep(Duration::from_millis(shop.manifest.latency_ms + number % 3)).await;
    if fails(number, shop.manifest.error_rate) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the cart fell over\n".to_owned());
    }
    (StatusCode::OK, format!("shop {} on {}\n", shop.running.version, shop.running.host))
}

/// Failures spread evenly: of any `n` requests in a row, `n × rate` fail, give or take one.
fn fails(number: u64, rate: f64) -> bool {
    let due = |requests: u64| (requests as f64 * rate).floor();
    due(number) < due(number + 1)
}

async fn version(State(shop): State<Arc<Shop>>) -> Json<Running> {
    Json(shop.running.clone())
}

#[cfg(test)]
mod tests {
    use super::fails;

    #[test]
    fn failures_are_spread_and_exactly_as_many_as_the_rate_says() {
        for (rate, expected) in [(0.0, 0), (0.1, 100), (0.25, 250), (1.0, 1_000)] {
            assert_eq!((0..1_000).filter(|it| fails(*it, rate)).count(), expected, "{rate}");
        }
        assert_eq!((0..20).filter(|it| fails(*it, 0.1)).collect::<Vec<_>>(), [9, 19]);
    }
}

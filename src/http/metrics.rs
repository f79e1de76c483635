//! `/metrics`: what stands in the store, counted when it is asked for, in the text format of OpenMetrics.
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::{Held, Refused, STORE_PATIENCE, error::HttpError};
use crate::{
    clock,
    store::{
        StoreError,
        count::{Counts, Queue},
    },
};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Ended executions are counted for this long after they began.
const RECENT: Duration = Duration::from_secs(24 * 60 * 60);

type Labels = Vec<(&'static str, &'static str)>;
type Seconds = Gauge<f64, AtomicU64>;

pub(super) async fn metrics(State(surface): Held) -> Result<Response, HttpError> {
    let engine = &surface.parts.engine;
    let now = engine.clock().now();
    let since = now.saturating_sub(jiff::SignedDuration::try_from(RECENT).unwrap_or_default());
    let counting = async {
        let counts = engine.store().counts(since.unwrap_or(Timestamp::MIN)).await?;
        Ok::<_, StoreError>((counts, engine.adrift().await?.len()))
    };
    let counted = tokio::time::timeout(STORE_PATIENCE, counting).await;
    let (counts, adrift) = counted.map_err(|_| HttpError::StoreLate)??;
    let mut body = String::new();
    // Writing into a string cannot fail.
    let reused = surface.parts.bot.keys_reused();
    let _ = text::encode(&mut body, &registry(&counts, adrift, &surface.refused, reused, now));
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response())
}

fn registry(counts: &Counts, adrift: usize, refused: &Refused, reused: u64, now: Timestamp) -> Registry {
    let mut registry = Registry::with_prefix("lockkeeper");
    let executions = Family::<Labels, Gauge>::default();
    for (status, number) in &counts.executions {
        executions.get_or_create(&vec![("status", *status)]).set(*number);
    }
    registry.register(
        "executions",
        "Root executions that are unfinished, or began in the last 24 hours",
        executions,
    );
    let signatures = Family::<Labels, Counter>::default();
    for (source, number) in [
        ("github", &refused.github),
        ("slack", &refused.slack),
        ("discord", &refused.discord),
        ("hook", &refused.hook),
    ] {
        signatures.get_or_create(&vec![("source", source)]).inc_by(number.load(Ordering::Relaxed));
    }
    registry.register("signatures_refused", "Requests whose signature or secret did not fit", signatures);
    let keys = Family::<Labels, Counter>::default();
    let loaded = |it: &AtomicU64| it.load(Ordering::Relaxed);
    for (source, number) in
        [("chat", reused), ("github", loaded(&refused.reused)), ("hook", loaded(&refused.hook_reused))]
    {
        keys.get_or_create(&vec![("source", source)]).inc_by(number);
    }
    let help =
        "Deliveries refused because their key stands for something else: a sender's fault, or a forgery";
    registry.register("delivery_keys_reused", help, keys);
    let mut number = |name: &str, help: &str, value: i64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    let help =
        "Unfinished executions that nothing will wake: more than 0 is a fault, and a restart takes them up";
    number("executions_adrift", help, i64::try_from(adrift).unwrap_or(i64::MAX));
    number("attempts_running", "Attempts that have begun and not ended", counts.attempts_running);
    number("gates_open", "Gates that wait for an answer", counts.gates_open);
    number("inbox_waiting", "Deliveries without their effect", counts.inbox.waiting);
    number("outbox_waiting", "Messages that are not sent yet", counts.outbox.waiting);
    for (name, help, queue) in [
        ("inbox_oldest_age", "Age of the oldest delivery without its effect", counts.inbox),
        ("outbox_oldest_age", "Age of the oldest message that is not sent yet", counts.outbox),
    ] {
        let gauge = Seconds::default();
        gauge.set(age(queue, now));
        registry.register_with_unit(name, help, Unit::Seconds, gauge);
    }
    registry
}

/// Seconds; 0 if nothing waits.
fn age(queue: Queue, now: Timestamp) -> f64 {
    queue.oldest_at.map_or(0.0, |at| clock::between(at, now).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ages_are_written_in_prometheus_words() {
        let now = clock::from_millis(90_500);
        let counts = Counts {
            executions: [("running", 2), ("failed", 1)].into(),
            gates_open: 3,
            inbox: Queue { waiting: 4, oldest_at: Some(clock::from_millis(90_000)) },
            ..Counts::default()
        };
        let refused = Refused { slack: AtomicU64::new(5), ..Refused::default() };
        let mut body = String::new();
        text::encode(&mut body, &registry(&counts, 6, &refused, 7, now)).unwrap();
        for line in [
            "lockkeeper_executions{status=\"failed\"} 1",
            "lockkeeper_executions{status=\"running\"} 2",
            "lockkeeper_signatures_refused_total{source=\"slack\"} 5",
            "lockkeeper_delivery_keys_reused_total{source=\"chat\"} 7",
            "lockkeeper_executions_adrift 6",
            "lockkeeper_gates_open 3",
            "lockkeeper_attempts_running 0",
            "lockkeeper_inbox_waiting 4",
            "lockkeeper_inbox_oldest_age_seconds 0.5",
            "lockkeeper_outbox_oldest_age_seconds 0.0",
            "# EOF",
        ] {
            assert!(body.lines().any(|it| it == line), "{line}\n{body}");
        }
    }
}

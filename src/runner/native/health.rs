//! `health`: waits until a host proves that it runs the new artifact well.
//!
//! Parameters: `host`, `url`, `digest`, `digest_field`, `consecutive` (3), `interval` (0.5 s), `timeout` (30 s).
//! Result: `{host, healthy, observed_digest, checks, error?}`. Without `digest_field` good answers count, but
//! `observed_digest` is null: nothing is claimed that the host did not say.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::id::Digest;
use crate::metric::{ANSWER_TIMEOUT, ask};
use crate::rollout::health::{Check, CheckOutcome, Streak};
use crate::runner::attempt::{Attempt, Stop, fields};

pub(super) async fn perform(attempt: &Attempt) -> Result<Value, Stop> {
    let host = attempt.text("host").unwrap_or_default();
    let url = attempt.needed("url")?;
    let digest = super::digest_of(attempt)?;
    let field = attempt.text("digest_field");
    let needed = u32::try_from(super::number(attempt, "consecutive", 3)).unwrap_or(u32::MAX);
    let interval = super::duration(attempt, "interval", Duration::from_millis(500))?;
    let patience = super::duration(attempt, "timeout", Duration::from_secs(30))?;
    let clock = &attempt.deps.clock;
    // Our own end comes before the attempt's, so that the result can say what was seen last.
    let until = (Instant::now() + patience).min(attempt.deadline - Duration::from_millis(200));
    // Strictly before the first check, which may be sent in the same millisecond.
    let began = clock.now() - jiff::SignedDuration::from_nanos(1);
    let mut streak = Streak::new(digest.clone(), began, needed, patience);
    let (mut checks, mut observed, mut last) = (0u64, None::<Digest>, None);
    let asking = async {
        loop {
            let at = clock.now();
            let left = until.saturating_duration_since(Instant::now()).min(ANSWER_TIMEOUT);
            let answer = ask(&attempt.deps.http, url, field, left).await;
            // A check that our own end cut short says nothing about the host.
            if checks > 0 && answer.digest.is_none() && until <= Instant::now() {
                return Ok(false);
            }
            checks += 1;
            let outcome = match (&answer.digest, field) {
                (Some(digest), _) => CheckOutcome::Passing { digest: digest.clone() },
                (None, None) if answer.is_good => CheckOutcome::Passing { digest: digest.clone() },
                (None, Some(_)) if answer.is_good => CheckOutcome::Silent,
                (None, _) => CheckOutcome::Failing,
            };
            last = answer.fault.or_else(|| {
                let other = answer.digest.as_ref().filter(|it| **it != digest)?;
                Some(format!("{url} says it runs {other}"))
            });
            observed = answer.digest;
            streak.observe(&Check { at, outcome });
            if streak.is_healthy(clock.now()) {
                return Ok(true);
            }
            if Instant::now() + interval >= until {
                return Ok(false);
            }
            sleep(interval).await;
        }
    };
    let healthy = attempt.within(asking).await?;
    let mut result = fields([
        ("host", host.into()),
        ("healthy", healthy.into()),
        ("observed_digest", observed.map(|it| it.to_string()).into()),
        ("checks", checks.into()),
    ]);
    if healthy {
        return Ok(result);
    }
    let last = last
        .unwrap_or_else(|| format!("only {} of {needed} good answers in a row", streak.count(clock.now())));
    result["error"] = format!("not healthy within {:.1} s: {last}", patience.as_secs_f64()).into();
    Err(Stop::Failed(result))
}

//! `native`: the acts of a release that come with Lockkeeper, chosen by the action's `entry_point`. One file each.

mod checkout;
mod git;
mod health;
mod host;
mod install;
mod observe;
mod package;
mod pattern;
mod run_script;
mod upload;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Stop};
use super::runners::Deps;
use super::{Outcome, Request, Runner};
use crate::id::Digest;

/// The acts there are.
const ACTS: &[&str] = &["checkout", "run_script", "package", "upload", "install", "health", "observe"];

pub(super) struct Native {
    deps: Arc<Deps>,
}

impl Native {
    pub(super) fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[async_trait]
impl Runner for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    async fn run(&self, request: Request, cancel: CancellationToken) -> Outcome {
        let attempt = match Attempt::begin(request, cancel, &self.deps).await {
            Ok(attempt) => attempt,
            Err(outcome) => return outcome,
        };
        let done = perform(&attempt).await;
        attempt.finish(done).await
    }
}

async fn perform(attempt: &Attempt) -> Result<Value, Stop> {
    match attempt.request.action.entry_point.as_deref().unwrap_or_default() {
        "checkout" => checkout::perform(attempt).await,
        "run_script" => run_script::perform(attempt).await,
        "package" => package::perform(attempt).await,
        "upload" => upload::perform(attempt).await,
        "install" => install::perform(attempt).await,
        "health" => health::perform(attempt).await,
        "observe" => observe::perform(attempt).await,
        other => {
            Err(Stop::failed(format_args!("no built-in is called `{other}`; there are {}", ACTS.join(", "))))
        }
    }
}

/// The `digest` parameter.
fn digest_of(attempt: &Attempt) -> Result<Digest, Stop> {
    Digest::parse(attempt.needed("digest")?).map_err(Stop::failed)
}

/// A whole number, or the default.
fn number(attempt: &Attempt, name: &str, default: u64) -> u64 {
    attempt.request.parameters.get(name).and_then(Value::as_u64).unwrap_or(default)
}

/// A duration: seconds as a number, or text such as `500ms`.
fn duration(
    attempt: &Attempt,
    name: &str,
    default: std::time::Duration,
) -> Result<std::time::Duration, Stop> {
    match attempt.request.parameters.get(name) {
        Some(Value::Number(seconds)) => {
            let seconds = seconds.as_f64().unwrap_or_default();
            std::time::Duration::try_from_secs_f64(seconds).map_err(Stop::failed)
        }
        Some(Value::String(text)) => crate::duration::parse(text).map_err(Stop::failed),
        Some(_) | None => Ok(default),
    }
}

/// A list of texts; one text is a list of one.
fn texts(attempt: &Attempt, name: &str) -> Option<Vec<String>> {
    match attempt.request.parameters.get(name)? {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

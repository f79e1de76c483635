//! What actions do outside: processes here and on hosts, HTTP calls, and the built-in acts of a release.
//!
//! A runner performs one attempt and says how it ended. It knows nothing of workflows, gates or chat; the engine
//! has committed the attempt's start before it calls and stores the outcome after.

mod outcome;
mod request;

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

pub use self::outcome::{End, Outcome, OutputSummary};
pub use self::request::{Action, Limits, OnSpawn, Output, Parameter, ParameterKind, ProcessMark, Request};

/// Performs attempts of actions whose `runner_type` is its name.
#[async_trait]
pub trait Runner: Send + Sync {
    /// The `runner_type` it answers to.
    fn name(&self) -> &'static str;

    /// Performs one attempt. Never panics on any input; a fault is an [`Outcome`] that says so. When `cancel` fires
    /// or the request's timeout passes, every process of the attempt is gone before this returns.
    async fn run(&self, request: Request, cancel: CancellationToken) -> Outcome;
}

/// The runners by name.
#[derive(Clone, Default)]
pub struct Runners {
    runners: Vec<Arc<dyn Runner>>,
}

impl Runners {
    pub fn new(runners: Vec<Arc<dyn Runner>>) -> Self {
        Self { runners }
    }

    /// The runner for a `runner_type`, by its name or the name that old packs use for it.
    pub fn get(&self, runner_type: &str) -> Option<Arc<dyn Runner>> {
        let name = match runner_type {
            "run-local" => "local-shell-cmd",
            "run-local-script" => "local-shell-script",
            "run-remote" => "remote-shell-cmd",
            "run-remote-script" => "remote-shell-script",
            other => other,
        };
        self.runners.iter().find(|it| it.name() == name).cloned()
    }

    /// All names, for "did you mean".
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.runners.iter().map(|it| it.name())
    }
}

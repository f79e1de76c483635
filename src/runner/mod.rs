//! What actions do outside: processes here and on hosts, HTTP calls, and the built-in acts of a release.
//!
//! A runner performs one attempt and says how it ended. It knows nothing of workflows, gates or chat; the engine
//! has committed the attempt's start before it calls, and stores the outcome after.
//!
//! - [`runners`]: all of them by name; [`request`]: what an attempt may do; [`attempt`]: what it needs on its way;
//!   [`outcome`]: how it ended;
//! - [`process`]: every process of an attempt is born, watched and ended here;
//! - [`shell`]: on this machine; [`remote`]: on hosts, reached by [`transport`]; [`quote`]: words of a shell command;
//! - [`python`]: actions of StackStorm's packs that are written in Python;
//! - [`http`], [`noop`]: as in StackStorm;
//! - [`native`]: what a release needs: checkout, package, upload, install, health, observe;
//! - [`git`]: names of commits, and what lies between two; [`repository`]: where they are and how we may read them.

mod attempt;
pub mod git;
mod http;
mod native;
mod noop;
mod outcome;
mod process;
mod python;
mod quote;
mod remote;
mod repository;
mod request;
mod runners;
mod shell;
mod transport;

use std::path::Path;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub use self::attempt::clean_environment;
pub use self::outcome::{End, Outcome, OutputSummary};
pub use self::process::{LOG_CUT, ProcessMark, adopt, sweep};
pub use self::python::{
    Datastore, Dispatch, Dispatched, PythonDeps, Question, Sensing, SensorEnd, Sensors, install_environment,
    no_datastore,
};
pub use self::quote::quote;
pub use self::repository::{Remote, RemoteError};
pub use self::request::{Limits, OnSpawn, Output, Request};
pub use self::runners::{Deps, Runners};

/// Performs attempts of actions whose `runner_type` is its name.
#[async_trait]
pub trait Runner: Send + Sync {
    /// The `runner_type` it answers to.
    fn name(&self) -> &'static str;

    /// Whether doing this twice is known to do no more than doing it once, whatever the action itself says. An attempt
    /// whose end nobody saw is then tried again.
    fn is_repeatable(&self, _parameters: &Map<String, Value>) -> bool {
        false
    }

    /// Makes ready what actions of the pack in this folder need on this machine, so that their attempts need not wait
    /// for it.
    ///
    /// # Errors
    /// It cannot be had; the text says what to do.
    async fn make_ready(&self, _pack: &Path) -> Result<(), String> {
        Ok(())
    }

    /// Performs one attempt. A fault is an [`Outcome`] that says so. When `cancel` fires or the request's timeout
    /// passes, every process of the attempt on this machine is gone before this returns. Dropping the future kills
    /// them as well.
    async fn run(&self, request: Request, cancel: CancellationToken) -> Outcome;
}

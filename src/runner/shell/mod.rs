//! Programs on this machine: `local-shell-cmd`, `local-shell-script` and `argv`.
//!
//! Values never become code: a script gets them as arguments, `local-shell-cmd` as `"$1"`, … and as variables
//! `LOCKKEEPER_PARAM_<NAME>`, `argv` as whole arguments.

mod arguments;
mod argv;
mod command;
mod report;
mod script;

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Stop};
use super::process::Spec;
use super::runners::Deps;
use super::{Outcome, Request, Runner};

/// What StackStorm passes to scripts.
pub(super) use crate::expression::python::str as text_of;
pub(super) use arguments::{arguments, parameter_variables};
pub(super) use report::{Report, report};
pub(super) use script::{entry_path, inside, program_for};

/// A runner whose attempts are one process each.
pub(super) struct Shell {
    name: &'static str,
    /// The process that an attempt asks for.
    spec: fn(&Attempt) -> Result<Spec, Stop>,
    deps: Arc<Deps>,
}

impl Shell {
    /// `local-shell-cmd`, `local-shell-script` and `argv`.
    pub(super) fn all(deps: &Arc<Deps>) -> [Self; 3] {
        let runner = |name, spec| Self { name, spec, deps: Arc::clone(deps) };
        [
            runner("local-shell-cmd", command::spec),
            runner("local-shell-script", script::spec),
            runner("argv", argv::spec),
        ]
    }
}

#[async_trait]
impl Runner for Shell {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn run(&self, request: Request, cancel: CancellationToken) -> Outcome {
        let attempt = match Attempt::begin(request, cancel, &self.deps).await {
            Ok(attempt) => attempt,
            Err(outcome) => return outcome,
        };
        match (self.spec)(&attempt) {
            Ok(spec) => {
                let done = report(&attempt, attempt.run(spec).await);
                attempt.close(done.end, done.result).await
            }
            Err(stop) => attempt.finish(Err(stop)).await,
        }
    }
}

//! `local-shell-cmd`: a fixed command text for `/bin/sh`.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::script::{Program, with_sudo};
use super::{arguments, parameter_variables, report};
use crate::runner::attempt::{Attempt, Stop};
use crate::runner::process::{Spec, Stdin};
use crate::runner::runners::Deps;
use crate::runner::{Outcome, Request, Runner};

pub(crate) struct Command {
    deps: Arc<Deps>,
}

impl Command {
    pub(crate) fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[async_trait]
impl Runner for Command {
    fn name(&self) -> &'static str {
        "local-shell-cmd"
    }

    async fn run(&self, request: Request, cancel: CancellationToken) -> Outcome {
        let attempt = match Attempt::begin(request, cancel, &self.deps).await {
            Ok(attempt) => attempt,
            Err(outcome) => return outcome,
        };
        match spec(&attempt) {
            Ok(spec) => {
                let done = report(&attempt, attempt.run(spec).await);
                attempt.close(done.end, done.result).await
            }
            Err(stop) => attempt.finish(Err(stop)).await,
        }
    }
}

fn spec(attempt: &Attempt) -> Result<Spec, Stop> {
    let request = &attempt.request;
    let command = attempt.needed("cmd")?;
    let mut args = vec!["-c".to_owned(), command.to_owned(), "lockkeeper".to_owned()];
    args.extend(arguments(&request.action, &request.parameters));
    let mut env = parameter_variables(&request.action, &request.parameters);
    env.extend(attempt.environment()?);
    let program = with_sudo(attempt, Program { program: "/bin/sh".into(), args });
    program.into_spec(attempt.cwd(), env, program_stdin(attempt))
}

/// sudo's password, where one is given, is read from stdin.
pub(super) fn program_stdin(attempt: &Attempt) -> Stdin {
    match (super::script::wants_sudo(attempt), attempt.text("sudo_password")) {
        (true, Some(password)) => Stdin::Bytes(format!("{password}\n").into_bytes()),
        (true | false, _) => Stdin::Empty,
    }
}

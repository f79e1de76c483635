//! `argv`: a program with arguments and no shell at all; the shorthand's `run: [./restart.sh, "{{app}}"]`.

use std::{ffi::OsString, sync::Arc};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::script::{Program, inside, program_for};
use super::{parameter_variables, report, text_of};
use crate::content::{Argument, Part};
use crate::runner::attempt::{Attempt, Stop};
use crate::runner::process::{Spec, Stdin};
use crate::runner::runners::Deps;
use crate::runner::{Outcome, Request, Runner};

pub(crate) struct Argv {
    deps: Arc<Deps>,
}

impl Argv {
    pub(crate) fn new(deps: Arc<Deps>) -> Self {
        Self { deps }
    }
}

#[async_trait]
impl Runner for Argv {
    fn name(&self) -> &'static str {
        "argv"
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

/// A program written with a slash is a file of the pack's folder, which is the working folder too; without one it is
/// looked up in `PATH`.
fn spec(attempt: &Attempt) -> Result<Spec, Stop> {
    let request = &attempt.request;
    let mut words = request.action.argv.iter().map(|it| word(attempt, it));
    let program = words.next().ok_or_else(|| Stop::failed("`run` names no program"))?;
    let args: Vec<String> = words.collect();
    if let Some(Part::Value(name)) = request.action.argv.first().and_then(|it| it.0.first()) {
        return Err(Stop::failed(format_args!("the program to run cannot come from the parameter `{name}`")));
    }
    let program = match inside(&request.content_dir, &program) {
        Some(path) if program.contains('/') => program_for(&path, args).map_err(|error| {
            Stop::failed(format_args!("cannot run {program}: {error}; it is looked for in the pack's folder"))
        })?,
        Some(_) | None => Program { program: OsString::from(&program), args },
    };
    let mut env = parameter_variables(&request.action, &request.parameters);
    env.extend(attempt.environment()?);
    let cwd =
        attempt.text("cwd").map_or_else(|| request.content_dir.clone(), |it| request.content_dir.join(it));
    program.into_spec(cwd, env, Stdin::Empty)
}

fn word(attempt: &Attempt, argument: &Argument) -> String {
    let parts = argument.0.iter().map(|part| match part {
        Part::Literal(text) => text.clone(),
        Part::Value(name) => match attempt.request.parameters.get(name) {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(value) => text_of(value),
        },
    });
    parts.collect()
}

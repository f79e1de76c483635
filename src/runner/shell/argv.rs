//! `argv`: a program with arguments and no shell at all; the shorthand's `run: [./restart.sh, "{{app}}"]`.

use std::ffi::OsString;

use super::script::{Program, inside, program_for};
use super::{parameter_variables, text_of};
use crate::content::{Argument, Part};
use crate::runner::attempt::{Attempt, Stop};
use crate::runner::process::{Spec, Stdin};

/// A program written with a slash is a file of the pack's folder, which is the working folder too; without one it is
/// looked up in `PATH`.
pub(super) fn spec(attempt: &Attempt) -> Result<Spec, Stop> {
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

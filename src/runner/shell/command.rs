//! `local-shell-cmd`: a fixed command text for `/bin/sh`.

use super::script::{Program, with_sudo};
use super::{arguments, parameter_variables};
use crate::runner::attempt::{Attempt, Stop};
use crate::runner::process::{Spec, Stdin};

/// The variable of a command that is no argument, and what runs it.
const COMMAND: &str = "LOCKKEEPER_COMMAND";
const EVALUATED: &str = "eval \"$LOCKKEEPER_COMMAND\"";

pub(super) fn spec(attempt: &Attempt) -> Result<Spec, Stop> {
    let request = &attempt.request;
    let command = attempt.needed("cmd")?;
    let mut env = parameter_variables(&request.action, &request.parameters);
    env.extend(attempt.environment()?);
    // Everybody on this machine can read the arguments of a process: a text with a secret in it is a variable, and run
    // from there as it would be run itself. A parameter has one anyway.
    let is_secret = |text: &str| request.output.masker.finds_in(text);
    let mut text = command;
    if is_secret(command) {
        env.insert(COMMAND.to_owned(), command.to_owned());
        text = EVALUATED;
    }
    let mut args = vec!["-c".to_owned(), text.to_owned(), "lockkeeper".to_owned()];
    let shown = |it: String| if is_secret(&it) { String::new() } else { it };
    args.extend(arguments(&request.action, &request.parameters).into_iter().map(shown));
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

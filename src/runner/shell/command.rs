//! `local-shell-cmd`: a fixed command text for `/bin/sh`.

use super::script::{Program, with_sudo};
use super::{arguments, parameter_variables};
use crate::runner::attempt::{Attempt, Stop};
use crate::runner::process::{Spec, Stdin};

pub(super) fn spec(attempt: &Attempt) -> Result<Spec, Stop> {
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

//! `local-shell-script`: a file of the pack.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use serde_json::Value;

use super::arguments;
use super::command::program_stdin;
use crate::runner::attempt::{Attempt, Stop};
use crate::runner::process::{Spec, Stdin};

pub(super) fn spec(attempt: &Attempt) -> Result<Spec, Stop> {
    let path = entry_path(attempt)?;
    let args = arguments(&attempt.request.action, &attempt.request.parameters);
    let program = program_for(&path, args)
        .map_err(|error| Stop::failed(format_args!("cannot read the script {}: {error}", path.display())))?;
    with_sudo(attempt, program).into_spec(attempt.cwd(), attempt.environment()?, program_stdin(attempt))
}

/// Where the action's script lies: below `actions/` of the pinned pack, and nowhere else.
pub(crate) fn entry_path(attempt: &Attempt) -> Result<PathBuf, Stop> {
    let entry = attempt.request.action.entry_point.as_deref().unwrap_or_default();
    inside(&attempt.request.content_dir.join("actions"), entry).ok_or_else(|| {
        Stop::failed(format_args!("entry point `{entry}` is not a path below the pack's actions/"))
    })
}

/// The path below the folder; `None` if it is empty or would lead out.
pub(crate) fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let stays = path.components().all(|it| matches!(it, Component::Normal(_) | Component::CurDir));
    (stays && path.components().next().is_some()).then(|| folder.join(path))
}

/// A program and its arguments.
pub(crate) struct Program {
    pub(crate) program: OsString,
    pub(crate) args: Vec<String>,
}

impl Program {
    pub(crate) fn into_spec(
        self,
        cwd: PathBuf,
        env: BTreeMap<String, String>,
        stdin: Stdin,
    ) -> Result<Spec, Stop> {
        if self.args.iter().any(|it| it.contains('\0')) {
            return Err(Stop::failed("an argument holds a NUL byte, which no program can be given"));
        }
        let args = self.args.into_iter().map(OsString::from).collect();
        Ok(Spec { program: self.program, args, cwd, env, stdin })
    }
}

/// How to start a script: by itself if it may be executed; else by the interpreter its first line names, or `/bin/sh`.
/// The file is not changed: it is pinned content.
pub(crate) fn program_for(path: &Path, args: Vec<String>) -> io::Result<Program> {
    use io::Read as _;
    let executable = fs::metadata(path)?.permissions().mode() & 0o111 != 0;
    let mut start = Vec::new();
    fs::File::open(path)?.take(256).read_to_end(&mut start)?;
    let named = interpreter(&start);
    if executable && (named.is_some() || start.starts_with(b"\x7fELF")) {
        return Ok(Program { program: path.into(), args });
    }
    let (program, option) = named.unwrap_or_else(|| ("/bin/sh".to_owned(), None));
    let mut all: Vec<String> = option.into_iter().collect();
    all.push(path.to_str().ok_or(io::ErrorKind::InvalidFilename)?.to_owned());
    all.extend(args);
    Ok(Program { program: program.into(), args: all })
}

/// The interpreter of a `#!` line and its one argument.
pub(crate) fn interpreter(start: &[u8]) -> Option<(String, Option<String>)> {
    let line = start.strip_prefix(b"#!")?.split(|&it| it == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.trim();
    match line.split_once([' ', '\t']) {
        Some((program, option)) => Some((program.to_owned(), Some(option.trim().to_owned()))),
        None if line.is_empty() => None,
        None => Some((line.to_owned(), None)),
    }
}

pub(super) fn wants_sudo(attempt: &Attempt) -> bool {
    attempt.request.parameters.get("sudo") == Some(&Value::Bool(true))
}

/// The program under sudo, if the action asks for it. Without a password sudo must not ask for one.
pub(super) fn with_sudo(attempt: &Attempt, program: Program) -> Program {
    if !wants_sudo(attempt) {
        return program;
    }
    let ask: &[&str] = if attempt.text("sudo_password").is_some() { &["-S", "-p", ""] } else { &["-n"] };
    let mut args: Vec<String> = ["-E"].iter().chain(ask).chain(&["--"]).map(|&it| it.to_owned()).collect();
    args.push(program.program.to_string_lossy().into_owned());
    args.extend(program.args);
    Program { program: "sudo".into(), args }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_point_stays_in_its_folder() {
        let folder = Path::new("/pack/actions");
        assert_eq!(inside(folder, "lib/run.sh"), Some(PathBuf::from("/pack/actions/lib/run.sh")));
        for path in ["", "/etc/passwd", "../x", "a/../../x"] {
            assert_eq!(inside(folder, path), None, "{path}");
        }
    }

    #[test]
    fn the_first_line_names_the_interpreter() {
        let python = interpreter(b"#!/usr/bin/env python3\nprint()");
        assert_eq!(python, Some(("/usr/bin/env".to_owned(), Some("python3".to_owned()))));
        assert_eq!(interpreter(b"#! /bin/sh\n"), Some(("/bin/sh".to_owned(), None)));
        assert_eq!(interpreter(b"echo hello"), None);
    }
}

//! Reaching a host: the same acts over the system's `ssh`, or on this machine for `connection: local`.
//!
//! `ssh` is started like any other process of an attempt, so it is recorded, timed and killed like one, and no master
//! process outlives it. Its configuration (ProxyJump, certificates, agents, ControlMaster) is the user's own; we add
//! that it must not ask, must know the host's key, and must give up.

use std::{collections::BTreeMap, fmt::Write as _, fs, os::unix::process::ExitStatusExt as _, path::PathBuf};

use tokio::time::Instant;

use crate::id::HostName;
use crate::inventory::Reach;

use super::attempt::{Attempt, Stop};
use super::process::{ATTEMPT_VARIABLE, Ended, How, Spec, Stdin};
use super::quote::quote;

/// Runs a file on a host so that it and all it starts end when we do.
const WRAPPER: &str = include_str!("transport.sh");

/// What `ssh` says (OpenSSH 9) when it has not come as far as running anything.
const NEVER_STOOD: &[&str] = &[
    "ssh: ",
    "Permission denied",
    "Host key verification failed",
    "REMOTE HOST IDENTIFICATION",
    "banner",
    "kex_exchange",
    "Too many authentication failures",
    "No route",
    "Bad configuration",
    "Unable to negotiate",
    "host key is known for",
];

/// A host and how it is reached.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) name: HostName,
    pub(super) reach: Reach,
}

/// A script for a host.
pub(super) struct Errand<'a> {
    /// The text; without a `#!` line it is for `/bin/sh`.
    pub(super) script: &'a str,
    pub(super) args: Vec<String>,
    /// Exported on the host. They travel on stdin, so no argv shows them.
    pub(super) variables: BTreeMap<String, String>,
    /// `None`: the host's `dir`, else where a login starts.
    pub(super) cwd: Option<&'a str>,
    /// Where the script lies on a host while it runs.
    pub(super) temporary: &'a str,
}

/// Why `ssh` failed, as opposed to what ran on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection never stood: nothing was run.
    Unreachable(String),
    /// The connection broke: nobody knows how far it came.
    Lost(String),
}

impl Trouble {
    pub(super) fn text(&self) -> &str {
        match self {
            Trouble::Unreachable(text) | Trouble::Lost(text) => text,
        }
    }
}

impl Host {
    /// Looks a host up.
    pub(super) fn find(attempt: &Attempt, name: &str) -> Result<Self, Stop> {
        let name = HostName::from(name);
        let reach = (attempt.deps.inventory)().find(&name).map_err(Stop::failed)?;
        Ok(Self { name, reach })
    }

    /// The folder of an app on the host: `dir` as given, or below the host's own folder.
    pub(super) fn app_dir(&self, dir: Option<&str>, app: Option<&str>) -> Result<String, Stop> {
        let own = match &self.reach {
            Reach::Local { dir } => Some(dir.clone()),
            Reach::Ssh { dir, .. } => dir.clone(),
        };
        let path = match (dir, own, app) {
            (Some(dir), Some(own), _) => own.join(dir),
            (Some(dir), None, _) => PathBuf::from(dir),
            (None, Some(own), Some(app)) => own.join(app),
            (None, _, _) => {
                return Err(Stop::failed(format_args!(
                    "no folder is known for host {}: give `dir`, or the host a `dir` in config/environments.yaml",
                    self.name
                )));
            }
        };
        path.into_os_string().into_string().map_err(|_| Stop::failed("the folder's path is not text"))
    }

    /// Runs a script on the host.
    pub(super) async fn run(
        &self,
        attempt: &Attempt,
        errand: &Errand<'_>,
    ) -> Result<(Ended, Option<Trouble>), Stop> {
        // What is killed here cannot tidy up, and the scratch folder is tidied with its execution.
        let temporary = match &self.reach {
            Reach::Local { .. } => attempt.request.work_dir.display().to_string(),
            Reach::Ssh { .. } => errand.temporary.to_owned(),
        };
        let text = compose(attempt, errand, &temporary)?;
        self.command(attempt, &["sh", "-s"], Stdin::Held(text.into_bytes())).await
    }

    /// Runs a command on the host with this input. Whatever is in its words, the host's shell sees them as words.
    pub(super) async fn command(
        &self,
        attempt: &Attempt,
        words: &[&str],
        stdin: Stdin,
    ) -> Result<(Ended, Option<Trouble>), Stop> {
        let started = Instant::now();
        let mut env = attempt.deps.environment.clone();
        env.insert(ATTEMPT_VARIABLE.to_owned(), attempt.request.attempt.to_string());
        match &self.reach {
            Reach::Local { dir } => {
                fs::create_dir_all(dir).map_err(|error| {
                    Stop::failed(format_args!(
                        "cannot make {} for host {}: {error}",
                        dir.display(),
                        self.name
                    ))
                })?;
                let args = words[1..].iter().map(Into::into).collect();
                let spec = Spec { program: words[0].into(), args, cwd: dir.clone(), env, stdin };
                Ok((attempt.run(spec).await, None))
            }
            Reach::Ssh { address, user, port, .. } => {
                let log = attempt.request.work_dir.join(format!("ssh-{}.log", uuid::Uuid::now_v7()));
                let mut args = attempt.deps.ssh_options.clone();
                let timeout = format!("ConnectTimeout={}", attempt.deps.connect_timeout.as_secs().max(1));
                for option in [
                    "BatchMode=yes",
                    "StrictHostKeyChecking=yes",
                    "LogLevel=ERROR",
                    "ServerAliveInterval=10",
                    "ServerAliveCountMax=3",
                    "ClearAllForwardings=yes",
                    &timeout,
                ] {
                    args.extend(["-o".to_owned(), option.to_owned()]);
                }
                args.extend(["-T".to_owned(), "-E".to_owned(), log.display().to_string()]);
                port.iter().for_each(|it| args.extend(["-p".to_owned(), it.to_string()]));
                user.iter().for_each(|it| args.extend(["-l".to_owned(), it.clone()]));
                args.extend(["--".to_owned(), address.clone()]);
                args.extend(words.iter().map(|it| quote(it)));
                let args = args.into_iter().map(Into::into).collect();
                let cwd = attempt.request.work_dir.clone();
                let ended = attempt.run(Spec { program: "ssh".into(), args, cwd, env, stdin }).await;
                let said = fs::read_to_string(&log).unwrap_or_default();
                let _ = fs::remove_file(&log);
                let trouble = self.trouble(&ended, &said, started);
                Ok((ended, trouble))
            }
        }
    }

    /// `ssh` gives 255 for its own faults and says why in its log; a command may give 255 too, but says nothing there.
    /// Only the far side's closing it tells on stderr. A killed `ssh` says nothing at all, and the host goes on for a
    /// while.
    fn trouble(&self, ended: &Ended, said: &str, started: Instant) -> Option<Trouble> {
        let How::Exited(status) = &ended.how else { return None };
        if let Some(signal) = status.signal() {
            let target = self.target();
            return Some(Trouble::Lost(format!(
                "the connection to host {} broke, {target} over ssh: ssh was ended by signal {signal}",
                self.name
            )));
        }
        if status.code() != Some(255) {
            return None;
        }
        let said = said.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('@'));
        let mut said = said.collect::<Vec<_>>().join("; ");
        let printed = ended.stderr.kept.text(0);
        let last = printed.lines().last().unwrap_or_default().trim();
        if said.is_empty() && last.starts_with("Connection to ") && last.ends_with("closed by remote host.") {
            last.clone_into(&mut said);
        }
        if said.is_empty() {
            return None;
        }
        let target = self.target();
        let tried = format!("{target} over ssh, tried for {:.1} s: {said}", started.elapsed().as_secs_f64());
        if NEVER_STOOD.iter().any(|it| said.contains(it)) {
            Some(Trouble::Unreachable(format!("cannot reach host {}, {tried}", self.name)))
        } else {
            Some(Trouble::Lost(format!("the connection to host {} broke, {tried}", self.name)))
        }
    }

    fn target(&self) -> String {
        match &self.reach {
            Reach::Local { dir } => dir.display().to_string(),
            Reach::Ssh { address, user, port, .. } => {
                let user = user.as_ref().map(|it| format!("{it}@")).unwrap_or_default();
                let port = port.map(|it| format!(" port {it}")).unwrap_or_default();
                format!("{user}{address}{port}")
            }
        }
    }
}

/// The text for the host's `sh -s`: values first, then the wrapper that uses them.
fn compose(attempt: &Attempt, errand: &Errand<'_>, temporary: &str) -> Result<String, Stop> {
    let shebang = if errand.script.starts_with("#!") { "" } else { "#!/bin/sh\n" };
    let mark = format!("lockkeeper-end-{}", attempt.request.attempt);
    let all = errand.args.iter().chain(errand.variables.values()).map(String::as_str).chain([errand.script]);
    if all.clone().any(|it| it.contains('\0')) {
        return Err(Stop::failed("a NUL byte cannot be passed to a host's shell"));
    }
    if errand.script.contains(&mark) {
        return Err(Stop::failed("the script holds the mark of its own end"));
    }
    let mut text = String::new();
    for (name, value) in &errand.variables {
        if !is_shell_name(name) {
            return Err(Stop::failed(format_args!("`{name}` cannot be a variable of a host's shell")));
        }
        let _ = writeln!(text, "export {name}={}", quote(value));
    }
    let cwd = errand.cwd.map(quote).unwrap_or_else(|| "''".to_owned());
    let _ = writeln!(text, "lk_cwd={cwd}\nlk_temporary={}", quote(temporary));
    text.push_str("set --");
    errand.args.iter().for_each(|it| text.push_str(&format!(" {}", quote(it))));
    let _ = writeln!(text, "\nlk_script() {{\ncat <<'{mark}'\n{shebang}{}\n{mark}\n}}", errand.script);
    text.push_str(WRAPPER);
    Ok(text)
}

fn is_shell_name(name: &str) -> bool {
    !name.starts_with(|it: char| it.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

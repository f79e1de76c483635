//! The binary that the rehearsal's processes are.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use tokio::process::{Child, Command};

/// A program of ours.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    /// Beside what we have ourselves.
    environment: Vec<(String, String)>,
}

impl Program {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), environment: Vec::new() }
    }

    /// The same, with one more variable in its environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The one that runs now.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn current() -> anyhow::Result<Self> {
        Ok(Self::new(std::env::current_exe().context("the path of this program")?))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts it in a process group of its own. Its standard input is a pipe that closes when we end, however we
    /// end: that is how it notices.
    pub(super) fn start(&self, args: &[&std::ffi::OsStr], log: &Path) -> anyhow::Result<Child> {
        self.spawn(args, log, None)
    }

    /// The same, and its standard output is a pipe to us.
    pub(super) fn start_talking(&self, args: &[&std::ffi::OsStr], log: &Path) -> anyhow::Result<Child> {
        self.spawn(args, log, Some(Stdio::piped()))
    }

    fn spawn(&self, args: &[&std::ffi::OsStr], log: &Path, out: Option<Stdio>) -> anyhow::Result<Child> {
        let log = std::fs::File::options().create(true).append(true).open(log);
        let log = log.with_context(|| format!("the log of {}", self.path.display()))?;
        let out = match out {
            Some(out) => out,
            None => Stdio::from(log.try_clone()?),
        };
        Command::new(&self.path)
            .args(args)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(Stdio::from(log))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.path.display()))
    }
}

/// Resolves when whoever started this process has closed our standard input or ended, or at SIGTERM or SIGINT.
pub(super) async fn told_to_end() {
    let orphaned = tokio::task::spawn_blocking(|| {
        // Nothing is ever sent: this returns at the end of the pipe.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    });
    tokio::select! {
        _ = orphaned => {}
        () = terminated() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Resolves at SIGTERM.
pub(super) async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

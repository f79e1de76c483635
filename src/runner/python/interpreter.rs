//! The Python that this machine has.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Deserialize;
use tokio::{sync::OnceCell, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::id::AttemptId;
use crate::runner::process::{self, Brand, Capture, Cookie, Ended, How, Log, Spec, Stdin, Watch};
use crate::runner::request::{Limits, Output};
use crate::runner::runners::Deps;
use crate::secret::Masker;

/// How long it may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(30);
/// The oldest that our package runs on.
const OLDEST: (u32, u32) = (3, 8);
const ASK: &str = "import json, os, sys; \
                   print(json.dumps({'program': os.path.realpath(sys.executable), 'version': sys.version_info[:2]}))";

/// One Python.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Found {
    /// Its own path, all links followed.
    pub(super) program: PathBuf,
    pub(super) version: (u32, u32),
}

/// Finds it once; looks again as long as there is none.
pub(super) struct Interpreter {
    deps: Arc<Deps>,
    found: OnceCell<Found>,
}

impl Interpreter {
    pub(super) fn new(deps: Arc<Deps>) -> Self {
        Self { deps, found: OnceCell::new() }
    }

    /// The Python that the settings name.
    ///
    /// # Errors
    /// There is none, or it is too old; the text says what to do.
    pub(super) async fn find(&self) -> Result<Found, String> {
        self.found.get_or_try_init(|| self.ask()).await.cloned()
    }

    async fn ask(&self) -> Result<Found, String> {
        let name = &self.deps.python.interpreter;
        let advice = "install Python 3 with its `venv` module (on Debian and Ubuntu: `apt install python3 python3-venv`), \
                      or say in lockkeeper.yaml where it is: `python: {interpreter: /path/to/python3}`";
        let args = ["-s", "-c", ASK].map(OsString::from).to_vec();
        let log = self.deps.data_dir.join("virtualenvs/interpreter.log");
        let ended = aside(&self.deps, name.into(), args, (AttemptId::generate(), &log), PATIENCE).await;
        let ended = ended.map_err(|error| format!("`{name}` could not be asked: {error}"))?;
        let said = ended.stdout.kept.text(0);
        match &ended.how {
            How::Exited(status) if status.success() => {}
            How::Lost(error) => return Err(format!("there is no Python: `{name}`: {error}; {advice}")),
            How::Exited(_) | How::TimedOut | How::Canceled => {
                let why = ended.stderr.kept.text(0);
                return Err(format!("`{name}` does not work: {}; {advice}", why.trim()));
            }
        }
        let found: Found = serde_json::from_str(said.trim())
            .map_err(|_| format!("`{name}` is no Python: it said `{}`; {advice}", said.trim()))?;
        if found.version < OLDEST {
            let ((major, minor), (least_major, least_minor)) = (found.version, OLDEST);
            return Err(format!(
                "`{name}` is Python {major}.{minor}, and actions run on {least_major}.{least_minor} or later; {advice}"
            ));
        }
        Ok(found)
    }
}

/// Runs a process that is no action's, under a brand of its own, with its output in a file of `<data>/virtualenvs/`.
pub(super) async fn aside(
    deps: &Arc<Deps>,
    program: OsString,
    args: Vec<OsString>,
    (attempt, log): (AttemptId, &Path),
    time: Duration,
) -> std::io::Result<Ended> {
    let shelf = deps.data_dir.join("virtualenvs");
    tokio::fs::create_dir_all(&shelf).await?;
    let output = Output { log: log.to_owned(), limits: Limits::default(), masker: Masker::default() };
    let log = Arc::new(Log::create(&output).await?);
    let _cookie = Cookie::new(attempt);
    let mut env = deps.environment.clone();
    env.extend(deps.python.install.clone());
    env.insert(process::ATTEMPT_VARIABLE.to_owned(), attempt.to_string());
    let capture = || Capture::new(Arc::clone(&log), &output);
    let watch = Watch {
        cancel: &CancellationToken::new(),
        deadline: Instant::now() + time,
        grace: deps.grace,
        on_spawn: None,
        brand: Brand::of(attempt),
        stdout: capture(),
        stderr: capture(),
    };
    let ended = process::run(Spec { program, args, cwd: shelf, env, stdin: Stdin::Empty }, watch).await;
    log.close().await;
    Ok(ended)
}

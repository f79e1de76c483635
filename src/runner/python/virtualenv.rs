//! Virtualenvs: `<data>/virtualenvs/<digest>/`, one for all packs that need the same. Built in the background, once, by
//! whoever needs it first; an attempt that comes meanwhile waits as long as it may.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt as _, Shared};

use super::interpreter::{Found, Interpreter, aside};
use super::needs::Needs;
use crate::id::{AttemptId, Digest};
use crate::runner::process::{self, How};
use crate::runner::runners::Deps;

/// How long building one may take.
const BUILD: Duration = Duration::from_secs(15 * 60);
/// Stands in one that is complete.
const COMPLETE: &str = ".complete";
/// Lines of a failed build that are told.
const TOLD: usize = 6;

type Building = Shared<BoxFuture<'static, Result<PathBuf, String>>>;

pub(super) struct Virtualenvs {
    deps: Arc<Deps>,
    interpreter: Arc<Interpreter>,
    building: Arc<Mutex<HashMap<Digest, Building>>>,
}

impl Virtualenvs {
    pub(super) fn new(deps: Arc<Deps>, interpreter: Arc<Interpreter>) -> Self {
        Self { deps, interpreter, building: Arc::default() }
    }

    /// The virtualenv of the pack in this folder, complete; `None` if it needs none. Builds it if it is not there; that
    /// goes on if nobody waits any more.
    ///
    /// # Errors
    /// There is no Python, or what the pack needs cannot be installed; the text says what to do.
    pub(super) async fn ready(&self, pack: &Path) -> Result<Option<PathBuf>, String> {
        // What installs works in another folder.
        let folder = std::path::absolute(pack).map_err(|error| error.to_string())?;
        let needs = tokio::task::spawn_blocking(move || Needs::of(&folder)).await;
        let needs = needs.map_err(|error| error.to_string())?;
        let Some(needs) = needs.map_err(|error| format!("its files cannot be read: {error}"))? else {
            return Ok(None);
        };
        let python = self.interpreter.find().await?;
        let digest = needs.digest(&format!("{:?} {}", python.version, python.program.display()));
        let data = std::path::absolute(&self.deps.data_dir).map_err(|error| error.to_string())?;
        let folder = data.join("virtualenvs").join(digest.as_str());
        if is_complete(&folder) {
            return Ok(Some(folder));
        }
        match self.build_once(&digest, &folder, python, needs) {
            Some(building) => building.await.map(Some),
            None => Ok(Some(folder)),
        }
    }

    /// The building that is under way, or a new one; `None` if the last one has just ended well.
    fn build_once(&self, digest: &Digest, folder: &Path, python: Found, needs: Needs) -> Option<Building> {
        let mut all = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, and so after whoever ended it: nobody builds again over what is in use.
        if is_complete(folder) {
            return None;
        }
        let begin = || {
            let (deps, folder) = (Arc::clone(&self.deps), folder.to_owned());
            let (digest, building) = (digest.clone(), Arc::clone(&self.building));
            let task = tokio::spawn(async move {
                let built = build(&deps, &folder, &python, &needs).await;
                // Whoever comes now finds it complete, or tries again.
                building.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest);
                built
            });
            task.map(|done| done.unwrap_or_else(|error| Err(error.to_string()))).boxed().shared()
        };
        Some(all.entry(digest.clone()).or_insert_with(begin).clone())
    }
}

fn is_complete(folder: &Path) -> bool {
    folder.join(COMPLETE).is_file()
}

async fn build(deps: &Arc<Deps>, folder: &Path, python: &Found, needs: &Needs) -> Result<PathBuf, String> {
    tracing::info!(folder = %folder.display(), "building a virtualenv");
    let words = |all: &[&str]| all.iter().map(OsString::from).collect::<Vec<_>>();
    let brand = brand_of(folder);
    let stale = folder.to_owned();
    let cleared = tokio::task::spawn_blocking(move || clear(brand, &stale)).await;
    cleared.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    let mut make = words(&["-s", "-m", "venv"]);
    make.push(folder.into());
    step(deps, python.program.clone().into(), make, brand, folder, "it cannot be made").await?;
    let mut install = words(&[
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--no-warn-script-location",
    ]);
    if let Some(file) = &needs.file {
        install.push("-r".into());
        install.push(file.into());
    }
    install.extend(needs.offered.iter().map(OsString::from));
    let what = "what the pack needs cannot be installed";
    step(deps, folder.join("bin/python").into(), install, brand, folder, what).await?;
    fs::write(folder.join(COMPLETE), "").map_err(|error| error.to_string())?;
    Ok(folder.to_owned())
}

/// What the processes of a build carry: the next build of the same finds them by it, should this bot be killed. A bot
/// beside this one builds in a folder of its own.
fn brand_of(folder: &Path) -> AttemptId {
    let digest = Digest::of(folder.as_os_str().as_encoded_bytes());
    let digits: String = digest.as_str().chars().filter(char::is_ascii_hexdigit).take(32).collect();
    AttemptId::from_number(u128::from_str_radix(&digits, 16).unwrap_or_default())
}

/// Ends what a killed bot left building, and removes that: one that was left unfinished is no use, nor is the log of it.
fn clear(brand: AttemptId, folder: &Path) -> io::Result<()> {
    process::end_marked(brand);
    drop(fs::remove_file(log_of(folder)));
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// One process of a build. If it fails, the end of what it said is why.
async fn step(
    deps: &Arc<Deps>,
    program: OsString,
    args: Vec<OsString>,
    brand: AttemptId,
    folder: &Path,
    what: &str,
) -> Result<(), String> {
    let ended = aside(deps, program, args, (brand, &log_of(folder)), BUILD).await;
    let ended = ended.map_err(|error| error.to_string())?;
    let why = match &ended.how {
        How::Exited(status) if status.success() => return Ok(()),
        How::Exited(_) => {
            let (out, err) = (ended.stdout.kept.text(0), ended.stderr.kept.text(0));
            last_lines(if err.trim().is_empty() { &out } else { &err })
        }
        How::TimedOut => format!("it took longer than {} minutes", BUILD.as_secs() / 60),
        How::Canceled => "it was stopped".to_owned(),
        How::Lost(error) => error.to_string(),
    };
    let log = log_of(folder);
    Err(format!("{what}: {why}\n(all of it: {}; the next attempt tries again)", log.display()))
}

fn log_of(folder: &Path) -> PathBuf {
    folder.with_extension("log")
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|it| !it.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TOLD)..].join("\n")
}

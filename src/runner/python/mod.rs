//! `python-script`: a Python action of a StackStorm pack, unchanged.
//!
//! Each attempt is one process of the pack's interpreter ([`interpreter`], [`virtualenv`]) that runs `run_action.py` of
//! our own [`package`]. What it is to do, what it returns and what it asks of the datastore go over a socket that only it
//! has ([`line`](mod@line)): nothing of that stands in argv or the environment, and whatever the action prints is output.
//!
//! The result is `{stdout, stderr, exit_code, result[, error]}`, as `contrib/runners/python_runner` of
//! <https://github.com/StackStorm/st2> gives it. It returned: succeeded, unless it says otherwise with `(False, …)`;
//! exit code 220: it returned a status that is none; 1: it raised; -9: it took too long.
//!
//! A [`sensor`] is one process of the same kind that goes on, and tells what happens over its line.

mod interpreter;
mod line;
mod needs;
mod package;
mod report;
mod sensor;
mod virtualenv;
mod workshop;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tokio::{net::UnixStream, time::timeout};
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, Stop, fields};
use super::process::{Spec, Stdin};
use super::{Outcome, Request, Runner, shell};

use workshop::Workbench;

pub use line::{Datastore, Dispatch, Dispatched, Question, no_datastore};
pub use sensor::{Sensing, SensorEnd, Sensors};
pub(super) use workshop::Workshop;

/// How long what a process said last may take to be read after its end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What Python actions are run with.
#[derive(Clone)]
pub struct PythonDeps {
    /// A name that is looked up in `PATH`, or a path: what actions run on, and virtualenvs are made with.
    pub interpreter: String,
    /// Variables for building virtualenvs beside the clean ones: proxies, certificates, package indices.
    pub install: BTreeMap<String, String>,
    /// Answers what actions ask of the datastore.
    pub datastore: Datastore,
}

impl Default for PythonDeps {
    fn default() -> Self {
        Self { interpreter: "python3".to_owned(), install: BTreeMap::new(), datastore: no_datastore() }
    }
}

/// Variables that pip and the network below it are configured with.
pub fn install_environment(
    variables: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, String> {
    const NAMES: [&str; 4] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
    let fits = |name: &str| {
        NAMES.contains(&name) || name.starts_with("PIP_") || name.to_ascii_uppercase().ends_with("_PROXY")
    };
    variables.into_iter().filter(|(name, _)| fits(name)).collect()
}

pub(super) struct PythonScript {
    workshop: Arc<Workshop>,
}

impl PythonScript {
    pub(super) fn new(workshop: Arc<Workshop>) -> Self {
        Self { workshop }
    }

    /// What the attempt's process is, and our end of its line.
    async fn prepare(&self, attempt: &Attempt) -> Result<(Spec, UnixStream), Stop> {
        let request = &attempt.request;
        let pack = std::path::absolute(&request.content_dir).map_err(Stop::failed)?;
        let bench = attempt.within(self.workbench(attempt, &pack)).await;
        let bench = bench.map_err(|stop| unready(attempt, stop))?;
        let (ours, theirs) = line::pair().map_err(Stop::failed)?;
        // Whoever starts the action cannot say where Python looks for modules.
        let env = bench.environment(attempt.environment()?, &pack, &["actions/lib", "lib"]);
        let spec = Spec {
            args: bench.arguments("run_action.py"),
            cwd: request.work_dir.clone(),
            env: env.map_err(Stop::failed)?,
            stdin: Stdin::Socket(theirs),
            program: bench.program,
        };
        Ok((spec, ours))
    }

    async fn workbench(&self, attempt: &Attempt, pack: &Path) -> Result<Workbench, Stop> {
        self.workshop.bench(pack, &attempt.request.action.pack).await.map_err(Stop::failed)
    }
}

#[async_trait]
impl Runner for PythonScript {
    fn name(&self) -> &'static str {
        "python-script"
    }

    async fn run(&self, request: Request, cancel: CancellationToken) -> Outcome {
        let attempt = match Attempt::begin(request, cancel, self.workshop.deps()).await {
            Ok(attempt) => attempt,
            Err(outcome) => return outcome,
        };
        let prepared = match order(&attempt) {
            Ok(order) => self.prepare(&attempt).await.map(|it| (it, order)),
            Err(stop) => Err(stop),
        };
        let ((spec, ours), order) = match prepared {
            Ok(prepared) => prepared,
            Err(stop) => return attempt.finish(Err(stop)).await,
        };
        let said = line::talk(ours, &order, self.workshop.datastore(), None);
        tokio::pin!(said);
        let (ended, said) = {
            let run = attempt.run(spec);
            tokio::pin!(run);
            tokio::select! {
                ended = &mut run => (ended, timeout(LAST_WORDS, &mut said).await.unwrap_or_default()),
                said = &mut said => (run.await, said),
            }
        };
        let (end, result) = report::report(&attempt, ended, said);
        attempt.close(end, result).await
    }

    async fn make_ready(&self, pack: &Path) -> Result<(), String> {
        self.workshop.ready(pack).await.map(drop)
    }
}

/// A virtualenv that was waited for too long is built on.
fn unready(attempt: &Attempt, stop: Stop) -> Stop {
    match stop {
        Stop::Timeout(_) => {
            let late = attempt.late();
            let error = format!("{late}: the virtualenv of its pack is still being built; ask again later");
            Stop::Timeout(fields([("error", error.into())]))
        }
        stop @ (Stop::Failed(_) | Stop::Lost(_) | Stop::Canceled) => stop,
    }
}

/// What the process is told first.
fn order(attempt: &Attempt) -> Result<Value, Stop> {
    let request = &attempt.request;
    let file = std::path::absolute(shell::entry_path(attempt)?).map_err(Stop::failed)?;
    if !file.is_file() {
        let entry = request.action.entry_point.as_deref().unwrap_or_default();
        return Err(Stop::failed(format_args!("the pack has no file actions/{entry}")));
    }
    let is_own = |name: &str| request.action.parameters.get(name).is_none_or(|it| !it.of_runner);
    let own: Map<String, Value> = request
        .parameters
        .iter()
        .filter(|(name, _)| is_own(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(json!({
        "pack": request.action.pack.as_str(),
        "file": file.to_str().ok_or_else(|| Stop::failed("the path of the action is not text"))?,
        "parameters": own,
        "config": request.pack_config,
        "log_level": attempt.text("log_level").unwrap_or("DEBUG"),
        "user": request.user,
    }))
}

//! A Python sensor: one process that goes on until it is stopped, and tells over its line what happens.
//! <https://docs.stackstorm.com/sensors.html>

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::line::{self, Dispatch};
use super::workshop::Workshop;
use crate::id::{AttemptId, Digest, PackName};
use crate::runner::process::{self, Brand, Capture, Ended, How, Log, Spec, Stdin, Watch};
use crate::runner::request::{Limits, OnSpawn, Output};
use crate::secret::Masker;

/// Lines of a sensor's last words that are told.
const TOLD: usize = 6;
/// No sensor runs longer without a new start. The clock of the system cannot count to for ever.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// One run of a sensor.
#[derive(Clone)]
pub struct Sensing {
    /// `pack.Class`.
    pub reference: String,
    pub pack: PackName,
    /// Where the files of the pack lie.
    pub folder: PathBuf,
    /// Within the folder `sensors` of the pack.
    pub entry_point: String,
    pub class: String,
    /// Seconds between two looks of a sensor that polls; its own default if there is none.
    pub poll_interval: Option<f64>,
    pub config: Map<String, Value>,
    /// What rules listen to of what it fires, as `add_trigger` gets it.
    pub triggers: Vec<Value>,
    /// For what it prints.
    pub masker: Masker,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SensorEnd {
    /// As asked.
    Stopped,
    /// Its `run()` returned: it has nothing more to do.
    Finished,
    /// The end of what it said, or why it could not be started.
    Failed(String),
}

/// Runs sensors.
#[derive(Clone)]
pub struct Sensors(Arc<Workshop>);

impl Sensors {
    pub(in crate::runner) fn new(workshop: Arc<Workshop>) -> Self {
        Self(workshop)
    }

    /// The file that holds what a sensor printed since its last start.
    pub fn log_of(&self, reference: &str) -> PathBuf {
        self.shelf().join(format!("{reference}.log"))
    }

    fn shelf(&self) -> PathBuf {
        self.0.deps().data_dir.join("sensors")
    }

    /// Runs it to its end, or until `stop`; none of its processes is left then. What an earlier run left, of a bot that
    /// was killed, is ended first.
    pub async fn run(
        &self,
        sensing: &Sensing,
        dispatch: &Dispatch,
        on_spawn: Option<&OnSpawn>,
        stop: &CancellationToken,
    ) -> SensorEnd {
        let number = number_of(&self.log_of(&sensing.reference));
        process::end_marked(number);
        let started = tokio::select! {
            started = self.start(sensing, number) => started,
            () = stop.cancelled() => return SensorEnd::Stopped,
        };
        let (spec, ours, log, output) = match started {
            Ok(started) => started,
            Err(why) => return SensorEnd::Failed(why),
        };
        let capture = || Capture::new(Arc::clone(&log), &output);
        let watch = Watch {
            cancel: stop,
            deadline: Instant::now() + LONGEST,
            grace: self.0.deps().grace,
            on_spawn,
            brand: Brand::of(number),
            stdout: capture(),
            stderr: capture(),
        };
        let order = order(sensing);
        let talk = line::talk(ours, &order, self.0.datastore(), Some(dispatch));
        let ended = {
            let run = process::run(spec, watch);
            tokio::pin!(run, talk);
            tokio::select! {
                ended = &mut run => ended,
                // It closed its line; its end says more.
                _ = &mut talk => run.await,
            }
        };
        process::end_marked(number);
        log.close().await;
        end_of(&ended)
    }

    async fn start(
        &self,
        sensing: &Sensing,
        number: AttemptId,
    ) -> Result<(Spec, tokio::net::UnixStream, Arc<Log>, Output), String> {
        let said = |error: io::Error| error.to_string();
        let file = sensing.folder.join("sensors").join(&sensing.entry_point);
        if !file.is_file() {
            return Err(format!("the pack has no file sensors/{}", sensing.entry_point));
        }
        let bench = self.0.bench(&sensing.folder, &sensing.pack).await?;
        let shelf = std::path::absolute(self.shelf()).map_err(said)?;
        let cwd = shelf.join(&sensing.reference);
        tokio::fs::create_dir_all(&cwd).await.map_err(said)?;
        let output = Output {
            log: self.log_of(&sensing.reference),
            limits: Limits::default(),
            masker: sensing.masker.clone(),
        };
        let log = fresh(&output).await.map_err(said)?;
        let mut env = self.0.deps().environment.clone();
        env.insert(process::ATTEMPT_VARIABLE.to_owned(), number.to_string());
        let env = bench.environment(env, &sensing.folder, &["sensors/lib", "lib"])?;
        let (ours, theirs) = line::pair().map_err(said)?;
        let (args, program) = (bench.arguments("run_sensor.py"), bench.program);
        Ok((Spec { program, args, cwd, env, stdin: Stdin::Socket(theirs) }, ours, Arc::new(log), output))
    }
}

/// Of this run alone: what an earlier one printed is of no use to anybody who looks why this one does not work.
async fn fresh(output: &Output) -> io::Result<Log> {
    match tokio::fs::remove_file(&output.log).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    Log::create(output).await
}

/// What its processes carry: the same in every run of this bot, so that the next one finds what was left of the last, and
/// another one in that of a bot beside it.
fn number_of(log: &Path) -> AttemptId {
    let log = std::path::absolute(log).unwrap_or_else(|_| log.to_owned());
    let digest = Digest::of(log.as_os_str().as_encoded_bytes());
    let digits: String = digest.as_str().chars().filter(char::is_ascii_hexdigit).take(32).collect();
    AttemptId::from_number(u128::from_str_radix(&digits, 16).unwrap_or_default())
}

/// What the process is told first.
fn order(sensing: &Sensing) -> Value {
    let path = |it: &Path| it.to_string_lossy().into_owned();
    json!({
        "pack": sensing.pack,
        "file": path(&sensing.folder.join("sensors").join(&sensing.entry_point)),
        "class": sensing.class,
        "config": sensing.config,
        "poll_interval": sensing.poll_interval,
        "triggers": sensing.triggers,
    })
}

fn end_of(ended: &Ended) -> SensorEnd {
    match &ended.how {
        How::Canceled => SensorEnd::Stopped,
        How::Exited(status) if status.success() => SensorEnd::Finished,
        How::Exited(status) => {
            let said = ended.stderr.kept.text(0);
            let lines: Vec<&str> = said.lines().filter(|it| !it.trim().is_empty()).collect();
            let last = lines[lines.len().saturating_sub(TOLD)..].join("\n");
            SensorEnd::Failed(if last.is_empty() { format!("it ended with {status}") } else { last })
        }
        How::TimedOut => SensorEnd::Failed("it ran for ten years".to_owned()),
        How::Lost(error) => SensorEnd::Failed(error.to_string()),
    }
}

//! One process and its group, from start to the last of them.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use rustix::process::Signal;

use super::brand::Brand;
use super::capture::Capture;
use super::mark::ProcessMark;
use super::orphan::{self, Waited};
use super::table::{group_lives, kill_group, signal_group};
use crate::runner::request::OnSpawn;

/// How long output may still come after the process has ended, from others that hold its pipe.
const DRAIN: Duration = Duration::from_secs(2);

/// How long a killed group's pipes may take to close.
const CLOSE: Duration = Duration::from_millis(500);

/// How often and in which distance a program file that somebody has open for writing is tried again.
const BUSY_TRIES: u32 = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// What to start.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) cwd: PathBuf,
    /// The whole environment; nothing of ours is inherited.
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) stdin: Stdin,
}

/// What the process reads.
#[derive(Debug)]
pub(crate) enum Stdin {
    Empty,
    Bytes(Vec<u8>),
    /// These bytes; then the pipe stays open as long as we live, so that its end tells a far side that we are gone.
    Held(Vec<u8>),
    File(std::fs::File),
    /// Our own end of it is elsewhere: the process may answer.
    Socket(std::os::unix::net::UnixStream),
}

/// Who watches the process.
pub(crate) struct Watch<'a> {
    pub(crate) cancel: &'a CancellationToken,
    pub(crate) deadline: Instant,
    /// From the polite signal to the final one.
    pub(crate) grace: Duration,
    pub(crate) on_spawn: Option<&'a OnSpawn>,
    /// The attempt's.
    pub(crate) brand: Brand,
    pub(crate) stdout: Capture,
    pub(crate) stderr: Capture,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) enum How {
    Exited(ExitStatus),
    TimedOut,
    Canceled,
    /// The system refused to start it or lost it.
    Lost(io::Error),
}

/// A process's end and what it printed.
pub(crate) struct Ended {
    pub(crate) how: How,
    pub(crate) stdout: Capture,
    pub(crate) stderr: Capture,
}

/// Runs a process to its end; none of its group is left when this returns or is dropped.
pub(crate) async fn run(spec: Spec, watch: Watch<'_>) -> Ended {
    let Watch { cancel, deadline, grace, on_spawn, brand, stdout, stderr } = watch;
    if cancel.is_cancelled() {
        return Ended { how: How::Canceled, stdout, stderr };
    }
    let (mut child, waited, stdin) = match start(spec).await {
        Ok(started) => started,
        Err(error) => return Ended { how: How::Lost(error), stdout, stderr },
    };
    let Some(pid) = child.id() else {
        return Ended { how: How::Lost(io::Error::other("the process has no number")), stdout, stderr };
    };
    // From here on dropping the future kills the group.
    let group = Group(pid);
    brand.put_on(pid);
    let out = Pump::start(child.stdout.take(), stdout);
    let err = Pump::start(child.stderr.take(), stderr);
    if let Some(on_spawn) = on_spawn {
        on_spawn(ProcessMark::of(pid)).await;
    }
    let feeding = tokio::spawn(feed(child.stdin.take(), stdin));
    let how = tokio::select! {
        biased;
        status = child.wait() => status.map_or_else(How::Lost, How::Exited),
        () = cancel.cancelled() => How::Canceled,
        () = sleep_until(deadline) => How::TimedOut,
    };
    match how {
        How::Canceled | How::TimedOut => end_group(&mut child, pid, grace).await,
        How::Exited(_) | How::Lost(_) => {
            let drained = async { tokio::join!(out.ended(), err.ended()) };
            let _ = timeout(DRAIN.min(deadline.saturating_duration_since(Instant::now())), drained).await;
        }
    }
    drop(group);
    drop(waited);
    let _ = timeout(CLOSE, async { tokio::join!(out.ended(), err.ended()) }).await;
    feeding.abort();
    Ended { how, stdout: out.stop().await, stderr: err.stop().await }
}

async fn start(spec: Spec) -> io::Result<(Child, Option<Waited>, Stdin)> {
    let mut command = Command::new(spec.program);
    command
        .args(spec.args)
        .current_dir(spec.cwd)
        .env_clear()
        .envs(spec.env)
        .process_group(0)
        .kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let stdin = match spec.stdin {
        Stdin::Empty => {
            command.stdin(Stdio::null());
            Stdin::Empty
        }
        Stdin::File(file) => {
            command.stdin(file);
            Stdin::Empty
        }
        Stdin::Socket(socket) => {
            command.stdin(std::os::fd::OwnedFd::from(socket));
            Stdin::Empty
        }
        Stdin::Bytes(bytes) => {
            command.stdin(Stdio::piped());
            Stdin::Bytes(bytes)
        }
        Stdin::Held(bytes) => {
            command.stdin(Stdio::piped());
            Stdin::Held(bytes)
        }
    };
    // A file that was just written may still be open in a child that another thread is forking at this moment.
    for _ in 0..BUSY_TRIES {
        match orphan::start(&mut command) {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => sleep(BUSY_PAUSE).await,
            started => return started.map(|(child, waited)| (child, waited, stdin)),
        }
    }
    orphan::start(&mut command).map(|(child, waited)| (child, waited, stdin))
}

/// A process that does not read its input is no fault.
async fn feed(pipe: Option<ChildStdin>, stdin: Stdin) {
    let Some(mut pipe) = pipe else { return };
    match stdin {
        Stdin::Empty | Stdin::File(_) | Stdin::Socket(_) => {}
        Stdin::Bytes(bytes) => {
            let _ = pipe.write_all(&bytes).await;
        }
        Stdin::Held(bytes) => {
            let _ = pipe.write_all(&bytes).await;
            let _ = pipe.flush().await;
            std::future::pending::<()>().await;
        }
    }
}

/// Asks the group to end, waits for `grace`, and kills what is left.
async fn end_group(child: &mut Child, pid: u32, grace: Duration) {
    signal_group(pid, Signal::TERM);
    let all_gone = async {
        let _ = child.wait().await;
        while group_lives(pid) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(grace, all_gone).await.is_err() {
        kill_group(pid);
        let _ = timeout(CLOSE, child.wait()).await;
    }
}

/// A group that dies with this value.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        kill_group(self.0);
    }
}

/// Reads one pipe into its capture, in a task of its own: a process that prints must not wait for its turn.
struct Pump {
    task: JoinHandle<()>,
    capture: Arc<tokio::sync::Mutex<Option<Capture>>>,
    ended: CancellationToken,
}

impl Pump {
    fn start(pipe: Option<impl AsyncRead + Unpin + Send + 'static>, capture: Capture) -> Self {
        let capture = Arc::new(tokio::sync::Mutex::new(Some(capture)));
        let ended = CancellationToken::new();
        let task = tokio::spawn({
            let (capture, ended) = (Arc::clone(&capture), ended.clone());
            async move {
                // Fires however the task ends.
                let _ended = ended.drop_guard();
                let Some(mut pipe) = pipe else { return };
                let mut buffer = vec![0; 64 << 10];
                while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
                    if let Some(capture) = capture.lock().await.as_mut() {
                        capture.push(&buffer[..read]).await;
                    }
                }
            }
        });
        Self { task, capture, ended }
    }

    async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Reads no more; gives what was read.
    async fn stop(self) -> Capture {
        let mut slot = self.capture.lock().await;
        let mut capture = slot.take().expect("only this takes the capture, and it consumes the pump");
        drop(slot);
        capture.finish().await;
        capture
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}

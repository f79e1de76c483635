//! The binary itself, started as a service would start it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use lockkeeper::control::{client, wire::Request};

use super::house::{House, PATIENCE};
use super::report::{Bound, Row, Times, length, millis};

const STARTS: usize = 20;
const ALIASES: usize = 1_000;
const KILLS: usize = 20;
/// Between two looks at something outside of this process.
const LOOK: Duration = Duration::from_millis(1);
/// How long an idle bot is watched, and how often it is looked at.
pub const IDLE: Duration = Duration::from_secs(10);
pub const IDLE_LOOK: Duration = Duration::from_millis(500);
/// What it may hold, in MiB.
pub const IDLE_MOST: f64 = 30.0;

/// A bot as a child process; dropping it kills it.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Service {
    /// Starts it on a house that listens at a port which is free now.
    pub fn start(house: &House) -> anyhow::Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        house.listen(&address.to_string())?;
        let log = std::fs::File::options().create(true).append(true).open(house.path("bot.log"))?;
        let child = Command::new(env!("CARGO_BIN_EXE_lockkeeper"))
            .args(["serve", "--config"])
            .arg(house.path("config/lockkeeper.yaml"))
            // With it, memory would be that of who looks for faults.
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child, address })
    }

    /// Waits until it says that it can do its work: content loaded, store writable, what was left taken up.
    pub fn until_ready(&self, house: &House) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.is_ready() {
            if PATIENCE < begun.elapsed() {
                bail!("it is not ready:\n{}", std::fs::read_to_string(house.path("bot.log"))?);
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|it| it.starts_with("HTTP/1.1 200"))
    }

    /// A field of /proc/<pid>/status, in KiB.
    pub fn memory(&self, field: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|it| it.strip_prefix(field)).context("a field of its status")?;
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        Ok(digits.parse()?)
    }
}

/// The operating system's name of who runs this: the account that a bot takes a caller for.
fn user() -> anyhow::Result<String> {
    let output = Command::new("id").arg("-un").output().context("`id` cannot be run")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn say(house: &House, text: &str) -> anyhow::Result<()> {
    let request = Request::Say { text: text.to_owned(), wait: false };
    for reply in client::call(&house.path("data"), &request)? {
        reply?;
    }
    Ok(())
}

/// From the start of the process to `/readyz`, with a thousand aliases on disk.
pub fn start(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let house = House::new(dir, &user()?)?;
    for number in 0..ALIASES {
        house.alias(
            &format!("deploy_{number}"),
            &format!("deploy app{number} to {{{{message}}}}"),
            "core.echo",
        )?;
    }
    let mut times = Vec::new();
    for _ in 0..=STARTS {
        let begun = Instant::now();
        let service = Service::start(&house)?;
        service.until_ready(&house)?;
        times.push(begun.elapsed());
    }
    let first = times.remove(0);
    let times = Times::new(times);
    let note = format!(
        "{}; the very first, which makes the database and lays out the packs: {}; every file of {ALIASES} aliases is \
         read, checked and compiled; ready is `/readyz`",
        times.summary(),
        length(first)
    );
    let what = "start to ready with 1,000 aliases, median";
    Ok(vec![Row::new(what, millis(times.median()), Bound::AtMost(200.0), "ms", note)])
}

/// What an idle bot holds in memory.
pub fn idle(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let house = House::new(dir, &user()?)?;
    let service = Service::start(&house)?;
    service.until_ready(&house)?;
    // The aliases are compiled for the first message.
    say(&house, "help")?;
    let begun = Instant::now();
    let mut most: f64 = 0.0;
    while begun.elapsed() < IDLE {
        std::thread::sleep(IDLE_LOOK);
        most = most.max(service.memory("VmRSS:")?);
    }
    let note = format!(
        "the most in {IDLE:?} after one `!help`, shipped content, no app: {:.1} MiB of it anonymous, {:.1} MiB pages of \
         the binary; at most ever {:.1} MiB",
        service.memory("RssAnon:")? / 1_024.0,
        service.memory("RssFile:")? / 1_024.0,
        service.memory("VmHWM:")? / 1_024.0,
    );
    Ok(vec![Row::new("idle, resident", most / 1_024.0, Bound::AtMost(IDLE_MOST), "MiB", note)])
}

/// Killed in the middle of a workflow and started again at once, many times over the same workflow.
pub fn kill(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let house = House::new(dir, &user()?)?;
    let steps = house.path("steps");
    std::fs::write(&steps, "")?;
    house.write(
        "content/commands/trial/actions/step.yaml",
        &format!(
            "name: step\nrunner_type: local-shell-cmd\ndescription: Says who asked.\nparameters:\n  cmd: {{immutable: true, default: \
             'echo $PPID >> {}; sleep 0.02'}}\ntags: [{{name: idempotent, value: \"true\"}}]\n",
            steps.display()
        ),
    )?;
    house.workflow(
        "steps",
        "{}",
        "version: 1.0\ntasks:\n  each:\n    with: {items: <% range(2000).toList() %>, concurrency: 1}\n    action: trial.step\n",
    )?;
    house.alias("steps", "steps", "trial.steps")?;
    let mut service = Service::start(&house)?;
    service.until_ready(&house)?;
    say(&house, "steps")?;
    until_step(&steps, service.child.id(), &house)?;
    let mut times = Vec::new();
    for number in 0..KILLS {
        // Somewhere in a step, each time elsewhere.
        std::thread::sleep(Duration::from_millis(150 + 7 * u64::try_from(number)?));
        let killed = Instant::now();
        service.child.kill()?;
        service.child.wait()?;
        service = Service::start(&house)?;
        until_step(&steps, service.child.id(), &house)?;
        times.push(killed.elapsed());
    }
    let times = Times::new(times);
    let note = format!(
        "{}; started again at once, until a process of the next step has written, on the same workflow, whose history \
         grows; the process that the dead one left is ended first",
        times.summary()
    );
    let what = "kill -9 to going on, longest";
    Ok(vec![Row::new(what, times.longest().as_secs_f64(), Bound::AtMost(1.0), "s", note)])
}

/// Waits until a step of this process has written.
fn until_step(steps: &Path, pid: u32, house: &House) -> anyhow::Result<()> {
    let (begun, wanted) = (Instant::now(), pid.to_string());
    while !std::fs::read_to_string(steps)?.lines().any(|it| it == wanted) {
        ensure!(
            begun.elapsed() < PATIENCE,
            "it does not go on:\n{}",
            std::fs::read_to_string(house.path("bot.log"))?
        );
        std::thread::sleep(LOOK);
    }
    Ok(())
}

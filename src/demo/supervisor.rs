//! The hosts of the rehearsal: keeps one shop per host running, restarts it when an installation asks, balances some
//! traffic over the hosts in the pool, and lets hosts die.
//!
//! It is a process of its own, so that hosts live on when the bot is killed; it ends with whoever started it, and its
//! shops end with it.
//!
//! - `GET /fleet`: every host, and what users saw ([`Fleet`]);
//! - `PUT /pool/HOST` `{"state": "in"|"out"}`;
//! - `POST /kill/HOST`, `POST /revive/HOST`: a host that dies, and is back;
//! - `POST /doom/HOST`: it dies when it is restarted next, in the middle of a rollout.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::process::Child;

use super::call::Caller;
use super::part::SHOP;
use super::program::{Program, told_to_end};

/// How often the hosts are looked after.
const LOOK: Duration = Duration::from_millis(50);
/// Between two users' requests.
const TRAFFIC: Duration = Duration::from_millis(100);
/// Looks between two tries to start a shop that does not stay up.
const PAUSE_LOOKS: u32 = 10;

/// Where its `fleet.json` lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisorArgs {
    pub dir: PathBuf,
}

/// `fleet.json`: read again whenever it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetFile {
    /// Where the supervisor listens, on the loopback interface.
    pub port: u16,
    pub hosts: Vec<HostEntry>,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEntry {
    pub name: String,
    pub port: u16,
    /// The app's folder on it. An installation touches `restart` there.
    pub dir: PathBuf,
}

/// What `GET /fleet` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    pub hosts: Vec<HostState>,
    /// Requests of users so far, and how many of them failed.
    pub requests: u64,
    pub errors: u64,
}

/// One host now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostState {
    pub name: String,
    pub port: u16,
    pub pid: Option<u32>,
    pub in_pool: bool,
    pub dead: bool,
    /// What `current` holds on its disk; not necessarily what runs.
    pub installed: Option<String>,
}

#[derive(Deserialize)]
struct PoolState {
    state: Pool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pool {
    In,
    Out,
}

struct Host {
    entry: HostEntry,
    child: Option<Child>,
    /// When `restart` was touched last, as far as the running child knows.
    asked: Option<SystemTime>,
    in_pool: bool,
    /// It has answered once, or somebody has said where it belongs. Before that it gets no users.
    joined: bool,
    dead: bool,
    doomed: bool,
    pause: u32,
}

#[derive(Default)]
struct Keeper {
    hosts: BTreeMap<String, Host>,
    requests: u64,
    errors: u64,
}

type Shared = Arc<Mutex<Keeper>>;

fn lock(keeper: &Shared) -> MutexGuard<'_, Keeper> {
    keeper.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks after the hosts until told to end.
///
/// # Errors
/// `fleet.json` cannot be read, or the port is taken.
pub async fn supervise(args: SupervisorArgs) -> anyhow::Result<()> {
    let file = args.dir.join("fleet.json");
    let fleet = read(&file)?;
    let program = Program::current()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", fleet.port)).await;
    let listener = listener.with_context(|| format!("cannot listen on port {}", fleet.port))?;
    let keeper = Shared::default();
    let router = Router::new()
        .route("/fleet", get(tell))
        .route("/pool/{host}", put(pool))
        .route("/kill/{host}", post(kill))
        .route("/revive/{host}", post(revive))
        .route("/doom/{host}", post(doom))
        .with_state(keeper.clone());
    let keeping = async {
        let mut tick = tokio::time::interval(LOOK);
        loop {
            tick.tick().await;
            // Half a file is read again at the next look.
            if let Ok(fleet) = read(&file) {
                lock(&keeper).adopt(fleet);
            }
            lock(&keeper).look(&program, &args.dir);
        }
    };
    tokio::select! {
        ended = axum::serve(listener, router).into_future() => ended.context("the supervisor's server")?,
        () = keeping => {}
        () = visit(&keeper) => {}
        () = told_to_end() => {}
    }
    lock(&keeper).end();
    Ok(())
}

fn read(file: &std::path::Path) -> anyhow::Result<FleetFile> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| file.display().to_string())
}

impl Keeper {
    fn adopt(&mut self, fleet: FleetFile) {
        for entry in fleet.hosts {
            self.hosts.entry(entry.name.clone()).or_insert_with(|| Host {
                entry,
                child: None,
                asked: None,
                in_pool: false,
                joined: false,
                dead: false,
                doomed: false,
                pause: 0,
            });
        }
    }

    fn look(&mut self, program: &Program, dir: &std::path::Path) {
        for host in self.hosts.values_mut() {
            host.look(program, dir);
        }
    }

    fn end(&mut self) {
        for host in self.hosts.values_mut() {
            host.stop();
        }
    }
}

impl Host {
    fn look(&mut self, program: &Program, dir: &std::path::Path) {
        if self.dead {
            return;
        }
        let restart = std::fs::metadata(self.entry.dir.join("restart")).and_then(|it| it.modified()).ok();
        if restart != self.asked && self.child.is_some() {
            self.stop();
            self.pause = 0;
            if self.doomed {
                self.dead = true;
                return;
            }
        }
        let ended = self.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)));
        if ended {
            self.child = None;
            self.pause = PAUSE_LOOKS;
        }
        if self.child.is_some() {
            return;
        }
        if 0 < self.pause {
            self.pause -= 1;
            return;
        }
        // Noted before the shop reads `current`, so that a later installation is not missed.
        self.asked = restart;
        let port = self.entry.port.to_string();
        let args: [&OsStr; 4] =
            [SHOP.as_ref(), self.entry.name.as_ref(), port.as_ref(), self.entry.dir.as_ref()];
        match program.start(&args, &dir.join("hosts.log")) {
            Ok(child) => self.child = Some(child),
            Err(_) => self.pause = PAUSE_LOOKS,
        }
    }

    fn join(&mut self, in_pool: bool) {
        self.in_pool = in_pool;
        self.joined = true;
    }

    /// As when somebody pulls the plug.
    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One that has ended already needs no killing.
            let _ = child.start_kill();
            // The system reaps it: tokio waits for dropped children.
            drop(child);
        }
    }

    fn state(&self) -> HostState {
        let digest = std::fs::read_to_string(self.entry.dir.join("current/DIGEST")).ok();
        HostState {
            name: self.entry.name.clone(),
            port: self.entry.port,
            pid: self.child.as_ref().and_then(Child::id),
            in_pool: self.in_pool,
            dead: self.dead,
            installed: digest.map(|it| it.trim().to_owned()),
        }
    }
}

/// Users: one request after the other, host by host.
async fn visit(keeper: &Shared) {
    let caller = Caller::new();
    let mut tick = tokio::time::interval(TRAFFIC);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for number in 0_usize.. {
        tick.tick().await;
        welcome(keeper, &caller).await;
        let ports: Vec<u16> =
            lock(keeper).hosts.values().filter(|it| it.in_pool).map(|it| it.entry.port).collect();
        if ports.is_empty() {
            continue;
        }
        let answer = caller.get(ports[number % ports.len()], "/").await;
        let good = answer.is_ok_and(|(status, _)| status.is_success());
        let mut keeper = lock(keeper);
        keeper.requests += 1;
        keeper.errors += u64::from(!good);
    }
}

/// New hosts join the pool once they answer.
async fn welcome(keeper: &Shared, caller: &Caller) {
    let new: Vec<HostEntry> =
        lock(keeper).hosts.values().filter(|it| !it.joined).map(|it| it.entry.clone()).collect();
    for entry in new {
        if caller.get(entry.port, "/version").await.is_ok()
            && let Some(host) = lock(keeper).hosts.get_mut(&entry.name)
            && !host.joined
        {
            host.join(true);
        }
    }
}

async fn tell(State(keeper): State<Shared>) -> Json<Fleet> {
    let keeper = lock(&keeper);
    let hosts = keeper.hosts.values().map(Host::state).collect();
    Json(Fleet { hosts, requests: keeper.requests, errors: keeper.errors })
}

async fn pool(State(keeper): State<Shared>, Path(host): Path<String>, body: String) -> (StatusCode, String) {
    let Ok(PoolState { state }) = serde_json::from_str(&body) else {
        return (
            StatusCode::BAD_REQUEST,
            "expected {\"state\": \"in\"} or {\"state\": \"out\"}\n".to_owned(),
        );
    };
    change(&keeper, &host, |host| host.join(matches!(state, Pool::In)))
}

async fn kill(State(keeper): State<Shared>, Path(host): Path<String>) -> (StatusCode, String) {
    change(&keeper, &host, |host| {
        host.stop();
        host.dead = true;
    })
}

async fn revive(State(keeper): State<Shared>, Path(host): Path<String>) -> (StatusCode, String) {
    change(&keeper, &host, |host| {
        host.dead = false;
        host.doomed = false;
    })
}

async fn doom(State(keeper): State<Shared>, Path(host): Path<String>) -> (StatusCode, String) {
    change(&keeper, &host, |host| host.doomed = true)
}

fn change(keeper: &Shared, host: &str, change: impl FnOnce(&mut Host)) -> (StatusCode, String) {
    match lock(keeper).hosts.get_mut(host) {
        Some(host) => {
            change(host);
            (StatusCode::OK, "done\n".to_owned())
        }
        None => (StatusCode::NOT_FOUND, format!("no host is called {host}\n")),
    }
}

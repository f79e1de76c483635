//! A folder to work in, requests with sensible fields, and questions about the process table.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on is a failed test")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lockkeeper::content::{Action, Environments, Parameter};
use lockkeeper::id::{AttemptId, Digest, ExecutionId};
use lockkeeper::inventory::StaticInventory;
use lockkeeper::runner::{Deps, Limits, Outcome, Output, PythonDeps, Request, Runners, clean_environment};
use lockkeeper::secret::Masker;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

/// Longer than anything here should take, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

pub struct Bench {
    folder: tempfile::TempDir,
    pub runners: Runners,
}

impl Bench {
    /// Over this `config/environments.yaml`; `ssh_options` come before ours.
    pub fn build(environments: Value, ssh_options: Vec<String>) -> Self {
        Self::build_for(environments, ssh_options, None)
    }

    /// The same for a user whose settings lie in the folder `home`.
    pub fn build_for(environments: Value, ssh_options: Vec<String>, home: Option<&Path>) -> Self {
        Self::build_of(environments, ssh_options, home, PythonDeps::default())
    }

    /// The same, with Python actions that run on this.
    pub fn build_of(
        environments: Value,
        ssh_options: Vec<String>,
        home: Option<&Path>,
        python: PythonDeps,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["pack/actions", "work", "data"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let environments: Environments = serde_json::from_value(environments).unwrap();
        let inventory = Arc::new(StaticInventory::new(Arc::new(environments), false));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let home = home.map(|it| ("HOME".to_owned(), it.display().to_string()));
        let deps = Deps {
            grace: Duration::from_millis(300),
            ssh_options,
            python,
            ..Deps::new(
                folder.path().join("data"),
                clean_environment(std::env::vars().chain(home)),
                Arc::new(move || Arc::clone(&inventory)),
                http,
            )
        };
        Self { folder, runners: Runners::standard(deps) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A request for an action with these values; its parameters take their types and positions from `parameters`.
    pub fn request(&self, runner: &str, entry_point: &str, parameters: Value, values: Value) -> Request {
        let attempt = AttemptId::generate();
        Request {
            attempt,
            execution: ExecutionId::generate(),
            action: Arc::new(action(runner, entry_point, parameters)),
            parameters: object(values),
            content_dir: self.path("pack"),
            work_dir: self.path("work"),
            env: BTreeMap::new(),
            pack_config: Map::new(),
            user: Some("ann".to_owned()),
            secrets: BTreeMap::new(),
            timeout: Duration::from_secs(30),
            output: Output {
                log: self.path("work").join(format!("{attempt}.log")),
                limits: Limits::default(),
                masker: Masker::default(),
            },
            idempotency_key: "key-1".to_owned(),
            on_spawn: None,
        }
    }

    pub async fn run(&self, request: Request) -> Outcome {
        self.run_until(request, CancellationToken::new()).await
    }

    pub async fn run_until(&self, request: Request, cancel: CancellationToken) -> Outcome {
        let runner = self.runners.get(request.action.runner.as_str()).expect("a runner of this name");
        tokio::time::timeout(PATIENCE, runner.run(request, cancel)).await.expect("the attempt ends")
    }
}

pub fn write_script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is not an object"),
    }
}

fn action(runner: &str, entry_point: &str, parameters: Value) -> Action {
    let parameters = object(parameters).into_iter().map(|(name, it)| {
        let parameter: Parameter = serde_json::from_value(it).unwrap();
        (name, parameter)
    });
    Action {
        reference: "test.act".into(),
        pack: "test".into(),
        name: "act".to_owned(),
        description: String::new(),
        enabled: true,
        runner: lockkeeper::content::RunnerName::new(runner),
        entry_point: Some(entry_point.to_owned()),
        parameters: parameters.collect(),
        output_schema: None,
        tags: Default::default(),
        timeout: None,
        idempotent: false,
        verify: None,
        guarded: false,
        argv: Vec::new(),
        content: Digest::of(b""),
    }
}

/// Waits until the condition holds.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "never: {what}");
}

/// Whether a process runs (a zombie does not).
pub fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// The number that a process wrote into a file, once it is there.
pub async fn pid_in(path: &Path) -> u32 {
    let read = || fs::read_to_string(path).ok().filter(|it| it.ends_with('\n'));
    eventually("a pid is written", || read().is_some()).await;
    read().unwrap().trim().parse().unwrap()
}

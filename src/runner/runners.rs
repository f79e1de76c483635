//! The runners by name, and what they are built with.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use crate::clock::{SharedClock, SystemClock};
use crate::inventory::StaticInventory;

use super::{PythonDeps, Runner, Sensors, http, native, noop, python, remote, shell};

/// What runners need of the house.
#[derive(Clone)]
pub struct Deps {
    /// Where `artifacts/` and `repositories/` lie.
    pub data_dir: PathBuf,
    /// The variables that every process may see: [`super::clean_environment`] of our own.
    pub environment: BTreeMap<String, String>,
    /// For the times of health checks.
    pub clock: SharedClock,
    /// How long a process has between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// How long connecting to a host may take.
    pub connect_timeout: Duration,
    /// The hosts, as they are now: asked at every attempt.
    pub inventory: Arc<dyn Fn() -> Arc<StaticInventory> + Send + Sync>,
    /// For `http-request`, health checks and observations; follows no redirects by itself.
    pub http: reqwest::Client,
    /// Latest releases of an app that a host keeps.
    pub releases: u32,
    /// More options for every `ssh` (`-F`, `-o`, …), before all others. For tests and unusual sites.
    pub ssh_options: Vec<String>,
    pub python: PythonDeps,
}

impl Deps {
    /// Sensible limits around these; boot sets the rest.
    pub fn new(
        data_dir: PathBuf,
        environment: BTreeMap<String, String>,
        inventory: Arc<dyn Fn() -> Arc<StaticInventory> + Send + Sync>,
        http: reqwest::Client,
    ) -> Self {
        Self {
            data_dir,
            environment,
            clock: Arc::new(SystemClock),
            grace: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
            inventory,
            http,
            releases: crate::config::Keep::default().releases,
            ssh_options: Vec::new(),
            python: PythonDeps::default(),
        }
    }
}

/// The runners by name.
#[derive(Clone, Default)]
pub struct Runners {
    runners: Vec<Arc<dyn Runner>>,
    sensors: Option<Sensors>,
}

impl Runners {
    pub fn new(runners: Vec<Arc<dyn Runner>>) -> Self {
        Self { runners, sensors: None }
    }

    /// All that Lockkeeper comes with.
    pub fn standard(deps: Deps) -> Self {
        let deps = Arc::new(deps);
        let workshop = Arc::new(python::Workshop::new(Arc::clone(&deps)));
        let mut runners: Vec<Arc<dyn Runner>> = vec![
            Arc::new(remote::RemoteCommand::new(Arc::clone(&deps))),
            Arc::new(remote::RemoteScript::new(Arc::clone(&deps))),
            Arc::new(http::HttpRequest::new(Arc::clone(&deps))),
            Arc::new(native::Native::new(Arc::clone(&deps))),
            Arc::new(python::PythonScript::new(Arc::clone(&workshop))),
            Arc::new(noop::Noop),
        ];
        runners.extend(shell::Shell::all(&deps).map(|it| Arc::new(it) as Arc<dyn Runner>));
        Self { runners, sensors: Some(Sensors::new(workshop)) }
    }

    /// What runs sensors, beside the actions of their packs.
    pub fn sensors(&self) -> Option<&Sensors> {
        self.sensors.as_ref()
    }

    /// The runner for a `runner_type`.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Runner>> {
        self.runners.iter().find(|it| it.name() == name).cloned()
    }

    /// All names, for "did you mean".
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.runners.iter().map(|it| it.name())
    }
}

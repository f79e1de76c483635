//! Runners against real processes.

pub mod bench;
pub mod leavers;
mod processes;
mod python;
mod release;
mod remote;
mod shell;

use serde_json::{Value, json};

use self::bench::{Bench, write_script};
use lockkeeper::runner::{Outcome, PythonDeps};

/// What only tests on this machine need.
impl Bench {
    pub fn new() -> Self {
        Self::with_hosts(json!({}))
    }

    /// With this `config/environments.yaml`.
    pub fn with_hosts(environments: Value) -> Self {
        Self::build(environments, Vec::new())
    }

    /// With Python actions that run on this.
    pub fn with_python(python: PythonDeps) -> Self {
        Self::build_of(json!({}), Vec::new(), None, python)
    }

    /// Writes an executable script of the pack.
    pub fn script(&self, name: &str, text: &str) {
        write_script(&self.path("pack/actions").join(name), text);
    }

    /// Runs `local-shell-cmd`.
    pub async fn sh(&self, command: &str) -> Outcome {
        self.run(self.request("local-shell-cmd", "", json!({}), json!({"cmd": command}))).await
    }
}

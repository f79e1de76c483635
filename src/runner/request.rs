//! What an attempt may do, and with what.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use crate::content::Action;
use crate::id::{AttemptId, ExecutionId};
use crate::secret::{Masker, Secret};

use super::process::ProcessMark;

/// One try of an action.
pub struct Request {
    pub attempt: AttemptId,
    pub execution: ExecutionId,
    pub action: Arc<Action>,
    /// Bound, checked and typed, defaults filled in; runner parameters (`cmd`, `cwd`, `env`, `hosts`, …) and the
    /// action's own together.
    pub parameters: Map<String, Value>,
    /// The pinned folder of the pack; `actions/<entry_point>` lies below it.
    pub content_dir: PathBuf,
    /// Scratch space of this execution; exists.
    pub work_dir: PathBuf,
    /// Variables for the processes, beside the clean base and ours.
    pub env: BTreeMap<String, String>,
    /// What the pack is configured with, for runners that hand it to their actions; secrets resolved.
    pub pack_config: Map<String, Value>,
    /// Who asked for the execution.
    pub user: Option<String>,
    /// Secrets for the processes, by variable name. They reach the environment only, never argv.
    pub secrets: BTreeMap<String, Secret>,
    pub timeout: Duration,
    pub output: Output,
    /// The same for every try of the same visit: what a target may use to recognise a repetition.
    pub idempotency_key: String,
    /// Called for each process that the attempt starts on this machine.
    pub on_spawn: Option<OnSpawn>,
}

/// Stores a started process, so that a later boot can [`sweep`](super::sweep) what is left of it. The attempt goes on
/// when the future resolves.
pub type OnSpawn = Arc<dyn Fn(ProcessMark) -> BoxFuture<'static, ()> + Send + Sync>;

/// Where printed output goes.
#[derive(Clone)]
pub struct Output {
    /// The log file: both streams as they came, masked, up to the quota. Its folder exists.
    pub log: PathBuf,
    pub limits: Limits,
    pub masker: Masker,
}

/// How much of the output is kept where, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In the log file.
    pub log: u64,
    /// Of the beginning, in memory.
    pub head: usize,
    /// Of the end, in memory.
    pub tail: usize,
    /// Of each stream in the result; beyond it the result holds head and tail, and JSON is not parsed.
    pub result: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { log: 64 << 20, head: 16 << 10, tail: 64 << 10, result: 1 << 20 }
    }
}

//! The durable loop: starts executions, drives workflows through the conductor, performs attempts through runners,
//! asks at gates, watches canaries. Everything it knows is in the store; what is in memory can be thrown away.
//!
//! - [`live`]: the policy and content of this moment; [`bundle`]: the content that an execution was started with;
//! - [`start`]: a new root execution; [`rerun`]: an ended one run again; [`flow`]: live workflows and their replay;
//! - [`settle`]: an execution ends, and its parent is told, up to the root, in one commit; [`outcome`]: what that end
//!   means beyond the workflow;
//! - [`perform`]: one attempt: bind, guard, begin, run, settle; [`guard`]: may this attempt touch that host?
//! - [`policy`]: how many of an action at once, and which are tried again;
//! - [`ready`]: what actions need on this machine, before they need it;
//! - [`scope`]: what an attempt changes, by its own word or that of a workflow above it;
//!   [`secret`]: which secrets is it given? [`keys`]: what is read of the datastore; [`veil`]: and never stored in plain;
//! - [`gate`], [`turn`], [`watch`], [`confirm`], [`inquire`]: the engine's own kinds of action; [`claim`]: who wants a
//!   canary, for `turn` and `watch`;
//! - [`rule`]: what rules read, and what is told of the executions that they start;
//! - [`keep`]: removes what nothing refers to any more;
//! - [`recover`]: what a fresh process does with what a dead one left; [`cancel`]; [`pause`]; [`give_up`]: the end of a tree that
//!   cannot go on; [`truth`]: however a root ends, the hosts that it changed are asked first; [`adrift`]: what nothing
//!   would wake.

mod adrift;
mod announce;
pub mod bundle;
mod cancel;
mod claim;
mod confirm;
pub mod flow;
mod gate;
mod give_up;
mod guard;
mod inquire;
pub mod keep;
mod keys;
pub mod live;
mod outcome;
mod pause;
mod perform;
mod policy;
mod ready;
mod recover;
mod rerun;
mod rule;
mod scope;
mod secret;
mod sensor;
mod settle;
mod start;
#[cfg(test)]
mod tests;
mod truth;
mod turn;
mod veil;
mod watch;

use std::{
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::sync::{Notify, RwLock};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chat::ChatAdapter,
    clock::SharedClock,
    config::Keep,
    id::{ExecutionId, Place},
    metric::Probe,
    runner::Runners,
    secret::{Learnt, Masker},
    store::{Store, datastore::Datastore, execution::Execution},
    workflow::is_workflow,
};

pub use gate::{Asked, Asker, Evidence, Longer, OpenGate, Voting, asker_of, gate_subject, involved};
pub use guard::{lock_for, rollout_of};
pub use inquire::{Answered, Inquiry, inquiry_subject};
pub use live::{Live, LivePolicy};
pub use pause::{PAUSE_MAX, PauseError};
pub use rerun::{RERUN_OF, RerunError};
pub use rule::{BY_RULE, RULE_END, rule_of, trouble_of};
pub use scope::SAID_AS;
pub use start::{StartError, Starting, card_subject};

/// What the engine is built of.
pub struct Parts {
    pub store: Store,
    /// That of the same store.
    pub keys: Datastore,
    /// What was opened of its secrets, by whomever.
    pub opened: Learnt,
    pub clock: SharedClock,
    pub runners: Runners,
    pub probe: Probe,
    pub live: LivePolicy,
    /// Whom to ask about an account.
    pub adapters: Vec<Arc<dyn ChatAdapter>>,
    /// Channels that actions may say something in, by the names that content gives them.
    pub channels: BTreeMap<String, Place>,
    /// Artifacts, logs, checkouts, pinned content live below it.
    pub data: PathBuf,
    pub masker: Masker,
    pub keep: Keep,
}

/// Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    parts: Parts,
    bundles: bundle::Bundles,
    flows: flow::Flows,
    /// One token per running execution: fired by cancel.
    cancels: Mutex<HashMap<ExecutionId, CancellationToken>>,
    /// Executions that policies bound.
    slots: Arc<policy::Slots>,
    tasks: TaskTracker,
    /// Written while artifacts are swept; read while one is taken up again.
    artifacts: RwLock<()>,
    /// Fired once: nothing new starts.
    stop: CancellationToken,
    /// Rung after each commit that wants something sent.
    letters: Arc<Notify>,
    /// Rung while a release waits for its canary: who watches it looks whether it is theirs still.
    turns: Notify,
    /// Held while links are read anew.
    relinking: tokio::sync::Mutex<()>,
    /// What executions opened of the datastore's secrets.
    opened: Learnt,
}

/// How long a running attempt may go on after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(20);

impl Engine {
    pub fn new(parts: Parts) -> Self {
        let opened = parts.opened.clone();
        Self(Arc::new(Inner {
            parts,
            bundles: bundle::Bundles::default(),
            flows: flow::Flows::default(),
            cancels: Mutex::default(),
            slots: Arc::default(),
            tasks: TaskTracker::new(),
            artifacts: RwLock::default(),
            stop: CancellationToken::new(),
            letters: Arc::new(Notify::new()),
            turns: Notify::new(),
            relinking: tokio::sync::Mutex::default(),
            opened,
        }))
    }

    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    pub fn clock(&self) -> &SharedClock {
        &self.0.parts.clock
    }

    pub fn data(&self) -> &Path {
        &self.0.parts.data
    }

    /// The policy and content of this moment.
    pub fn live(&self) -> Arc<Live> {
        self.0.parts.live.now()
    }

    /// Rung when there may be something to send.
    pub fn letters(&self) -> Arc<Notify> {
        self.0.letters.clone()
    }

    fn now(&self) -> jiff::Timestamp {
        self.0.parts.clock.now()
    }

    /// Runs an execution on a task of its own.
    fn go(&self, execution: Execution) {
        if self.0.stop.is_cancelled() {
            return;
        }
        let engine = self.clone();
        self.0.tasks.spawn(async move {
            let id = execution.id;
            // A fault of ours in one execution is that execution's end, and nobody else's.
            if AssertUnwindSafe(engine.run(execution)).catch_unwind().await.is_err() {
                engine.outlive(id).await;
            }
        });
    }

    /// Waits out a delay, then does what the execution's kind of action asks.
    async fn run(&self, execution: Execution) {
        if let Some(due) = execution.due_at {
            tokio::select! {
                () = self.0.parts.clock.sleep_until(due) => {}
                () = self.0.stop.cancelled() => return,
            }
        }
        match execution.runner.as_str() {
            runner if is_workflow(runner) => self.begin_flow(execution).await,
            "noop" => self.pass(execution).await,
            "gate" => self.ask(execution).await,
            "turn" => self.turn(execution).await,
            "watch" => self.watch(execution).await,
            "confirm" => self.confirm(execution).await,
            "inquirer" => self.inquire(execution).await,
            "announcement" => self.announce(execution).await,
            _ => self.perform(execution).await,
        }
    }

    /// The token that cancels this execution; made on first sight.
    fn cancel_token(&self, id: ExecutionId) -> CancellationToken {
        let mut cancels = self.0.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        cancels.entry(id).or_default().clone()
    }

    fn forget_cancel(&self, id: ExecutionId) {
        self.0.cancels.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Starts nothing new, waits for running attempts within the grace, and returns. Whatever still runs then is
    /// found by the next start.
    pub async fn drain(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(DRAIN, self.0.tasks.wait()).await.is_err() {
            tracing::warn!(still_running = self.0.tasks.len(), "attempts outlived the grace period");
        }
    }
}

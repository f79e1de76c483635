//! What a fresh process does with what a dead one left.
//!
//! The store's lock says that no other process lives, so every attempt without an end is an orphan: its processes are
//! ended, and it is tried again only if its action says that this is harmless. Otherwise its end is `unknown`. What
//! cannot be taken up, because rows or content of it are lost, ends as a whole; what only another key opens stays as it
//! is, for a start with that key. Neither keeps anything else from going on.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    panic::AssertUnwindSafe,
};

use futures_util::FutureExt as _;
use serde_json::json;

use crate::{
    content::Action,
    id::ExecutionId,
    message::words,
    runner::{self, ProcessMark},
    status::Status,
    store::{Change, StoreError, attempt::Attempt, execution::Execution, left::Left},
    workflow::is_workflow,
};

use super::{Engine, give_up::is_lost, settle::End};

/// Trees that are not taken up.
struct LeftOut {
    /// Rows or content of them are gone: why.
    lost: BTreeMap<ExecutionId, String>,
    /// They hold a secret that the key of this start does not open.
    shut: BTreeSet<ExecutionId>,
}

impl LeftOut {
    fn holds(&self, root: ExecutionId) -> bool {
        self.lost.contains_key(&root) || self.shut.contains(&root)
    }
}

impl Engine {
    /// Takes up everything unfinished; returns how many executions that were.
    ///
    /// # Errors
    /// The database cannot be asked. That rows are lost is no error: their trees end, and say so.
    pub async fn recover(&self) -> Result<usize, StoreError> {
        let left = self.store().left().await?;
        let marks: Vec<ProcessMark> = left.attempts.iter().filter_map(mark).collect();
        let attempts: Vec<_> = left.attempts.iter().map(|it| it.id).collect();
        let swept = runner::sweep(&marks, &attempts);
        if swept > 0 {
            tracing::warn!(swept, "ended processes that a dead lockkeeper left");
        }
        let known: HashSet<_> = left.executions.iter().map(|it| it.id).collect();
        let out = self.left_out(&left).await?;
        for orphan in left.attempts {
            self.take_up(orphan, &out).await?;
        }
        for (root, why) in &out.lost {
            self.give_up(*root, why).await;
        }
        // What follows the end of an orphan, or of a tree, was started with that end.
        let open = self.store().left().await?.executions;
        open.into_iter()
            .filter(|it| known.contains(&it.id) && !out.holds(it.root))
            .for_each(|it| self.resume(it));
        Ok(known.len())
    }

    /// The roots that cannot be taken up: each is tried before anything of it goes on.
    async fn left_out(&self, left: &Left) -> Result<LeftOut, StoreError> {
        let lost = left.broken.iter().map(|(root, why)| (*root, why.to_string())).collect();
        let mut out = LeftOut { lost, shut: BTreeSet::new() };
        for it in &left.executions {
            if out.holds(it.root) {
                continue;
            }
            // A panic of the conductor comes again with the same events.
            match AssertUnwindSafe(self.can_be_taken_up(it)).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(StoreError::CalledOff { why })) => {
                    tracing::error!(execution = %it.root, why, "an execution stays as it is; start again with its key");
                    out.shut.insert(it.root);
                }
                Ok(Err(error)) if is_lost(&error) => drop(out.lost.insert(it.root, error.to_string())),
                Ok(Err(error)) => return Err(error),
                Err(_) => drop(out.lost.insert(it.root, words::fault::PANICKED.to_owned())),
            }
        }
        Ok(out)
    }

    /// Its content, and its flow or its parent's, are what they were.
    async fn can_be_taken_up(&self, it: &Execution) -> Result<(), StoreError> {
        self.bundle(it).await?;
        self.store().load_execution(it.root).await?;
        if let Some(visit) = &it.visit {
            drop(self.flow(visit.parent).await?);
        }
        if is_begun_flow(it) {
            drop(self.flow(it.id).await?);
        }
        Ok(())
    }

    async fn take_up(&self, orphan: Attempt, out: &LeftOut) -> Result<(), StoreError> {
        let result = json!({ "error": "lockkeeper ended while it ran" });
        let execution = match self.store().find_execution(orphan.execution).await {
            Ok(Some(execution)) if out.holds(execution.root) => return Ok(()),
            Ok(Some(execution)) if execution.ended_at.is_none() => execution,
            Ok(_) => {
                let change = Change::EndAttempt(Box::new(orphan), Status::Unknown, result);
                return self.commit(vec![change]).await;
            }
            // Its tree is among the lost.
            Err(error) if is_lost(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let bundle = self.bundle(&execution).await?;
        let again = match bundle.action(&execution.action) {
            Some(action) => self.may_repeat(action, &execution).await,
            None => false,
        };
        if again {
            let change = Change::EndAttempt(Box::new(orphan), Status::Abandoned, result);
            return self.commit(vec![change]).await;
        }
        let end = End { status: Status::Unknown, result: result.clone() };
        self.settle(&execution, end, vec![Change::EndAttempt(Box::new(orphan), Status::Unknown, result)])
            .await;
        Ok(())
    }

    /// Whether trying once more cannot do harm: the action says so, or what it does is of such a kind.
    async fn may_repeat(&self, action: &Action, execution: &Execution) -> bool {
        if action.idempotent {
            return true;
        }
        let Some(runner) = self.0.parts.runners.get(action.runner.as_str()) else { return false };
        let bound = self.bound(execution, action, execution.parameters.clone()).await;
        matches!(bound, Ok(Ok(bound)) if runner.is_repeatable(&bound.values))
    }

    /// A workflow that has begun waits for its visits, which are in the same list; everything else runs (again).
    fn resume(&self, execution: Execution) {
        if !is_begun_flow(&execution) {
            self.go(execution);
        } else if execution.visit.is_none() && matches!(execution.status, Status::Pausing | Status::Paused) {
            self.watch_pause(execution.id);
        }
    }
}

fn is_begun_flow(execution: &Execution) -> bool {
    is_workflow(&execution.runner) && execution.status != Status::Requested
}

/// The process that an attempt runs.
pub(super) fn mark(attempt: &Attempt) -> Option<ProcessMark> {
    let process = attempt.process.as_ref()?;
    Some(ProcessMark {
        pid: u32::try_from(process.get("pid")?.as_u64()?).ok()?,
        start_time: process.get("start_time")?.as_u64()?,
    })
}

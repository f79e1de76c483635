//! What a fresh process does with what a dead one left.
//!
//! The store's lock says that no other process lives, so every attempt without an end is an orphan: its processes are
//! ended, and it is tried again only if its action says that this is harmless. Otherwise its end is `unknown`.

use std::collections::HashSet;

use serde_json::json;

use crate::{
    content::Action,
    runner::{self, ProcessMark},
    status::Status,
    store::{Change, StoreError, attempt::Attempt, execution::Execution},
};

use super::{Engine, settle::End};

impl Engine {
    /// Takes up everything unfinished; returns how many executions that were.
    pub async fn recover(&self) -> Result<usize, StoreError> {
        let orphans = self.store().live_attempts().await?;
        let marks: Vec<ProcessMark> = orphans.iter().filter_map(mark).collect();
        let attempts: Vec<_> = orphans.iter().map(|it| it.id).collect();
        let swept = runner::sweep(&marks, &attempts);
        if swept > 0 {
            tracing::warn!(swept, "ended processes that a dead lockkeeper left");
        }
        // What follows an orphan's end is started with that end, and must not be started a second time below.
        let left: HashSet<_> = self.store().open_executions().await?.into_iter().map(|it| it.id).collect();
        for orphan in orphans {
            self.take_up(orphan).await?;
        }
        let open = self.store().open_executions().await?;
        open.into_iter().filter(|it| left.contains(&it.id)).for_each(|it| self.resume(it));
        Ok(left.len())
    }

    async fn take_up(&self, orphan: Attempt) -> Result<(), StoreError> {
        let execution = self.store().load_execution(orphan.execution).await?;
        let bundle = self.bundle(&execution).await?;
        let again =
            bundle.action(&execution.action).is_some_and(|action| self.may_repeat(action, &execution));
        let result = json!({ "error": "lockkeeper ended while it ran" });
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
    fn may_repeat(&self, action: &Action, execution: &Execution) -> bool {
        action.idempotent
            || action.bind(execution.parameters.clone()).is_ok_and(|bound| {
                let runner = self.0.parts.runners.get(action.runner.as_str());
                runner.is_some_and(|it| it.is_repeatable(&bound.values))
            })
    }

    /// A workflow that has begun waits for its visits, which are in the same list; everything else runs (again).
    fn resume(&self, execution: Execution) {
        let begun = execution.runner == "orquesta" && execution.status != Status::Requested;
        if !begun {
            self.go(execution);
        }
    }
}

fn mark(attempt: &Attempt) -> Option<ProcessMark> {
    let process = attempt.process.as_ref()?;
    Some(ProcessMark {
        pid: u32::try_from(process.get("pid")?.as_u64()?).ok()?,
        start_time: process.get("start_time")?.as_u64()?,
    })
}

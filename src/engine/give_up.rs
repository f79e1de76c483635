//! The end of a tree that cannot go on: rows of it are lost or cannot be read, or a fault of ours stopped it. Its flows
//! are not told, as they are what cannot be relied on; everything of it ends in one commit, its gate is withdrawn, and
//! its hosts are asked what they run.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use serde_json::json;

use super::{
    Asked, Engine,
    recover::mark,
    settle::{Climb, End, RETRY},
    start::card_subject,
};
use crate::{
    gate::GateEvent,
    id::{Account, ExecutionId, GateId, PersonName, Platform, UserId, WorkspaceId},
    message::words,
    runner,
    status::Status,
    store::{Change, StoreError, attempt::Attempt, execution::Execution, gate::GateRow},
};

/// Whether trying again cannot help: what is asked for is not there, or not what it was.
pub(super) fn is_lost(error: &StoreError) -> bool {
    match error {
        StoreError::Missing { .. } | StoreError::Corrupt { .. } => true,
        StoreError::Changed { .. }
        | StoreError::Exists { .. }
        | StoreError::CalledOff { .. }
        | StoreError::Unavailable(_)
        | StoreError::Lost { .. }
        | StoreError::Held { .. }
        | StoreError::Schema(_)
        | StoreError::Closed => false,
    }
}

/// What is left of a root.
enum Left {
    Whole(Box<Execution>),
    /// There is a row, and it cannot be read.
    Broken,
    /// There is none, or it has ended.
    Nothing,
}

impl Engine {
    /// Ends a root and everything below it. `why` is for whoever mends it.
    pub(super) async fn give_up(&self, root: ExecutionId, why: &str) {
        tracing::error!(%root, why, "it cannot go on, so it ends here");
        let result = json!({ "error": words::fault::cannot_go_on(why) });
        loop {
            match self.try_give_up(root, &result).await {
                Ok(started) => return started.into_iter().for_each(|it| self.go(it)),
                Err(StoreError::Changed { what }) => tracing::info!(%root, what, "looking again"),
                Err(error) => tracing::error!(%root, %error, "not ended yet; trying again"),
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.0.stop.cancelled() => return,
            }
        }
    }

    async fn try_give_up(
        &self,
        root: ExecutionId,
        result: &serde_json::Value,
    ) -> Result<Vec<Execution>, StoreError> {
        let left = match self.store().find_execution(root).await {
            Ok(Some(it)) if it.ended_at.is_none() => Left::Whole(Box::new(it)),
            Ok(Some(_) | None) => Left::Nothing,
            Err(StoreError::Corrupt { .. }) => Left::Broken,
            Err(error) => return Err(error),
        };
        let open = self.store().open_in(root).await?;
        for id in &open {
            self.cancel_token(*id).cancel();
            self.0.flows.forget(*id);
        }
        let mut changes = self.withdraw_gates(self.store().undecided_gates(root).await?).await?;
        changes.push(Change::GiveUp(root, result.clone()));
        let (status, result) = (Status::Unknown, result.clone());
        let started = match left {
            Left::Whole(execution) => {
                let end = End { status, result: result.clone() };
                changes.push(Change::End(root, status, result));
                changes.push(Change::Redraw(card_subject(root)));
                let mut climb = Climb::from(&execution, &end, changes);
                self.end_root(&mut climb, (&execution, &end)).await?;
                changes = climb.changes;
                climb.started
            }
            Left::Broken => {
                changes.extend([Change::End(root, status, result), Change::EndPermissions(root)]);
                Vec::new()
            }
            Left::Nothing => {
                changes.push(Change::EndPermissions(root));
                Vec::new()
            }
        };
        self.commit(changes).await?;
        open.into_iter().for_each(|id| self.forget_cancel(id));
        Ok(started)
    }

    /// Changes that withdraw these gates on our own behalf. One that cannot be read is closed with its tree.
    async fn withdraw_gates(&self, gates: Vec<GateId>) -> Result<Vec<Change>, StoreError> {
        let account = Account {
            platform: Platform::Terminal,
            workspace: WorkspaceId::new(""),
            user: UserId::new("lockkeeper"),
        };
        let by = PersonName::new("lockkeeper");
        let event = GateEvent::Canceled { by, account, at: self.now() };
        let mut changes = Vec::new();
        for id in gates {
            let row: GateRow<Asked> = match self.store().load_gate(id).await {
                Ok(row) => row,
                Err(error) if is_lost(&error) => continue,
                Err(error) => return Err(error),
            };
            if let Ok(decided) = row.body.gate.apply(event.clone()) {
                changes.extend(self.changes(&row, &event, &decided));
            }
        }
        Ok(changes)
    }

    /// Ends an execution whose own task panicked; if that is too much as well, its whole tree.
    pub(super) async fn outlive(&self, id: ExecutionId) {
        tracing::error!(execution = %id, "a task of the engine panicked");
        let execution = loop {
            match self.store().find_execution(id).await {
                Ok(Some(execution)) if execution.ended_at.is_none() => break execution,
                Ok(_) => return,
                Err(error) => tracing::error!(execution = %id, %error, "not ended yet; trying again"),
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.0.stop.cancelled() => return,
            }
        };
        let ending = AssertUnwindSafe(self.end_after_panic(&execution));
        if !matches!(ending.catch_unwind().await, Ok(Ok(()))) {
            self.give_up(execution.root, words::fault::PANICKED).await;
        }
    }

    async fn end_after_panic(&self, execution: &Execution) -> Result<(), StoreError> {
        self.distrust_flows_above(execution).await?;
        let attempts = self.store().attempts(execution.id).await?;
        let live: Vec<Attempt> = attempts.into_iter().filter(|it| it.status == Status::Running).collect();
        let marks: Vec<_> = live.iter().filter_map(mark).collect();
        runner::sweep(&marks, &live.iter().map(|it| it.id).collect::<Vec<_>>());
        let status = if live.is_empty() { Status::Failed } else { Status::Unknown };
        let result = json!({ "failed": true, "succeeded": false, "error": words::fault::PANICKED });
        let gate: Option<GateRow<Asked>> = self.store().gate_for(execution.id).await?;
        let mut also = self.withdraw_gates(gate.into_iter().map(|it| it.id).collect()).await?;
        also.extend(live.into_iter().map(|it| Change::EndAttempt(Box::new(it), status, result.clone())));
        self.settle(execution, End { status, result }, also).await;
        Ok(())
    }

    /// Whatever was told when the panic came may have been told to a copy in memory alone.
    async fn distrust_flows_above(&self, execution: &Execution) -> Result<(), StoreError> {
        self.0.flows.distrust(execution.id).await;
        let mut above = execution.visit.as_ref().map(|it| it.parent);
        while let Some(parent) = above {
            self.0.flows.distrust(parent).await;
            above = self.store().load_execution(parent).await?.visit.map(|it| it.parent);
        }
        Ok(())
    }
}

//! Pause and resume of workflows by people. Paused: nothing new starts, and what runs goes on to its end. Nobody waits for
//! ever: what was paused and forgotten is stopped.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    clock,
    id::ExecutionId,
    status::Status,
    store::{Change, StoreError, execution::Execution},
    workflow::{self, Event, IllegalEvent, is_workflow},
};

use super::{Engine, settle::End, start::card_subject};

/// How long a workflow may stay paused.
pub const PAUSE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Between two tries to read how a paused workflow stands, while the store is away.
const RETRY: Duration = Duration::from_secs(60);

/// Why nothing was paused or resumed.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    #[error("it has ended already")]
    Ended,
    #[error("it is no workflow, so there is nothing between its steps")]
    NoWorkflow,
    #[error("it is a step of another execution; name that one")]
    NotARoot,
    /// It holds a canary or an environment, and others wait for that.
    #[error("it is a release")]
    Release,
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Lets a workflow and those below it start nothing new; `also` commits with that.
    ///
    /// # Errors
    /// It cannot be paused; nothing was changed.
    pub async fn pause(&self, root: &Execution, also: Vec<Change>) -> Result<(), PauseError> {
        self.ask_flows(root, workflow::Status::Pausing, also).await
    }

    /// Lets a paused workflow go on.
    ///
    /// # Errors
    /// It is not paused; nothing was changed.
    pub async fn go_on(&self, root: &Execution, also: Vec<Change>) -> Result<(), PauseError> {
        self.ask_flows(root, workflow::Status::Resuming, also).await
    }

    async fn ask_flows(
        &self,
        root: &Execution,
        wanted: workflow::Status,
        mut also: Vec<Change>,
    ) -> Result<(), PauseError> {
        if root.visit.is_some() {
            return Err(PauseError::NotARoot);
        }
        if root.context.contains_key("app") || root.context.contains_key("number") {
            return Err(PauseError::Release);
        }
        if root.ended_at.is_some() {
            return Err(PauseError::Ended);
        }
        if !is_workflow(&root.runner) {
            return Err(PauseError::NoWorkflow);
        }
        also.push(Change::Redraw(card_subject(root.id)));
        // The root comes first, and it decides; what is below it follows as far as it can.
        self.ask_flow(root, wanted, also).await?;
        if wanted == workflow::Status::Pausing {
            self.watch_pause(root.id);
        }
        self.ask_below(root.id, wanted).await;
        Ok(())
    }

    /// Asks the workflows below a root what it was asked. That is done already: whatever cannot be asked now hears of it
    /// when it begins, or with the next word.
    async fn ask_below(&self, root: ExecutionId, wanted: workflow::Status) {
        let open = match self.open_below(root).await {
            Ok(open) => open,
            Err(error) => return tracing::error!(execution = %root, %error, "what is below it was not asked"),
        };
        for flow in open.iter().filter(|it| is_workflow(&it.runner) && it.id != root) {
            if let Err(error) = self.ask_flow(flow, wanted, Vec::new()).await {
                tracing::info!(execution = %flow.id, %error, "as it was");
            }
        }
    }

    /// Pauses a workflow that began below one that was being paused.
    pub(super) async fn pause_below(&self, execution: &Execution) {
        if execution.visit.is_none() {
            return;
        }
        match self.store().load_execution(execution.root).await {
            Ok(root) if matches!(root.status, Status::Pausing | Status::Paused) => {}
            Ok(_) => return,
            Err(error) => return tracing::error!(execution = %execution.id, %error, "not known to be paused"),
        }
        // A workflow also pauses by itself, for a question; what else it does goes on then.
        if self.paused_until(execution.root).await.is_ok_and(|it| it.is_some())
            && let Err(error) = self.ask_flow(execution, workflow::Status::Pausing, Vec::new()).await
        {
            tracing::info!(execution = %execution.id, %error, "as it was");
        }
    }

    async fn ask_flow(
        &self,
        execution: &Execution,
        wanted: workflow::Status,
        also: Vec<Change>,
    ) -> Result<(), PauseError> {
        let mut flow = self.flow(execution.id).await?;
        let events = vec![Event::StatusRequested(wanted), Event::NextRequested];
        let host = self.host_values(flow.reader.clone()).await?;
        let advance = flow.tell(events, host).inspect_err(|_| flow.stale = true)?;
        let mut changes = advance.changes;
        changes.extend(also);
        if let Some((status, result)) = advance.ended {
            // It went on, and there was nothing left to do.
            self.settle_flow(flow, End { status, result }, changes).await;
            return Ok(());
        }
        let committed = self.commit(changes).await;
        flow.stale = committed.is_err();
        committed?;
        drop(flow);
        advance.started.into_iter().for_each(|it| self.go(it));
        Ok(())
    }

    /// Stops a workflow that stays paused for too long.
    pub(super) fn watch_pause(&self, root: ExecutionId) {
        let engine = self.clone();
        self.0.tasks.spawn(async move {
            loop {
                let until = match engine.paused_until(root).await {
                    Ok(Some(until)) => until,
                    Ok(None) => return,
                    Err(error) => {
                        tracing::warn!(execution = %root, %error, "nobody can tell whether it is paused");
                        clock::after(engine.now(), RETRY)
                    }
                };
                if until <= engine.now() {
                    return engine.end_pause(root).await;
                }
                tokio::select! {
                    () = engine.clock().sleep_until(until) => {}
                    () = engine.0.stop.cancelled() => return,
                }
            }
        });
    }

    /// Until when a workflow that somebody paused may stay so; `None` of every other.
    pub(super) async fn paused_until(&self, id: ExecutionId) -> Result<Option<Timestamp>, StoreError> {
        let now = self.store().load_execution(id).await?;
        if !matches!(now.status, Status::Pausing | Status::Paused) {
            return Ok(None);
        }
        // A workflow also pauses by itself, for a question; then the question has its own end.
        let told = self.told(id).await?;
        let last = told.iter().rev().find_map(|it| {
            let asked = it.events.iter().rev().find_map(|event| match event {
                Event::StatusRequested(status) => Some(*status),
                Event::ActionChanged { .. } | Event::NextRequested | Event::RerunRequested { .. } => None,
            });
            asked.map(|status| (status, it.host.now))
        });
        Ok(last.and_then(|(status, at)| {
            (status == workflow::Status::Pausing).then(|| clock::after(at, PAUSE_MAX))
        }))
    }

    async fn end_pause(&self, root: ExecutionId) {
        tracing::warn!(execution = %root, "paused for too long, so it is stopped");
        if let Err(error) = self.cancel_flows(root).await {
            tracing::error!(execution = %root, %error, "a forgotten workflow could not be stopped");
        }
    }
}

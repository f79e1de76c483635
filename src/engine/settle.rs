//! An execution ends: its row, its parent's event, the visits that follow and whatever must be told commit together.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    status::Status,
    store::{Change, StoreError, execution::Execution},
    workflow::{self, Event},
};

use super::{Engine, flow, start::card_subject};

/// How an execution ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) status: Status,
    pub(super) result: Value,
}

impl End {
    pub(super) fn succeeded(result: Value) -> Self {
        Self { status: Status::Succeeded, result }
    }

    /// `error` says what is wrong and what to do.
    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self {
            status: Status::Failed,
            result: json!({ "failed": true, "succeeded": false, "error": error.into() }),
        }
    }
}

/// Between two tries to store a result while the database is away.
pub(super) const RETRY: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(10);

impl Engine {
    /// Records the end of an execution and goes on with its workflow. Does not give up while the database is away:
    /// a result that exists outside must be told.
    pub(super) async fn settle(&self, execution: &Execution, end: End, also: Vec<Change>) {
        let mut wait = RETRY;
        loop {
            match self.try_settle(execution, &end, also.clone()).await {
                Ok(started) => {
                    self.forget_cancel(execution.id);
                    started.into_iter().for_each(|it| self.go(it));
                    return;
                }
                Err(StoreError::Changed { what }) => {
                    tracing::info!(execution = %execution.id, what, "ended by somebody else");
                    self.forget_cancel(execution.id);
                    return;
                }
                Err(error) => {
                    tracing::error!(execution = %execution.id, %error, "the end of an execution could not be stored; trying again");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MAX);
                }
            }
        }
    }

    pub(super) async fn try_settle(
        &self,
        execution: &Execution,
        end: &End,
        also: Vec<Change>,
    ) -> Result<Vec<Execution>, StoreError> {
        let mut changes = also;
        changes.push(Change::End(execution.id, end.status, end.result.clone()));
        let mut started = Vec::new();
        let mut guards = Vec::new();
        let mut current = (execution.clone(), end.clone());
        changes.extend(self.at_end(execution, end, (execution, end)));
        while let Some(visit) = current.0.visit.clone() {
            let mut flow = self.flow(visit.parent).await?;
            let told =
                flow.tell(flow::report(&visit, current.1.status, &current.1.result), self.host_values());
            let advance = match told {
                Ok(advance) => advance,
                // The conductor is as it was before: the visit ends for itself (`join: n` may start one anew whose
                // end nobody waits for).
                Err(error) => {
                    tracing::info!(execution = %execution.id, %error, "the workflow did not wait for this end");
                    break;
                }
            };
            changes.extend(advance.changes);
            started.extend(advance.started);
            let parent = flow.execution.clone();
            guards.push(flow);
            match advance.ended {
                Some((status, result)) => {
                    current = (parent, End { status, result });
                    changes.extend(self.at_end(&current.0, &current.1, (execution, end)));
                }
                None => break,
            }
        }
        let root_ended = current.0.visit.is_none();
        if root_ended {
            changes.push(Change::EndPermissions(current.0.id));
        }
        changes.push(Change::Redraw(card_subject(execution.root)));
        if let Err(error) = self.commit(changes).await {
            guards.iter_mut().for_each(|flow| flow.stale = true);
            return Err(error);
        }
        // Every flow passed on the way up has ended, but for the last one where the climb stopped.
        let over = if root_ended { guards.len() } else { guards.len().saturating_sub(1) };
        guards.iter().take(over).for_each(|flow| self.0.flows.forget(flow.execution.id));
        Ok(started)
    }

    /// Begins a workflow: its first visits commit with its first event.
    pub(super) async fn begin_flow(&self, execution: Execution) {
        let bundle = match self.bundle(&execution).await {
            Ok(bundle) => bundle,
            Err(error) => {
                return self
                    .settle(&execution, End::failed(format!("content is gone: {error}")), Vec::new())
                    .await;
            }
        };
        if bundle.spec(&execution.action).is_none() {
            let error = format!(
                "the workflow of `{}` does not pass inspection; see `lockkeeper check`",
                execution.action
            );
            return self.settle(&execution, End::failed(error), Vec::new()).await;
        }
        let mut wait = RETRY;
        while let Err(error) = self.try_begin(&execution).await {
            tracing::error!(execution = %execution.id, %error, "a workflow could not be started; trying again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    async fn try_begin(&self, execution: &Execution) -> Result<(), StoreError> {
        let mut flow = self.flow(execution.id).await?;
        if flow.has_begun() {
            return Ok(());
        }
        let events = vec![Event::StatusRequested(workflow::Status::Running), Event::NextRequested];
        let advance = match flow.tell(events, self.host_values()) {
            Ok(advance) => advance,
            Err(error) => {
                flow.stale = true;
                drop(flow);
                self.settle(execution, End::failed(error.to_string()), Vec::new()).await;
                return Ok(());
            }
        };
        if let Some((status, result)) = advance.ended {
            // Over before it began (an empty list, an expression error): its parent hears of it as of any end.
            let mut changes = advance.changes;
            changes.retain(|it| !matches!(it, Change::End(id, ..) if *id == execution.id));
            flow.stale = true;
            drop(flow);
            self.0.flows.forget(execution.id);
            self.settle(execution, End { status, result }, changes).await;
            return Ok(());
        }
        let mut changes = advance.changes;
        changes.push(Change::Redraw(card_subject(execution.root)));
        if let Err(error) = self.commit(changes).await {
            flow.stale = true;
            return Err(error);
        }
        drop(flow);
        advance.started.into_iter().for_each(|it| self.go(it));
        Ok(())
    }

    /// `noop`: nothing to do, so nothing to record but its end.
    pub(super) async fn pass(&self, execution: Execution) {
        let result = json!({ "failed": false, "succeeded": true, "return_code": 0 });
        self.settle(&execution, End::succeeded(result), Vec::new()).await;
    }
}

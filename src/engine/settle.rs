//! An execution ends: its row, its parent's event, the visits that follow and whatever must be told commit together.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;

use crate::{
    id::ExecutionId,
    status::Status,
    store::{Change, StoreError, execution::Execution},
    workflow::{self, Event},
};

use super::{
    Engine,
    flow::{self, Flow},
    give_up::is_lost,
    perform::Postponed,
    start::{card_subject, sequel},
    truth,
};

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

    pub(super) fn canceled() -> Self {
        Self { status: Status::Canceled, result: json!({ "error": "canceled" }) }
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
/// Tries against somebody who changes the same workflow at the same time.
const TRIES: u32 = 10;

/// What an end brings about, up to where its tree goes on.
pub(super) struct Climb {
    pub(super) changes: Vec<Change>,
    pub(super) started: Vec<Execution>,
    guards: Vec<OwnedMutexGuard<Flow>>,
    /// The last execution that ended.
    top: (Execution, End),
}

impl Climb {
    pub(super) fn from(execution: &Execution, end: &End, changes: Vec<Change>) -> Self {
        let top = (execution.clone(), end.clone());
        Self { changes, started: Vec::new(), guards: Vec::new(), top }
    }
}

impl Engine {
    /// Records the end of an execution and goes on with its workflow. Does not give up while the database is away:
    /// a result that exists outside must be told. Where rows are lost, the whole tree ends here.
    pub(super) async fn settle(&self, execution: &Execution, end: End, also: Vec<Change>) {
        let (mut wait, mut tries) = (RETRY, 0);
        loop {
            match self.try_settle(execution, &end, also.clone()).await {
                Ok(started) => {
                    self.forget_cancel(execution.id);
                    started.into_iter().for_each(|it| self.go(it));
                    return;
                }
                Err(StoreError::Changed { what }) if tries < TRIES && self.goes_on(execution.id).await => {
                    tries += 1;
                    tracing::warn!(execution = %execution.id, what, "its end met another change; trying again");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MAX);
                }
                Err(StoreError::Changed { what }) => {
                    tracing::info!(execution = %execution.id, what, "ended by somebody else");
                    self.forget_cancel(execution.id);
                    return self.end_attempts(also).await;
                }
                Err(error) if is_lost(&error) => {
                    self.forget_cancel(execution.id);
                    self.end_attempts(also).await;
                    return self.give_up(execution.root, &error.to_string()).await;
                }
                Err(error) => {
                    tracing::error!(execution = %execution.id, %error, "the end of an execution could not be stored; trying again");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// Whether an end still has to be recorded; while nobody can tell, it has.
    async fn goes_on(&self, id: ExecutionId) -> bool {
        self.store()
            .find_execution(id)
            .await
            .map_or_else(|error| !is_lost(&error), |it| it.is_some_and(|it| it.ended_at.is_none()))
    }

    /// Records the end of a workflow that was told of it, or that will never begin. It stays locked until that is stored:
    /// whoever came in between would go on with a workflow that is over.
    pub(super) async fn settle_flow(&self, mut flow: OwnedMutexGuard<Flow>, end: End, mut also: Vec<Change>) {
        let execution = flow.execution.clone();
        also.retain(|it| !matches!(it, Change::End(id, ..) if *id == execution.id));
        flow.stale = true;
        self.settle(&execution, end, also).await;
        self.0.flows.forget(execution.id);
    }

    /// The attempts among changes that did not hold: whoever ended their execution did not know of them.
    async fn end_attempts(&self, also: Vec<Change>) {
        for change in also.into_iter().filter(|it| matches!(it, Change::EndAttempt(..))) {
            self.commit_until_stored(vec![change]).await;
        }
    }

    pub(super) async fn try_settle(
        &self,
        execution: &Execution,
        end: &End,
        also: Vec<Change>,
    ) -> Result<Vec<Execution>, StoreError> {
        let mut climb = Climb::from(execution, end, also);
        match self.end_all(&mut climb, (execution, end)).await {
            Ok(()) => Ok(climb.started),
            Err(error) => {
                climb.guards.iter_mut().for_each(|flow| flow.stale = true);
                Err(error)
            }
        }
    }

    /// Ends whatever ends with this visit. If it does not hold, flows in memory were told what no row says.
    async fn end_all(&self, climb: &mut Climb, leaf: (&Execution, &End)) -> Result<(), StoreError> {
        let (execution, end) = leaf;
        climb.changes.push(Change::End(execution.id, end.status, end.result.clone()));
        climb.changes.extend(self.at_end(execution, end, leaf));
        if execution.visit.is_some() {
            climb.changes.extend(self.action_ends(execution, end));
        }
        self.climb(climb, leaf).await?;
        let root_ended = climb.top.0.visit.is_none() && self.end_root(climb, leaf).await?;
        climb.changes.push(Change::Redraw(card_subject(execution.root)));
        self.commit(std::mem::take(&mut climb.changes)).await?;
        // Every flow passed on the way up has ended, but for the last one where the climb stopped.
        let over = if root_ended { climb.guards.len() } else { climb.guards.len().saturating_sub(1) };
        climb.guards.iter().take(over).for_each(|flow| self.0.flows.forget(flow.execution.id));
        if root_ended {
            self.0.flows.forget(execution.root);
        }
        Ok(())
    }

    /// Tells each parent of the end below it, as long as that is its own end too.
    async fn climb(&self, climb: &mut Climb, leaf: (&Execution, &End)) -> Result<(), StoreError> {
        while let Some(visit) = climb.top.0.visit.clone() {
            if let Some(end) = truth::awaited(&climb.top.0) {
                let root = self.store().load_execution(visit.parent).await?;
                climb.changes.push(Change::End(root.id, end.status, end.result.clone()));
                climb.top = (root, end);
                break;
            }
            let mut flow = self.flow(visit.parent).await?;
            let (status, result) = (climb.top.1.status, &climb.top.1.result);
            let host = self.host_values(flow.reader.clone()).await?;
            // It is held while a question is open, and takes no news of a task then.
            if climb.top.0.runner == "inquirer" {
                let go_on = vec![Event::StatusRequested(workflow::Status::Resuming)];
                climb.changes.extend(flow.tell(go_on, host.clone()).map(|it| it.changes).unwrap_or_default());
            }
            let advance = match flow.tell(flow::report(&visit, status, result), host) {
                Ok(advance) => advance,
                // The conductor is as it was before: the visit ends for itself (`join: n` may start one anew whose
                // end nobody waits for).
                Err(error) => {
                    tracing::info!(execution = %leaf.0.id, %error, "the workflow did not wait for this end");
                    climb.guards.push(flow);
                    break;
                }
            };
            climb.changes.extend(advance.changes);
            climb.started.extend(advance.started);
            let parent = flow.execution.clone();
            climb.guards.push(flow);
            let Some((status, result)) = advance.ended else { break };
            climb.top = (parent, End { status, result });
            climb.changes.extend(self.at_end(&climb.top.0, &climb.top.1, leaf));
            if climb.top.0.visit.is_some() {
                climb.changes.extend(self.action_ends(&climb.top.0, &climb.top.1));
            }
        }
        Ok(())
    }

    /// Ends the root that was climbed to, with all that it may and holds; false if it has to ask its hosts first.
    pub(super) async fn end_root(
        &self,
        climb: &mut Climb,
        leaf: (&Execution, &End),
    ) -> Result<bool, StoreError> {
        let (root, end) = &climb.top;
        let Some(question) = self.last_question((root, end), leaf).await? else {
            climb.changes.extend([Change::EndPermissions(root.id), sequel(root.id)]);
            climb.changes.extend(self.action_ends(root, end));
            climb.changes.extend(self.rule_ends(root, end).await?);
            return Ok(true);
        };
        climb.changes.retain(|it| !matches!(it, Change::End(id, ..) if *id == root.id));
        climb.changes.extend(self.pin(&question)?);
        climb.changes.extend([Change::Revoke(root.id), Change::Start(Box::new(question.clone()))]);
        climb.started.push(question);
        Ok(false)
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
        if !flow::is_conducted(&bundle, &execution) {
            let error = format!(
                "the workflow of `{}` does not pass inspection; see `lockkeeper check`",
                execution.action
            );
            return self.settle(&execution, End::failed(error), Vec::new()).await;
        }
        if let Some(action) = bundle.action(&execution.action) {
            match self.bound(&execution, action, execution.parameters.clone()).await {
                Ok(Ok(_)) => {}
                Ok(Err(why)) => return self.settle(&execution, End::failed(why), Vec::new()).await,
                Err(Postponed) => return,
            }
        }
        let mut wait = RETRY;
        while let Err(error) = self.try_begin(&execution).await {
            if is_lost(&error) {
                return self.give_up(execution.root, &error.to_string()).await;
            }
            tracing::error!(execution = %execution.id, %error, "a workflow could not be started; trying again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    async fn try_begin(&self, execution: &Execution) -> Result<(), StoreError> {
        let mut flow = self.flow(execution.id).await?;
        if flow.has_begun() || flow.execution.status.is_ended() {
            return Ok(());
        }
        let events = vec![Event::StatusRequested(workflow::Status::Running), Event::NextRequested];
        let host = self.host_values(flow.reader.clone()).await?;
        let advance = match flow.tell(events, host) {
            Ok(advance) => advance,
            Err(error) => {
                self.settle_flow(flow, End::failed(error.to_string()), Vec::new()).await;
                return Ok(());
            }
        };
        if let Some((status, result)) = advance.ended {
            // Over before it began (an empty list, an expression error): its parent hears of it as of any end.
            self.settle_flow(flow, End { status, result }, advance.changes).await;
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
        self.pause_below(execution).await;
        Ok(())
    }

    /// `noop`: nothing to do, so nothing to record but its end.
    pub(super) async fn pass(&self, execution: Execution) {
        let result = json!({ "failed": false, "succeeded": true, "return_code": 0 });
        self.settle(&execution, End::succeeded(result), Vec::new()).await;
    }
}

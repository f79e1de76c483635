//! Cancel: workflows are asked first, so that nothing new starts; then what runs is ended.

use std::collections::HashSet;

use crate::{
    id::ExecutionId,
    identity::Authorised,
    status::Status,
    store::{Change, StoreError, execution::Execution},
    workflow::{self, Event, is_workflow},
};

use super::{Engine, inquire::inquiry_subject, settle::End, start::card_subject, truth};

/// Tries against somebody who changes the same visit at the same time.
const TRIES: usize = 50;
/// Visits looked at when a tree is canceled; more than any workflow holds open at once.
const TREE_MAX: i64 = 100_000;

impl Engine {
    /// Asks a root execution and everything below it to stop, on behalf of `leave`. Returns false if it had ended
    /// already.
    pub async fn cancel(
        &self,
        root: ExecutionId,
        leave: &Authorised,
        also: Vec<Change>,
    ) -> Result<bool, StoreError> {
        let mut open = self.open_below(root).await?;
        if open.is_empty() {
            return Ok(false);
        }
        self.commit(also.into_iter().chain([Change::Redraw(card_subject(root))]).collect()).await?;
        let mut seen = HashSet::new();
        while !open.is_empty() {
            // Top down: when a child ends, its parent already knows that nothing may follow.
            for flow in open.iter().filter(|it| is_workflow(&it.runner)) {
                self.cancel_flow(flow).await?;
            }
            for visit in open.iter().filter(|it| !is_workflow(&it.runner)) {
                self.cancel_visit(visit.id, leave).await?;
            }
            seen.extend(open.into_iter().map(|it| it.id));
            // What a flow started in the very moment before it was told.
            open = self.open_below(root).await?;
            open.retain(|it| !seen.contains(&it.id));
        }
        Ok(true)
    }

    /// Asks workflows to stop on nobody's behalf; what runs below them ends by itself.
    pub(super) async fn cancel_flows(&self, root: ExecutionId) -> Result<(), StoreError> {
        let open = self.open_below(root).await?;
        for flow in open.iter().filter(|it| is_workflow(&it.runner)) {
            self.cancel_flow(flow).await?;
        }
        for visit in open.iter().filter(|it| !is_workflow(&it.runner)) {
            self.cancel_token(visit.id).cancel();
            // A question waits for people, and hears nobody else.
            if visit.runner == "inquirer" {
                self.settle(visit, End::canceled(), vec![Change::Redraw(inquiry_subject(visit.id))]).await;
            }
        }
        self.commit(vec![Change::Redraw(card_subject(root))]).await
    }

    pub(super) async fn open_below(&self, root: ExecutionId) -> Result<Vec<Execution>, StoreError> {
        let tree = self.store().tree(root, i64::MAX, TREE_MAX).await?;
        // What asks hosts before its root ends goes on to its end, so that there is something to be said.
        Ok(tree.into_iter().filter(|it| it.ended_at.is_none() && truth::awaited(it).is_none()).collect())
    }

    async fn cancel_flow(&self, execution: &Execution) -> Result<(), StoreError> {
        let mut flow = self.flow(execution.id).await?;
        let events = vec![Event::StatusRequested(workflow::Status::Canceling), Event::NextRequested];
        let host = self.host_values(flow.reader.clone()).await?;
        let advance = match flow.tell(events, host) {
            Ok(advance) => advance,
            // It is about to begin, and would hear of nothing that was said before.
            Err(_) if !flow.has_begun() => {
                self.settle_flow(flow, End::canceled(), Vec::new()).await;
                return Ok(());
            }
            Err(error) => {
                flow.stale = true;
                tracing::info!(execution = %execution.id, %error, "not canceled");
                return Ok(());
            }
        };
        if let Some((status, result)) = advance.ended {
            self.settle_flow(flow, End { status, result }, advance.changes).await;
            return Ok(());
        }
        let committed = self.commit(advance.changes).await;
        flow.stale = committed.is_err();
        committed
    }

    /// Running attempts end themselves on their token; a visit that waits is settled here.
    async fn cancel_visit(&self, visit: ExecutionId, leave: &Authorised) -> Result<(), StoreError> {
        self.cancel_token(visit).cancel();
        for _ in 0..TRIES {
            // It may have begun to run, or ended, since the tree was read.
            let visit = self.store().load_execution(visit).await?;
            let waits = matches!(
                visit.status,
                Status::Requested | Status::Delayed | Status::Scheduled | Status::Pending
            );
            if !waits || self.cancel_waiting(&visit, leave).await? {
                return Ok(());
            }
        }
        Err(StoreError::Changed { what: "the execution" })
    }

    /// Ends a visit as it was read; false if it is not that any more: then an attempt of it may be at work, which has to
    /// end first.
    pub(super) async fn cancel_waiting(
        &self,
        visit: &Execution,
        leave: &Authorised,
    ) -> Result<bool, StoreError> {
        let mut also = self.withdraw_gate(visit, leave).await?;
        also.push(Change::Advance(visit.id, visit.version, Status::Canceling));
        match self.try_settle(visit, &End::canceled(), also).await {
            Ok(started) => {
                self.forget_cancel(visit.id);
                started.into_iter().for_each(|it| self.go(it));
                Ok(true)
            }
            Err(StoreError::Changed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

//! A new root execution: one commit holds it, its card and what else the asker wants recorded with it.

use serde_json::{Map, Value};

use crate::{
    id::{ActionRef, ExecutionId, Place},
    store::{Change, StoreError, execution::Execution, outbox},
};

use super::{Engine, Live};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Starting {
    pub id: ExecutionId,
    pub action: ActionRef,
    pub parameters: Map<String, Value>,
    /// (event, ordinal): a second start for the same cause finds the first.
    pub origin: Option<String>,
    /// Who asked, for which app and release: what cards and `ctx().st2` read.
    pub context: Map<String, Value>,
    /// Where its card stands.
    pub places: Vec<Place>,
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("action `{0}` does not exist")]
    UnknownAction(ActionRef),
    #[error("action `{0}` is disabled")]
    Disabled(ActionRef),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The outbox subject of a root's card.
pub fn card_subject(root: ExecutionId) -> String {
    format!("card:{root}")
}

/// What stands below a root's card once it has ended: whole logs, every host, whose bell it rings.
pub(super) fn sequel(root: ExecutionId) -> Change {
    Change::WantBeside(Box::new(outbox::Beside {
        of: card_subject(root),
        subject: format!("sequel:{root}"),
        body: serde_json::json!({ "sequel": root }),
        priority: outbox::Priority::Soon,
    }))
}

impl Engine {
    /// Starts a root execution; `also` commits with it. The same origin again returns the execution that it started.
    pub async fn start(&self, starting: Starting, also: Vec<Change>) -> Result<ExecutionId, StartError> {
        self.start_all(vec![starting], also).await.map(|mut started| started.remove(0))
    }

    /// Starts root executions that one event asks for, all or none, in one commit; their ids in the same order.
    pub async fn start_all(
        &self,
        all: Vec<Starting>,
        also: Vec<Change>,
    ) -> Result<Vec<ExecutionId>, StartError> {
        let live = self.live();
        let mut changes: Vec<Change> = live.bundle.pin()?.into_iter().collect();
        let mut executions = Vec::new();
        let origins: Vec<Option<String>> = all.iter().map(|it| it.origin.clone()).collect();
        for starting in all {
            let places = starting.places.clone();
            let execution = begin(&live, starting, self.now())?;
            changes.push(Change::Start(Box::new(execution.clone())));
            changes.extend(places.into_iter().map(|place| card(execution.id, place)));
            executions.push(execution);
        }
        self.0.bundles.keep(&live.bundle);
        changes.extend(also);
        match self.commit(changes).await {
            Ok(()) => live.bundle.mark_stored(),
            Err(StoreError::Exists { what }) => return self.started_before(&origins, what).await,
            Err(error) => return Err(error.into()),
        }
        let ids = executions.iter().map(|it| it.id).collect();
        executions.into_iter().for_each(|it| self.go(it));
        Ok(ids)
    }

    pub(super) async fn started_before(
        &self,
        origins: &[Option<String>],
        what: &'static str,
    ) -> Result<Vec<ExecutionId>, StartError> {
        let mut known = Vec::new();
        for origin in origins {
            let found = match origin {
                Some(origin) => self.store().find_execution_of(origin).await?,
                None => None,
            };
            known.push(found.ok_or(StartError::Store(StoreError::Exists { what }))?.id);
        }
        Ok(known)
    }

    /// Commits, and rings for the outbox if there is something to send.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        if self.store().commit(changes, self.now()).await? {
            self.0.letters.notify_one();
        }
        Ok(())
    }

    /// Commits what becomes of links, and goes by it from then on.
    pub async fn commit_links(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.commit(changes).await?;
        // One reads after another: what was read last is what is gone by.
        let _alone = self.0.relinking.lock().await;
        loop {
            match self.store().links().await {
                Ok(links) => {
                    self.0.parts.live.relink(links);
                    return Ok(());
                }
                Err(error) => {
                    tracing::error!(%error, "the links of accounts could not be read; trying again");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    }
}

/// The row of what is asked for.
fn begin(live: &Live, starting: Starting, now: jiff::Timestamp) -> Result<Execution, StartError> {
    let action = live
        .bundle
        .action(&starting.action)
        .ok_or_else(|| StartError::UnknownAction(starting.action.clone()))?;
    if !action.enabled {
        return Err(StartError::Disabled(starting.action));
    }
    let (runner, content) = (action.runner.as_str(), live.bundle.digest.clone());
    Ok(Execution {
        origin: starting.origin,
        parameters: starting.parameters,
        context: starting.context,
        ..Execution::root(starting.id, starting.action, runner, content, now)
    })
}

pub(super) fn card(root: ExecutionId, place: Place) -> Change {
    Change::Want(Box::new(outbox::Wanted {
        subject: card_subject(root),
        place,
        body: serde_json::json!({ "card": root }),
        priority: outbox::Priority::Progress,
    }))
}

//! A new root execution: one commit holds it, its card and what else the asker wants recorded with it.

use serde_json::{Map, Value};

use crate::{
    id::{ActionRef, ExecutionId, Place},
    store::{Change, StoreError, execution::Execution, outbox},
};

use super::Engine;

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

impl Engine {
    /// Starts a root execution; `also` commits with it. The same origin again returns the execution that it started.
    pub async fn start(&self, starting: Starting, also: Vec<Change>) -> Result<ExecutionId, StartError> {
        let live = self.live();
        let action = live
            .bundle
            .action(&starting.action)
            .ok_or_else(|| StartError::UnknownAction(starting.action.clone()))?;
        if !action.enabled {
            return Err(StartError::Disabled(starting.action.clone()));
        }
        self.0.bundles.keep(&live.bundle);
        let (runner, content) = (action.runner.as_str(), live.bundle.digest.clone());
        let execution = Execution {
            origin: starting.origin.clone(),
            parameters: starting.parameters,
            context: starting.context,
            ..Execution::root(starting.id, starting.action, runner, content, self.now())
        };
        let mut changes: Vec<Change> = live.bundle.pin()?.into_iter().collect();
        changes.push(Change::Start(Box::new(execution.clone())));
        changes.extend(starting.places.into_iter().map(|place| card(execution.id, place)));
        changes.extend(also);
        match self.commit(changes).await {
            Ok(()) => live.bundle.mark_stored(),
            Err(StoreError::Exists { what }) => return self.started_before(&starting.origin, what).await,
            Err(error) => return Err(error.into()),
        }
        let id = execution.id;
        self.go(execution);
        Ok(id)
    }

    async fn started_before(
        &self,
        origin: &Option<String>,
        what: &'static str,
    ) -> Result<ExecutionId, StartError> {
        let found = match origin {
            Some(origin) => self.store().find_execution_of(origin).await?,
            None => None,
        };
        found.map(|it| it.id).ok_or(StartError::Store(StoreError::Exists { what }))
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

fn card(root: ExecutionId, place: Place) -> Change {
    Change::Want(Box::new(outbox::Wanted {
        subject: card_subject(root),
        place,
        body: serde_json::json!({ "card": root }),
        priority: outbox::Priority::Progress,
    }))
}

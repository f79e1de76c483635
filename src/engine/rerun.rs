//! An ended execution run again: a new root, since what ended stays as it is. A workflow goes on from what the old one
//! knows, under the content that the old one was started with; everything else starts from its beginning.
//!
//! A new root has no grant of its own. Whatever it would change behind a gate is refused where it would begin, so a
//! rerun gives nobody what was approved once.

use serde_json::Value;

use crate::{
    id::{ActionRef, ExecutionId, PersonName},
    status::Status,
    store::{Change, StoreError, execution::Execution},
    workflow::{Event, IllegalEvent, RerunTask},
};

use super::{
    Engine,
    flow::Told,
    keys,
    start::{StartError, Starting, card, card_subject, sequel},
};

/// Why nothing was run again.
#[derive(Debug, thiserror::Error)]
pub enum RerunError {
    #[error("it has not ended yet")]
    NotEnded,
    #[error("it is a step of another execution; run that one again")]
    NotARoot,
    /// What was approved was approved once.
    #[error("it is a release")]
    Release,
    #[error("it is no workflow, so it has no tasks")]
    NoTasks,
    #[error("nothing in it failed; name the tasks to run again")]
    NothingFailed,
    #[error("it never ran {}", .0.join(", "))]
    NeverRan(Vec<String>),
    #[error("it opened secrets of {0}'s own; only {0} can run it again")]
    OthersKeys(PersonName),
    #[error("{0}")]
    Sealed(String),
    #[error("action `{0}` is disabled")]
    Disabled(ActionRef),
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn may_run_again(old: &Execution) -> Result<(), RerunError> {
    if old.visit.is_some() {
        return Err(RerunError::NotARoot);
    }
    if old.context.contains_key("app") || old.context.contains_key("number") {
        return Err(RerunError::Release);
    }
    if old.ended_at.is_none() {
        return Err(RerunError::NotEnded);
    }
    Ok(())
}

/// Whether secrets of the person who asked were opened.
fn is_personal(told: &Told) -> bool {
    told.host.datastore.keys_opened().iter().any(|it| it.starts_with("user."))
}

/// The key of an execution's context under which it says of which execution it is a rerun.
pub const RERUN_OF: &str = "rerun_of";

impl Engine {
    /// Runs `old` again, from the named tasks or from all that failed last. `starting` says who asks, from where; its
    /// action and parameters are those of `old`.
    ///
    /// # Errors
    /// It cannot be run again; nothing was started.
    pub async fn rerun(
        &self,
        old: &Execution,
        tasks: Vec<RerunTask>,
        mut starting: Starting,
        also: Vec<Change>,
    ) -> Result<ExecutionId, RerunError> {
        may_run_again(old)?;
        // Of this moment: what was disabled since was so for a reason.
        if self.live().bundle.action(&old.action).is_some_and(|it| !it.enabled) {
            return Err(RerunError::Disabled(old.action.clone()));
        }
        starting.action = old.action.clone();
        starting.parameters = old.parameters.clone();
        starting.context.insert(RERUN_OF.to_owned(), Value::from(old.id.to_string()));
        let told = self.told(old.id).await?;
        if old.runner != "orquesta" || told.is_empty() {
            if !tasks.is_empty() {
                return Err(RerunError::NoTasks);
            }
            return Ok(self.start(starting, also).await?);
        }
        if tasks.is_empty() && old.status == Status::Succeeded {
            return Err(RerunError::NothingFailed);
        }
        let execution = Execution {
            origin: starting.origin.clone(),
            parameters: starting.parameters,
            context: starting.context,
            ..Execution::root(starting.id, old.action.clone(), &old.runner, old.content.clone(), self.now())
        };
        if let Some(owner) =
            keys::person_of(old).filter(|it| keys::person_of(&execution).as_ref() != Some(it))
            && told.iter().any(is_personal)
        {
            return Err(RerunError::OthersKeys(owner));
        }
        let mut flow = match self.replayed(execution.clone(), self.bundle(old).await?, told.clone()).await {
            Err(StoreError::CalledOff { why }) => return Err(RerunError::Sealed(why)),
            replayed => replayed?,
        };
        let mut changes = vec![Change::Start(Box::new(execution.clone()))];
        let told = (1..).zip(told.iter().map(|it| serde_json::to_value(it).unwrap_or_default()));
        changes.extend(told.map(|(seq, it)| Change::Tell(execution.id, seq, it)));
        let host = self.host_values(flow.reader.clone()).await?;
        let advance = flow.tell(vec![Event::RerunRequested { tasks }, Event::NextRequested], host).map_err(
            |error| match error {
                IllegalEvent::NotRerunnable(tasks) => RerunError::NeverRan(tasks),
                other => RerunError::Illegal(other),
            },
        )?;
        changes.extend(advance.changes);
        if advance.ended.is_some() {
            changes.extend([Change::EndPermissions(execution.id), sequel(execution.id)]);
        }
        changes.extend(starting.places.into_iter().map(|place| card(execution.id, place)));
        changes.push(Change::Redraw(card_subject(execution.id)));
        changes.extend(also);
        if let Err(error) = self.commit(changes).await {
            let StoreError::Exists { what } = error else { return Err(error.into()) };
            return Ok(self.started_before(&[starting.origin], what).await?.remove(0));
        }
        if advance.ended.is_none() {
            self.keep_flow(flow);
        }
        advance.started.into_iter().for_each(|it| self.go(it));
        Ok(execution.id)
    }
}

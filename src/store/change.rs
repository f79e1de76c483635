//! A transition as data: what pure code decided, committed in one transaction.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Store, StoreError, Tx, attempt, audit, content, deployment, execution, flow, gate, inbox, incident, left,
    link, lock, look, notify, outbox, release, trace,
};
use crate::{
    id::{Account, Digest, EvidenceId, ExecutionId, InboxId, LinkId, ReleaseId},
    identity::{Link, Offer},
    message::notify::Wants,
    status::Status,
};

/// One row's change. A list of them commits together or not at all.
#[derive(Clone, Debug)]
pub enum Change {
    Pin(Digest, Value),
    Start(Box<execution::Execution>),
    /// From this version on.
    Advance(ExecutionId, i64, Status),
    End(ExecutionId, Status, Value),
    /// Event number `seq` of a flow.
    Tell(ExecutionId, i64, Value),
    EndAttempt(Box<attempt::Attempt>, Status, Value),
    NewRelease(Box<release::Release>),
    Artifact(ReleaseId, Digest),
    /// From an execution that has ended to the next one of the same release.
    CarryOn(ReleaseId, ExecutionId, ExecutionId),
    Confirm(Box<deployment::Deployment>),
    Rollout(Box<deployment::Rollout>),
    Evidence(EvidenceId, ReleaseId, Value),
    OpenGate(Box<gate::GateRow<Value>>),
    Gate(Box<gate::GateRow<Value>>),
    Vote(Box<gate::VoteRow<Value>>),
    Permit(Box<gate::PermissionRow<Value>>),
    Lock(lock::Wanted),
    /// The end of all below a root that has none yet, whatever state it is in.
    GiveUp(ExecutionId, Value),
    /// Permissions of a root that changes nothing any more, and has its end before it.
    Revoke(ExecutionId),
    /// Permissions, locks and rollouts of a root that has ended.
    EndPermissions(ExecutionId),
    Build(Box<incident::Build>),
    /// A code, as its digest.
    Offer(Box<Offer>, Digest),
    EndOffer(LinkId),
    /// This account said a code that is none.
    WrongCode(Box<Account>),
    Link(Box<Link>),
    Unlink(LinkId),
    Notify(Box<notify::Whose>, Wants),
    Want(Box<outbox::Wanted<Value>>),
    WantBeside(Box<outbox::Beside<Value>>),
    Redraw(String),
    /// Something that happened here, for whoever listens.
    Arrive(Box<inbox::Arrival>),
    Done(InboxId),
    /// Done without an effect; this stands in the place of what was delivered.
    Forget(InboxId, Value),
    Audit(audit::Entry),
}

impl Store {
    /// Commits all changes in one transaction, in order; the first that does not hold calls all of them off. True if a
    /// letter waits to be sent because of them.
    pub async fn commit(&self, changes: Vec<Change>, now: Timestamp) -> Result<bool, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let mut letters = false;
                for change in &changes {
                    letters |= apply(tx, change, now).await?;
                }
                Ok(letters)
            })
        })
        .await
    }
}

/// Makes one change within a transaction. True if it makes a letter wait.
async fn apply(tx: &mut Tx, change: &Change, now: Timestamp) -> Result<bool, StoreError> {
    match change {
        Change::Pin(digest, body) => content::pin(tx, digest, body).await?,
        Change::Start(it) => execution::insert(tx, it).await?,
        Change::Advance(id, version, status) => execution::advance(tx, *id, *version, *status, now).await?,
        Change::End(id, status, result) => execution::end(tx, *id, *status, result, now).await?,
        Change::Tell(id, seq, event) => flow::append(tx, *id, *seq, event, now).await?,
        Change::EndAttempt(it, status, result) => attempt::end(tx, it, *status, result, now).await?,
        Change::NewRelease(it) => release::insert(tx, it).await?,
        Change::Artifact(id, digest) => release::set_artifact(tx, *id, digest).await?,
        Change::CarryOn(id, from, to) => release::carry_on(tx, *id, *from, *to).await?,
        Change::Confirm(it) => deployment::confirm(tx, it).await?,
        Change::Rollout(it) => deployment::record_rollout(tx, it).await?,
        Change::Evidence(id, release, body) => look::keep_evidence(tx, *id, *release, body, now).await?,
        Change::OpenGate(it) => gate::insert(tx, it).await?,
        Change::Gate(it) => gate::replace(tx, it).await?,
        Change::Vote(it) => gate::record_vote(tx, it).await?,
        Change::Permit(it) => gate::insert_permission(tx, it).await?,
        Change::Lock(it) => lock::take(tx, it, now).await?,
        Change::GiveUp(root, result) => left::give_up(tx, *root, result, now).await?,
        Change::Revoke(root) => gate::end_permissions(tx, *root, now).await?,
        Change::EndPermissions(root) => {
            if !trace::holds_anything(tx, *root).await? {
                return Ok(false);
            }
            gate::end_permissions(tx, *root, now).await?;
            deployment::stop_rollouts(tx, *root).await?;
            lock::release(tx, *root).await?;
        }
        Change::Build(it) => {
            incident::record_build(tx, it, now).await?;
            return Ok(true);
        }
        Change::Offer(it, digest) => link::offer(tx, it, digest, now).await?,
        Change::EndOffer(id) => link::end_offer(tx, *id, now).await?,
        Change::WrongCode(account) => link::wrong_code(tx, account, now).await?,
        Change::Link(it) => link::insert(tx, it).await?,
        Change::Unlink(id) => link::end(tx, *id, now).await?,
        Change::Notify(whose, wants) => notify::set(tx, whose, *wants, now).await?,
        Change::Want(it) => {
            outbox::want(tx, it, now).await?;
            return Ok(true);
        }
        Change::WantBeside(it) => return outbox::want_beside(tx, it, now).await,
        Change::Redraw(subject) => return outbox::redraw(tx, subject).await,
        Change::Arrive(it) => inbox::arrive(tx, it, now).await?,
        Change::Done(id) => inbox::done(tx, *id, now).await?,
        Change::Forget(id, body) => inbox::forget(tx, *id, body, now).await?,
        Change::Audit(entry) => audit::record(tx, entry, now).await?,
    }
    Ok(false)
}

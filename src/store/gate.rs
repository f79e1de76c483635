//! Gates, votes and the permissions that votes make. Decisions are made by the pure `gate` room; here they are kept,
//! each against the version that was read, so that two replicas never both decide.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::any::AnyRow;

use super::{
    Store, StoreError, Tx,
    row::{Columns, to_json},
};
use crate::{
    clock,
    id::{AppName, Digest, EnvironmentName, ExecutionId, GateId, GrantId, PersonName, ReleaseId, Seal},
};

/// A gate's row. `body` is the state of the pure room.
#[derive(Clone, Debug)]
pub struct GateRow<G> {
    pub id: GateId,
    /// The release's number: what people type after `!approve`.
    pub number: i64,
    pub release: ReleaseId,
    /// The execution that waits for the answer.
    pub execution: ExecutionId,
    pub app: AppName,
    pub environment: EnvironmentName,
    pub seal: Seal,
    pub state: String,
    pub body: G,
    pub version: i64,
    pub opened_at: Timestamp,
    pub deadline_at: Timestamp,
    pub decided_at: Option<Timestamp>,
}

impl<G> GateRow<G> {
    /// This row with another body; what else the next state changes, the caller names.
    pub fn with_body<H>(&self, body: H) -> GateRow<H> {
        GateRow {
            id: self.id,
            number: self.number,
            release: self.release,
            execution: self.execution,
            app: self.app.clone(),
            environment: self.environment.clone(),
            seal: self.seal.clone(),
            state: self.state.clone(),
            body,
            version: self.version,
            opened_at: self.opened_at,
            deadline_at: self.deadline_at,
            decided_at: self.decided_at,
        }
    }
}

/// One answer as it was given: what an export re-decides from.
#[derive(Clone, Debug)]
pub struct VoteRow<V> {
    pub gate: GateId,
    pub person: PersonName,
    pub act: &'static str,
    pub seal: Seal,
    pub body: V,
    pub at: Timestamp,
}

/// A permission's row.
#[derive(Clone, Debug)]
pub struct PermissionRow<P> {
    pub id: GrantId,
    /// `None`: pre-authorised, as a rollback is.
    pub gate: Option<GateId>,
    /// The root execution that alone may use it.
    pub root: ExecutionId,
    pub seal: Seal,
    pub digest: Digest,
    pub body: P,
    pub at: Timestamp,
    pub used_at: Option<Timestamp>,
}

pub async fn insert<G: Serialize + Sync>(tx: &mut Tx, it: &GateRow<G>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO gate (id, number, release_id, execution_id, app, environment, seal, state, body, version, opened_at, deadline_at,
                           decided_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $12)",
    )
    .bind(it.id.to_string())
    .bind(it.number)
    .bind(it.release.to_string())
    .bind(it.execution.to_string())
    .bind(it.app.as_str())
    .bind(it.environment.as_str())
    .bind(it.seal.as_str())
    .bind(it.state.as_str())
    .bind(to_json(&it.body)?)
    .bind(clock::to_millis(it.opened_at))
    .bind(clock::to_millis(it.deadline_at))
    .bind(it.decided_at.map(clock::to_millis))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

/// Puts the next state in place of the version that was read. A decided gate never changes.
pub async fn replace<G: Serialize + Sync>(tx: &mut Tx, it: &GateRow<G>) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE gate SET seal = $3, state = $4, body = $5, version = version + 1, deadline_at = $6, decided_at = $7
         WHERE id = $1 AND version = $2 AND decided_at IS NULL",
    )
    .bind(it.id.to_string())
    .bind(it.version)
    .bind(it.seal.as_str())
    .bind(it.state.as_str())
    .bind(to_json(&it.body)?)
    .bind(clock::to_millis(it.deadline_at))
    .bind(it.decided_at.map(clock::to_millis))
    .execute(&mut tx.connection)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Changed { what: "the gate" }) }
}

/// Appends an answer.
pub async fn record_vote<V: Serialize + Sync>(tx: &mut Tx, it: &VoteRow<V>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO vote (gate_id, ordinal, person, act, seal, body, at)
         VALUES ($1, (SELECT COALESCE(MAX(ordinal), 0) + 1 FROM vote WHERE gate_id = $1), $2, $3, $4, $5, $6)",
    )
    .bind(it.gate.to_string())
    .bind(it.person.as_str())
    .bind(it.act)
    .bind(it.seal.as_str())
    .bind(to_json(&it.body)?)
    .bind(clock::to_millis(it.at))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

pub async fn insert_permission<P: Serialize + Sync>(
    tx: &mut Tx,
    it: &PermissionRow<P>,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO permission (id, gate_id, root_id, seal, digest, body, at, used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (gate_id) DO NOTHING",
    )
    .bind(it.id.to_string())
    .bind(it.gate.map(|gate| gate.to_string()))
    .bind(it.root.to_string())
    .bind(it.seal.as_str())
    .bind(it.digest.as_str())
    .bind(to_json(&it.body)?)
    .bind(clock::to_millis(it.at))
    .bind(it.used_at.map(clock::to_millis))
    .execute(&mut tx.connection)
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Exists { what: "this gate's permission" })
    }
}

/// Takes a waiting permission into use: once.
pub async fn begin_permission<P: Serialize + Sync>(
    tx: &mut Tx,
    id: GrantId,
    begun: &P,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE permission SET used_at = $2, body = $3 WHERE id = $1 AND used_at IS NULL AND ended_at IS NULL",
    )
    .bind(id.to_string())
    .bind(clock::to_millis(now))
    .bind(to_json(begun)?)
    .execute(&mut tx.connection)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Changed { what: "the permission" }) }
}

/// Refuses unless the permission is in use: called in the transaction that starts a guarded attempt.
pub async fn require_permission(tx: &mut Tx, id: GrantId) -> Result<(), StoreError> {
    let row =
        sqlx::query("SELECT id FROM permission WHERE id = $1 AND used_at IS NOT NULL AND ended_at IS NULL")
            .bind(id.to_string())
            .fetch_optional(&mut tx.connection)
            .await?;
    let ended = || StoreError::CalledOff { why: "the permission for this host has ended".to_owned() };
    row.map(drop).ok_or_else(ended)
}

/// Ends every permission of a root: called when the root ends, so that no later attempt can use one.
pub async fn end_permissions(tx: &mut Tx, root: ExecutionId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE permission SET ended_at = $2 WHERE root_id = $1 AND ended_at IS NULL")
        .bind(root.to_string())
        .bind(clock::to_millis(now))
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, number, release_id, execution_id, app, environment, seal, state, body, version, opened_at, ",
            "deadline_at, decided_at FROM gate ",
            $rest
        )
    };
}

impl Store {
    pub async fn load_gate<G: DeserializeOwned>(&self, id: GateId) -> Result<GateRow<G>, StoreError> {
        let row = sqlx::query(select!("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(&mut *self.reader().await?)
            .await?
            .ok_or_else(|| StoreError::Missing { what: format!("gate {id}") })?;
        decode(&row)
    }

    /// The gates of a release, latest first.
    pub async fn gates_of<G: DeserializeOwned>(&self, number: i64) -> Result<Vec<GateRow<G>>, StoreError> {
        let rows = sqlx::query(select!("WHERE number = $1 ORDER BY opened_at DESC"))
            .bind(number)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(decode).collect()
    }

    /// The gate that an execution waits for.
    pub async fn gate_for<G: DeserializeOwned>(
        &self,
        execution: ExecutionId,
    ) -> Result<Option<GateRow<G>>, StoreError> {
        let row = sqlx::query(select!("WHERE execution_id = $1"))
            .bind(execution.to_string())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Undecided gates, oldest first.
    pub async fn open_gates<G: DeserializeOwned>(&self) -> Result<Vec<GateRow<G>>, StoreError> {
        let rows = sqlx::query(select!("WHERE decided_at IS NULL ORDER BY opened_at"))
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(decode).collect()
    }

    /// The permissions of a root that have not ended.
    pub async fn permissions<P: DeserializeOwned>(
        &self,
        root: ExecutionId,
    ) -> Result<Vec<PermissionRow<P>>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, gate_id, root_id, seal, digest, body, at, used_at FROM permission WHERE root_id = $1 AND ended_at IS NULL",
        )
        .bind(root.to_string())
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter().map(decode_permission).collect()
    }
}

fn decode<G: DeserializeOwned>(row: &AnyRow) -> Result<GateRow<G>, StoreError> {
    let columns = Columns { table: "gate", row };
    Ok(GateRow {
        id: columns.id("id", GateId::parse)?,
        number: columns.number("number")?,
        release: columns.id("release_id", ReleaseId::parse)?,
        execution: columns.id("execution_id", ExecutionId::parse)?,
        app: AppName::new(columns.text("app")?),
        environment: EnvironmentName::new(columns.text("environment")?),
        seal: columns.id("seal", Seal::parse)?,
        state: columns.text("state")?,
        body: columns.json("body")?,
        version: columns.number("version")?,
        opened_at: columns.at("opened_at")?,
        deadline_at: columns.at("deadline_at")?,
        decided_at: columns.at_or_none("decided_at")?,
    })
}

fn decode_permission<P: DeserializeOwned>(row: &AnyRow) -> Result<PermissionRow<P>, StoreError> {
    let columns = Columns { table: "permission", row };
    Ok(PermissionRow {
        id: columns.id("id", GrantId::parse)?,
        gate: columns.id_or_none("gate_id", GateId::parse)?,
        root: columns.id("root_id", ExecutionId::parse)?,
        seal: columns.id("seal", Seal::parse)?,
        digest: columns.id("digest", Digest::parse)?,
        body: columns.json("body")?,
        at: columns.at("at")?,
        used_at: columns.at_or_none("used_at")?,
    })
}

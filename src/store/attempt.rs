//! Attempts: the row stands before the effect begins, and every later write carries the attempt's fence.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;
use sqlx::any::AnyRow;

use super::{
    Store, StoreError, Tx, counter, gate as permissions,
    row::{Columns, to_json},
};
use crate::{
    clock,
    gate::Clearance,
    id::{AttemptId, ExecutionId, GrantId, HostName},
    status::Status,
};

/// One try, as stored.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub id: AttemptId,
    pub execution: ExecutionId,
    pub number: i64,
    pub fence: i64,
    pub grant: Option<GrantId>,
    pub host: Option<HostName>,
    /// Pid and start time of the process it runs, so that a later boot can end what outlived us.
    pub process: Option<Value>,
    pub status: Status,
    pub started_at: Timestamp,
    pub deadline_at: Timestamp,
}

/// What starts.
#[derive(Clone, Debug)]
pub struct Beginning {
    pub execution: ExecutionId,
    pub host: Option<HostName>,
    /// How many guarded hosts it may touch, counted before anybody was asked for leave.
    pub guarded: usize,
    /// The leave for each of them.
    pub clearances: Arc<[Clearance]>,
    pub timeout: Duration,
    pub now: Timestamp,
}

/// Records that an effect is about to begin; returns its number and fence.
///
/// # Errors
/// [`StoreError::CalledOff`], if a permission is over by now or a guarded host has none.
pub async fn begin(tx: &mut Tx, it: &Beginning) -> Result<Attempt, StoreError> {
    let id = AttemptId::generate();
    let mut grant = None;
    for clearance in it.clearances.iter() {
        permissions::require_permission(tx, clearance.grant()).await?;
        clear(tx, id, it.execution, clearance).await?;
        grant = Some(clearance.grant());
    }
    let fence = counter::next(tx, "fence").await?;
    let (number,): (i64,) =
        sqlx::query_as("SELECT COALESCE(MAX(number), 0) + 1 FROM attempt WHERE execution_id = $1")
            .bind(it.execution.to_string())
            .fetch_one(&mut tx.connection)
            .await?;
    let deadline_at = clock::after(it.now, it.timeout);
    sqlx::query(
        "INSERT INTO attempt (id, execution_id, number, fence, grant_id, host, status, started_at, heartbeat_at, deadline_at,
                              guarded)
         VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $7, $8, $9)",
    )
    .bind(id.to_string())
    .bind(it.execution.to_string())
    .bind(number)
    .bind(fence)
    .bind(grant.map(|grant| grant.to_string()))
    .bind(it.host.as_ref().map(|host| host.as_str().to_owned()))
    .bind(clock::to_millis(it.now))
    .bind(clock::to_millis(deadline_at))
    .bind(i64::try_from(it.guarded).unwrap_or(i64::MAX))
    .execute(&mut tx.connection)
    .await?;
    Ok(Attempt {
        id,
        execution: it.execution,
        number,
        fence,
        grant,
        host: it.host.clone(),
        process: None,
        status: Status::Running,
        started_at: it.now,
        deadline_at,
    })
}

/// Records by which permission an attempt may touch a guarded host.
async fn clear(
    tx: &mut Tx,
    attempt: AttemptId,
    execution: ExecutionId,
    it: &Clearance,
) -> Result<(), StoreError> {
    let facts = it.attempt();
    sqlx::query(
        "INSERT INTO clearance (attempt_id, execution_id, grant_id, app, environment, role, task, host, digest)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(attempt.to_string())
    .bind(execution.to_string())
    .bind(it.grant().to_string())
    .bind(facts.app.as_str())
    .bind(facts.environment.as_str())
    .bind(facts.role.as_str())
    .bind(facts.task.as_str())
    .bind(facts.host.as_str())
    .bind(facts.digest.as_str())
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

/// Records how an attempt ended. A stale fence changes nothing and is [`StoreError::Changed`].
pub async fn end(
    tx: &mut Tx,
    it: &Attempt,
    status: Status,
    result: &Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE attempt SET status = $3, result = $4, ended_at = $5 WHERE id = $1 AND fence = $2 AND ended_at IS NULL",
    )
    .bind(it.id.to_string())
    .bind(it.fence)
    .bind(status.as_str())
    .bind(to_json(result)?)
    .bind(clock::to_millis(now))
    .execute(&mut tx.connection)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Changed { what: "the attempt" }) }
}

impl Store {
    /// Says that a live attempt is still being looked after, and which process it runs.
    pub async fn beat(
        &self,
        id: AttemptId,
        fence: i64,
        process: Option<Value>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let process = process.map(|it| to_json(&it)).transpose()?;
                let done = sqlx::query(
                    "UPDATE attempt SET heartbeat_at = $3, process = COALESCE($4, process)
                     WHERE id = $1 AND fence = $2 AND ended_at IS NULL",
                )
                .bind(id.to_string())
                .bind(fence)
                .bind(clock::to_millis(now))
                .bind(process)
                .execute(&mut tx.connection)
                .await?;
                if done.rows_affected() == 1 {
                    Ok(())
                } else {
                    Err(StoreError::Changed { what: "the attempt" })
                }
            })
        })
        .await
    }

    /// Attempts whose end is not recorded. At boot these are the ones that nobody looks after any more.
    pub async fn live_attempts(&self) -> Result<Vec<Attempt>, StoreError> {
        let rows = sqlx::query(select!("WHERE ended_at IS NULL ORDER BY started_at"))
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(decode).collect()
    }

    pub async fn attempts(&self, execution: ExecutionId) -> Result<Vec<Attempt>, StoreError> {
        let rows = sqlx::query(select!("WHERE execution_id = $1 ORDER BY number"))
            .bind(execution.to_string())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(decode).collect()
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, execution_id, number, fence, grant_id, host, process, status, started_at, deadline_at FROM attempt ",
            $rest
        )
    };
}
use select;

pub(super) fn decode(row: &AnyRow) -> Result<Attempt, StoreError> {
    let columns = Columns { table: "attempt", row };
    Ok(Attempt {
        id: columns.id("id", AttemptId::parse)?,
        execution: columns.id("execution_id", ExecutionId::parse)?,
        number: columns.number("number")?,
        fence: columns.number("fence")?,
        grant: columns.id_or_none("grant_id", GrantId::parse)?,
        host: columns.text_or_none("host")?.map(HostName::new),
        process: columns.json_or_none("process")?,
        status: columns.id("status", Status::parse)?,
        started_at: columns.at("started_at")?,
        deadline_at: columns.at("deadline_at")?,
    })
}

//! What a dead process left, row by row: one that cannot be read keeps no other from being taken up. And the end of a
//! tree of which not all can be read, which therefore looks at nothing but ids.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::any::AnyRow;

use super::{
    Store, StoreError, Tx,
    attempt::{self, Attempt},
    execution::{self, Execution},
    row::{Columns, to_json},
};
use crate::{
    clock,
    id::{ExecutionId, GateId},
};

/// Rows without an end.
#[derive(Debug, Default)]
pub struct Left {
    /// Oldest first.
    pub executions: Vec<Execution>,
    pub attempts: Vec<Attempt>,
    /// Roots below which something cannot be read, and why.
    pub broken: Vec<(ExecutionId, StoreError)>,
}

impl Store {
    /// Everything unfinished.
    pub async fn left(&self) -> Result<Left, StoreError> {
        let mut left = Left::default();
        for row in self.open_rows().await? {
            match execution::decode(&row) {
                Ok(it) => left.executions.push(it),
                Err(why) => left.broken.extend(root_of(&row, "execution").map(|root| (root, why))),
            }
        }
        for row in self.live_rows().await? {
            match attempt::decode(&row) {
                Ok(it) => left.attempts.push(it),
                Err(why) => left.broken.extend(root_of(&row, "attempt").map(|root| (root, why))),
            }
        }
        Ok(left)
    }

    async fn open_rows(&self) -> Result<Vec<AnyRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM execution WHERE ended_at IS NULL ORDER BY created_at, id");
        Ok(query.fetch_all(&mut *self.reader().await?).await?)
    }

    async fn live_rows(&self) -> Result<Vec<AnyRow>, StoreError> {
        let query = sqlx::query(
            "SELECT attempt.*, execution.root_id AS root_id FROM attempt
             LEFT JOIN execution ON execution.id = attempt.execution_id
             WHERE attempt.ended_at IS NULL ORDER BY attempt.started_at",
        );
        Ok(query.fetch_all(&mut *self.reader().await?).await?)
    }

    /// The visits of a tree that have no end, and itself.
    pub async fn open_in(&self, root: ExecutionId) -> Result<Vec<ExecutionId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM execution WHERE root_id = $1 AND ended_at IS NULL")
            .bind(root.to_string())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        let id = |row| Columns { table: "execution", row }.id("id", ExecutionId::parse);
        // One that has no id is nobody's to stop; it ends with the others.
        Ok(rows.iter().filter_map(|row| id(row).ok()).collect())
    }

    /// The gates of a tree that are not decided.
    pub async fn undecided_gates(&self, root: ExecutionId) -> Result<Vec<GateId>, StoreError> {
        let rows = sqlx::query(
            "SELECT gate.id AS id FROM gate JOIN execution ON execution.id = gate.execution_id
             WHERE execution.root_id = $1 AND gate.decided_at IS NULL",
        )
        .bind(root.to_string())
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let id = |row| Columns { table: "gate", row }.id("id", GateId::parse);
        Ok(rows.iter().filter_map(|row| id(row).ok()).collect())
    }
}

/// Whose tree a row belongs to that says nothing else. If not even that can be read, nobody knows what to end.
fn root_of(row: &AnyRow, table: &'static str) -> Option<ExecutionId> {
    let root = Columns { table, row }.id("root_id", ExecutionId::parse);
    root.inspect_err(|error| tracing::error!(%error, "a row is of no tree; restore the database")).ok()
}

/// Ends every attempt, visit and gate below a root, but not the root itself. What was at work has an end that nobody saw.
pub async fn give_up(
    tx: &mut Tx,
    root: ExecutionId,
    result: &Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (result, now) = (to_json(result)?, clock::to_millis(now));
    for sql in [
        "UPDATE attempt SET status = 'unknown', result = $2, ended_at = $3
         WHERE ended_at IS NULL AND execution_id IN (SELECT id FROM execution WHERE root_id = $1)",
        "UPDATE execution SET result = $2, ended_at = $3, started_at = COALESCE(started_at, $3), version = version + 1,
            status = CASE WHEN EXISTS (SELECT 1 FROM attempt WHERE attempt.execution_id = execution.id
                                       AND attempt.status = 'unknown') THEN 'unknown' ELSE 'abandoned' END
         WHERE root_id = $1 AND id <> $1 AND ended_at IS NULL",
    ] {
        let query = sqlx::query(sql).bind(root.to_string()).bind(result.clone()).bind(now);
        query.execute(&mut tx.connection).await?;
    }
    sqlx::query(
        "UPDATE gate SET state = 'canceled', decided_at = $2, version = version + 1
         WHERE decided_at IS NULL AND execution_id IN (SELECT id FROM execution WHERE root_id = $1)",
    )
    .bind(root.to_string())
    .bind(now)
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

//! What a root did to hosts, and what it heard of them since. Fences grow with every attempt, so they say which was later.

use serde_json::Value;

use super::{Store, StoreError, Tx, row::Columns};
use crate::id::{ExecutionId, HostName};

/// Whether this root may still change something or keeps others from it: most never do.
pub async fn holds_anything(tx: &mut Tx, root: ExecutionId) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM permission WHERE root_id = $1 AND ended_at IS NULL)
            OR EXISTS (SELECT 1 FROM rollout WHERE execution_id = $1 AND outcome = 'begun')
            OR EXISTS (SELECT 1 FROM environment_lock WHERE holder = $1)",
    )
    .bind(root.to_string())
    .fetch_optional(&mut tx.connection)
    .await?;
    Ok(row.is_some())
}

impl Store {
    /// Whether a root was ever allowed to change hosts, or began to: most never are.
    pub async fn has_traces(&self, root: ExecutionId) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM permission WHERE root_id = $1)
                OR EXISTS (SELECT 1 FROM attempt JOIN execution ON execution.id = attempt.execution_id
                    WHERE execution.root_id = $1 AND attempt.host IS NOT NULL)",
        )
        .bind(root.to_string())
        .fetch_optional(&mut *self.reader().await?)
        .await?;
        Ok(row.is_some())
    }

    /// The hosts that attempts below this root were to change, each with the fence of the last such attempt.
    pub async fn hosts_touched(&self, root: ExecutionId) -> Result<Vec<(HostName, i64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT attempt.host AS host, MAX(attempt.fence) AS fence FROM attempt
             JOIN execution ON execution.id = attempt.execution_id
             WHERE execution.root_id = $1 AND attempt.host IS NOT NULL GROUP BY attempt.host ORDER BY attempt.host",
        )
        .bind(root.to_string())
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let decode = |row| {
            let columns = Columns { table: "attempt", row };
            Ok((HostName::new(columns.text("host")?), columns.number("fence")?))
        };
        rows.iter().map(decode).collect()
    }

    /// What each visit below this root that asked hosts found out, with the fence of its last attempt.
    pub async fn askings(&self, root: ExecutionId) -> Result<Vec<(Value, i64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT execution.result AS result, MAX(attempt.fence) AS fence FROM execution
             JOIN attempt ON attempt.execution_id = execution.id
             WHERE execution.root_id = $1 AND execution.runner = 'confirm' AND execution.status <> 'canceled'
                AND execution.result IS NOT NULL
             GROUP BY execution.id, execution.result",
        )
        .bind(root.to_string())
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let decode = |row| {
            let columns = Columns { table: "execution", row };
            Ok((columns.json("result")?, columns.number("fence")?))
        };
        rows.iter().map(decode).collect()
    }

    /// The hosts on which an attempt below this root was cut off in its middle, or ended and nobody saw how. `harmless`
    /// is an action that changes nothing of what a host runs.
    pub async fn hosts_unseen(&self, root: ExecutionId, harmless: &str) -> Result<Vec<HostName>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT attempt.host AS host FROM attempt
             JOIN execution ON execution.id = attempt.execution_id
             WHERE execution.root_id = $1 AND attempt.host IS NOT NULL AND (attempt.status = 'unknown'
                OR (attempt.status IN ('canceled', 'timeout') AND execution.action <> $2))",
        )
        .bind(root.to_string())
        .bind(harmless.to_owned())
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter().map(|row| Ok(HostName::new(Columns { table: "attempt", row }.text("host")?))).collect()
    }
}

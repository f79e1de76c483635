//! Looks at a canary: one row a look, so that a restarted watch or gate goes on where
//! it was.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Store, StoreError, Tx,
    row::{Columns, to_json},
};
use crate::{
    clock,
    id::{EvidenceId, ExecutionId, ReleaseId},
};

impl Store {
    /// Records look number `seq` (from 1).
    pub async fn record_look<L: Serialize>(
        &self,
        id: ExecutionId,
        seq: i64,
        look: &L,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let body = to_json(look)?;
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO look (execution_id, seq, body, at) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (execution_id, seq) DO NOTHING",
                )
                .bind(id.to_string())
                .bind(seq)
                .bind(body)
                .bind(clock::to_millis(now))
                .execute(&mut tx.connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// The looks of a watch, or of a gate, after number `seq`, in order.
    pub async fn looks<L: DeserializeOwned>(&self, id: ExecutionId, seq: i64) -> Result<Vec<L>, StoreError> {
        let rows = sqlx::query("SELECT body FROM look WHERE execution_id = $1 AND seq > $2 ORDER BY seq")
            .bind(id.to_string())
            .bind(seq)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(|row| Columns { table: "look", row }.json("body")).collect()
    }

    /// When the last look was taken; `None` before the first.
    pub async fn last_look_at(&self, id: ExecutionId) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query("SELECT MAX(at) AS at FROM look WHERE execution_id = $1")
            .bind(id.to_string())
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Columns { table: "look", row: &row }.at_or_none("at")
    }

    pub async fn evidence<E: DeserializeOwned>(&self, id: EvidenceId) -> Result<E, StoreError> {
        let row = sqlx::query("SELECT body FROM evidence WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut *self.reader().await?)
            .await?
            .ok_or_else(|| StoreError::Missing { what: format!("evidence {id}") })?;
        Columns { table: "evidence", row: &row }.json("body")
    }
}

/// Keeps an immutable snapshot of what voters are shown.
pub async fn keep_evidence<E: Serialize + Sync>(
    tx: &mut Tx,
    id: EvidenceId,
    release: ReleaseId,
    evidence: &E,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO evidence (id, release_id, body, at) VALUES ($1, $2, $3, $4)")
        .bind(id.to_string())
        .bind(release.to_string())
        .bind(to_json(evidence)?)
        .bind(clock::to_millis(now))
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

//! Content pinned by hash: what an execution started with is what it ends with.

use serde_json::Value;

use super::{
    Store, StoreError, Tx,
    row::{Columns, to_json},
};
use crate::id::Digest;

/// Keeps a body under its digest; a body that stands already is left as it is.
pub async fn pin(tx: &mut Tx, digest: &Digest, body: &Value) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO content (digest, body) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING")
        .bind(digest.as_str())
        .bind(to_json(body)?)
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

impl Store {
    /// The pinned body.
    pub async fn content(&self, digest: &Digest) -> Result<Value, StoreError> {
        let row = sqlx::query("SELECT body FROM content WHERE digest = $1")
            .bind(digest.as_str())
            .fetch_optional(&mut *self.reader().await?)
            .await?
            .ok_or_else(|| StoreError::Missing { what: format!("content {digest}") })?;
        Columns { table: "content", row: &row }.json("body")
    }
}

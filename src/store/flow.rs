//! What the conductor of a workflow was told, in order. One row an event, so that the cost of an event does not
//! grow with the workflow.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Store, StoreError, Tx,
    row::{Columns, to_json},
};
use crate::{clock, id::ExecutionId};

/// Appends the event number `seq` (from 1). Another number than the next one means that somebody else went on with this
/// flow, or that what was told before did not hold.
pub async fn append<E: Serialize + Sync>(
    tx: &mut Tx,
    id: ExecutionId,
    seq: i64,
    event: &E,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO flow_event (execution_id, seq, body, at)
         SELECT $1, $2, $3, $4
         WHERE $2 = 1 + (SELECT COALESCE(MAX(seq), 0) FROM flow_event WHERE execution_id = $1)",
    )
    .bind(id.to_string())
    .bind(seq)
    .bind(to_json(event)?)
    .bind(clock::to_millis(now))
    .execute(&mut tx.connection)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Changed { what: "the workflow" }) }
}

impl Store {
    /// All events of a flow, in order.
    pub async fn flow_events<E: DeserializeOwned>(&self, id: ExecutionId) -> Result<Vec<E>, StoreError> {
        let rows = sqlx::query("SELECT body FROM flow_event WHERE execution_id = $1 ORDER BY seq")
            .bind(id.to_string())
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(|row| Columns { table: "flow_event", row }.json("body")).collect()
    }
}

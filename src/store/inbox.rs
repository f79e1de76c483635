//! What came in, as rows: a delivery is acknowledged only after its row is committed, and has its effect once.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Store, StoreError, Tx,
    row::{Columns, to_json},
};
use crate::{clock, id::InboxId};

/// Whether a delivery is the first of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    New(InboxId),
    /// It stands already; acknowledge again and do nothing.
    Again,
}

/// A delivery that waits for its effect.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub id: InboxId,
    pub source: String,
    pub body: Value,
    pub received_at: Timestamp,
    pub tries: i64,
}

impl Store {
    /// Records a delivery under its unique key. `source` says which part of the bot understands the body.
    pub async fn receive(
        &self,
        key: String,
        source: &'static str,
        body: Value,
        now: Timestamp,
    ) -> Result<Received, StoreError> {
        let id = InboxId::generate();
        let body = to_json(&body)?;
        let rows = self
            .write(move |tx| {
                Box::pin(async move {
                    let done = sqlx::query(
                        "INSERT INTO inbox (id, delivery, source, body, received_at) VALUES ($1, $2, $3, $4, $5)
                         ON CONFLICT (delivery) DO NOTHING",
                    )
                    .bind(id.to_string())
                    .bind(key)
                    .bind(source)
                    .bind(body)
                    .bind(clock::to_millis(now))
                    .execute(&mut tx.connection)
                    .await?;
                    Ok(done.rows_affected())
                })
            })
            .await?;
        Ok(if rows == 0 { Received::Again } else { Received::New(id) })
    }

    /// Deliveries without their effect, oldest first.
    pub async fn waiting_deliveries(&self, most: i64) -> Result<Vec<Waiting>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, source, body, received_at, tries FROM inbox WHERE done_at IS NULL ORDER BY received_at, id LIMIT $1",
        )
        .bind(most)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { table: "inbox", row };
                Ok(Waiting {
                    id: columns.id("id", InboxId::parse)?,
                    source: columns.text("source")?,
                    body: columns.json("body")?,
                    received_at: columns.at("received_at")?,
                    tries: columns.number("tries")?,
                })
            })
            .collect()
    }

    /// The newest deliveries of one source, done or not, newest first.
    pub async fn latest_deliveries(
        &self,
        source: &'static str,
        most: i64,
    ) -> Result<Vec<(Timestamp, Value)>, StoreError> {
        let rows = sqlx::query(
            "SELECT body, received_at FROM inbox WHERE source = $1 ORDER BY received_at DESC LIMIT $2",
        )
        .bind(source)
        .bind(most)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let read = |row| {
            let columns = Columns { table: "inbox", row };
            Ok((columns.at("received_at")?, columns.json("body")?))
        };
        rows.iter().map(read).collect()
    }

    /// Counts one try that ended in a passing fault.
    pub async fn count_try(&self, id: InboxId) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query("UPDATE inbox SET tries = tries + 1 WHERE id = $1")
                    .bind(id.to_string())
                    .execute(&mut tx.connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}

/// Marks a delivery done; called in the transaction of its effect. A second time is called off, so the effect is too.
pub async fn done(tx: &mut Tx, id: InboxId, now: Timestamp) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE inbox SET done_at = $2 WHERE id = $1 AND done_at IS NULL")
        .bind(id.to_string())
        .bind(clock::to_millis(now))
        .execute(&mut tx.connection)
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Changed { what: "the delivery" }) }
}

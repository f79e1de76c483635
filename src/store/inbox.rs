//! What came in, as rows: a delivery is acknowledged only after its row is committed, and has its effect once.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Store, StoreError, Tx,
    row::{Columns, to_json},
};
use crate::{
    clock,
    id::{Digest, InboxId},
};

/// Whether a delivery is the first of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    New(InboxId),
    /// It stands already; acknowledge again and do nothing.
    Again,
    /// Another body stands under this key: a sender's fault, or somebody who reuses a key.
    Other,
}

/// Something that came in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Unique per thing done, the same on redelivery.
    pub key: String,
    /// Which part of the bot understands the body.
    pub source: &'static str,
    /// Arrivals of one lane are handled one after another.
    pub lane: String,
    pub body: Value,
}

/// A delivery that waits for its effect.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub id: InboxId,
    pub source: String,
    pub lane: String,
    pub body: Value,
    pub received_at: Timestamp,
    pub tries: i64,
}

impl Store {
    /// Records a delivery under its unique key.
    pub async fn receive(&self, it: Arrival, now: Timestamp) -> Result<Received, StoreError> {
        let id = InboxId::generate();
        let body = to_json(&it.body)?;
        let print = Digest::of(body.as_bytes()).to_string();
        self.write(move |tx| {
            Box::pin(async move {
                let done = sqlx::query(
                    "INSERT INTO inbox (id, delivery, source, lane, body, print, received_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (delivery) DO NOTHING",
                )
                .bind(id.to_string())
                .bind(it.key.as_str())
                .bind(it.source)
                .bind(it.lane)
                .bind(body)
                .bind(print.as_str())
                .bind(clock::to_millis(now))
                .execute(&mut tx.connection)
                .await?;
                if done.rows_affected() == 1 {
                    return Ok(Received::New(id));
                }
                let row = sqlx::query("SELECT print FROM inbox WHERE delivery = $1")
                    .bind(it.key.as_str())
                    .fetch_one(&mut tx.connection)
                    .await?;
                let stands = Columns { table: "inbox", row: &row }.text("print")?;
                // Rows from before prints were kept have none.
                Ok(if stands.is_empty() || stands == print { Received::Again } else { Received::Other })
            })
        })
        .await
    }

    /// The first delivery of each lane that is due and without its effect, oldest first.
    pub async fn waiting_deliveries(&self, now: Timestamp, most: i64) -> Result<Vec<Waiting>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, source, lane, body, received_at, tries FROM inbox WHERE id IN (
                 SELECT id FROM (
                     SELECT id, ROW_NUMBER() OVER (PARTITION BY lane ORDER BY received_at, id) AS place
                     FROM inbox WHERE done_at IS NULL AND due_at <= $1
                 ) AS queue WHERE place = 1
             ) ORDER BY received_at, id LIMIT $2",
        )
        .bind(clock::to_millis(now))
        .bind(most)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { table: "inbox", row };
                Ok(Waiting {
                    id: columns.id("id", InboxId::parse)?,
                    source: columns.text("source")?,
                    lane: columns.text("lane")?,
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

    /// Everything of one lane from chat, done or not, in the order in which it came.
    pub async fn deliveries_in(&self, lane: &str) -> Result<Vec<(InboxId, Timestamp, Value)>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, body, received_at FROM inbox WHERE lane = $1 AND source = 'chat' ORDER BY received_at, id",
        )
        .bind(lane)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let read = |row| {
            let columns = Columns { table: "inbox", row };
            Ok((columns.id("id", InboxId::parse)?, columns.at("received_at")?, columns.json("body")?))
        };
        rows.iter().map(read).collect()
    }

    /// Counts one try that ended in a passing fault; until `due` its lane goes on without it.
    pub async fn put_off_delivery(&self, id: InboxId, due: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query("UPDATE inbox SET tries = tries + 1, due_at = $2 WHERE id = $1")
                    .bind(id.to_string())
                    .bind(clock::to_millis(due))
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

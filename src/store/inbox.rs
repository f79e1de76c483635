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

/// Deliveries that are removed at a time, so that what comes in need not wait.
const SWEPT_MAX: u64 = 500;

/// Whether a delivery is the first of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    New(InboxId),
    /// It stands already; acknowledge again and do nothing.
    Again,
    /// This other body stands under the key: a sender's fault, or somebody who reuses a key.
    Other(Value),
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
                if insert(tx, id, &it, (&body, &print), now).await? {
                    return Ok(Received::New(id));
                }
                let row = sqlx::query("SELECT print, body FROM inbox WHERE delivery = $1")
                    .bind(it.key.as_str())
                    .fetch_one(&mut tx.connection)
                    .await?;
                let columns = Columns { table: "inbox", row: &row };
                let stands = columns.text("print")?;
                // Rows from before prints were kept have none.
                if stands.is_empty() || stands == print {
                    return Ok(Received::Again);
                }
                Ok(Received::Other(columns.json("body")?))
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

    /// The newest deliveries of each lane of one source, so many of it, done or not, newest first.
    pub async fn latest_deliveries(
        &self,
        source: &'static str,
        each: i64,
    ) -> Result<Vec<(Timestamp, Value)>, StoreError> {
        let rows = sqlx::query(
            "SELECT body, received_at FROM (
                 SELECT body, received_at, id,
                     ROW_NUMBER() OVER (PARTITION BY lane ORDER BY received_at DESC, id DESC) AS place
                 FROM inbox WHERE source = $1
             ) AS latest WHERE place <= $2 ORDER BY received_at DESC, id DESC",
        )
        .bind(source)
        .bind(each)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let read = |row| {
            let columns = Columns { table: "inbox", row };
            Ok((columns.at("received_at")?, columns.json("body")?))
        };
        rows.iter().map(read).collect()
    }

    /// When the newest delivery of a lane came, done or not.
    pub async fn latest_in_lane(&self, lane: &str) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query("SELECT MAX(received_at) AS latest FROM inbox WHERE lane = $1")
            .bind(lane)
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Columns { table: "inbox", row: &row }.at_or_none("latest")
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

/// Records what came in within a transaction: what happened, and that it happened, stand together. What stands under its
/// key already is not recorded twice.
pub async fn arrive(tx: &mut Tx, it: &Arrival, now: Timestamp) -> Result<(), StoreError> {
    let body = to_json(&it.body)?;
    let print = Digest::of(body.as_bytes()).to_string();
    insert(tx, InboxId::generate(), it, (&body, &print), now).await.map(drop)
}

/// False if its key stands already.
async fn insert(
    tx: &mut Tx,
    id: InboxId,
    it: &Arrival,
    (body, print): (&str, &str),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO inbox (id, delivery, source, lane, body, print, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (delivery) DO NOTHING",
    )
    .bind(id.to_string())
    .bind(it.key.as_str())
    .bind(it.source)
    .bind(it.lane.as_str())
    .bind(body)
    .bind(print)
    .bind(clock::to_millis(now))
    .execute(&mut tx.connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

impl Store {
    /// Removes deliveries that had their effect and came before this; those in lanes of one message, where it is looked up
    /// what people did there before, only if they came before `answered`. How many went.
    pub async fn sweep_deliveries(&self, before: Timestamp, answered: Timestamp) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let some = self.sweep_some(before, answered).await?;
            gone += some;
            if some < SWEPT_MAX {
                return Ok(gone);
            }
        }
    }

    async fn sweep_some(&self, before: Timestamp, answered: Timestamp) -> Result<u64, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let swept = sqlx::query(
                    "DELETE FROM inbox WHERE id IN (
                         SELECT id FROM inbox WHERE done_at IS NOT NULL
                             AND received_at < CASE WHEN lane LIKE '%#%' THEN $2 ELSE $1 END
                         LIMIT $3
                     )",
                )
                .bind(clock::to_millis(before))
                .bind(clock::to_millis(answered))
                .bind(SWEPT_MAX.cast_signed())
                .execute(&mut tx.connection)
                .await?;
                Ok(swept.rows_affected())
            })
        })
        .await
    }
}

/// Marks a delivery done that had no effect, and keeps this in the place of what it said. Its print stays, by which the
/// same is recognised.
pub async fn forget(tx: &mut Tx, id: InboxId, body: &Value, now: Timestamp) -> Result<(), StoreError> {
    done(tx, id, now).await?;
    sqlx::query("UPDATE inbox SET body = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(to_json(body)?)
        .execute(&mut tx.connection)
        .await?;
    Ok(())
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

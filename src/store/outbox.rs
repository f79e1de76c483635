//! What goes out, as rows: one per message and place. A row says which message is wanted; its words are drawn from
//! history when it is sent, so the latest edit always wins and a burst of progress is one edit.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::any::AnyRow;

use super::{
    Store, StoreError, Tx,
    row::{Columns, to_json},
};
use crate::{
    clock,
    id::{MessageRef, OutboxId, Place},
};

/// Who goes first when a channel's limit makes messages wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A gate's message, an answer to a person.
    Now = 0,
    /// A failure, a summary.
    Soon = 1,
    /// Progress on a card.
    Progress = 2,
}

/// Letters of one channel that are read at a time: some may wait because they were edited a moment ago.
const PER_CHANNEL: i64 = 16;

/// A message that is wanted in a place.
#[derive(Clone, Debug)]
pub struct Wanted<B> {
    /// What the message is about, unique per place: `card:<root>`, `gate:<id>:<seal>`, `reply:<delivery>`.
    pub subject: String,
    pub place: Place,
    pub body: B,
    pub priority: Priority,
}

/// A row whose message differs from what is wanted.
#[derive(Clone, Debug)]
pub struct Letter<B> {
    pub id: OutboxId,
    pub subject: String,
    pub place: Place,
    pub body: B,
    pub wanted: i64,
    /// Where it stands, once posted.
    pub message: Option<MessageRef>,
    pub tries: i64,
    /// How often it was posted and then removed by somebody.
    pub removed: i64,
    pub due_at: Timestamp,
    pub created_at: Timestamp,
}

/// Wants a message, or wants it drawn again; called in the transaction of what it tells.
pub async fn want<B: Serialize + Sync>(
    tx: &mut Tx,
    it: &Wanted<B>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outbox (id, subject, place, channel, body, priority, wanted, sent, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, 0, $7, $7)
         ON CONFLICT (subject, place) DO UPDATE SET wanted = outbox.wanted + 1, body = $5, tries = 0",
    )
    .bind(OutboxId::generate().to_string())
    .bind(it.subject.as_str())
    .bind(to_json(&it.place)?)
    .bind(channel_key(&it.place))
    .bind(to_json(&it.body)?)
    .bind(it.priority as i64)
    .bind(clock::to_millis(now))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

/// Wants every placement of a subject drawn again; false if it has none.
pub async fn redraw(tx: &mut Tx, subject: &str) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE outbox SET wanted = wanted + 1, tries = 0 WHERE subject = $1")
        .bind(subject)
        .execute(&mut tx.connection)
        .await?;
    Ok(0 < done.rows_affected())
}

fn channel_key(place: &Place) -> String {
    format!("{}/{}/{}", place.platform, place.workspace, place.channel)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, place, body, wanted, message, tries, due_at, created_at, ",
            "(SELECT COUNT(*) FROM gone WHERE gone.outbox_id = outbox.id) AS removed FROM outbox ",
            $rest
        )
    };
}

impl Store {
    /// Letters to send, the most urgent first; of each channel only its first few, so that one that is away keeps
    /// nobody else waiting.
    pub async fn waiting_letters<B: DeserializeOwned>(
        &self,
        now: Timestamp,
        most: i64,
    ) -> Result<Vec<Letter<B>>, StoreError> {
        let rows = sqlx::query(select!(
            "WHERE id IN (
                 SELECT id FROM (
                     SELECT id,
                            ROW_NUMBER() OVER (PARTITION BY channel ORDER BY priority, created_at, id) AS place
                     FROM outbox WHERE sent < wanted AND due_at <= $1
                 ) AS queue WHERE place <= $3
             ) ORDER BY priority, created_at, id LIMIT $2"
        ))
        .bind(clock::to_millis(now))
        .bind(most)
        .bind(PER_CHANNEL)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter().map(decode).collect()
    }

    /// When the next letter that was put off is due.
    pub async fn next_letter_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query("SELECT MIN(due_at) AS due FROM outbox WHERE sent < wanted")
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Columns { table: "outbox", row: &row }.at_or_none("due")
    }

    /// The letter that stands as this message, or stood as it: how a reaction or a thread finds its gate.
    pub async fn find_letter<B: DeserializeOwned>(
        &self,
        message: &MessageRef,
    ) -> Result<Option<Letter<B>>, StoreError> {
        let row = sqlx::query(select!(
            "WHERE message = $1 OR id IN (SELECT outbox_id FROM gone WHERE gone.message = $1)"
        ))
        .bind(to_json(message)?)
        .fetch_optional(&mut *self.reader().await?)
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Every placement of a subject.
    pub async fn letters_about<B: DeserializeOwned>(
        &self,
        subject: &str,
    ) -> Result<Vec<Letter<B>>, StoreError> {
        let rows = sqlx::query(select!("WHERE subject = $1 ORDER BY created_at"))
            .bind(subject)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(decode).collect()
    }

    /// Records that a letter was sent as it was wanted at `wanted`; saves where it stands before anything else.
    pub async fn letter_sent(
        &self,
        id: OutboxId,
        wanted: i64,
        message: Option<MessageRef>,
    ) -> Result<(), StoreError> {
        let message = message.map(|it| to_json(&it)).transpose()?;
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE outbox SET sent = $2, message = COALESCE($3, message), error = NULL, tries = 0 WHERE id = $1",
                )
                .bind(id.to_string())
                .bind(wanted)
                .bind(message)
                .execute(&mut tx.connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Puts a letter off until `due`, with the reason.
    pub async fn letter_put_off(
        &self,
        id: OutboxId,
        due: Timestamp,
        error: String,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query("UPDATE outbox SET due_at = $2, error = $3, tries = tries + 1 WHERE id = $1")
                    .bind(id.to_string())
                    .bind(clock::to_millis(due))
                    .bind(error)
                    .execute(&mut tx.connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// The message is gone (deleted by a moderator): the next drawing posts it anew. What was answered to one person
    /// alone stood nowhere, so `message` is `None` for it.
    pub async fn letter_gone(
        &self,
        id: OutboxId,
        message: Option<MessageRef>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let message = message.map(|it| to_json(&it)).transpose()?;
        self.write(move |tx| {
            Box::pin(async move {
                if let Some(message) = message {
                    let insert = "INSERT INTO gone (message, outbox_id, at) VALUES ($1, $2, $3) ON CONFLICT (message) DO NOTHING";
                    let insert = sqlx::query(insert).bind(message).bind(id.to_string());
                    insert.bind(clock::to_millis(now)).execute(&mut tx.connection).await?;
                }
                sqlx::query("UPDATE outbox SET message = NULL, wanted = wanted + 1 WHERE id = $1")
                    .bind(id.to_string())
                    .execute(&mut tx.connection)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Wants letters drawn again that were sent, as nobody knows how they stand now.
    pub async fn doubt_letters(&self, ids: Vec<OutboxId>) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                for id in &ids {
                    sqlx::query("UPDATE outbox SET wanted = wanted + 1, tries = 0 WHERE id = $1 AND message IS NOT NULL")
                        .bind(id.to_string())
                        .execute(&mut tx.connection)
                        .await?;
                }
                Ok(())
            })
        })
        .await
    }
}

fn decode<B: DeserializeOwned>(row: &AnyRow) -> Result<Letter<B>, StoreError> {
    let columns = Columns { table: "outbox", row };
    Ok(Letter {
        id: columns.id("id", OutboxId::parse)?,
        subject: columns.text("subject")?,
        place: columns.json("place")?,
        body: columns.json("body")?,
        wanted: columns.number("wanted")?,
        message: columns.json_or_none("message")?,
        tries: columns.number("tries")?,
        removed: columns.number("removed")?,
        due_at: columns.at("due_at")?,
        created_at: columns.at("created_at")?,
    })
}

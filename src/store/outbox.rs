//! What goes out, as rows: one per message and place. A row says which message is wanted; its words are drawn from
//! history when it is sent, so the latest edit always wins and a burst of progress is one edit.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::any::AnyRow;

use super::{
    Store, StoreError, Tx,
    row::{Columns, to_json},
};
use crate::{
    clock,
    id::{MessageRef, OutboxId, Place, Platform},
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

impl Priority {
    /// What a row says; a number that no row of ours has is taken for the last.
    fn of(number: i64) -> Self {
        match number {
            0 => Self::Now,
            1 => Self::Soon,
            _ => Self::Progress,
        }
    }
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
    pub priority: Priority,
    pub wanted: i64,
    /// Its message differs from what is wanted.
    pub is_waiting: bool,
    /// Where it stands, once posted.
    pub message: Option<MessageRef>,
    pub tries: i64,
    /// How often it was posted and then removed by somebody.
    pub removed: i64,
    pub due_at: Timestamp,
    pub created_at: Timestamp,
}

/// Wants a message, or wants it drawn again; called in the transaction of what it tells. That its post was tried stays
/// known: it may stand already, though nobody heard so, and then it is looked for and not posted twice.
pub async fn want<B: Serialize + Sync>(
    tx: &mut Tx,
    it: &Wanted<B>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outbox (id, subject, place, channel, body, priority, wanted, sent, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, 0, $7, $7)
         ON CONFLICT (subject, place) DO UPDATE SET wanted = outbox.wanted + 1, body = $5,
             tries = CASE WHEN outbox.message IS NULL THEN outbox.tries ELSE 0 END",
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
    let again =
        "UPDATE outbox SET wanted = wanted + 1, tries = CASE WHEN message IS NULL THEN tries ELSE 0 END
         WHERE subject = $1";
    let done = sqlx::query(again).bind(subject).execute(&mut tx.connection).await?;
    Ok(0 < done.rows_affected())
}

/// A message that is wanted wherever another one is.
#[derive(Clone, Debug)]
pub struct Beside<B> {
    /// The subject of that other one.
    pub of: String,
    pub subject: String,
    pub body: B,
    pub priority: Priority,
}

/// Wants it in each place that has the other one; false if there is none.
pub async fn want_beside<B: Serialize + Sync + Clone>(
    tx: &mut Tx,
    it: &Beside<B>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let rows = sqlx::query("SELECT place FROM outbox WHERE subject = $1")
        .bind(it.of.as_str())
        .fetch_all(&mut tx.connection)
        .await?;
    for row in &rows {
        let place = Columns { table: "outbox", row }.json("place")?;
        let (subject, body) = (it.subject.clone(), it.body.clone());
        want(tx, &Wanted { subject, place, body, priority: it.priority }, now).await?;
    }
    Ok(!rows.is_empty())
}

fn channel_key(place: &Place) -> String {
    format!("{}/{}/{}", place.platform, place.workspace, place.channel)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subject, place, body, priority, wanted, sent, message, tries, due_at, created_at, ",
            "(SELECT COUNT(*) FROM gone WHERE gone.outbox_id = outbox.id) AS removed FROM outbox ",
            $rest
        )
    };
}

impl Store {
    /// Letters to send, the most urgent first, and of equals those that do not stand yet before those that change; of each
    /// channel only its first few of either kind, and if that is too many, the first of each before the second of any. So
    /// a channel that is away keeps no other waiting, and what waits for leave to be changed, of which platforms give
    /// little, nothing that is to be posted.
    pub async fn waiting_letters<B: DeserializeOwned>(
        &self,
        now: Timestamp,
        most: i64,
    ) -> Result<Vec<Letter<B>>, StoreError> {
        let rows = sqlx::query(select!(
            "WHERE id IN (
                 SELECT id FROM (
                     SELECT id, priority, message, created_at,
                            ROW_NUMBER() OVER (
                                PARTITION BY channel, message IS NULL ORDER BY priority, created_at, id
                            ) AS place
                     FROM outbox WHERE sent < wanted AND due_at <= $1
                 ) AS queue WHERE place <= $3 ORDER BY place, priority, message IS NOT NULL, created_at, id LIMIT $2
             ) ORDER BY priority, message IS NOT NULL, created_at, id"
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

    /// The newest letter whose subject begins so.
    pub async fn latest_letter<B: DeserializeOwned>(
        &self,
        beginning: &str,
    ) -> Result<Option<Letter<B>>, StoreError> {
        // A range, as the index of subjects knows it: LIKE would look at every letter that ever was.
        let found = select!("WHERE subject >= $1 AND subject < $2 ORDER BY created_at DESC, id DESC LIMIT 1");
        let row = sqlx::query(found)
            .bind(beginning)
            .bind(format!("{beginning}\u{10ffff}"))
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Whether the newest letter whose subject begins so tells of something that is not over.
    pub async fn is_in_trouble(&self, beginning: &str) -> Result<bool, StoreError> {
        let letter: Option<Letter<Value>> = self.latest_letter(beginning).await?;
        Ok(letter.is_some_and(|it| it.body["trouble"]["over"].is_null()))
    }

    /// Whether a message about this stands or stood in this very place, or is on its way there.
    pub async fn is_told(&self, subject: &str, place: &Place) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT 1 AS told FROM outbox WHERE subject = $1 AND place = $2
             AND (sent < wanted OR message IS NOT NULL
                  OR EXISTS (SELECT 1 FROM gone WHERE gone.outbox_id = outbox.id))",
        )
        .bind(subject)
        .bind(to_json(place)?)
        .fetch_optional(&mut *self.reader().await?)
        .await?;
        Ok(row.is_some())
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

    /// Puts a letter off until `due`. `error`: what stands in its way; it is due at once when the chat is back
    /// ([`Self::hurry_letters`]).
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

    /// Letters of a platform that something stood in the way of are due at once.
    pub async fn hurry_letters(&self, platform: Platform, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE outbox SET due_at = $1
                     WHERE sent < wanted AND $1 < due_at AND error IS NOT NULL AND channel LIKE $2",
                )
                .bind(clock::to_millis(now))
                .bind(format!("{platform}/%"))
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
        priority: Priority::of(columns.number("priority")?),
        wanted: columns.number("wanted")?,
        is_waiting: columns.number("sent")? < columns.number("wanted")?,
        message: columns.json_or_none("message")?,
        tries: columns.number("tries")?,
        removed: columns.number("removed")?,
        due_at: columns.at("due_at")?,
        created_at: columns.at("created_at")?,
    })
}

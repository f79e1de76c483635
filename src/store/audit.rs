//! Who did what, when, append only.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Store, StoreError, Tx, counter,
    row::{Columns, to_json},
};
use crate::clock;

/// One act of a person or of the bot.
#[derive(Clone, Debug)]
pub struct Entry {
    pub actor: String,
    pub act: &'static str,
    pub subject: String,
    pub body: Value,
}

/// Appends an entry; called in the transaction of the act.
pub async fn record(tx: &mut Tx, entry: &Entry, now: Timestamp) -> Result<(), StoreError> {
    let seq = counter::next(tx, "audit").await?;
    sqlx::query("INSERT INTO audit (seq, at, actor, act, subject, body) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(seq)
        .bind(clock::to_millis(now))
        .bind(entry.actor.as_str())
        .bind(entry.act)
        .bind(entry.subject.as_str())
        .bind(to_json(&entry.body)?)
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

impl Store {
    /// The last acts, newest first: (at, actor, act, subject).
    pub async fn recent_acts(
        &self,
        most: i64,
    ) -> Result<Vec<(Timestamp, String, String, String)>, StoreError> {
        let rows = sqlx::query("SELECT at, actor, act, subject FROM audit ORDER BY seq DESC LIMIT $1")
            .bind(most)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { table: "audit", row };
                Ok((
                    columns.at("at")?,
                    columns.text("actor")?,
                    columns.text("act")?,
                    columns.text("subject")?,
                ))
            })
            .collect()
    }
}

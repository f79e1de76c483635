//! How much channels and people want to be told. Whoever said nothing wants all.

use jiff::Timestamp;

use super::{Store, StoreError, Tx, row::Columns};
use crate::{
    clock,
    id::{PersonName, Place},
    message::notify::Wants,
};

/// Whose wish it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The channel, with all of its threads.
    Channel(Place),
    Person(PersonName),
}

impl Whose {
    /// As the store and the audit name it.
    pub fn key(&self) -> String {
        match self {
            Whose::Channel(place) => {
                format!("channel:{}/{}/{}", place.platform, place.workspace, place.channel)
            }
            Whose::Person(name) => format!("person:{name}"),
        }
    }
}

/// Keeps a wish in place of the one before.
pub async fn set(tx: &mut Tx, whose: &Whose, wants: Wants, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO notify (subject, wants, at) VALUES ($1, $2, $3)
         ON CONFLICT (subject) DO UPDATE SET wants = $2, at = $3",
    )
    .bind(whose.key())
    .bind(wants.as_str())
    .bind(clock::to_millis(now))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

impl Store {
    /// What they want.
    pub async fn wants(&self, whose: &Whose) -> Result<Wants, StoreError> {
        let row = sqlx::query("SELECT wants FROM notify WHERE subject = $1")
            .bind(whose.key())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        let Some(row) = row else { return Ok(Wants::default()) };
        let columns = Columns { table: "notify", row: &row };
        let text = columns.text("wants")?;
        Wants::parse(&text).ok_or_else(|| columns.corrupt(format!("`{text}` is no wish")))
    }
}

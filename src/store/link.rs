//! Accounts that are one person beside what the file says, and the codes that prove it.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::any::AnyRow;

use super::{
    Store, StoreError, Tx,
    row::{Columns, to_json},
};
use crate::{
    clock,
    id::{Account, Digest, LinkId, PersonName},
    identity::{Link, Offer, TRIES_WITHIN, Tries},
};

/// Keeps a code's digest; the account's code before it can be said no more.
pub async fn offer(tx: &mut Tx, it: &Offer, digest: &Digest, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE link_code SET ended_at = $2 WHERE account = $1 AND ended_at IS NULL")
        .bind(to_json(&it.account)?)
        .bind(clock::to_millis(now))
        .execute(&mut tx.connection)
        .await?;
    sqlx::query(
        "INSERT INTO link_code (id, digest, person, account, place, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(it.id.to_string())
    .bind(digest.as_str())
    .bind(it.person.as_str())
    .bind(to_json(&it.account)?)
    .bind(to_json(&it.place)?)
    .bind(clock::to_millis(it.expires_at))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

/// Ends a code: it was said.
///
/// # Errors
/// [`StoreError::Changed`], if somebody else said it first, or it is too old by now.
pub async fn end_offer(tx: &mut Tx, id: LinkId, now: Timestamp) -> Result<(), StoreError> {
    let ended = sqlx::query(
        "UPDATE link_code SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2",
    )
    .bind(id.to_string())
    .bind(clock::to_millis(now))
    .execute(&mut tx.connection)
    .await?;
    if ended.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Changed { what: "the code" }) }
}

/// Counts a wrong code. The count begins anew after [`TRIES_WITHIN`].
pub async fn wrong_code(tx: &mut Tx, account: &Account, now: Timestamp) -> Result<(), StoreError> {
    let fresh = clock::to_millis(clock::before(now, TRIES_WITHIN));
    sqlx::query(
        "INSERT INTO link_try (account, tries, since) VALUES ($1, 1, $2)
         ON CONFLICT (account) DO UPDATE SET
             tries = CASE WHEN link_try.since <= $3 THEN 1 ELSE link_try.tries + 1 END,
             since = CASE WHEN link_try.since <= $3 THEN $2 ELSE link_try.since END",
    )
    .bind(to_json(account)?)
    .bind(clock::to_millis(now))
    .bind(fresh)
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

/// Makes two accounts one person.
pub async fn insert(tx: &mut Tx, it: &Link) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO account_link (id, person, listed, account, listed_place, account_place, since)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(it.id.to_string())
    .bind(it.person.as_str())
    .bind(to_json(&it.listed)?)
    .bind(to_json(&it.account)?)
    .bind(to_json(&it.listed_place)?)
    .bind(to_json(&it.account_place)?)
    .bind(clock::to_millis(it.since))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

/// Ends a link; one that has ended stays as it is.
pub async fn end(tx: &mut Tx, id: LinkId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE account_link SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL")
        .bind(id.to_string())
        .bind(clock::to_millis(now))
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

impl Store {
    /// Every link there ever was, oldest first.
    pub async fn links(&self) -> Result<Vec<Link>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, person, listed, account, listed_place, account_place, since, ended_at FROM account_link
             ORDER BY since, id",
        )
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter().map(link).collect()
    }

    /// The code of this digest, in whatever state.
    pub async fn find_offer(&self, digest: &Digest) -> Result<Option<Offer>, StoreError> {
        let row = sqlx::query(
            "SELECT id, person, account, place, expires_at, ended_at FROM link_code WHERE digest = $1",
        )
        .bind(digest.as_str())
        .fetch_optional(&mut *self.reader().await?)
        .await?;
        row.as_ref().map(decode).transpose()
    }

    /// The code of this id, in whatever state.
    pub async fn load_offer(&self, id: LinkId) -> Result<Offer, StoreError> {
        let row = sqlx::query(
            "SELECT id, person, account, place, expires_at, ended_at FROM link_code WHERE id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(&mut *self.reader().await?)
        .await?;
        row.as_ref().map(decode).transpose()?.ok_or(StoreError::Missing { what: format!("code {id}") })
    }

    /// How long no code of this account is looked at.
    pub async fn code_wait(&self, account: &Account, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        let row = sqlx::query("SELECT tries, since FROM link_try WHERE account = $1")
            .bind(to_json(account)?)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns { table: "link_try", row: &row };
        let count = u32::try_from(columns.number("tries")?).unwrap_or(u32::MAX);
        Ok(Tries { count, since: columns.at("since")? }.wait(now))
    }
}

fn decode(row: &AnyRow) -> Result<Offer, StoreError> {
    let columns = Columns { table: "link_code", row };
    Ok(Offer {
        id: columns.id("id", LinkId::parse)?,
        person: PersonName::new(columns.text("person")?),
        account: columns.json("account")?,
        place: columns.json("place")?,
        expires_at: columns.at("expires_at")?,
        ended_at: columns.at_or_none("ended_at")?,
    })
}

fn link(row: &AnyRow) -> Result<Link, StoreError> {
    let columns = Columns { table: "account_link", row };
    Ok(Link {
        id: columns.id("id", LinkId::parse)?,
        person: PersonName::new(columns.text("person")?),
        listed: columns.json("listed")?,
        account: columns.json("account")?,
        listed_place: columns.json("listed_place")?,
        account_place: columns.json("account_place")?,
        since: columns.at("since")?,
        ended_at: columns.at_or_none("ended_at")?,
    })
}

//! Numbers that only grow: releases' short numbers, fences.

use super::{StoreError, Tx};

/// Sets a counter, whatever it was.
pub async fn set(tx: &mut Tx, name: &'static str, value: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO counter (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2",
    )
    .bind(name)
    .bind(value)
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

/// The next number of a counter; the first is 1.
pub async fn next(tx: &mut Tx, name: &'static str) -> Result<i64, StoreError> {
    let (value,): (i64,) = sqlx::query_as(
        "INSERT INTO counter (name, value) VALUES ($1, 1)
         ON CONFLICT (name) DO UPDATE SET value = counter.value + 1 RETURNING value",
    )
    .bind(name)
    .fetch_one(&mut tx.connection)
    .await?;
    Ok(value)
}

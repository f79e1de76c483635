//! Who rolls out where: one rollout per app and environment. Taken in the transaction that lets the first guarded
//! attempt begin, released in the one that ends its root.

use jiff::Timestamp;

use super::{Store, StoreError, Tx, row::Columns};
use crate::{
    clock,
    id::{AppName, EnvironmentName, ExecutionId},
};

/// A lock that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub app: AppName,
    pub environment: EnvironmentName,
    /// The root execution that will hold it.
    pub holder: ExecutionId,
    /// For people: `#42`.
    pub reason: String,
}

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub app: AppName,
    pub environment: EnvironmentName,
    pub holder: ExecutionId,
    pub reason: String,
    pub taken_at: Timestamp,
}

/// Takes a lock; whoever holds it already may take it again.
///
/// # Errors
/// [`StoreError::CalledOff`] with the holder, if it is somebody else.
pub async fn take(tx: &mut Tx, it: &Wanted, now: Timestamp) -> Result<(), StoreError> {
    let fence = super::counter::next(tx, "fence").await?;
    sqlx::query(
        "INSERT INTO environment_lock (app, environment, holder, reason, fence, taken_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (app, environment) DO NOTHING",
    )
    .bind(it.app.as_str())
    .bind(it.environment.as_str())
    .bind(it.holder.to_string())
    .bind(it.reason.as_str())
    .bind(fence)
    .bind(clock::to_millis(now))
    .execute(&mut tx.connection)
    .await?;
    let row = sqlx::query("SELECT holder, reason FROM environment_lock WHERE app = $1 AND environment = $2")
        .bind(it.app.as_str())
        .bind(it.environment.as_str())
        .fetch_one(&mut tx.connection)
        .await?;
    let columns = Columns { table: "environment_lock", row: &row };
    if columns.id("holder", ExecutionId::parse)? == it.holder {
        return Ok(());
    }
    let (app, environment, reason) = (&it.app, &it.environment, columns.text("reason")?);
    Err(StoreError::CalledOff { why: format!("{reason} is at work on {app} in {environment}") })
}

/// Releases what a root holds.
pub async fn release(tx: &mut Tx, holder: ExecutionId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM environment_lock WHERE holder = $1")
        .bind(holder.to_string())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

impl Store {
    /// Every lock that is held.
    pub async fn locks(&self) -> Result<Vec<Held>, StoreError> {
        let rows = sqlx::query(
            "SELECT app, environment, holder, reason, taken_at FROM environment_lock ORDER BY taken_at",
        )
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { table: "environment_lock", row };
                Ok(Held {
                    app: AppName::new(columns.text("app")?),
                    environment: EnvironmentName::new(columns.text("environment")?),
                    holder: columns.id("holder", ExecutionId::parse)?,
                    reason: columns.text("reason")?,
                    taken_at: columns.at("taken_at")?,
                })
            })
            .collect()
    }
}

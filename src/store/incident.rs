//! Builds that are broken: the same failure again is a number on one message, and recovery closes it.

use jiff::Timestamp;
use serde_json::json;

use super::{
    Store, StoreError, Tx,
    outbox::{self, Priority, Wanted},
    row::Columns,
};
use crate::{
    clock,
    id::{AppName, ExecutionId, Place},
};

/// How a build ended.
#[derive(Clone, Debug)]
pub struct Build {
    pub app: AppName,
    pub root: ExecutionId,
    /// The visit that failed; `None`: it is whole.
    pub failed: Option<ExecutionId>,
    /// What tells one failure from another.
    pub print: Option<String>,
    /// Where people are told.
    pub places: Vec<Place>,
}

/// A broken build, as stored.
#[derive(Clone, Debug)]
pub struct Incident {
    pub app: AppName,
    pub times: i64,
    pub first_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// The outbox subject of the message that tells of an incident. `first_at`: milliseconds since the epoch.
pub fn incident_subject(app: &AppName, first_at: i64) -> String {
    format!("incident:{app}:{first_at}")
}

/// Opens, counts or closes the app's incident, and wants the message that says so.
pub async fn record_build(tx: &mut Tx, it: &Build, now: Timestamp) -> Result<(), StoreError> {
    let open = sqlx::query(
        "SELECT print, first_at FROM incident WHERE app = $1 AND subject = 'build' AND ended_at IS NULL",
    )
    .bind(it.app.as_str())
    .fetch_optional(&mut tx.connection)
    .await?;
    let open = match &open {
        Some(row) => {
            let columns = Columns { table: "incident", row };
            Some((columns.text("print")?, columns.number("first_at")?))
        }
        None => None,
    };
    match (&it.failed, open) {
        (None, None) => Ok(()),
        (None, Some((_, first_at))) => {
            end(tx, &it.app, first_at, now).await?;
            tell(
                tx,
                it,
                &format!("recovered:{}:{first_at}", it.app),
                json!({ "recovered": { "root": it.root, "app": it.app, "first_at": first_at } }),
                now,
            )
            .await
        }
        (Some(_), Some((print, first_at))) if it.print.as_ref() == Some(&print) => {
            sqlx::query("UPDATE incident SET times = times + 1, last_at = $3 WHERE app = $1 AND subject = 'build' AND first_at = $2")
                .bind(it.app.as_str())
                .bind(first_at)
                .bind(clock::to_millis(now))
                .execute(&mut tx.connection)
                .await?;
            outbox::redraw(tx, &incident_subject(&it.app, first_at)).await.map(drop)
        }
        (Some(visit), open) => {
            if let Some((_, first_at)) = open {
                end(tx, &it.app, first_at, now).await?;
            }
            begin(tx, it, now).await?;
            let first_at = clock::to_millis(now);
            let body = json!({ "incident": { "root": it.root, "visit": visit, "app": it.app, "first_at": first_at } });
            tell(tx, it, &incident_subject(&it.app, first_at), body, now).await
        }
    }
}

async fn begin(tx: &mut Tx, it: &Build, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO incident (app, subject, print, times, first_at, last_at, body) VALUES ($1, 'build', $2, 1, $3, $3, '{}')",
    )
    .bind(it.app.as_str())
    .bind(it.print.clone().unwrap_or_default())
    .bind(clock::to_millis(now))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

async fn end(tx: &mut Tx, app: &AppName, first_at: i64, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE incident SET ended_at = $3 WHERE app = $1 AND subject = 'build' AND first_at = $2")
        .bind(app.as_str())
        .bind(first_at)
        .bind(clock::to_millis(now))
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

async fn tell(
    tx: &mut Tx,
    it: &Build,
    subject: &str,
    body: serde_json::Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    for place in &it.places {
        let wanted = Wanted {
            subject: subject.to_owned(),
            place: place.clone(),
            body: body.clone(),
            priority: Priority::Soon,
        };
        outbox::want(tx, &wanted, now).await?;
    }
    Ok(())
}

impl Store {
    /// The incident that began at this instant.
    pub async fn find_incident(&self, app: &AppName, first_at: i64) -> Result<Option<Incident>, StoreError> {
        let row = sqlx::query(
            "SELECT times, first_at, ended_at FROM incident WHERE app = $1 AND subject = 'build' AND first_at = $2",
        )
        .bind(app.as_str())
        .bind(first_at)
        .fetch_optional(&mut *self.reader().await?)
        .await?;
        row.map(|row| {
            let columns = Columns { table: "incident", row: &row };
            Ok(Incident {
                app: app.clone(),
                times: columns.number("times")?,
                first_at: columns.at("first_at")?,
                ended_at: columns.at_or_none("ended_at")?,
            })
        })
        .transpose()
    }
}

//! What hosts were last confirmed to run, and the rollouts of each environment.

use std::collections::BTreeSet;

use jiff::Timestamp;

use sqlx::any::AnyRow;

use super::{Store, StoreError, Tx, row::Columns};
use crate::{
    clock,
    id::{AppName, Digest, EnvironmentName, ExecutionId, HostName, PersonName, ReleaseId, RoleName},
    rollout::record::{Course, Kind, Record},
};

/// Rollouts of an environment that are looked back on. Years of them; what is older is nothing to go back to.
const ROLLOUTS_MAX: i64 = 1_000;

/// One host's confirmed digest; `None` is "unknown".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    pub app: AppName,
    pub environment: EnvironmentName,
    pub role: RoleName,
    pub host: HostName,
    pub digest: Option<Digest>,
    pub release: Option<ReleaseId>,
    pub execution: ExecutionId,
    pub person: Option<PersonName>,
    pub at: Timestamp,
}

/// A rollout as stored.
#[derive(Clone, Debug)]
pub struct Rollout {
    pub app: AppName,
    pub environment: EnvironmentName,
    pub record: Record,
    /// When it began.
    pub at: Timestamp,
}

/// Records what was confirmed of a host; the later confirmation stands. One that says the same again changes nothing:
/// who brought it, and since when, stays.
pub async fn confirm(tx: &mut Tx, it: &Deployment) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO deployment (app, environment, role, host, digest, release_id, execution_id, person, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (app, environment, host) DO UPDATE SET
            role = $3, digest = $5, release_id = $6, execution_id = $7, person = $8, at = $9
         WHERE deployment.role <> $3 OR COALESCE(deployment.digest, '') <> COALESCE($5, '')
            OR COALESCE(deployment.release_id, '') <> COALESCE($6, '')",
    )
    .bind(it.app.as_str())
    .bind(it.environment.as_str())
    .bind(it.role.as_str())
    .bind(it.host.as_str())
    .bind(it.digest.as_ref().map(|digest| digest.as_str().to_owned()))
    .bind(it.release.map(|release| release.to_string()))
    .bind(it.execution.to_string())
    .bind(it.person.as_ref().map(|person| person.as_str().to_owned()))
    .bind(clock::to_millis(it.at))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

/// Records that a rollout began, or how one that began has ended. What has ended stays as it is.
pub async fn record_rollout(tx: &mut Tx, it: &Rollout) -> Result<(), StoreError> {
    let record = &it.record;
    sqlx::query(
        "INSERT INTO rollout (execution_id, app, environment, release_id, digest, kind, outcome, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (execution_id, app, environment) DO UPDATE SET outcome = $7 WHERE rollout.outcome = 'begun'",
    )
    .bind(record.execution.to_string())
    .bind(it.app.as_str())
    .bind(it.environment.as_str())
    .bind(record.release.map(|release| release.to_string()))
    .bind(record.digest.as_str())
    .bind(kind_text(record.kind))
    .bind(course_text(record.course))
    .bind(clock::to_millis(it.at))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

/// A root has ended: what it began and nobody confirmed has stopped.
pub async fn stop_rollouts(tx: &mut Tx, root: ExecutionId) -> Result<(), StoreError> {
    sqlx::query("UPDATE rollout SET outcome = 'stopped' WHERE execution_id = $1 AND outcome = 'begun'")
        .bind(root.to_string())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Found => "found",
        Kind::Forward => "forward",
        Kind::Back => "back",
    }
}

fn course_text(course: Course) -> &'static str {
    match course {
        Course::Begun => "begun",
        Course::Complete => "complete",
        Course::Stopped => "stopped",
    }
}

fn decode_rollout(row: &AnyRow) -> Result<Record, StoreError> {
    let columns = Columns { table: "rollout", row };
    let (kind, course) = (columns.text("kind")?, columns.text("outcome")?);
    let kinds = [Kind::Found, Kind::Forward, Kind::Back];
    let courses = [Course::Begun, Course::Complete, Course::Stopped];
    Ok(Record {
        execution: columns.id("execution_id", ExecutionId::parse)?,
        release: columns.id_or_none("release_id", ReleaseId::parse)?,
        digest: columns.id("digest", Digest::parse)?,
        kind: kinds.into_iter().find(|it| kind_text(*it) == kind).ok_or_else(|| columns.corrupt(kind))?,
        course: courses
            .into_iter()
            .find(|it| course_text(*it) == course)
            .ok_or_else(|| columns.corrupt(course))?,
    })
}

impl Store {
    /// Every confirmed host, of one app or of all.
    pub async fn deployments(&self, app: Option<&AppName>) -> Result<Vec<Deployment>, StoreError> {
        let rows = sqlx::query(
            "SELECT app, environment, role, host, digest, release_id, execution_id, person, at FROM deployment
             WHERE app = $1 OR $1 = '' ORDER BY app, environment, role, host",
        )
        .bind(app.map_or("", AppName::as_str).to_owned())
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { table: "deployment", row };
                Ok(Deployment {
                    app: AppName::new(columns.text("app")?),
                    environment: EnvironmentName::new(columns.text("environment")?),
                    role: RoleName::new(columns.text("role")?),
                    host: HostName::new(columns.text("host")?),
                    digest: columns.id_or_none("digest", Digest::parse)?,
                    release: columns.id_or_none("release_id", ReleaseId::parse)?,
                    execution: columns.id("execution_id", ExecutionId::parse)?,
                    person: columns.text_or_none("person")?.map(PersonName::new),
                    at: columns.at("at")?,
                })
            })
            .collect()
    }

    /// The environments that have fully run this artifact.
    pub async fn environments_that_took(
        &self,
        app: &AppName,
        digest: &Digest,
    ) -> Result<BTreeSet<EnvironmentName>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT environment FROM rollout WHERE app = $1 AND digest = $2 AND outcome = 'complete'",
        )
        .bind(app.as_str())
        .bind(digest.as_str())
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let name = |row| Columns { table: "rollout", row }.text("environment").map(EnvironmentName::new);
        rows.iter().map(name).collect()
    }

    /// The latest rollouts of an environment, oldest first.
    pub async fn rollouts(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
    ) -> Result<Vec<Record>, StoreError> {
        let rows = sqlx::query(
            "SELECT execution_id, release_id, digest, kind, outcome FROM rollout
             WHERE app = $1 AND environment = $2 ORDER BY at DESC, execution_id DESC LIMIT $3",
        )
        .bind(app.as_str())
        .bind(environment.as_str())
        .bind(ROLLOUTS_MAX)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter().rev().map(decode_rollout).collect()
    }
}

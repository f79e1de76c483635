//! What hosts were last confirmed to run, and which digests an environment has fully run.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Store, StoreError, Tx, row::Columns};
use crate::{
    clock,
    id::{AppName, Digest, EnvironmentName, ExecutionId, HostName, PersonName, ReleaseId, RoleName},
};

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

/// How a rollout of an environment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutOutcome {
    /// Every host was confirmed on the digest.
    Complete,
    /// It stopped with hosts on different digests, or unknown ones.
    Stopped,
}

/// A rollout that has ended.
#[derive(Clone, Debug)]
pub struct Rollout {
    pub execution: ExecutionId,
    pub app: AppName,
    pub environment: EnvironmentName,
    pub release: Option<ReleaseId>,
    pub digest: Digest,
    pub outcome: RolloutOutcome,
    pub at: Timestamp,
}

/// Records what was confirmed of a host; the later confirmation stands.
pub async fn confirm(tx: &mut Tx, it: &Deployment) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO deployment (app, environment, role, host, digest, release_id, execution_id, person, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (app, environment, host) DO UPDATE SET
            role = $3, digest = $5, release_id = $6, execution_id = $7, person = $8, at = $9",
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

/// Records how a rollout ended.
pub async fn record_rollout(tx: &mut Tx, it: &Rollout) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rollout (execution_id, app, environment, release_id, digest, outcome, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (execution_id) DO NOTHING",
    )
    .bind(it.execution.to_string())
    .bind(it.app.as_str())
    .bind(it.environment.as_str())
    .bind(it.release.map(|release| release.to_string()))
    .bind(it.digest.as_str())
    .bind(match it.outcome {
        RolloutOutcome::Complete => "complete",
        RolloutOutcome::Stopped => "stopped",
    })
    .bind(clock::to_millis(it.at))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
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

    /// The rollouts that an environment fully ran, newest first.
    pub async fn complete_rollouts(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
        most: i64,
    ) -> Result<Vec<Rollout>, StoreError> {
        let rows = sqlx::query(
            "SELECT execution_id, release_id, digest, at FROM rollout
             WHERE app = $1 AND environment = $2 AND outcome = 'complete' ORDER BY at DESC, execution_id DESC LIMIT $3",
        )
        .bind(app.as_str())
        .bind(environment.as_str())
        .bind(most)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { table: "rollout", row };
                Ok(Rollout {
                    execution: columns.id("execution_id", ExecutionId::parse)?,
                    app: app.clone(),
                    environment: environment.clone(),
                    release: columns.id_or_none("release_id", ReleaseId::parse)?,
                    digest: columns.id("digest", Digest::parse)?,
                    outcome: RolloutOutcome::Complete,
                    at: columns.at("at")?,
                })
            })
            .collect()
    }
}

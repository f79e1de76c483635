//! What refers to files on disk: which executions they belong to, and where their digests stand.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Store, StoreError, row::Columns};
use crate::{
    id::{AppName, Digest, EnvironmentName, ExecutionId},
    status::Status,
};

impl Store {
    /// The roots of all trees in which something is unfinished.
    pub async fn open_roots(&self) -> Result<Vec<ExecutionId>, StoreError> {
        let rows = sqlx::query("SELECT DISTINCT root_id FROM execution WHERE ended_at IS NULL")
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(|row| Columns { table: "execution", row }.id("root_id", ExecutionId::parse)).collect()
    }

    /// How an execution stands, and when it ended.
    pub async fn find_ending(
        &self,
        id: ExecutionId,
    ) -> Result<Option<(Status, Option<Timestamp>)>, StoreError> {
        let row = sqlx::query("SELECT status, ended_at FROM execution WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.map(|row| {
            let columns = Columns { table: "execution", row: &row };
            Ok((columns.id("status", Status::parse)?, columns.at_or_none("ended_at")?))
        })
        .transpose()
    }

    /// Parameters and results of every execution in trees that are not finished, as JSON text.
    pub async fn open_texts(&self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT parameters, result FROM execution
             WHERE root_id IN (SELECT root_id FROM execution WHERE ended_at IS NULL)",
        )
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let mut texts = Vec::new();
        for row in &rows {
            let columns = Columns { table: "execution", row };
            texts.push(columns.text("parameters")?);
            texts.extend(columns.text_or_none("result")?);
        }
        Ok(texts)
    }

    /// When each environment last ran an artifact on all of its hosts.
    pub async fn artifacts_by_rollout(
        &self,
    ) -> Result<BTreeMap<(AppName, EnvironmentName), Vec<(Digest, Timestamp)>>, StoreError> {
        let rows = sqlx::query(
            "SELECT app, environment, digest, MAX(at) AS at FROM rollout WHERE outcome = 'complete'
             GROUP BY app, environment, digest",
        )
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &rows {
            let columns = Columns { table: "rollout", row };
            let place =
                (AppName::new(columns.text("app")?), EnvironmentName::new(columns.text("environment")?));
            found.entry(place).or_default().push((columns.id("digest", Digest::parse)?, columns.at("at")?));
        }
        Ok(found)
    }

    /// Each app's artifacts, with the number of the latest release that has it.
    pub async fn artifacts_by_release(&self) -> Result<BTreeMap<AppName, Vec<(Digest, i64)>>, StoreError> {
        let rows = sqlx::query(
            "SELECT app, artifact, MAX(number) AS number FROM release WHERE artifact IS NOT NULL
             GROUP BY app, artifact",
        )
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in &rows {
            let columns = Columns { table: "release", row };
            let made = (columns.id("artifact", Digest::parse)?, columns.number("number")?);
            found.entry(AppName::new(columns.text("app")?)).or_default().push(made);
        }
        Ok(found)
    }
}

//! Releases: one (app, commit, artifact) each, with a short number for people.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::any::AnyRow;

use super::{
    Store, StoreError, Tx, counter,
    row::{Columns, to_json},
};
use crate::{
    clock,
    id::{AppName, CommitSha, Digest, ExecutionId, PersonName, ReleaseId},
};

/// A release as stored.
#[derive(Clone, Debug)]
pub struct Release {
    pub id: ReleaseId,
    pub number: i64,
    pub app: AppName,
    /// What the person typed: a branch, a tag, a commit.
    pub reference: String,
    /// Unknown for a rollback to what ran before us.
    pub commit: CommitSha,
    pub artifact: Option<Digest>,
    /// This is a rollback to that artifact, which belongs to another release; its own number is for people only.
    pub back_to: Option<Digest>,
    pub requester: PersonName,
    /// The execution that carries it now.
    pub execution: ExecutionId,
    /// Commits with authors, the previous release, and what else was known when it was asked for.
    pub body: Value,
    pub version: i64,
    pub created_at: Timestamp,
}

/// Inserts a release with its first execution.
pub async fn insert(tx: &mut Tx, it: &Release) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO release (id, number, app, reference, commit_sha, artifact, back_to, requester, execution_id,
            body, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11)",
    )
    .bind(it.id.to_string())
    .bind(it.number)
    .bind(it.app.as_str())
    .bind(it.reference.as_str())
    .bind(it.commit.as_str())
    .bind(it.artifact.as_ref().map(|digest| digest.as_str().to_owned()))
    .bind(it.back_to.as_ref().map(|digest| digest.as_str().to_owned()))
    .bind(it.requester.as_str())
    .bind(it.execution.to_string())
    .bind(to_json(&it.body)?)
    .bind(clock::to_millis(it.created_at))
    .execute(&mut tx.connection)
    .await?;
    belongs(tx, it.id, it.execution).await
}

/// Records the artifact that was built. A release never changes its artifact once it has one.
pub async fn set_artifact(tx: &mut Tx, id: ReleaseId, digest: &Digest) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE release SET artifact = $2, version = version + 1 WHERE id = $1 AND (artifact IS NULL OR artifact = $2)",
    )
    .bind(id.to_string())
    .bind(digest.as_str())
    .execute(&mut tx.connection)
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::Changed { what: "the release's artifact" })
    }
}

/// The release goes on from the execution `from`, which has ended, under another one (a promotion).
///
/// # Errors
/// [`StoreError::CalledOff`] if `from` is still at work, or the release has gone on already.
pub async fn carry_on(
    tx: &mut Tx,
    id: ReleaseId,
    from: ExecutionId,
    to: ExecutionId,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE release SET execution_id = $3, version = version + 1 WHERE id = $1 AND execution_id = $2
         AND EXISTS (SELECT 1 FROM execution WHERE id = $2 AND ended_at IS NOT NULL)",
    )
    .bind(id.to_string())
    .bind(from.to_string())
    .bind(to.to_string())
    .execute(&mut tx.connection)
    .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::CalledOff { why: "the release is under way".to_owned() });
    }
    belongs(tx, id, to).await
}

/// Notes that a root is one of a release's.
async fn belongs(tx: &mut Tx, id: ReleaseId, root: ExecutionId) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO release_execution (execution_id, release_id) VALUES ($1, $2)")
        .bind(root.to_string())
        .bind(id.to_string())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, number, app, reference, commit_sha, artifact, back_to, requester, execution_id, body, version, ",
            "created_at FROM release ",
            $rest
        )
    };
}

impl Store {
    /// A number for a release that is about to be asked for. Numbers of releases that came to nothing are not reused.
    pub async fn next_release_number(&self) -> Result<i64, StoreError> {
        self.write(|tx| Box::pin(async move { counter::next(tx, "release").await })).await
    }

    pub async fn find_release(&self, id: ReleaseId) -> Result<Option<Release>, StoreError> {
        let row = sqlx::query(select!("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(decode).transpose()
    }

    pub async fn find_release_number(&self, number: i64) -> Result<Option<Release>, StoreError> {
        let row = sqlx::query(select!("WHERE number = $1"))
            .bind(number)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// What was done with an app's releases, the latest first: one entry for each root of each release.
    pub async fn releases_by_root(
        &self,
        app: &AppName,
        most: i64,
    ) -> Result<Vec<(Release, ExecutionId)>, StoreError> {
        let rows = sqlx::query(
            "SELECT r.id, r.number, r.app, r.reference, r.commit_sha, r.artifact, r.back_to, r.requester,
                r.execution_id, r.body, r.version, r.created_at, e.id AS root_id
             FROM release_execution re JOIN release r ON r.id = re.release_id JOIN execution e ON e.id = re.execution_id
             WHERE r.app = $1 ORDER BY e.created_at DESC, e.id DESC LIMIT $2",
        )
        .bind(app.as_str())
        .bind(most)
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter()
            .map(|row| {
                Ok((
                    decode(row)?,
                    Columns { table: "release_execution", row }.id("root_id", ExecutionId::parse)?,
                ))
            })
            .collect()
    }

    /// Whether some release of the app made this artifact.
    pub async fn is_built(&self, app: &AppName, digest: &Digest) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT id FROM release WHERE app = $1 AND artifact = $2 LIMIT 1")
            .bind(app.as_str())
            .bind(digest.as_str())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        Ok(row.is_some())
    }

    /// The latest release of an app that is no rollback.
    pub async fn latest_release(&self, app: &AppName) -> Result<Option<Release>, StoreError> {
        let row = sqlx::query(select!("WHERE app = $1 AND back_to IS NULL ORDER BY number DESC LIMIT 1"))
            .bind(app.as_str())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// The latest releases of an app, newest first; rollbacks among them.
    pub async fn releases(&self, app: &AppName, most: i64) -> Result<Vec<Release>, StoreError> {
        let rows = sqlx::query(select!("WHERE app = $1 ORDER BY number DESC LIMIT $2"))
            .bind(app.as_str())
            .bind(most)
            .fetch_all(&mut *self.reader().await?)
            .await?;
        rows.iter().map(decode).collect()
    }
}

fn decode(row: &AnyRow) -> Result<Release, StoreError> {
    let columns = Columns { table: "release", row };
    Ok(Release {
        id: columns.id("id", ReleaseId::parse)?,
        number: columns.number("number")?,
        app: AppName::new(columns.text("app")?),
        reference: columns.text("reference")?,
        commit: columns.id("commit_sha", CommitSha::parse)?,
        artifact: columns.id_or_none("artifact", Digest::parse)?,
        back_to: columns.id_or_none("back_to", Digest::parse)?,
        requester: PersonName::new(columns.text("requester")?),
        execution: columns.id("execution_id", ExecutionId::parse)?,
        body: columns.json("body")?,
        version: columns.number("version")?,
        created_at: columns.at("created_at")?,
    })
}

//! What the disk itself can do: one row a commit, as safe as the store's own. Figures that end on a disk are read
//! against this one, since neighbours move both.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Executor as _};

use super::report::{Times, rate};

/// How long it is measured each time.
const WHILE: Duration = Duration::from_secs(2);

/// Commits of one row after another.
pub struct Commits {
    pub a_second: f64,
    pub times: Times,
}

/// Single-row commits on SQLite, WAL, `synchronous=FULL`, one connection, in this folder.
pub async fn commits(dir: &Path) -> anyhow::Result<Commits> {
    let dir = tempfile::TempDir::new_in(dir)?;
    let options = SqliteConnectOptions::new()
        .filename(dir.path().join("reference.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    connection.execute("CREATE TABLE task (id TEXT PRIMARY KEY, body TEXT NOT NULL)").await?;
    let body = "x".repeat(200);
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < WHILE {
        let at = Instant::now();
        sqlx::query("INSERT INTO task (id, body) VALUES ($1, $2)")
            .bind(uuid::Uuid::now_v7().to_string())
            .bind(&body)
            .execute(&mut connection)
            .await?;
        times.push(at.elapsed());
    }
    Ok(Commits { a_second: rate(times.len(), begun.elapsed()), times: Times::new(times) })
}

//! What stands in the journals, counted: for metrics. Each count reads the index of what is open or recent, so it
//! costs the same however long the history is.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Store, StoreError, row::Columns};
use crate::{clock, status::Status};

/// Numbers of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Root executions that are unfinished, and those that began since the given instant, by status.
    pub executions: BTreeMap<&'static str, i64>,
    pub attempts_running: i64,
    pub gates_open: i64,
    pub inbox: Queue,
    pub outbox: Queue,
}

/// A journal's rows that wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    pub waiting: i64,
    pub oldest_at: Option<Timestamp>,
}

impl Store {
    /// Counts what is open now, and ended executions that began since `since`.
    pub async fn counts(&self, since: Timestamp) -> Result<Counts, StoreError> {
        let mut counts = Counts { executions: self.executions_by_status(since).await?, ..Counts::default() };
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM attempt WHERE ended_at IS NULL) AS attempts,
                (SELECT COUNT(*) FROM gate WHERE decided_at IS NULL) AS gates,
                (SELECT COUNT(*) FROM inbox WHERE done_at IS NULL) AS inbox,
                (SELECT MIN(received_at) FROM inbox WHERE done_at IS NULL) AS inbox_oldest,
                (SELECT COUNT(*) FROM outbox WHERE sent < wanted) AS outbox,
                (SELECT MIN(created_at) FROM outbox WHERE sent < wanted) AS outbox_oldest",
        )
        .fetch_one(&mut *self.reader().await?)
        .await?;
        let columns = Columns { table: "counts", row: &row };
        counts.attempts_running = columns.number("attempts")?;
        counts.gates_open = columns.number("gates")?;
        counts.inbox =
            Queue { waiting: columns.number("inbox")?, oldest_at: columns.at_or_none("inbox_oldest")? };
        counts.outbox =
            Queue { waiting: columns.number("outbox")?, oldest_at: columns.at_or_none("outbox_oldest")? };
        Ok(counts)
    }

    async fn executions_by_status(
        &self,
        since: Timestamp,
    ) -> Result<BTreeMap<&'static str, i64>, StoreError> {
        let rows = sqlx::query(
            "SELECT status, COUNT(*) AS number FROM execution WHERE ended_at IS NULL AND depth = 0 GROUP BY status
             UNION ALL
             SELECT status, COUNT(*) AS number FROM execution
             WHERE depth = 0 AND created_at >= $1 AND ended_at IS NOT NULL GROUP BY status",
        )
        .bind(clock::to_millis(since))
        .fetch_all(&mut *self.reader().await?)
        .await?;
        let mut counted = BTreeMap::new();
        for row in &rows {
            let columns = Columns { table: "execution", row };
            let status = columns.id("status", Status::parse)?;
            *counted.entry(status.as_str()).or_default() += columns.number("number")?;
        }
        Ok(counted)
    }
}

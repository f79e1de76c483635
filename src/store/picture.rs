//! What a card shows of a root that may have thousands of visits: what decides about it, the latest of the rest, and how
//! many there are of all.

use super::{Store, StoreError, execution::Execution, row::Columns};
use crate::{id::ExecutionId, status::Status};

/// Visits of one kind and status, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Of the action that was named as standing for its visits below.
    pub is_whole: bool,
    pub status: Status,
    pub number: usize,
}

impl Store {
    /// The root; every visit down to `depth` of one of the `keys` actions, or that ended badly; and the latest `most` of
    /// the others. What went well below `whole` is left out, as that stands for it. In the order dispatched.
    pub async fn picture(
        &self,
        root: ExecutionId,
        depth: i64,
        whole: &str,
        keys: &[&str],
        most: i64,
    ) -> Result<Vec<Execution>, StoreError> {
        let mut rows = self.tree(root, 0, 1).await?;
        rows.extend(self.latest_visits(root, depth, whole, most).await?);
        rows.extend(self.bad_visits(root, depth, most).await?);
        for key in keys {
            rows.extend(self.visits_of(root, depth, key, most).await?);
        }
        rows.sort_by_key(|it| (it.created_at, it.id));
        rows.dedup_by_key(|it| it.id);
        Ok(rows)
    }

    /// How many visits of one action, right below `parent`, have this status.
    pub async fn count_visits(
        &self,
        parent: ExecutionId,
        action: &str,
        status: Status,
    ) -> Result<usize, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS number FROM execution WHERE parent_id = $1 AND action = $2 AND status = $3",
        )
        .bind(parent.to_string())
        .bind(action.to_owned())
        .bind(status.as_str())
        .fetch_one(&mut *self.reader().await?)
        .await?;
        let number = Columns { table: "execution", row: &row }.number("number")?;
        Ok(usize::try_from(number).unwrap_or_default())
    }

    /// How many visits down to `depth` stand for themselves, whatever a card shows of them: by status, those of `whole`
    /// apart from single steps.
    pub async fn tally(&self, root: ExecutionId, depth: i64, whole: &str) -> Result<Vec<Tally>, StoreError> {
        let rows = sqlx::query(
            "SELECT CASE WHEN action = $3 THEN 1 ELSE 0 END AS is_whole, status, COUNT(*) AS number FROM execution
             WHERE root_id = $1 AND depth BETWEEN 1 AND $2 AND (runner NOT IN ('orquesta', 'action-chain') OR action = $3)
                AND parent_id NOT IN (SELECT id FROM execution WHERE root_id = $1 AND action = $3)
             GROUP BY CASE WHEN action = $3 THEN 1 ELSE 0 END, status",
        )
        .bind(root.to_string())
        .bind(depth)
        .bind(whole.to_owned())
        .fetch_all(&mut *self.reader().await?)
        .await?;
        rows.iter()
            .map(|row| {
                let columns = Columns { table: "execution", row };
                Ok(Tally {
                    is_whole: columns.number("is_whole")? == 1,
                    status: columns.id("status", Status::parse)?,
                    number: usize::try_from(columns.number("number")?).unwrap_or_default(),
                })
            })
            .collect()
    }
}

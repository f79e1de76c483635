//! Executions: one row for a whole workflow, one for each visit of its tasks.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;

use super::{
    Store, StoreError, Tx,
    row::{Columns, to_json},
};
use crate::{
    clock,
    id::{ActionRef, Digest, ExecutionId, TaskName},
    status::Status,
};

/// Which visit of which task of its parent an execution is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    pub parent: ExecutionId,
    pub task: TaskName,
    pub route: i64,
    pub item: Option<i64>,
}

/// One execution as stored.
#[derive(Clone, Debug)]
pub struct Execution {
    pub id: ExecutionId,
    pub root: ExecutionId,
    pub visit: Option<Visit>,
    /// 0 for a root.
    pub depth: i64,
    pub action: ActionRef,
    /// The runner type, as `local-shell-cmd`.
    pub runner: String,
    /// The pinned action.
    pub content: Digest,
    /// (event, ordinal): a second start for the same cause is refused.
    pub origin: Option<String>,
    pub parameters: Map<String, Value>,
    /// Who asked, from where, for which release: what `ctx().st2` and the cards read.
    pub context: Map<String, Value>,
    pub status: Status,
    pub result: Option<Value>,
    pub version: i64,
    /// A delayed execution starts at this instant.
    pub due_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl Execution {
    /// A new root, as it is before anything began: no parameters, no context, due at once.
    pub fn root(id: ExecutionId, action: ActionRef, runner: &str, content: Digest, at: Timestamp) -> Self {
        Self {
            id,
            root: id,
            visit: None,
            depth: 0,
            action,
            runner: runner.to_owned(),
            content,
            origin: None,
            parameters: Map::new(),
            context: Map::new(),
            status: Status::Requested,
            result: None,
            version: 1,
            due_at: None,
            created_at: at,
            started_at: None,
            ended_at: None,
        }
    }

    /// A new visit, of which this is the parent, under the same content.
    pub fn below(&self, visit: Visit, action: ActionRef, runner: &str, at: Timestamp) -> Self {
        Self {
            root: self.root,
            visit: Some(visit),
            depth: self.depth + 1,
            ..Self::root(ExecutionId::generate(), action, runner, self.content.clone(), at)
        }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, root_id, parent_id, task, route, item, depth, action, runner, content, origin, parameters, ",
            "context, status, result, version, due_at, created_at, started_at, ended_at FROM execution ",
            $rest
        )
    };
}

/// Inserts a new execution. A known `origin` is [`StoreError::Exists`].
pub async fn insert(tx: &mut Tx, it: &Execution) -> Result<(), StoreError> {
    let done = sqlx::query(
        "INSERT INTO execution (id, root_id, parent_id, task, route, item, depth, action, runner, content, origin,
            parameters, context, status, version, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         ON CONFLICT (origin) DO NOTHING",
    )
    .bind(it.id.to_string())
    .bind(it.root.to_string())
    .bind(it.visit.as_ref().map(|visit| visit.parent.to_string()))
    .bind(it.visit.as_ref().map(|visit| visit.task.as_str().to_owned()))
    .bind(it.visit.as_ref().map(|visit| visit.route))
    .bind(it.visit.as_ref().and_then(|visit| visit.item))
    .bind(it.depth)
    .bind(it.action.as_str())
    .bind(it.runner.as_str())
    .bind(it.content.as_str())
    .bind(it.origin.clone())
    .bind(to_json(&it.parameters)?)
    .bind(to_json(&it.context)?)
    .bind(it.status.as_str())
    .bind(it.version)
    .bind(it.due_at.map(clock::to_millis))
    .bind(clock::to_millis(it.created_at))
    .execute(&mut tx.connection)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Exists { what: "this execution" }) }
}

/// Moves an execution on from `version`. Ended rows never change again.
pub async fn advance(
    tx: &mut Tx,
    id: ExecutionId,
    version: i64,
    status: Status,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE execution SET status = $3, version = version + 1, started_at = COALESCE(started_at, $4)
         WHERE id = $1 AND version = $2 AND ended_at IS NULL",
    )
    .bind(id.to_string())
    .bind(version)
    .bind(status.as_str())
    .bind(clock::to_millis(now))
    .execute(&mut tx.connection)
    .await?;
    one(done.rows_affected())
}

/// Ends an execution; whoever comes second is told [`StoreError::Changed`].
pub async fn end(
    tx: &mut Tx,
    id: ExecutionId,
    status: Status,
    result: &Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE execution SET status = $2, result = $3, version = version + 1, ended_at = $4,
            started_at = COALESCE(started_at, $4)
         WHERE id = $1 AND ended_at IS NULL",
    )
    .bind(id.to_string())
    .bind(status.as_str())
    .bind(to_json(result)?)
    .bind(clock::to_millis(now))
    .execute(&mut tx.connection)
    .await?;
    one(done.rows_affected())
}

/// Whether more may begin below this root: it has no end, and nobody canceled it.
pub async fn goes_on(tx: &mut Tx, root: ExecutionId) -> Result<bool, StoreError> {
    let row =
        sqlx::query("SELECT id FROM execution WHERE id = $1 AND ended_at IS NULL AND status <> 'canceling'")
            .bind(root.to_string())
            .fetch_optional(&mut tx.connection)
            .await?;
    Ok(row.is_some())
}

fn one(rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Changed { what: "the execution" }) }
}

impl Store {
    /// The execution, if there is one.
    pub async fn find_execution(&self, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
        let row = sqlx::query(select!("WHERE id = $1"))
            .bind(id.to_string())
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(decode).transpose()
    }

    pub async fn load_execution(&self, id: ExecutionId) -> Result<Execution, StoreError> {
        self.find_execution(id).await?.ok_or_else(|| StoreError::Missing { what: format!("execution {id}") })
    }

    /// The execution that an event started, if it did.
    pub async fn find_execution_of(&self, origin: &str) -> Result<Option<Execution>, StoreError> {
        let row = sqlx::query(select!("WHERE origin = $1"))
            .bind(origin)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// Everything unfinished, oldest first: what recovery looks at.
    pub async fn open_executions(&self) -> Result<Vec<Execution>, StoreError> {
        self.executions(sqlx::query(select!("WHERE ended_at IS NULL ORDER BY created_at, id"))).await
    }

    /// Everything unfinished of one action, oldest first.
    pub async fn open_of(&self, action: &str) -> Result<Vec<Execution>, StoreError> {
        let query = sqlx::query(select!("WHERE ended_at IS NULL AND action = $1 ORDER BY created_at, id"));
        self.readable(query.bind(action.to_owned())).await
    }

    /// Unfinished executions of which no row shows a cause to wake: no attempt within its deadline, no undecided gate
    /// within its own, no visit that goes on, no time that is still to come; and of which nothing was written after
    /// `since`. Whether something else will wake them, their kind says.
    pub async fn silent_executions(&self, since: Timestamp) -> Result<Vec<Execution>, StoreError> {
        let query = sqlx::query(select!(
            "WHERE ended_at IS NULL AND created_at <= $1 AND COALESCE(started_at, 0) <= $1 AND COALESCE(due_at, 0) <= $1
             AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.execution_id = execution.id
                 AND COALESCE(attempt.ended_at, attempt.deadline_at) > $1)
             AND NOT EXISTS (SELECT 1 FROM gate WHERE gate.execution_id = execution.id
                 AND COALESCE(gate.decided_at, gate.deadline_at) > $1)
             AND NOT EXISTS (SELECT 1 FROM execution AS visit WHERE visit.parent_id = execution.id
                 AND (visit.ended_at IS NULL OR visit.ended_at > $1))
             AND NOT EXISTS (SELECT 1 FROM flow_event WHERE flow_event.execution_id = execution.id AND flow_event.at > $1)
             AND NOT EXISTS (SELECT 1 FROM look WHERE look.execution_id = execution.id AND look.at > $1)
             ORDER BY created_at, id"
        ));
        self.executions(query.bind(clock::to_millis(since))).await
    }

    /// The visits of one workflow, in the order they were dispatched.
    pub async fn children(&self, parent: ExecutionId) -> Result<Vec<Execution>, StoreError> {
        self.executions(
            sqlx::query(select!("WHERE parent_id = $1 ORDER BY created_at, id")).bind(parent.to_string()),
        )
        .await
    }

    /// A root's whole tree down to `depth`, in the order dispatched.
    pub async fn tree(&self, root: ExecutionId, depth: i64, most: i64) -> Result<Vec<Execution>, StoreError> {
        let query =
            sqlx::query(select!("WHERE root_id = $1 AND depth <= $2 ORDER BY created_at, id LIMIT $3"));
        self.executions(query.bind(root.to_string()).bind(depth).bind(most)).await
    }

    /// The latest visits below a root, latest first, without what went well below visits of `whole`.
    pub(super) async fn latest_visits(
        &self,
        root: ExecutionId,
        depth: i64,
        whole: &str,
        most: i64,
    ) -> Result<Vec<Execution>, StoreError> {
        let query = sqlx::query(select!(
            "WHERE root_id = $1 AND depth BETWEEN 1 AND $2 AND NOT (status = 'succeeded' AND parent_id IN
                (SELECT id FROM execution WHERE root_id = $1 AND action = $3))
             ORDER BY created_at DESC, id DESC LIMIT $4"
        ));
        self.readable(query.bind(root.to_string()).bind(depth).bind(whole.to_owned()).bind(most)).await
    }

    /// The first visits below a root that ended badly.
    pub(super) async fn bad_visits(
        &self,
        root: ExecutionId,
        depth: i64,
        most: i64,
    ) -> Result<Vec<Execution>, StoreError> {
        let query = sqlx::query(select!(
            "WHERE root_id = $1 AND depth BETWEEN 1 AND $2 AND status IN ('failed', 'timeout', 'abandoned', 'unknown')
             ORDER BY created_at, id LIMIT $3"
        ));
        self.readable(query.bind(root.to_string()).bind(depth).bind(most)).await
    }

    /// The visits of one action below a root, latest first.
    pub(super) async fn visits_of(
        &self,
        root: ExecutionId,
        depth: i64,
        action: &str,
        most: i64,
    ) -> Result<Vec<Execution>, StoreError> {
        let query = sqlx::query(select!(
            "WHERE root_id = $1 AND depth <= $2 AND action = $3 ORDER BY created_at DESC, id DESC LIMIT $4"
        ));
        self.readable(query.bind(root.to_string()).bind(depth).bind(action.to_owned()).bind(most)).await
    }

    /// The latest root executions, newest first.
    pub async fn recent_executions(&self, most: i64) -> Result<Vec<Execution>, StoreError> {
        self.executions(
            sqlx::query(select!("WHERE depth = 0 ORDER BY created_at DESC, id DESC LIMIT $1")).bind(most),
        )
        .await
    }

    /// Executions whose id starts with these digits: people type short ids.
    pub async fn executions_like(&self, prefix: &str) -> Result<Vec<Execution>, StoreError> {
        let pattern = format!("{}%", prefix.replace(['%', '_'], ""));
        self.executions(
            sqlx::query(select!("WHERE id LIKE $1 ORDER BY created_at DESC LIMIT 5")).bind(pattern),
        )
        .await
    }

    /// A root's whole tree, but for rows that cannot be decoded.
    pub async fn readable_tree(&self, root: ExecutionId, most: i64) -> Result<Vec<Execution>, StoreError> {
        let query = sqlx::query(select!("WHERE root_id = $1 ORDER BY created_at, id LIMIT $2"));
        self.readable(query.bind(root.to_string()).bind(most)).await
    }

    /// For what is shown and asked: there a row that cannot be decoded is left out, and said in the log.
    async fn readable(
        &self,
        query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
    ) -> Result<Vec<Execution>, StoreError> {
        let rows = query.fetch_all(&mut *self.reader().await?).await?;
        let decoded = rows.iter().map(decode);
        let told = decoded.map(|it| it.inspect_err(|error| tracing::error!(%error, "a visit is left out")));
        Ok(told.filter_map(Result::ok).collect())
    }

    async fn executions(
        &self,
        query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
    ) -> Result<Vec<Execution>, StoreError> {
        let rows = query.fetch_all(&mut *self.reader().await?).await?;
        rows.iter().map(decode).collect()
    }
}

pub(super) fn decode(row: &AnyRow) -> Result<Execution, StoreError> {
    let columns = Columns { table: "execution", row };
    Ok(Execution {
        id: columns.id("id", ExecutionId::parse)?,
        root: columns.id("root_id", ExecutionId::parse)?,
        visit: decode_visit(&columns)?,
        depth: columns.number("depth")?,
        action: ActionRef::new(columns.text("action")?),
        runner: columns.text("runner")?,
        content: columns.id("content", Digest::parse)?,
        origin: columns.text_or_none("origin")?,
        parameters: columns.json("parameters")?,
        context: columns.json("context")?,
        status: columns.id("status", Status::parse)?,
        result: columns.json_or_none("result")?,
        version: columns.number("version")?,
        due_at: columns.at_or_none("due_at")?,
        created_at: columns.at("created_at")?,
        started_at: columns.at_or_none("started_at")?,
        ended_at: columns.at_or_none("ended_at")?,
    })
}

fn decode_visit(columns: &Columns<'_>) -> Result<Option<Visit>, StoreError> {
    let parent = columns.id_or_none("parent_id", ExecutionId::parse)?;
    let task = columns.text_or_none("task")?;
    let route = columns.number_or_none("route")?;
    match (parent, task, route) {
        (None, None, None) => Ok(None),
        (Some(parent), Some(task), Some(route)) => Ok(Some(Visit {
            parent,
            task: TaskName::new(task),
            route,
            item: columns.number_or_none("item")?,
        })),
        (parent, task, route) => Err(columns.corrupt(format!("half a visit: {parent:?} {task:?} {route:?}"))),
    }
}

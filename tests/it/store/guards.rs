//! What the database refuses by itself, whatever the program asks: raw SQL, no Rust in between.

use lockkeeper::clock::from_millis;
use lockkeeper::id::{Digest, ExecutionId, GateId, GrantId};
use lockkeeper::status::Status;
use lockkeeper::store::execution::Visit;
use lockkeeper::store::gate::PermissionRow;
use lockkeeper::store::{Change, Store, StoreError};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use tempfile::TempDir;

use super::{NOW, commit, execution, gate_row, open, start};

const ROOT: u128 = 1;
const INSTALL: u128 = 2;
const GATE: u128 = 3;

/// A release whose gate was granted, its permission in use, its installation about to begin.
async fn world() -> (TempDir, Store, SqliteConnection) {
    let (dir, store) = open().await;
    let visit = |id, task: &str| {
        let mut it = execution(id, None);
        it.root = ExecutionId::from_number(ROOT);
        it.depth = 1;
        let parent = it.root;
        it.visit = Some(Visit { parent, task: task.into(), route: 0, item: None });
        it
    };
    let mut gate = gate_row(1, "open", false);
    gate.execution = ExecutionId::from_number(GATE);
    let mut granted = gate_row(1, "granted", true);
    granted.execution = gate.execution;
    let changes = vec![
        start(execution(ROOT, None)),
        start(visit(INSTALL, "install")),
        start(visit(GATE, "gate")),
        Change::OpenGate(gate),
        Change::Gate(granted),
        Change::Permit(permit(1)),
    ];
    commit(&store, changes).await.unwrap();
    let path = dir.path().join("lockkeeper.db");
    let raw = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    (dir, store, raw)
}

fn permit(gate: u128) -> Box<PermissionRow<Value>> {
    let gate = GateId::from_number(gate);
    Box::new(PermissionRow {
        id: GrantId::from_number(1),
        gate: Some(gate),
        root: ExecutionId::from_number(ROOT),
        seal: gate_row(1, "open", false).seal,
        digest: Digest::of(b"artifact"),
        body: json!({
            "basis": { "basis": "gate", "gate": gate }, "app": "shop", "environment": "production", "role": "app",
            "pairs": [["install", "web-1"]], "return_to": Digest::of(b"before"),
        }),
        at: NOW,
        used_at: None,
    })
}

/// A clearance for attempt `a` as it ought to be, with one field put otherwise.
fn clearance(field: &str, value: &str) -> String {
    let fields = [
        ("attempt_id", "a".to_owned()),
        ("execution_id", ExecutionId::from_number(INSTALL).to_string()),
        ("grant_id", GrantId::from_number(1).to_string()),
        ("app", "shop".to_owned()),
        ("environment", "production".to_owned()),
        ("role", "app".to_owned()),
        ("task", "install".to_owned()),
        ("host", "web-1".to_owned()),
        ("digest", Digest::of(b"artifact").to_string()),
    ];
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> = fields
        .iter()
        .map(|(name, it)| format!("'{}'", if *name == field { value } else { it.as_str() }))
        .collect();
    format!("INSERT INTO clearance ({}) VALUES ({})", names.join(", "), values.join(", "))
}

fn attempt(id: &str, number: i64, guarded: i64, grant: &str) -> String {
    let execution = ExecutionId::from_number(INSTALL);
    format!(
        "INSERT INTO attempt (id, execution_id, number, fence, grant_id, host, status, started_at, heartbeat_at,
            deadline_at, guarded) VALUES ('{id}', '{execution}', {number}, {number}, {grant}, 'web-1', 'running', 0, 0, 9, {guarded})"
    )
}

async fn run(raw: &mut SqliteConnection, sql: &str) -> Result<(), String> {
    raw.execute(AssertSqlSafe(sql.to_owned())).await.map(drop).map_err(|it| it.to_string())
}

#[track_caller]
fn assert_refused(done: Result<(), String>, sql: &str) {
    let why = done.expect_err(sql);
    assert!(why.contains("refused: "), "{sql}\n{why}");
}

async fn take_into_use(raw: &mut SqliteConnection) {
    run(raw, "UPDATE permission SET used_at = 1").await.unwrap();
}

#[tokio::test]
async fn a_guarded_attempt_without_all_of_its_permission_cannot_be_written() {
    let (_dir, _store, mut raw) = world().await;
    let grant = format!("'{}'", GrantId::from_number(1));
    let bare = attempt("a", 1, 1, "NULL");
    assert_refused(run(&mut raw, &bare).await, &bare);
    let named = attempt("a", 1, 1, &grant);
    assert_refused(run(&mut raw, &named).await, &named);

    let good = clearance("", "");
    assert_refused(run(&mut raw, &good).await, "its rollout has not begun");
    take_into_use(&mut raw).await;
    let others = [
        ("execution_id", ExecutionId::from_number(9).to_string()),
        ("execution_id", ExecutionId::from_number(GATE).to_string()),
        ("grant_id", GrantId::from_number(9).to_string()),
        ("app", "till".to_owned()),
        ("environment", "staging".to_owned()),
        ("role", "db".to_owned()),
        ("task", "other".to_owned()),
        ("host", "web-2".to_owned()),
        ("digest", Digest::of(b"another").to_string()),
    ];
    for (field, value) in others {
        let sql = clearance(field, &value);
        assert_refused(run(&mut raw, &sql).await, &sql);
    }
    run(&mut raw, &good).await.unwrap();
    for (guarded, grant) in [(2, grant.as_str()), (1, "NULL"), (0, grant.as_str()), (0, "NULL")] {
        let sql = attempt("a", 1, guarded, grant);
        assert_refused(run(&mut raw, &sql).await, &sql);
    }
    run(&mut raw, &named).await.unwrap();
    run(&mut raw, &attempt("free", 2, 0, "NULL")).await.unwrap();

    run(&mut raw, "UPDATE permission SET ended_at = 2").await.unwrap();
    let late = clearance("attempt_id", "b");
    assert_refused(run(&mut raw, &late).await, &late);
}

#[tokio::test]
async fn going_back_to_what_ran_before_is_covered_and_a_rollback_needs_no_gate() {
    let (_dir, store, mut raw) = world().await;
    take_into_use(&mut raw).await;
    run(&mut raw, &clearance("digest", Digest::of(b"before").as_str())).await.unwrap();
    let mut back = permit(1);
    (back.id, back.gate, back.used_at) = (GrantId::from_number(2), None, Some(NOW));
    commit(&store, vec![Change::Permit(back.clone())]).await.unwrap();
    let by_nobody = clearance("grant_id", &GrantId::from_number(2).to_string()).replace("'a'", "'b'");
    assert_refused(run(&mut raw, &by_nobody).await, "a permission of no gate that is no rollback's");
    back.id = GrantId::from_number(3);
    back.body["basis"] = json!({ "basis": "rollback", "by": "ann" });
    commit(&store, vec![Change::Permit(back)]).await.unwrap();
    let by_policy = clearance("grant_id", &GrantId::from_number(3).to_string()).replace("'a'", "'b'");
    run(&mut raw, &by_policy).await.unwrap();
}

#[tokio::test]
async fn a_permission_of_a_gate_that_was_not_granted_cannot_be_written() {
    let (_dir, store) = open().await;
    let mut root = execution(ROOT, None);
    root.id = ExecutionId::from_number(1);
    commit(&store, vec![start(root), Change::OpenGate(gate_row(1, "open", false))]).await.unwrap();
    let refused = |it: Result<(), StoreError>| matches!(it, Err(StoreError::CalledOff { .. }));
    assert!(refused(commit(&store, vec![Change::Permit(permit(1))]).await), "it is open");
    assert!(refused(commit(&store, vec![Change::Permit(permit(7))]).await), "there is none");
    let granted = Change::Gate(gate_row(1, "granted", true));
    let mut other = permit(1);
    other.seal = lockkeeper::id::Seal::from(Digest::of(b"something else"));
    assert!(refused(commit(&store, vec![granted.clone(), Change::Permit(other)]).await), "another seal");
    let mut other = permit(1);
    other.root = ExecutionId::from_number(8);
    assert!(refused(commit(&store, vec![granted.clone(), Change::Permit(other)]).await), "another root");
    let opened = Change::OpenGate(Box::new({
        let mut it = *gate_row(1, "granted", true);
        it.id = GateId::from_number(5);
        it
    }));
    assert!(refused(commit(&store, vec![opened]).await), "nobody was asked");
    commit(&store, vec![granted, Change::Permit(permit(1))]).await.unwrap();
}

#[tokio::test]
async fn what_has_ended_never_changes_and_nothing_is_ever_removed() {
    let (_dir, store, mut raw) = world().await;
    take_into_use(&mut raw).await;
    run(&mut raw, &clearance("", "")).await.unwrap();
    run(&mut raw, &attempt("a", 1, 1, &format!("'{}'", GrantId::from_number(1)))).await.unwrap();
    let install = ExecutionId::from_number(INSTALL);
    let filled = format!(
        "INSERT INTO vote VALUES ('g', 1, 'bea', 'approve', 's', '{{}}', 1);
         INSERT INTO flow_event VALUES ('{install}', 1, '{{}}', 1);
         INSERT INTO evidence VALUES ('e', 'r', '{{}}', 1);
         INSERT INTO look VALUES ('{install}', 1, '{{}}', 1);
         INSERT INTO audit VALUES (1, 1, 'bea', 'vote', 'x', '{{}}')"
    );
    run(&mut raw, &filled).await.unwrap();
    let unfinished = [
        "UPDATE attempt SET host = 'web-9'",
        "UPDATE attempt SET grant_id = NULL, guarded = 0",
        "UPDATE attempt SET status = 'succeeded'",
        "UPDATE attempt SET status = 'running', ended_at = 5",
        "UPDATE attempt SET status = 'done', ended_at = 5",
        "UPDATE permission SET used_at = NULL",
        "UPDATE permission SET digest = 'sha256:x'",
        "UPDATE permission SET body = json_set(body, '$.pairs', json('[[\"install\", \"web-9\"]]'))",
        "UPDATE execution SET parameters = '{\"x\": 1}', version = version + 1, status = 'running'",
        "UPDATE execution SET status = 'running'",
        "UPDATE execution SET status = 'finished', version = version + 1",
        "UPDATE execution SET status = 'succeeded', version = version + 1",
        "UPDATE execution SET status = 'requested', version = version + 1",
        "UPDATE execution SET status = 'running', version = version + 1, ended_at = 5",
        "UPDATE gate SET state = 'rejected', version = version + 1",
        "UPDATE gate SET decided_at = NULL, state = 'open', version = version + 1",
    ];
    for sql in unfinished {
        assert_refused(run(&mut raw, sql).await, sql);
    }
    for status in [Status::Running, Status::Canceling] {
        let version = store.load_execution(install).await.unwrap().version;
        commit(&store, vec![Change::Advance(install, version, status)]).await.unwrap();
    }
    let on = "UPDATE execution SET status = 'running', version = version + 1 WHERE task = 'install'";
    assert_refused(run(&mut raw, on).await, "a cancel is only followed by an end");
    run(&mut raw, "UPDATE attempt SET status = 'canceled', ended_at = 5").await.unwrap();
    commit(&store, vec![Change::End(install, Status::Canceled, Value::Null)]).await.unwrap();
    run(&mut raw, "UPDATE permission SET ended_at = 6").await.unwrap();
    let tables =
        ["clearance", "attempt", "permission", "gate", "vote", "flow_event", "evidence", "look", "audit"];
    for table in tables {
        let column = match table {
            "attempt" => "heartbeat_at = 7",
            "permission" => "ended_at = 7",
            "gate" => "deadline_at = 7, version = version + 1",
            "clearance" => "host = host",
            _ => "body = '{}'",
        };
        for sql in [format!("UPDATE {table} SET {column}"), format!("DELETE FROM {table}")] {
            assert_refused(run(&mut raw, &sql).await, &sql);
        }
    }
    for sql in [
        "UPDATE execution SET result = '1' WHERE ended_at IS NOT NULL",
        "UPDATE execution SET status = 'running', ended_at = NULL, version = version + 1 WHERE task = 'install'",
        "DELETE FROM execution",
    ] {
        assert_refused(run(&mut raw, sql).await, sql);
    }
    assert_eq!(store.load_execution(install).await.unwrap().status, Status::Canceled);
}

/// One of its tasks failed; another runs on until its own end.
#[tokio::test]
async fn a_workflow_that_has_failed_may_wait_for_its_end_and_only_for_that() {
    let (_dir, store) = open().await;
    let mut flow = execution(ROOT, None);
    flow.runner = "orquesta".to_owned();
    let id = flow.id;
    let change = |it| commit(&store, vec![it]);
    change(start(flow)).await.unwrap();
    change(Change::Advance(id, 1, Status::Running)).await.unwrap();
    change(Change::Advance(id, 2, Status::Failed)).await.unwrap();
    let back = change(Change::Advance(id, 3, Status::Running)).await;
    assert!(matches!(back, Err(StoreError::CalledOff { .. })), "{back:?}");
    change(Change::End(id, Status::Failed, Value::Null)).await.unwrap();
    let row = store.load_execution(id).await.unwrap();
    assert!(row.status == Status::Failed && row.ended_at.is_some());
}

#[tokio::test]
async fn what_the_database_refuses_is_a_decision_and_no_outage() {
    let (_dir, store, _raw) = world().await;
    let install = ExecutionId::from_number(INSTALL);
    let jump = store.commit(vec![Change::Advance(install, 1, Status::Requested)], from_millis(1)).await;
    let Err(StoreError::CalledOff { why }) = jump else { panic!("{jump:?}") };
    assert_eq!(why, "that status does not follow");
}

//! What the store promises: facts once, versions that move forward, commits that hold or do not.

mod guards;
mod links;
mod model;

use std::time::Duration;

use jiff::Timestamp;
use lockkeeper::clock::from_millis;
use lockkeeper::id::{Digest, ExecutionId, GateId, GrantId, Place, Platform, ReleaseId, Seal};
use lockkeeper::status::Status;
use lockkeeper::store::attempt::{self, Beginning};
use lockkeeper::store::execution::{Execution, Visit};
use lockkeeper::store::gate::{self, GateRow, PermissionRow};
use lockkeeper::store::inbox::{Arrival, Received};
use lockkeeper::store::outbox::{Priority, Wanted};
use lockkeeper::store::{Change, Store, StoreError, lock};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

async fn open() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap();
    let store = Store::open(&format!("sqlite:{}", dir.path().join("lockkeeper.db").display())).await.unwrap();
    (dir, store)
}

fn execution(id: u128, origin: Option<&str>) -> Execution {
    let id = ExecutionId::from_number(id);
    Execution {
        id,
        root: id,
        visit: None,
        depth: 0,
        action: "core.noop".into(),
        runner: "noop".to_owned(),
        content: Digest::of(b"content"),
        origin: origin.map(str::to_owned),
        parameters: Map::new(),
        context: Map::new(),
        status: Status::Requested,
        result: None,
        version: 1,
        due_at: None,
        created_at: NOW,
        started_at: None,
        ended_at: None,
    }
}

fn start(it: Execution) -> Change {
    Change::Start(Box::new(it))
}

async fn commit(store: &Store, changes: Vec<Change>) -> Result<(), StoreError> {
    store.commit(changes, NOW).await
}

fn arrival(key: &str, lane: &str, body: i64) -> Arrival {
    Arrival { key: key.to_owned(), source: "chat", lane: lane.to_owned(), body: json!({ "a": body }) }
}

#[tokio::test]
async fn a_full_lane_keeps_no_other_waiting_and_a_late_delivery_not_its_own() {
    let (_dir, store) = open().await;
    for number in 0..20 {
        store.receive(arrival(&format!("full-{number}"), "full", number), NOW).await.unwrap();
    }
    store.receive(arrival("other", "other", 99), from_millis(5)).await.unwrap();
    let heads = store.waiting_deliveries(NOW, 9).await.unwrap();
    let lanes: Vec<&str> = heads.iter().map(|it| it.lane.as_str()).collect();
    assert_eq!(lanes, ["full", "other"]);
    store.put_off_delivery(heads[0].id, from_millis(1_000)).await.unwrap();
    let next = store.waiting_deliveries(from_millis(999), 9).await.unwrap().remove(0);
    assert_ne!(next.id, heads[0].id, "the lane goes on");
    let due = store.waiting_deliveries(from_millis(1_000), 9).await.unwrap().remove(0);
    assert_eq!((due.id, due.tries), (heads[0].id, 1));
}

#[tokio::test]
async fn a_delivery_counts_once_however_often_it_comes() {
    let (_dir, store) = open().await;
    let Received::New(id) = store.receive(arrival("k", "main", 1), NOW).await.unwrap() else {
        panic!("the first is new")
    };
    assert_eq!(store.receive(arrival("k", "main", 1), NOW).await.unwrap(), Received::Again);
    assert_eq!(store.receive(arrival("k", "main", 2), NOW).await.unwrap(), Received::Other);
    let waiting = store.waiting_deliveries(NOW, 9).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].body, json!({"a": 1}));
    commit(&store, vec![Change::Done(id)]).await.unwrap();
    assert!(store.waiting_deliveries(NOW, 9).await.unwrap().is_empty());
    let again = commit(&store, vec![start(execution(1, None)), Change::Done(id)]).await;
    assert!(matches!(again, Err(StoreError::Changed { .. })));
    assert!(
        store.find_execution(ExecutionId::from_number(1)).await.unwrap().is_none(),
        "its effect went with it"
    );
}

#[tokio::test]
async fn one_cause_starts_one_execution() {
    let (_dir, store) = open().await;
    commit(&store, vec![start(execution(1, Some("event:0")))]).await.unwrap();
    let second = commit(&store, vec![start(execution(2, Some("event:0")))]).await;
    assert!(matches!(second, Err(StoreError::Exists { .. })));
    let found = store.find_execution_of("event:0").await.unwrap().unwrap();
    assert_eq!(found.id, ExecutionId::from_number(1));
}

#[tokio::test]
async fn an_end_is_final() {
    let (_dir, store) = open().await;
    let id = ExecutionId::from_number(1);
    commit(&store, vec![start(execution(1, None))]).await.unwrap();
    commit(&store, vec![Change::Advance(id, 1, Status::Running)]).await.unwrap();
    let stale = commit(&store, vec![Change::Advance(id, 1, Status::Paused)]).await;
    assert!(matches!(stale, Err(StoreError::Changed { .. })), "the version has moved on");
    commit(&store, vec![Change::End(id, Status::Succeeded, json!(7))]).await.unwrap();
    for late in [Change::End(id, Status::Failed, json!(8)), Change::Advance(id, 3, Status::Running)] {
        assert!(matches!(commit(&store, vec![late]).await, Err(StoreError::Changed { .. })));
    }
    let row = store.load_execution(id).await.unwrap();
    assert_eq!((row.status, row.result), (Status::Succeeded, Some(json!(7))));
}

#[tokio::test]
async fn a_stale_fence_writes_nothing_and_a_success_is_not_repeated() {
    let (_dir, store) = open().await;
    let id = ExecutionId::from_number(1);
    commit(&store, vec![start(execution(1, None))]).await.unwrap();
    let begin = |number: i64| {
        let beginning = Beginning {
            execution: id,
            host: None,
            guarded: 0,
            clearances: Default::default(),
            timeout: Duration::from_secs(number as u64),
            now: NOW,
        };
        store.write(move |tx| Box::pin(async move { attempt::begin(tx, &beginning).await }))
    };
    let first = begin(1).await.unwrap();
    let second = begin(2).await.unwrap();
    assert!(first.fence < second.fence && second.number == 2);
    let mut zombie = second.clone();
    zombie.fence = first.fence;
    let end = |it: &attempt::Attempt, status| Change::EndAttempt(Box::new(it.clone()), status, Value::Null);
    assert!(matches!(
        commit(&store, vec![end(&zombie, Status::Failed)]).await,
        Err(StoreError::Changed { .. })
    ));
    commit(&store, vec![end(&second, Status::Succeeded)]).await.unwrap();
    let twice = commit(&store, vec![end(&first, Status::Succeeded)]).await;
    assert!(twice.is_err(), "the database itself refuses a second success");
    assert_eq!(store.live_attempts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn callers_that_share_a_commit_do_not_share_a_refusal() {
    let (_dir, store) = open().await;
    commit(&store, vec![start(execution(1, Some("taken")))]).await.unwrap();
    let good = (10..40).map(|id| commit(&store, vec![start(execution(id, None))]));
    let bad = (50..60).map(|id| {
        commit(&store, vec![start(execution(id, None)), start(execution(id + 100, Some("taken")))])
    });
    let (good, bad) = tokio::join!(futures_util::future::join_all(good), futures_util::future::join_all(bad));
    assert!(good.iter().all(Result::is_ok));
    assert!(bad.iter().all(Result::is_err));
    assert_eq!(store.recent_executions(999).await.unwrap().len(), 31);
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let (dir, store) = open().await;
    let url = format!("sqlite:{}", dir.path().join("lockkeeper.db").display());
    let second = Store::open(&url).await;
    assert!(matches!(second, Err(StoreError::Held { .. })));
    drop(store);
}

#[tokio::test]
async fn a_database_that_was_here_and_is_gone_is_not_begun_anew() {
    let (dir, store) = open().await;
    let path = dir.path().join("lockkeeper.db");
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "history is its owner's alone");
    let aside = dir.path().join("aside.db");
    std::fs::rename(&path, &aside).unwrap();
    let refused = store.receive(arrival("k", "main", 1), NOW).await.unwrap_err().to_string();
    assert!(refused.contains("is not there any more"), "{refused}");
    std::fs::rename(&aside, &path).unwrap();
    assert!(matches!(store.receive(arrival("k", "main", 1), NOW).await, Ok(Received::New(_))));
    drop(store);
    std::fs::remove_file(&path).unwrap();
    let url = format!("sqlite:{}", path.display());
    let open = async || match Store::open(&url).await {
        // The writer of the store before may still be ending.
        Err(StoreError::Held { .. }) => None,
        opened => Some(opened.map(drop)),
    };
    let Err(error) = crate::webhook::until("the lock", open).await else { panic!("an empty history") };
    assert!(error.to_string().contains("was here before and is gone"), "{error}");
}

fn gate_row(version: i64, state: &str, decided: bool) -> Box<GateRow<Value>> {
    Box::new(GateRow {
        id: GateId::from_number(1),
        number: 1,
        release: ReleaseId::from_number(1),
        execution: ExecutionId::from_number(1),
        app: "shop".into(),
        environment: "production".into(),
        seal: Seal::from(Digest::of(b"seal")),
        state: state.to_owned(),
        body: json!(state),
        version,
        opened_at: NOW,
        deadline_at: from_millis(9),
        decided_at: decided.then_some(NOW),
    })
}

#[tokio::test]
async fn of_many_who_decide_at_once_one_does() {
    let (_dir, store) = open().await;
    commit(&store, vec![Change::OpenGate(gate_row(1, "open", false))]).await.unwrap();
    let votes = (0..50).map(|at| {
        let state = if at % 2 == 0 { "granted" } else { "rejected" };
        commit(&store, vec![Change::Gate(gate_row(1, state, true))])
    });
    let decided = futures_util::future::join_all(votes).await;
    assert_eq!(decided.iter().filter(|it| it.is_ok()).count(), 1);
    let late = commit(&store, vec![Change::Gate(gate_row(2, "open", false))]).await;
    assert!(matches!(late, Err(StoreError::Changed { .. })), "a decided gate never changes");
}

#[tokio::test]
async fn of_many_who_change_what_they_read_at_once_one_does() {
    let (_dir, store) = open().await;
    commit(&store, vec![Change::OpenGate(gate_row(1, "open", false))]).await.unwrap();
    for version in 1..=3 {
        let votes = (0..20).map(|_| commit(&store, vec![Change::Gate(gate_row(version, "open", false))]));
        let counted = futures_util::future::join_all(votes).await;
        assert_eq!(counted.iter().filter(|it| it.is_ok()).count(), 1, "version {version}");
    }
}

fn permission(id: u128, gate: Option<u128>, used: bool) -> Box<PermissionRow<Value>> {
    Box::new(PermissionRow {
        id: GrantId::from_number(id),
        gate: gate.map(GateId::from_number),
        root: ExecutionId::from_number(1),
        seal: Seal::from(Digest::of(b"seal")),
        digest: Digest::of(b"artifact"),
        body: json!({}),
        at: NOW,
        used_at: used.then_some(NOW),
    })
}

#[tokio::test]
async fn a_permission_is_one_per_gate_used_once_and_over_with_its_root() {
    let (_dir, store) = open().await;
    let granted = vec![
        start(execution(1, None)),
        Change::OpenGate(gate_row(1, "open", false)),
        Change::Gate(gate_row(1, "granted", true)),
        Change::Permit(permission(1, Some(1), false)),
    ];
    commit(&store, granted).await.unwrap();
    let second = commit(&store, vec![Change::Permit(permission(2, Some(1), false))]).await;
    assert!(matches!(second, Err(StoreError::Exists { .. })));
    let id = GrantId::from_number(1);
    let require = || store.write(move |tx| Box::pin(async move { gate::require_permission(tx, id).await }));
    let begin = || {
        store.write(move |tx| {
            Box::pin(async move { gate::begin_permission(tx, id, &json!({"used": 1}), NOW).await })
        })
    };
    assert!(require().await.is_err(), "it waits for its rollout");
    begin().await.unwrap();
    assert!(begin().await.is_err());
    require().await.unwrap();
    commit(&store, vec![Change::EndPermissions(ExecutionId::from_number(1))]).await.unwrap();
    assert!(require().await.is_err());
    assert!(store.permissions::<Value>(ExecutionId::from_number(1)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_preauthorised_permission_is_in_use_from_its_start() {
    let (_dir, store) = open().await;
    commit(&store, vec![Change::Permit(permission(1, None, true))]).await.unwrap();
    let id = GrantId::from_number(1);
    store.write(move |tx| Box::pin(async move { gate::require_permission(tx, id).await })).await.unwrap();
}

fn wanted_lock(holder: u128) -> Change {
    Change::Lock(lock::Wanted {
        app: "shop".into(),
        environment: "production".into(),
        holder: ExecutionId::from_number(holder),
        reason: format!("#{holder}"),
    })
}

#[tokio::test]
async fn an_environment_takes_one_rollout_of_an_app_at_a_time() {
    let (_dir, store) = open().await;
    commit(&store, vec![wanted_lock(1)]).await.unwrap();
    commit(&store, vec![wanted_lock(1)]).await.unwrap();
    let second = commit(&store, vec![start(execution(2, None)), wanted_lock(2)]).await;
    assert_eq!(
        second.unwrap_err().to_string(),
        "the transaction was called off: #1 is at work on shop in production"
    );
    assert!(store.find_execution(ExecutionId::from_number(2)).await.unwrap().is_none());
    commit(&store, vec![Change::EndPermissions(ExecutionId::from_number(1))]).await.unwrap();
    commit(&store, vec![wanted_lock(2)]).await.unwrap();
    assert_eq!(store.locks().await.unwrap()[0].reason, "#2");
}

fn letter(body: i64) -> Change {
    let place = Place {
        platform: Platform::Terminal,
        workspace: "terminal".into(),
        channel: "main".into(),
        thread: None,
    };
    Change::Want(Box::new(Wanted {
        subject: "card:1".to_owned(),
        place,
        body: json!(body),
        priority: Priority::Progress,
    }))
}

#[tokio::test]
async fn the_latest_wish_for_a_message_is_the_one_that_is_sent() {
    let (_dir, store) = open().await;
    commit(&store, vec![letter(1)]).await.unwrap();
    let first = store.waiting_letters::<Value>(NOW, 9).await.unwrap().remove(0);
    commit(&store, vec![letter(2), letter(3)]).await.unwrap();
    store.letter_sent(first.id, first.wanted, None).await.unwrap();
    let again = store.waiting_letters::<Value>(NOW, 9).await.unwrap();
    assert_eq!(again.len(), 1, "what was wanted while it was sent is still to be sent, once");
    assert_eq!(again[0].body, json!(3));
    store.letter_sent(again[0].id, again[0].wanted, None).await.unwrap();
    assert!(store.waiting_letters::<Value>(NOW, 9).await.unwrap().is_empty());
    commit(&store, vec![Change::Redraw("card:1".into())]).await.unwrap();
    assert_eq!(store.waiting_letters::<Value>(NOW, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_half_filled_row_is_an_error_and_no_default() {
    let (_dir, store) = open().await;
    let mut visit = execution(2, None);
    visit.visit =
        Some(Visit { parent: ExecutionId::from_number(1), task: "one".into(), route: 0, item: Some(3) });
    commit(&store, vec![start(visit)]).await.unwrap();
    let read = store.load_execution(ExecutionId::from_number(2)).await.unwrap();
    assert_eq!(read.visit.unwrap().item, Some(3));
}

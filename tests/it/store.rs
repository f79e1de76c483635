//! What the store promises: facts once, versions that move forward, commits that hold or do not.

mod guards;
mod keys;
mod links;
mod model;

use std::time::Duration;

use jiff::Timestamp;
use lockkeeper::clock::{after, from_millis};
use lockkeeper::id::{Digest, ExecutionId, GateId, GrantId, MessageRef, Place, Platform, ReleaseId, Seal};
use lockkeeper::status::Status;
use lockkeeper::store::attempt::{self, Beginning};
use lockkeeper::store::execution::{Execution, Visit};
use lockkeeper::store::gate::{self, GateRow, PermissionRow};
use lockkeeper::store::inbox::{Arrival, Received};
use lockkeeper::store::outbox::{Priority, Wanted};
use lockkeeper::store::{Change, Store, StoreError, lock};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::trial::until;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

async fn open() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap();
    let store = Store::open(&format!("sqlite:{}", dir.path().join("lockkeeper.db").display())).await.unwrap();
    (dir, store)
}

fn execution(id: u128, origin: Option<&str>) -> Execution {
    let id = ExecutionId::from_number(id);
    let root = Execution::root(id, "core.noop".into(), "noop", Digest::of(b"content"), NOW);
    Execution { origin: origin.map(str::to_owned), ..root }
}

fn start(it: Execution) -> Change {
    Change::Start(Box::new(it))
}

async fn commit(store: &Store, changes: Vec<Change>) -> Result<(), StoreError> {
    store.commit(changes, NOW).await.map(drop)
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
    let other = store.receive(arrival("k", "main", 2), NOW).await.unwrap();
    assert_eq!(other, Received::Other(json!({"a": 1})));
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

/// Only what had its effect goes, and what people did on one message stays longer.
#[tokio::test]
async fn old_deliveries_go_once_they_had_their_effect() {
    let (_dir, store) = open().await;
    let rows = [("said", "main", 1), ("waits", "waiting", 1), ("pressed", "main#1.2", 1), ("new", "main", 9)];
    for (key, lane, at) in rows {
        let received = store.receive(arrival(key, lane, 1), from_millis(at)).await.unwrap();
        let Received::New(id) = received else { panic!("{key} is new") };
        if key != "waits" {
            commit(&store, vec![Change::Done(id)]).await.unwrap();
        }
    }
    assert_eq!(store.sweep_deliveries(from_millis(5), from_millis(1)).await.unwrap(), 1);
    assert_eq!(store.sweep_deliveries(from_millis(5), from_millis(1)).await.unwrap(), 0);
    assert_eq!(store.sweep_deliveries(from_millis(5), from_millis(2)).await.unwrap(), 1);
    let left = store.latest_deliveries("chat", 9).await.unwrap();
    assert_eq!(left.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [from_millis(9), from_millis(1)]);
    assert!(matches!(store.receive(arrival("said", "main", 1), NOW).await.unwrap(), Received::New(_)));
    assert_eq!(store.receive(arrival("new", "main", 1), NOW).await.unwrap(), Received::Again);
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
    // Whoever comes first, last, between or alone.
    let refused: [fn(u128) -> bool; 6] =
        [|at| at < 5, |at| at >= 25, |at| at % 2 == 0, |at| at % 3 != 1, |_| true, |at| at == 0];
    for is_refused in refused {
        let (_dir, store) = open().await;
        commit(&store, vec![start(execution(1, Some("taken")))]).await.unwrap();
        let callers = (0..30).map(|at| {
            let mut changes = vec![start(execution(10 + at, None))];
            changes.extend(is_refused(at).then(|| start(execution(100 + at, Some("taken")))));
            commit(&store, changes)
        });
        let answers = futures_util::future::join_all(callers).await;
        let refusals: Vec<bool> = answers.iter().map(Result::is_err).collect();
        assert_eq!(refusals, (0..30).map(is_refused).collect::<Vec<_>>());
        let stored = store.recent_executions(999).await.unwrap().len();
        assert_eq!(stored, 1 + refusals.iter().filter(|it| !**it).count());
    }
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
    let Err(error) = until("the lock", open).await else { panic!("an empty history") };
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

/// What is for another chat stays late.
#[tokio::test]
async fn letters_that_waited_for_a_chat_are_due_when_it_is_back() {
    let (_dir, store) = open().await;
    let due = async |now| store.waiting_letters::<Value>(now, 9).await.unwrap().len();
    let late = after(NOW, Duration::from_secs(60));
    commit(&store, vec![letter(1)]).await.unwrap();
    let id = store.waiting_letters::<Value>(NOW, 9).await.unwrap()[0].id;
    store.letter_put_off(id, late, "unreachable".to_owned()).await.unwrap();
    // Drawn again meanwhile, it still waits.
    commit(&store, vec![letter(2)]).await.unwrap();
    store.hurry_letters(Platform::Slack, NOW).await.unwrap();
    assert_eq!((due(NOW).await, due(late).await), (0, 1));
    store.hurry_letters(Platform::Terminal, NOW).await.unwrap();
    assert_eq!(due(NOW).await, 1);
}

/// Slack gives leave for fifty changes a minute; what is new must not wait for that.
#[tokio::test]
async fn what_waits_to_be_changed_hides_nothing_that_is_to_be_posted() {
    let (_dir, store) = open().await;
    let named = |number: i64| {
        let Change::Want(wanted) = letter(1) else { panic!("a letter") };
        Change::Want(Box::new(Wanted { subject: format!("letter:{number}"), ..*wanted }))
    };
    for number in 0..40 {
        store.commit(vec![named(number)], from_millis(number)).await.unwrap();
        let it = store.waiting_letters::<Value>(Timestamp::MAX, 1).await.unwrap().remove(0);
        let message = MessageRef { place: it.place.clone(), message: number.to_string().as_str().into() };
        store.letter_sent(it.id, it.wanted, Some(message)).await.unwrap();
    }
    for number in 0..40 {
        store.commit(vec![named(number)], from_millis(100)).await.unwrap();
    }
    store.commit(vec![named(99)], from_millis(200)).await.unwrap();
    let first = store.waiting_letters::<Value>(Timestamp::MAX, 1).await.unwrap().remove(0);
    assert_eq!((first.subject.as_str(), first.message), ("letter:99", None));
    assert!(
        1 < store.waiting_letters::<Value>(Timestamp::MAX, 99).await.unwrap().len(),
        "changes have their turn"
    );
}

/// Otherwise what may stand already would be posted once more.
#[tokio::test]
async fn that_a_post_was_tried_stays_known_however_often_it_is_drawn_again() {
    let (_dir, store) = open().await;
    let found = async || store.waiting_letters::<Value>(NOW, 9).await.unwrap().remove(0);
    commit(&store, vec![letter(1)]).await.unwrap();
    let id = found().await.id;
    store.letter_put_off(id, NOW, "the answer is unclear".to_owned()).await.unwrap();
    commit(&store, vec![letter(2)]).await.unwrap();
    commit(&store, vec![Change::Redraw(found().await.subject)]).await.unwrap();
    assert_eq!(found().await.tries, 1);
    // Once it stands, an edit begins anew.
    let it = found().await;
    let message = MessageRef { place: it.place.clone(), message: "1".into() };
    store.letter_sent(id, it.wanted, Some(message)).await.unwrap();
    commit(&store, vec![letter(3)]).await.unwrap();
    assert_eq!(found().await.tries, 0);
}

#[tokio::test]
async fn of_letters_that_wait_in_a_channel_the_most_urgent_goes_first() {
    let (_dir, store) = open().await;
    let urgent = [Priority::Progress, Priority::Soon, Priority::Now, Priority::Soon];
    for (number, priority) in urgent.into_iter().enumerate() {
        let Change::Want(wanted) = letter(1) else { panic!("a letter") };
        let subject = format!("letter:{number}");
        let wanted = Change::Want(Box::new(Wanted { subject, priority, ..*wanted }));
        store.commit(vec![wanted], from_millis(number as i64)).await.unwrap();
    }
    let waiting = store.waiting_letters::<Value>(Timestamp::MAX, 9).await.unwrap();
    let order: Vec<(&str, Priority)> = waiting.iter().map(|it| (it.subject.as_str(), it.priority)).collect();
    let (now, soon, later) = (Priority::Now, Priority::Soon, Priority::Progress);
    assert_eq!(
        order,
        [("letter:2", now), ("letter:1", soon), ("letter:3", soon), ("letter:0", later)],
        "and of equals the oldest"
    );
}

#[tokio::test]
async fn what_was_removed_and_posted_again_is_one_letter_under_both_names() {
    let (_dir, store) = open().await;
    commit(&store, vec![letter(1)]).await.unwrap();
    let first = store.waiting_letters::<Value>(NOW, 9).await.unwrap().remove(0);
    let message = |name: &str| MessageRef { place: first.place.clone(), message: name.into() };
    store.letter_sent(first.id, first.wanted, Some(message("old"))).await.unwrap();
    assert!(store.waiting_letters::<Value>(NOW, 9).await.unwrap().is_empty());
    store.doubt_letters(vec![first.id]).await.unwrap();
    let doubted = store.waiting_letters::<Value>(NOW, 9).await.unwrap().remove(0);
    assert_eq!((doubted.message, doubted.removed), (Some(message("old")), 0));
    for _ in 0..2 {
        store.letter_gone(first.id, Some(message("old")), NOW).await.unwrap();
    }
    let again = store.waiting_letters::<Value>(NOW, 9).await.unwrap().remove(0);
    assert_eq!((again.message, again.removed), (None, 1));
    store.letter_sent(again.id, again.wanted, Some(message("new"))).await.unwrap();
    for name in ["old", "new"] {
        let found = store.find_letter::<Value>(&message(name)).await.unwrap();
        assert_eq!(found.map(|it| it.id), Some(first.id), "{name}");
    }
    assert!(store.find_letter::<Value>(&message("another")).await.unwrap().is_none());
    // What stood nowhere leaves no name.
    store.letter_gone(first.id, None, NOW).await.unwrap();
    assert_eq!(store.waiting_letters::<Value>(NOW, 9).await.unwrap()[0].removed, 1);
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

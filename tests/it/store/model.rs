//! Random histories of the store beside a model of a hundred lines: each step ends as the model says, what stands after
//! it is what the model holds, and what must never happen has not. A crash is the files as they lie, opened elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lockkeeper::clock::from_millis;
use lockkeeper::gate::{AttemptFacts, Grant};
use lockkeeper::id::{Digest, ExecutionId, GateId, GrantId, Seal};
use lockkeeper::status::Status;
use lockkeeper::store::attempt::{self, Beginning};
use lockkeeper::store::gate::{self, GateRow, PermissionRow, VoteRow};
use lockkeeper::store::{Change, Store, StoreError, audit, execution as rows};
use proptest::prelude::*;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tempfile::TempDir;

use super::{NOW, execution, gate_row, start, wanted_lock};

/// Runs at the same time: few, so that steps meet.
const RUNS: u128 = 3;

/// One step; the number says of which run. A stale one has read an older version.
#[derive(Clone, Debug)]
enum Step {
    Start(u128),
    Advance(u128, bool, Status),
    Begin(u128, bool),
    Finish(u128, usize, bool, Status),
    End(u128, Status),
    Open(u128),
    Answer(u128, bool, &'static str),
    Permit(u128),
    Use(u128),
    Lock(u128),
    Over(u128),
    Cancel(u128),
    /// Two good changes, then one that does not hold.
    Torn(u128),
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let run = || 1..=RUNS;
    let going =
        prop::sample::select(vec![Status::Running, Status::Pending, Status::Canceling, Status::Requested]);
    let ended = || prop::sample::select(vec![Status::Succeeded, Status::Failed, Status::Unknown]);
    let answer = prop::sample::select(vec!["open", "granted", "rejected"]);
    let stale = || prop::bool::weighted(0.2);
    prop_oneof![
        3 => run().prop_map(Step::Start),
        3 => (run(), stale(), going).prop_map(|(run, stale, to)| Step::Advance(run, stale, to)),
        4 => (run(), any::<bool>()).prop_map(|(run, guarded)| Step::Begin(run, guarded)),
        4 => (run(), 0..3_usize, stale(), ended()).prop_map(|(run, at, stale, to)| Step::Finish(run, at, stale, to)),
        1 => (run(), ended()).prop_map(|(run, to)| Step::End(run, to)),
        3 => run().prop_map(Step::Open),
        5 => (run(), stale(), answer).prop_map(|(run, stale, to)| Step::Answer(run, stale, to)),
        4 => run().prop_map(Step::Permit),
        3 => run().prop_map(Step::Use),
        2 => run().prop_map(Step::Lock),
        1 => run().prop_map(Step::Over),
        1 => run().prop_map(Step::Cancel),
        1 => run().prop_map(Step::Torn),
        1 => Just(Step::Crash),
    ]
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Well,
    Changed,
    Exists,
    CalledOff,
    /// A unique index of the database.
    Broken,
}

impl Ends {
    fn of(done: &Result<(), StoreError>) -> Self {
        match done {
            Ok(()) => Ends::Well,
            Err(StoreError::Changed { .. }) => Ends::Changed,
            Err(StoreError::Exists { .. }) => Ends::Exists,
            Err(StoreError::CalledOff { .. }) => Ends::CalledOff,
            Err(StoreError::Unavailable(_)) => Ends::Broken,
            Err(other) => panic!("{other}"),
        }
    }
}

/// What ought to be known of a run.
#[derive(Clone, Debug, PartialEq)]
struct Run {
    status: Status,
    version: i64,
    attempts: Vec<Status>,
    /// State, version and answers.
    gate: Option<(&'static str, i64, i64)>,
    /// Whether it is in use, and whether it is over.
    permission: Option<(bool, bool)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    runs: BTreeMap<u128, Run>,
    lock: Option<u128>,
}

impl Model {
    /// The whole rule book.
    fn take(&mut self, step: &Step) -> Ends {
        if let Step::Lock(run) = step {
            return match self.lock {
                Some(holder) if holder != *run => Ends::CalledOff,
                Some(_) | None => {
                    self.lock = Some(*run);
                    Ends::Well
                }
            };
        }
        let new =
            || Run { status: Status::Requested, version: 1, attempts: vec![], gate: None, permission: None };
        if let Step::Start(run) = step {
            return if self.runs.insert(*run, self.runs.get(run).cloned().unwrap_or_else(new)).is_none() {
                Ends::Well
            } else {
                Ends::Exists
            };
        }
        let lock = &mut self.lock;
        let (Step::Advance(run, ..)
        | Step::Begin(run, _)
        | Step::Finish(run, ..)
        | Step::End(run, _)
        | Step::Open(run)
        | Step::Answer(run, ..)
        | Step::Permit(run)
        | Step::Use(run)
        | Step::Over(run)
        | Step::Cancel(run)
        | Step::Torn(run)
        | Step::Start(run)
        | Step::Lock(run)) = step
        else {
            return Ends::Well;
        };
        let Some(it) = self.runs.get_mut(run) else { return Ends::Changed };
        match step {
            Step::Advance(_, true, _) | Step::Answer(_, true, _) | Step::Torn(_) => Ends::Changed,
            Step::Advance(_, false, to) => it.moves(*to),
            Step::Begin(_, guarded) => {
                if *guarded && it.permission != Some((true, false)) && !it.status.is_ended() {
                    return Ends::CalledOff;
                }
                let ends = it.moves(Status::Running);
                if ends == Ends::Well {
                    it.attempts.push(Status::Running);
                }
                ends
            }
            Step::Finish(_, at, stale, to) => {
                let succeeded = it.attempts.contains(&Status::Succeeded);
                match it.attempts.get_mut(*at) {
                    Some(attempt) if *attempt == Status::Running && !stale => {
                        if *to == Status::Succeeded && succeeded {
                            return Ends::Broken;
                        }
                        *attempt = *to;
                        Ends::Well
                    }
                    Some(_) | None => Ends::Changed,
                }
            }
            Step::End(_, to) => it.moves(*to),
            Step::Open(_) => {
                if it.gate.is_some() {
                    return Ends::Broken;
                }
                it.gate = Some(("open", 1, 0));
                Ends::Well
            }
            Step::Answer(_, false, to) => match &mut it.gate {
                Some((state, version, answers)) if *state == "open" => {
                    (*state, *version, *answers) = (to, *version + 1, *answers + 1);
                    Ends::Well
                }
                Some(_) | None => Ends::Changed,
            },
            Step::Permit(_) => match (it.gate, it.permission) {
                (Some(("granted", ..)), None) => {
                    it.permission = Some((false, false));
                    Ends::Well
                }
                (Some(("granted", ..)), Some(_)) => Ends::Exists,
                _ => Ends::CalledOff,
            },
            Step::Use(_) => match &mut it.permission {
                Some((used @ false, false)) => {
                    *used = true;
                    Ends::Well
                }
                Some(_) | None => Ends::Changed,
            },
            Step::Over(_) | Step::Cancel(_) => {
                if matches!(step, Step::Cancel(_)) && it.moves(Status::Canceled) != Ends::Well {
                    return Ends::Changed;
                }
                it.permission = it.permission.map(|(used, _)| (used, true));
                *lock = lock.filter(|holder| holder != run);
                Ends::Well
            }
            Step::Start(_) | Step::Lock(_) | Step::Crash => Ends::Well,
        }
    }
}

impl Run {
    fn moves(&mut self, to: Status) -> Ends {
        if self.status.is_ended() {
            return Ends::Changed;
        }
        let stuck = self.status == Status::Canceling && !to.is_ended() && to != Status::Canceling;
        if to == Status::Requested || stuck {
            return Ends::CalledOff;
        }
        (self.status, self.version) = (to, self.version + 1);
        Ends::Well
    }
}

/// The store under test, and what it gave that later steps need.
struct World {
    store: Store,
    dir: TempDir,
    attempts: BTreeMap<u128, Vec<attempt::Attempt>>,
    grants: u128,
    torn: u128,
}

fn id(run: u128) -> ExecutionId {
    ExecutionId::from_number(run)
}

impl World {
    async fn open() -> Self {
        let (dir, store) = super::open().await;
        Self { store, dir, attempts: BTreeMap::new(), grants: 0, torn: 100 }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("lockkeeper.db")
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.store.commit(changes, NOW).await.map(drop)
    }

    async fn take(&mut self, step: &Step, before: &Model) -> Result<(), StoreError> {
        let known = |run: &u128| before.runs.get(run);
        let version = |run: &u128, stale: bool| known(run).map_or(1, |it| it.version) - i64::from(stale);
        match step {
            Step::Start(run) => {
                // A second start for the same cause is another execution.
                let number = if known(run).is_some() { run + 50 } else { *run };
                self.commit(vec![start(execution(number, Some(&format!("event:{run}"))))]).await
            }
            Step::Advance(run, stale, to) => {
                self.commit(vec![Change::Advance(id(*run), version(run, *stale), *to)]).await
            }
            Step::Begin(run, guarded) => self.begin(*run, version(run, false), *guarded).await,
            Step::Finish(run, at, stale, to) => {
                let Some(it) = self.attempts.get(run).and_then(|it| it.get(*at)) else {
                    return Err(StoreError::Changed { what: "nothing" });
                };
                let mut it = it.clone();
                it.fence -= i64::from(*stale);
                self.commit(vec![Change::EndAttempt(Box::new(it), *to, Value::Null)]).await
            }
            Step::End(run, to) => self.commit(vec![Change::End(id(*run), *to, Value::Null)]).await,
            Step::Open(run) if known(run).is_none() => Err(StoreError::Changed { what: "nothing" }),
            Step::Open(run) => self.commit(vec![Change::OpenGate(gate_of(*run, 1, "open"))]).await,
            Step::Answer(run, stale, to) => {
                let read = known(run).and_then(|it| it.gate).map_or(1, |it| it.1) - i64::from(*stale);
                let next = gate_of(*run, read, to);
                let vote = VoteRow {
                    gate: next.id,
                    person: "bea".into(),
                    act: "approve",
                    seal: next.seal.clone(),
                    body: json!({}),
                    at: NOW,
                };
                self.commit(vec![Change::Gate(next), Change::Vote(Box::new(vote))]).await
            }
            Step::Permit(run) if known(run).is_none() => Err(StoreError::Changed { what: "nothing" }),
            Step::Permit(run) => {
                self.grants += 1;
                self.commit(vec![Change::Permit(permission(*run, self.grants))]).await
            }
            Step::Use(run) => {
                let rows: Vec<PermissionRow<Value>> = self.store.permissions(id(*run)).await?;
                let grant = rows.first().map_or(GrantId::from_number(999), |it| it.id);
                let body = json!(grant_of(*run, grant));
                let begin = self.store.write(move |tx| {
                    Box::pin(async move { gate::begin_permission(tx, grant, &body, NOW).await })
                });
                begin.await
            }
            Step::Lock(run) => self.commit(vec![wanted_lock(*run)]).await,
            Step::Over(run) if known(run).is_none() => Err(StoreError::Changed { what: "nothing" }),
            Step::Over(run) => self.commit(vec![Change::EndPermissions(id(*run))]).await,
            Step::Cancel(run) => {
                let end = Change::End(id(*run), Status::Canceled, Value::Null);
                self.commit(vec![end, Change::EndPermissions(id(*run))]).await
            }
            Step::Torn(run) => {
                self.torn += 1;
                let entry =
                    audit::Entry { actor: "torn".into(), act: "x", subject: "x".into(), body: json!({}) };
                let started = start(execution(self.torn, None));
                let late = Change::Advance(id(*run), version(run, true), Status::Running);
                self.commit(vec![started, Change::Audit(entry), late]).await
            }
            Step::Crash => self.crash().await,
        }
    }

    async fn begin(&mut self, run: u128, version: i64, guarded: bool) -> Result<(), StoreError> {
        let rows: Vec<PermissionRow<Value>> = self.store.permissions(id(run)).await?;
        let grant = grant_of(run, rows.first().map_or(GrantId::from_number(999), |it| it.id));
        let clearance = grant.clear(&facts(run)).unwrap();
        let beginning = Beginning {
            execution: id(run),
            host: guarded.then(|| "web-1".into()),
            guarded: usize::from(guarded),
            clearances: if guarded { [clearance].into() } else { Default::default() },
            timeout: Duration::from_secs(1),
            now: NOW,
        };
        let begun = self.store.write(move |tx| {
            Box::pin(async move {
                rows::advance(tx, beginning.execution, version, Status::Running, NOW).await?;
                attempt::begin(tx, &beginning).await
            })
        });
        let begun = begun.await?;
        self.attempts.entry(run).or_default().push(begun);
        Ok(())
    }

    /// What a killed process leaves: nothing was closed, nothing was tidied up.
    async fn crash(&mut self) -> Result<(), StoreError> {
        let dir = TempDir::new().unwrap();
        for name in ["lockkeeper.db", "lockkeeper.db-wal"] {
            std::fs::copy(self.dir.path().join(name), dir.path().join(name)).unwrap();
        }
        self.store = Store::open(&format!("sqlite:{}", dir.path().join("lockkeeper.db").display())).await?;
        self.dir = dir;
        Ok(())
    }

    /// The runs and the lock as the store has them.
    async fn seen(&self, runs: impl Iterator<Item = u128>) -> Model {
        let mut seen = Model::default();
        for run in runs {
            let row = self.store.load_execution(id(run)).await.unwrap();
            assert_eq!(row.ended_at.is_some(), row.status.is_ended());
            let attempts = self.store.attempts(id(run)).await.unwrap();
            let gate: Option<GateRow<Value>> = self.store.gate_for(id(run)).await.unwrap();
            let answers = self.count(&format!("vote WHERE gate_id = '{}'", GateId::from_number(run))).await;
            let of = format!("permission WHERE root_id = '{}'", id(run));
            let permission = match self.count(&of).await {
                0 => None,
                1 => Some((
                    self.count(&format!("{of} AND used_at IS NOT NULL")).await == 1,
                    self.count(&format!("{of} AND ended_at IS NOT NULL")).await == 1,
                )),
                many => panic!("{many} permissions of one gate"),
            };
            let state = |it: &GateRow<Value>| {
                ["open", "granted", "rejected"].into_iter().find(|known| *known == it.state).unwrap()
            };
            let it = Run {
                status: row.status,
                version: row.version,
                attempts: attempts.iter().map(|it| it.status).collect(),
                gate: gate.as_ref().map(|it| (state(it), it.version, answers)),
                permission,
            };
            seen.runs.insert(run, it);
        }
        let holders = self.store.locks().await.unwrap();
        seen.lock = holders.first().and_then(|held| (1..=RUNS).find(|run| id(*run) == held.holder));
        seen
    }

    async fn count(&self, of: &str) -> i64 {
        let mut raw = SqliteConnectOptions::new().filename(self.file()).connect().await.unwrap();
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {of}"));
        sqlx::query_scalar(sql).fetch_one(&mut raw).await.unwrap()
    }

    async fn check(&self, model: &Model) {
        assert_eq!(self.seen(model.runs.keys().copied()).await, *model);
        for (what, of) in NEVER {
            assert_eq!(self.count(of).await, 0, "{what}");
        }
    }
}

/// What no history may hold.
const NEVER: &[(&str, &str)] = &[
    ("part of a transaction that was called off", "audit WHERE actor = 'torn'"),
    ("an execution of such a one", "execution WHERE id > '00000000-0000-0000-0000-000000000064'"),
    (
        "a guarded attempt that no granted gate covers",
        "attempt WHERE host IS NOT NULL AND NOT EXISTS (SELECT 1 FROM clearance JOIN permission ON permission.id = grant_id
            JOIN gate ON gate.id = permission.gate_id WHERE attempt_id = attempt.id AND gate.state = 'granted')",
    ),
    (
        "two successes of one execution",
        "(SELECT 1 FROM attempt WHERE status = 'succeeded' GROUP BY execution_id HAVING COUNT(*) > 1)",
    ),
    ("two fences that are the same", "(SELECT 1 FROM attempt GROUP BY fence HAVING COUNT(*) > 1)"),
    ("a permission of a gate that was not granted", "permission JOIN gate ON gate.id = gate_id WHERE state <> 'granted'"),
];

fn gate_of(run: u128, version: i64, state: &str) -> Box<GateRow<Value>> {
    let mut row = gate_row(version, state, state != "open");
    (row.id, row.execution) = (GateId::from_number(run), id(run));
    row
}

fn facts(run: u128) -> AttemptFacts {
    AttemptFacts {
        root: id(run),
        app: "shop".into(),
        environment: "production".into(),
        role: "app".into(),
        task: "".into(),
        host: "web-1".into(),
        digest: Digest::of(b"artifact"),
    }
}

fn grant_of(run: u128, grant: GrantId) -> Grant {
    let seal: Seal = gate_row(1, "open", false).seal;
    let body = json!({
        "id": grant, "basis": { "basis": "gate", "gate": GateId::from_number(run) }, "seal": seal, "rollout": id(run),
        "app": "shop", "environment": "production", "role": "app", "pairs": [["", "web-1"]],
        "digest": Digest::of(b"artifact"), "return_to": null, "used": { "use": "in_use", "since": from_millis(1) },
    });
    serde_json::from_value(body).unwrap()
}

fn permission(run: u128, number: u128) -> Box<PermissionRow<Value>> {
    let grant = grant_of(run, GrantId::from_number(number));
    Box::new(PermissionRow {
        id: grant.id,
        gate: Some(GateId::from_number(run)),
        root: id(run),
        seal: grant.seal.clone(),
        digest: grant.digest.clone(),
        body: json!(grant),
        at: NOW,
        used_at: None,
    })
}

async fn play(steps: Vec<Step>) {
    let (mut world, mut model) = (World::open().await, Model::default());
    for (at, step) in steps.iter().enumerate() {
        let before = model.clone();
        let expected = model.take(step);
        let done = world.take(step, &before).await;
        assert_eq!(Ends::of(&done), expected, "step {at} of {steps:#?}: {done:?}\n{before:#?}");
        world.check(&model).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_random_history_is_what_the_model_says(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(steps));
    }
}

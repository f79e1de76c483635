//! The engine with a runner that does as a test says, at moments that no conversation can choose.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::{bundle::Bundle, *};
use crate::{
    clock::{SystemClock, TestClock},
    content::{self, Settings, SourceFile},
    id::{Account, Platform, UserId, WorkspaceId},
    identity::{Actor, Authorised, Right, Rights, Standing, Subject, authorize},
    library::Loaded,
    message::words,
    runner::{Outcome, Request, Runner},
    status::Status,
    store::Change,
};

const PACK: &str = "name: trial\ndescription: A trial.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n";
const FLOW: &str = "version: 1.0\ntasks: {a: {action: trial.act}}\n";
const PEOPLE: &str = "people: {ann: {terminal: [ann]}}";

/// Runs everything: waits to be canceled, or panics.
struct Scripted {
    panics: bool,
    begun: Arc<Semaphore>,
}

#[async_trait]
impl Runner for Scripted {
    fn name(&self) -> &'static str {
        "local-shell-cmd"
    }

    async fn run(&self, _: Request, cancel: CancellationToken) -> Outcome {
        self.begun.add_permits(1);
        assert!(!self.panics, "as the test wants it");
        cancel.cancelled().await;
        Outcome { end: crate::runner::End::Canceled, ..Outcome::failed("canceled") }
    }
}

pub(super) struct Trial {
    pub(super) engine: Engine,
    /// One permit for each attempt that has begun.
    pub(super) begun: Arc<Semaphore>,
    _dir: TempDir,
}

impl Trial {
    async fn open(panics: bool) -> Self {
        Self::with_pack(panics, Vec::new()).await
    }

    /// With the files of another pack beside the trial's own.
    pub(super) async fn with_pack(panics: bool, pack: Vec<SourceFile>) -> Self {
        Self::with(panics, pack, Arc::new(SystemClock)).await
    }

    pub(super) async fn with(panics: bool, pack: Vec<SourceFile>, clock: SharedClock) -> Self {
        // As boot does, for the probe's client.
        drop(rustls::crypto::ring::default_provider().install_default());
        let dir = TempDir::new().unwrap();
        let file = |path: &str, text: &str| SourceFile::text(format!("commands/trial/{path}"), text);
        let own = [
            file("pack.yaml", PACK),
            file("actions/act.yaml", "name: act\nrunner_type: local-shell-cmd\ndescription: Acts.\n"),
            file(
                "actions/go.yaml",
                "name: go\nrunner_type: orquesta\ndescription: Goes.\nentry_point: workflows/go.yaml\n",
            ),
            file("actions/workflows/go.yaml", FLOW),
        ];
        let files: Vec<SourceFile> = own.into_iter().chain(pack).collect();
        let (catalogue, diagnostics) = content::load(&files);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        let begun = Arc::new(Semaphore::new(0));
        let runner = Scripted { panics, begun: begun.clone() };
        let store = Store::open(&format!("sqlite:{}", dir.path().join("test.db").display())).await.unwrap();
        let engine = Engine::new(Parts {
            keys: Datastore::new(store.clone(), None),
            opened: Learnt::default(),
            store,
            clock,
            runners: Runners::new(vec![Arc::new(runner)]),
            probe: Probe::new(reqwest::Client::new()),
            live: LivePolicy::new(Live {
                bundle: Arc::new(Bundle::of(&Loaded { catalogue: catalogue.clone(), ..Loaded::default() })),
                catalogue: Arc::new(catalogue),
                settings: Arc::new(Settings::default()),
            }),
            adapters: Vec::new(),
            channels: BTreeMap::new(),
            data: dir.path().to_owned(),
            masker: Masker::default(),
            keep: Keep::default(),
        });
        Self { engine, begun, _dir: dir }
    }

    async fn start(&self, action: &str) -> ExecutionId {
        self.start_with(action, Map::new(), Map::new()).await
    }

    pub(super) async fn start_with(
        &self,
        action: &str,
        parameters: Map<String, Value>,
        context: Map<String, Value>,
    ) -> ExecutionId {
        let id = ExecutionId::generate();
        let starting =
            Starting { id, action: action.into(), parameters, origin: None, context, places: Vec::new() };
        self.engine.start(starting, Vec::new()).await.unwrap()
    }

    pub(super) async fn load(&self, id: ExecutionId) -> Execution {
        self.engine.store().load_execution(id).await.unwrap()
    }

    /// How it ended.
    async fn ended(&self, id: ExecutionId) -> Execution {
        self.until(async || Some(self.load(id).await).filter(|it| it.ended_at.is_some())).await
    }

    /// Looks until there is an answer; panics with what happened so far, if there is none.
    pub(super) async fn until<T>(&self, look: impl AsyncFn() -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(10), looking).await {
            Ok(found) => found,
            Err(_) => panic!("it never comes: {:#?}", self.engine.store().recent_executions(100).await),
        }
    }

    async fn attempts(&self, id: ExecutionId) -> Vec<Status> {
        self.engine.store().attempts(id).await.unwrap().into_iter().map(|it| it.status).collect()
    }
}

fn leave() -> Authorised {
    let account = Account {
        platform: Platform::Terminal,
        workspace: WorkspaceId::new("terminal"),
        user: UserId::new("ann"),
    };
    let actor = Actor { account, standing: Standing::Member };
    let people = serde_saphyr::from_str(PEOPLE).unwrap();
    authorize(&people, &actor, Right::Read, &Subject::default(), &Rights::none()).unwrap()
}

#[tokio::test]
async fn what_began_since_a_cancel_looked_is_not_ended_over_its_attempt() {
    let trial = Trial::open(false).await;
    let id = trial.start("trial.act").await;
    trial.begun.acquire().await.unwrap().forget();
    // As the cancel read it, a moment before its attempt began.
    let read = Execution { status: Status::Requested, version: 1, ..trial.load(id).await };
    assert!(!trial.engine.cancel_waiting(&read, &leave()).await.unwrap());
    assert_eq!(trial.load(id).await.status, Status::Running);

    assert!(trial.engine.cancel(id, &leave(), Vec::new()).await.unwrap());
    assert_eq!(trial.ended(id).await.status, Status::Canceled);
    assert_eq!(trial.attempts(id).await, [Status::Canceled]);
}

#[tokio::test]
async fn an_attempt_whose_execution_somebody_else_ended_has_an_end_all_the_same() {
    let trial = Trial::open(false).await;
    let id = trial.start("trial.act").await;
    trial.begun.acquire().await.unwrap().forget();
    let end = Change::End(id, Status::Abandoned, serde_json::Value::Null);
    trial.engine.commit(vec![end]).await.unwrap();
    trial.engine.cancel_token(id).cancel();
    trial.engine.0.tasks.close();
    trial.engine.0.tasks.wait().await;
    assert_eq!(trial.attempts(id).await, [Status::Canceled]);
    assert_eq!(trial.load(id).await.status, Status::Abandoned);
}

#[tokio::test]
async fn a_workflow_that_is_canceled_as_it_begins_ends_with_all_below_it() {
    for moment in 0..40 {
        let trial = Trial::open(false).await;
        let id = trial.start("trial.go").await;
        for _ in 0..moment {
            tokio::task::yield_now().await;
        }
        assert!(trial.engine.cancel(id, &leave(), Vec::new()).await.unwrap());
        assert_eq!(trial.ended(id).await.status, Status::Canceled);
        let below = async || {
            let visits = trial.engine.store().children(id).await.unwrap();
            visits.iter().all(|it| it.ended_at.is_some()).then_some(())
        };
        trial.until(below).await;
        assert!(trial.engine.store().live_attempts().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn nothing_begins_below_a_root_that_was_canceled() {
    let trial = Trial::open(false).await;
    let known = trial.start("trial.go").await;
    trial.begun.acquire().await.unwrap().forget();
    // The root is told to stop in the moment in which its next visit is about to begin.
    let root = trial.load(known).await;
    let mut visit = trial.engine.store().children(known).await.unwrap().remove(0);
    visit.id = ExecutionId::generate();
    visit = Execution { status: Status::Requested, version: 1, started_at: None, ..visit };
    let told =
        vec![Change::Start(Box::new(visit.clone())), Change::Advance(known, root.version, Status::Canceling)];
    trial.engine.commit(told).await.unwrap();
    trial.engine.run(visit.clone()).await;
    assert_eq!(trial.attempts(visit.id).await, []);
    assert_eq!(trial.load(visit.id).await.status, Status::Canceled);
}

#[tokio::test]
async fn a_panic_in_an_attempt_is_the_end_of_that_execution_and_of_no_other() {
    let trial = Trial::open(true).await;
    let (single, flow) = (trial.start("trial.act").await, trial.start("trial.go").await);
    let ended = trial.ended(single).await;
    assert_eq!(ended.status, Status::Unknown);
    assert_eq!(ended.result.unwrap()["error"], words::fault::PANICKED);
    assert_eq!(trial.attempts(single).await, [Status::Unknown]);
    assert_eq!(trial.ended(flow).await.status, Status::Failed);
    let visit = trial.engine.store().children(flow).await.unwrap().remove(0);
    assert_eq!((visit.status, trial.attempts(visit.id).await), (Status::Unknown, vec![Status::Unknown]));
    assert!(trial.engine.store().live_attempts().await.unwrap().is_empty());
}

const ASKING: &str = "
version: 1.0
tasks:
  ask:
    action: trial.question
    next: [{when: <% failed() %>, publish: [{said: nobody}], do: after}]
  after: {action: trial.nothing}
output: [{said: <% ctx().said %>}]
";

#[tokio::test]
async fn a_workflow_whose_question_nobody_answers_goes_on_as_it_says() {
    let file = |path: &str, text: &str| SourceFile::text(format!("commands/trial/{path}"), text);
    let clock = TestClock::at(jiff::Timestamp::UNIX_EPOCH);
    let pack = vec![
        file(
            "actions/asking.yaml",
            "name: asking\nrunner_type: orquesta\ndescription: Asks.\nentry_point: workflows/asking.yaml\n",
        ),
        file("actions/workflows/asking.yaml", ASKING),
        file(
            "actions/question.yaml",
            "name: question\nrunner_type: inquirer\ndescription: Asks.\nparameters: {ttl: {default: 2}}\n",
        ),
        file("actions/nothing.yaml", "name: nothing\nrunner_type: noop\ndescription: Does nothing.\n"),
    ];
    let trial = Trial::with(false, pack, clock.clone()).await;
    let root = trial.start("trial.asking").await;
    let paused = async || Some(trial.load(root).await).filter(|it| it.status == Status::Paused);
    trial.until(paused).await;
    clock.advance(Duration::from_secs(119));
    trial.engine.recover().await.unwrap();
    assert_eq!(trial.load(root).await.status, Status::Paused);
    clock.advance(Duration::from_secs(2));
    let ended = trial.ended(root).await;
    assert_eq!(
        (ended.status, &ended.result.unwrap()["output"]["said"]),
        (Status::Succeeded, &"nobody".into())
    );
    let asked = trial.engine.store().children(root).await.unwrap().remove(0);
    assert_eq!(asked.status, Status::Timeout);
}

#[tokio::test]
async fn what_was_approved_once_does_not_run_again() {
    let trial = Trial::open(false).await;
    for of_release in ["app", "number"] {
        let context = Map::from_iter([(of_release.to_owned(), Value::from(1))]);
        let id = trial.start_with("trial.go", Map::new(), context).await;
        trial.engine.cancel(id, &leave(), Vec::new()).await.unwrap();
        let old = trial.ended(id).await;
        let starting = Starting {
            id: ExecutionId::generate(),
            action: old.action.clone(),
            parameters: Map::new(),
            origin: None,
            context: Map::new(),
            places: Vec::new(),
        };
        let again = trial.engine.rerun(&old, Vec::new(), starting, Vec::new()).await;
        assert!(matches!(again, Err(RerunError::Release)), "{again:?}");
    }
}

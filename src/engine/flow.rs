//! Live workflows. A flow's state is its recorded events applied to a fresh conductor; the copy in memory only saves
//! that work, and is thrown away whenever a commit did not hold.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as Plain, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    content::Action,
    expression::{Compat, DatastoreView, HostValues},
    id::{ActionRef, ExecutionId, PersonName, TaskName},
    status::Status,
    store::{Change, StoreError, execution},
    workflow::{self, Chain, Conductor, Dispatch, Effect, Event, IllegalEvent, LogEntry},
};

use super::{Engine, bundle::Bundle, keys, scope::Scope, veil::Veil};

/// What the conductor was told at once, with everything it may have read from outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    pub events: Vec<Event>,
    pub host: HostValues,
}

/// A workflow at work.
pub(super) struct Flow {
    pub(super) execution: execution::Execution,
    pub(super) bundle: Arc<Bundle>,
    course: Course,
    told: i64,
    pub(super) reader: Reader,
    veil: Veil,
    /// Memory ran ahead of the rows: whoever gets this copy must load another.
    pub(super) stale: bool,
}

/// What a workflow reads of the datastore.
#[derive(Clone, Default)]
pub(super) struct Reader {
    /// Its expressions may.
    reads: bool,
    /// Whose `user` keys it sees.
    person: Option<PersonName>,
    /// The moment in which its inputs were bound, until its first event is recorded with it.
    first: Option<DatastoreView>,
}

/// What says how a workflow goes on.
pub(super) enum Course {
    Orquesta(Box<Conductor>),
    Chain(Box<Chain>),
}

impl Course {
    fn apply(&mut self, event: Event, host: &HostValues) -> Result<Vec<Effect>, IllegalEvent> {
        match self {
            Course::Orquesta(conductor) => conductor.apply(event, host),
            Course::Chain(chain) => chain.apply(event, host),
        }
    }

    fn status(&self) -> workflow::Status {
        match self {
            Course::Orquesta(conductor) => conductor.status(),
            Course::Chain(chain) => chain.status(),
        }
    }

    /// The result in the shape of its runner.
    fn result(&self, output: Option<Value>, errors: &[LogEntry]) -> Value {
        match self {
            Course::Orquesta(_) => json!({ "output": output, "errors": errors }),
            Course::Chain(_) => output.unwrap_or_default(),
        }
    }
}

/// The flows in memory.
#[derive(Default)]
pub(super) struct Flows(Plain<HashMap<ExecutionId, Arc<Mutex<Flow>>>>);

impl Flows {
    fn get(&self, id: ExecutionId) -> Option<Arc<Mutex<Flow>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn keep(&self, id: ExecutionId, flow: Arc<Mutex<Flow>>) -> Arc<Mutex<Flow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert(flow).clone()
    }

    pub(super) fn forget(&self, id: ExecutionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Forgets this copy, and not one that somebody loaded since.
    fn forget_copy(&self, id: ExecutionId, copy: &Arc<Mutex<Flow>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.get(&id).is_some_and(|it| Arc::ptr_eq(it, copy)) {
            kept.remove(&id);
        }
    }

    /// Whoever is at work on it comes to an end first; then it is read anew.
    pub(super) async fn distrust(&self, id: ExecutionId) {
        if let Some(copy) = self.get(id) {
            copy.lock().await.stale = true;
        }
    }
}

/// What telling a conductor brought.
#[derive(Default)]
pub(super) struct Advance {
    pub(super) changes: Vec<Change>,
    pub(super) started: Vec<execution::Execution>,
    /// The workflow is over: its status and result.
    pub(super) ended: Option<(Status, Value)>,
}

impl Flow {
    /// Applies events, and passes tasks without an action on at once, until only actions are left to start.
    pub(super) fn tell(&mut self, events: Vec<Event>, host: HostValues) -> Result<Advance, IllegalEvent> {
        let mut told = Told { events: Vec::new(), host };
        let mut advance = Advance::default();
        let mut next = events;
        while !next.is_empty() {
            let mut passed = Vec::new();
            for event in next {
                let effects = match self.course.apply(event.clone(), &told.host) {
                    Ok(effects) => effects,
                    Err(refused) => {
                        // What was applied before it is not recorded, so this copy ran ahead of its rows.
                        self.stale = !told.events.is_empty();
                        return Err(refused);
                    }
                };
                told.events.push(event);
                self.veil.learn(&told.host.datastore.opened());
                for effect in effects {
                    match effect {
                        Effect::Start(dispatch) if is_passage(&dispatch) => passed.push(passage(&dispatch)),
                        Effect::Start(dispatch) => advance.started.push(self.visit(dispatch, told.host.now)),
                        Effect::Completed { status, output, errors } => {
                            let result = self.veil.cover(self.course.result(output, &errors));
                            advance.ended = Some((ended(status), result));
                        }
                    }
                }
            }
            if !passed.is_empty() {
                passed.push(Event::NextRequested);
            }
            next = passed;
        }
        self.told += 1;
        self.reader.first = None;
        let body = serde_json::to_value(&told).unwrap_or_default();
        advance.changes.push(Change::Tell(self.execution.id, self.told, body));
        advance.changes.extend(advance.started.iter().map(|it| Change::Start(Box::new(it.clone()))));
        self.follow_status(&mut advance);
        Ok(advance)
    }

    pub(super) fn has_begun(&self) -> bool {
        self.told > 0
    }

    /// The row shows what the conductor says: paused, canceling.
    fn follow_status(&mut self, advance: &mut Advance) {
        if let Some((status, result)) = &advance.ended {
            advance.changes.push(Change::End(self.execution.id, *status, result.clone()));
            return;
        }
        let status = going(self.course.status());
        if status != self.execution.status {
            advance.changes.push(Change::Advance(self.execution.id, self.execution.version, status));
            self.execution.status = status;
            self.execution.version += 1;
        }
    }

    fn visit(&self, dispatch: Dispatch, now: jiff::Timestamp) -> execution::Execution {
        let action = ActionRef::new(dispatch.action.unwrap_or_else(|| "core.noop".to_owned()));
        let runner = self.bundle.action(&action).map_or("missing", |it| it.runner.as_str());
        let delay = std::time::Duration::from_secs(dispatch.delay_seconds);
        let visit = execution::Visit {
            parent: self.execution.id,
            task: TaskName::new(dispatch.task),
            route: i64::from(dispatch.route),
            item: dispatch.item.and_then(|it| i64::try_from(it).ok()),
        };
        execution::Execution {
            parameters: match self.veil.seal(self.execution.root, dispatch.input) {
                Value::Object(input) => input,
                _ => Map::new(),
            },
            context: Scope::pass_on(
                self.bundle.action(&self.execution.action).map(Arc::as_ref),
                &self.execution.parameters,
                &self.execution.context,
            ),
            due_at: (dispatch.delay_seconds > 0).then(|| crate::clock::after(now, delay)),
            ..self.execution.below(visit, action, runner, now)
        }
    }
}

fn is_passage(dispatch: &Dispatch) -> bool {
    dispatch.action.is_none() && dispatch.delay_seconds == 0
}

fn passage(dispatch: &Dispatch) -> Event {
    Event::ActionChanged {
        task: dispatch.task.clone(),
        route: dispatch.route,
        item: dispatch.item,
        status: workflow::Status::Succeeded,
        result: Value::Null,
    }
}

/// What to tell a parent when this visit ended.
pub(super) fn report(visit: &execution::Visit, status: Status, result: &Value) -> Vec<Event> {
    let changed = Event::ActionChanged {
        task: visit.task.as_str().to_owned(),
        route: u32::try_from(visit.route).unwrap_or(u32::MAX),
        item: visit.item.and_then(|it| usize::try_from(it).ok()),
        status: for_conductor(status),
        result: result.clone(),
    };
    vec![changed, Event::NextRequested]
}

/// The conductor's word for how a visit ended. It knows no `unknown`: for it the action was abandoned.
fn for_conductor(status: Status) -> workflow::Status {
    match status {
        Status::Requested => workflow::Status::Requested,
        Status::Scheduled => workflow::Status::Scheduled,
        Status::Delayed => workflow::Status::Delayed,
        Status::Running => workflow::Status::Running,
        Status::Pending => workflow::Status::Pending,
        Status::Pausing => workflow::Status::Pausing,
        Status::Paused => workflow::Status::Paused,
        Status::Resuming => workflow::Status::Resuming,
        Status::Canceling => workflow::Status::Canceling,
        Status::Canceled => workflow::Status::Canceled,
        Status::Succeeded => workflow::Status::Succeeded,
        Status::Failed => workflow::Status::Failed,
        Status::Timeout => workflow::Status::Timeout,
        Status::Abandoned | Status::Unknown => workflow::Status::Abandoned,
    }
}

/// How a workflow ended, in the store's words.
fn ended(status: workflow::Status) -> Status {
    match going(status) {
        status if status.is_ended() => status,
        _ => Status::Failed,
    }
}

fn going(status: workflow::Status) -> Status {
    match status {
        workflow::Status::Unset | workflow::Status::Requested => Status::Requested,
        workflow::Status::Scheduled => Status::Scheduled,
        workflow::Status::Delayed => Status::Delayed,
        workflow::Status::Running | workflow::Status::Retrying => Status::Running,
        workflow::Status::Pending => Status::Pending,
        workflow::Status::Pausing => Status::Pausing,
        workflow::Status::Paused => Status::Paused,
        workflow::Status::Resuming => Status::Resuming,
        workflow::Status::Canceling => Status::Canceling,
        workflow::Status::Canceled => Status::Canceled,
        workflow::Status::Succeeded => Status::Succeeded,
        workflow::Status::Failed => Status::Failed,
        workflow::Status::Timeout => Status::Timeout,
        workflow::Status::Abandoned => Status::Abandoned,
    }
}

impl Engine {
    /// A workflow's exclusive state, from memory or by replaying its rows.
    pub(super) async fn flow(&self, id: ExecutionId) -> Result<OwnedMutexGuard<Flow>, StoreError> {
        loop {
            let copy = match self.0.flows.get(id) {
                Some(copy) => copy,
                None => {
                    let flow = self.replay(id).await?;
                    self.0.flows.keep(id, Arc::new(Mutex::new(flow)))
                }
            };
            let flow = copy.clone().lock_owned().await;
            if !flow.stale {
                return Ok(flow);
            }
            self.0.flows.forget_copy(id, &copy);
        }
    }

    async fn replay(&self, id: ExecutionId) -> Result<Flow, StoreError> {
        let execution = self.store().load_execution(id).await?;
        let bundle = self.bundle(&execution).await?;
        let told = self.told(id).await?;
        self.replayed(execution, bundle, told).await
    }

    /// The state that these events lead to.
    pub(super) async fn replayed(
        &self,
        execution: execution::Execution,
        bundle: Arc<Bundle>,
        mut told: Vec<Told>,
    ) -> Result<Flow, StoreError> {
        let person = keys::person_of(&execution);
        for it in &mut told {
            it.host.datastore = self.reopened(&it.host.datastore, person.as_ref())?;
        }
        let veil = Veil::new(self.keys().sealer().cloned(), self.0.opened.clone());
        let action = bundle.action(&execution.action);
        let (view, first) = match (told.first(), action) {
            (Some(first), _) => (first.host.datastore.clone(), None),
            (None, Some(action)) => {
                let view = self.inputs_read(&bundle, action, person.as_ref()).await?;
                (view.clone(), Some(view))
            }
            (None, None) => (DatastoreView::default(), None),
        };
        let given = self
            .given(&execution, execution.parameters.clone())
            .map_err(|error| keys::unreadable(&error.to_string()))?;
        veil.learn(&view.opened());
        let mut course = course(&bundle, &execution, given, &view).ok_or_else(|| StoreError::Corrupt {
            table: "content",
            why: format!("no workflow {}", execution.action),
        })?;
        for it in &told {
            for event in &it.events {
                course
                    .apply(event.clone(), &it.host)
                    .map_err(|error| StoreError::Corrupt { table: "flow_event", why: error.to_string() })?;
            }
            veil.learn(&it.host.datastore.opened());
        }
        let told = i64::try_from(told.len()).unwrap_or(i64::MAX);
        let reader = Reader { reads: is_read_by(&bundle, &execution.action), person, first };
        Ok(Flow { execution, bundle, course, told, reader, veil, stale: false })
    }

    /// What the inputs of a workflow and its first expressions read, of one moment.
    async fn inputs_read(
        &self,
        bundle: &Bundle,
        action: &Action,
        person: Option<&PersonName>,
    ) -> Result<DatastoreView, StoreError> {
        if is_read_by(bundle, &action.reference) {
            return self.moment(person).await;
        }
        self.defaults_of(action, person).await
    }

    /// Everything that the conductor of a workflow was told, secrets still sealed.
    pub(super) async fn told(&self, id: ExecutionId) -> Result<Vec<Told>, StoreError> {
        self.store().flow_events(id).await
    }

    /// A workflow whose rows were just committed: this copy is what they say.
    pub(super) fn keep_flow(&self, flow: Flow) {
        let id = flow.execution.id;
        self.0.flows.forget(id);
        self.0.flows.keep(id, Arc::new(Mutex::new(flow)));
    }

    /// The content that an execution was started with.
    pub async fn bundle(&self, execution: &execution::Execution) -> Result<Arc<Bundle>, StoreError> {
        self.0.bundles.load(self.store(), &execution.content).await
    }

    /// Everything from outside that an expression may read, recorded with the event.
    pub(super) async fn host_values(&self, reader: Reader) -> Result<HostValues, StoreError> {
        let datastore = match reader.first {
            Some(first) => first,
            None if reader.reads => self.moment(reader.person.as_ref()).await?,
            None => DatastoreView::default(),
        };
        Ok(HostValues { now: self.now(), seed: rand_seed(), datastore })
    }
}

/// Whether a workflow's own text reads the datastore.
fn is_read_by(bundle: &Bundle, action: &ActionRef) -> bool {
    bundle.pinned.workflows.get(action).is_some_and(|it| keys::is_reader(&it.to_string()))
}

/// Whether there is a workflow that can be conducted.
pub(super) fn is_conducted(bundle: &Bundle, execution: &execution::Execution) -> bool {
    match execution.runner.as_str() {
        "action-chain" => bundle.chain(&execution.action).is_some(),
        _ => bundle.spec(&execution.action).is_some(),
    }
}

/// The workflow of an execution, as it is before anything happened; `None` if it has none that can be conducted.
fn course(
    bundle: &Bundle,
    execution: &execution::Execution,
    given: Map<String, Value>,
    view: &DatastoreView,
) -> Option<Course> {
    let action = bundle.action(&execution.action);
    if execution.runner != "action-chain" {
        let (spec, context) = (bundle.spec(&execution.action)?, flow_context(execution));
        let inputs = inputs(action.map(Arc::as_ref), given, view);
        return Some(Course::Orquesta(Box::new(Conductor::new(spec, inputs, context, Compat::Strict))));
    }
    let (spec, action) = (bundle.chain(&execution.action)?, action?);
    let bound = action.bind_with(given, &Map::new(), view);
    let mut values = bound.map(|it| it.values).unwrap_or_default();
    let shows_published = values.get("display_published") != Some(&Value::Bool(false));
    values.retain(|name, _| action.parameters.get(name).is_none_or(|it| !it.of_runner));
    let user = execution.context.get("requester");
    let parent = json!({ "execution_id": execution.id.to_string(), "user": user, "pack": action.pack });
    let context = Map::from_iter([("action_context".to_owned(), json!({ "parent": parent }))]);
    Some(Course::Chain(Box::new(Chain::new(spec, values, context, shows_published))))
}

/// What the workflow is given: the action's defaults too. A parameter without a value is not given, so that the
/// workflow's own default of that name counts.
fn inputs(action: Option<&Action>, given: Map<String, Value>, view: &DatastoreView) -> Map<String, Value> {
    let bound = action.and_then(|it| it.bind_with(given.clone(), &Map::new(), view).ok());
    let Some(bound) = bound else { return given };
    bound.values.into_iter().filter(|(name, value)| !value.is_null() || given.contains_key(name)).collect()
}

/// Randomness for `random()`: UUIDv7's random half.
fn rand_seed() -> u64 {
    let bytes = ExecutionId::generate().to_string();
    bytes.bytes().rev().take(16).fold(0, |seed, it| seed.rotate_left(4) ^ u64::from(it))
}

/// `ctx().st2` of formats.md d.4.
fn flow_context(execution: &execution::Execution) -> Map<String, Value> {
    let st2 = json!({
        "action_execution_id": execution.id.to_string(),
        "workflow_execution_id": execution.id.to_string(),
        "action": execution.action,
        "runner": execution.runner,
        "user": execution.context.get("requester").cloned().unwrap_or_default(),
    });
    Map::from_iter([("st2".to_owned(), st2)])
}

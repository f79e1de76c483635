//! Action chains: one task after another, each with a way on for success and one for failure. They are driven by the
//! same events as workflows, so that both live, are kept and are taken up in the same way.
//!
//! The rules are those of StackStorm's runner `action-chain`, with these differences: `execution_id` and `liveaction_id`
//! of the tasks in the result are null, and what could not be rendered is told in one line, without a traceback.

mod spec;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::expression::template::{Undefined, printed, render_with};
use crate::expression::{DatastoreView, HostValues};

use super::conductor::{Dispatch, Effect, Event, IllegalEvent};
use super::status::Status;

pub use spec::ChainSpec;

/// The results of all tasks so far, in the templates of a chain.
const RESULTS: &str = "__results";

/// The state of one run of a chain.
#[derive(Debug, Clone)]
pub struct Chain {
    spec: Arc<ChainSpec>,
    /// The parameters of the action.
    inputs: Map<String, Value>,
    /// What templates may read beside them: `action_context`.
    context: Map<String, Value>,
    shows_published: bool,
    status: Status,
    vars: Map<String, Value>,
    results: Map<String, Value>,
    published: Map<String, Value>,
    tasks: Vec<Value>,
    visits: usize,
    at: At,
    /// Why it could not go on by itself.
    error: Option<String>,
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq)]
enum At {
    /// This task is to be started.
    Before(String),
    /// This task is at work, since then.
    In(String, jiff::Timestamp),
    End,
    /// [`Effect::Completed`] was given.
    Closed,
}

impl Chain {
    /// A run that has not begun. `inputs`: the parameters of the action, all of them; `context`: what its templates may
    /// read beside them; `shows_published`: whether the result tells what was published.
    pub fn new(
        spec: Arc<ChainSpec>,
        inputs: Map<String, Value>,
        context: Map<String, Value>,
        shows_published: bool,
    ) -> Self {
        let at = At::Before(spec.first.clone());
        Self {
            spec,
            inputs,
            context,
            shows_published,
            status: Status::Unset,
            vars: Map::new(),
            results: Map::new(),
            published: Map::new(),
            tasks: Vec::new(),
            visits: 0,
            at,
            error: None,
        }
    }

    pub fn status(&self) -> Status {
        self.status
    }

    /// Takes in what happened and says what is to be done, as [`super::Conductor::apply`] does; the `output` of
    /// [`Effect::Completed`] is the whole result, `{tasks[, published][, error]}`.
    ///
    /// # Errors
    /// The event does not fit the state; the state is then as before.
    pub fn apply(&mut self, event: Event, host: &HostValues) -> Result<Vec<Effect>, IllegalEvent> {
        match event {
            Event::StatusRequested(status) => self.request(status, host)?,
            Event::ActionChanged { task, status, result, .. } => self.report(&task, status, result, host)?,
            Event::RerunRequested { .. } => return Err(IllegalEvent::NotCompleted),
            Event::NextRequested => return Ok(self.advance(host)),
        }
        Ok(Vec::new())
    }

    fn request(&mut self, status: Status, host: &HostValues) -> Result<(), IllegalEvent> {
        let refused =
            || IllegalEvent::StatusTransition { status: self.status, event: format!("workflow_{status}") };
        match (status, &self.at) {
            (_, At::Closed | At::End) => return Err(refused()),
            (Status::Running, At::Before(_)) if self.status == Status::Unset => {
                self.status = Status::Running;
                self.begin(host);
            }
            (Status::Resuming | Status::Running, _) => self.status = Status::Running,
            // Paused before it began, it would go on without its variables.
            (Status::Pausing, _) if self.status == Status::Unset => return Err(refused()),
            (Status::Pausing, At::Before(_)) => self.status = Status::Paused,
            (Status::Pausing, At::In(..)) => self.status = Status::Pausing,
            (Status::Canceling, At::Before(_)) => self.end(Status::Canceled),
            (Status::Canceling, At::In(..)) => self.status = Status::Canceling,
            (_, At::Before(_) | At::In(..)) => return Err(refused()),
        }
        Ok(())
    }

    fn begin(&mut self, host: &HostValues) {
        match rendered(&self.spec.vars, &self.inputs, &host.datastore) {
            Ok(vars) => self.vars = vars,
            Err((name, why)) => {
                self.fail(format!("the variable `{name}` of the chain cannot be rendered: {why}"))
            }
        }
    }

    fn report(
        &mut self,
        task: &str,
        status: Status,
        result: Value,
        host: &HostValues,
    ) -> Result<(), IllegalEvent> {
        let since = match &self.at {
            At::In(name, since) if name == task => *since,
            At::In(..) | At::Before(_) | At::End | At::Closed => {
                return Err(IllegalEvent::NotStarted(task.to_owned()));
            }
        };
        if status == Status::Pending {
            // An answer is waited for; it is held until that is there.
            self.status = Status::Paused;
            return Ok(());
        }
        let Some(next) = self.way_on(task, status) else { return Ok(()) };
        self.tasks.push(json!({
            "id": task, "name": task, "execution_id": null, "liveaction_id": null, "workflow": null,
            "created_at": since.to_string(), "updated_at": host.now.to_string(),
            "state": status.to_string(), "result": result,
        }));
        self.results.insert(task.to_owned(), result);
        if let Err((name, why)) = self.publish(task, host) {
            self.fail(format!("`{name}`, which task \"{task}\" publishes, cannot be rendered: {why}"));
            return Ok(());
        }
        if self.status == Status::Canceling {
            self.end(Status::Canceled);
            return Ok(());
        }
        if self.status == Status::Pausing {
            self.status = Status::Paused;
        } else if self.status == Status::Paused {
            // What held it is answered, or nobody answered in time.
            self.status = Status::Running;
        }
        match next {
            Some(next) => self.at = At::Before(next),
            None => self.end(status),
        }
        Ok(())
    }

    /// The task that follows, if any; `None` as long as this one goes on.
    fn way_on(&self, task: &str, status: Status) -> Option<Option<String>> {
        let node = self.spec.nodes.get(task)?;
        match status {
            Status::Succeeded => Some(node.on_success.clone()),
            Status::Failed | Status::Timeout | Status::Abandoned => Some(node.on_failure.clone()),
            Status::Canceled => Some(None),
            Status::Unset
            | Status::Requested
            | Status::Scheduled
            | Status::Delayed
            | Status::Running
            | Status::Pending
            | Status::Pausing
            | Status::Paused
            | Status::Resuming
            | Status::Retrying
            | Status::Canceling => None,
        }
    }

    fn publish(&mut self, task: &str, host: &HostValues) -> Result<(), (String, String)> {
        let Some(node) = self.spec.nodes.get(task).filter(|it| !it.publish.is_empty()) else { return Ok(()) };
        let made = rendered(&node.publish, &self.scope(), &host.datastore)?;
        self.vars.extend(made.clone());
        self.published.extend(made);
        Ok(())
    }

    fn advance(&mut self, host: &HostValues) -> Vec<Effect> {
        let started = match self.at.clone() {
            At::Before(task) if self.status == Status::Running => self.start(&task, host),
            At::Before(_) | At::In(..) | At::End | At::Closed => None,
        };
        started.into_iter().chain(self.close()).collect()
    }

    fn start(&mut self, task: &str, host: &HostValues) -> Option<Effect> {
        let node = self.spec.nodes.get(task)?.clone();
        let mut scope = self.scope();
        scope.extend(self.context.clone());
        let input = match rendered(&node.parameters, &scope, &host.datastore) {
            Ok(input) => input,
            Err((name, why)) => {
                self.fail(format!("parameter `{name}` of task \"{task}\" cannot be rendered: {why}"));
                return None;
            }
        };
        self.at = At::In(task.to_owned(), host.now);
        self.visits += 1;
        Some(Effect::Start(Dispatch {
            task: task.to_owned(),
            route: 0,
            visit: self.visits - 1,
            attempt: 0,
            item: None,
            action: Some(node.action),
            input: input.into(),
            delay_seconds: 0,
        }))
    }

    fn close(&mut self) -> Option<Effect> {
        if self.at != At::End {
            return None;
        }
        self.at = At::Closed;
        let mut result = Map::new();
        result.insert("tasks".to_owned(), self.tasks.clone().into());
        if self.shows_published {
            result.insert("published".to_owned(), self.published.clone().into());
        }
        if let Some(error) = &self.error {
            result.insert("error".to_owned(), error.as_str().into());
        }
        Some(Effect::Completed { status: self.status, output: Some(result.into()), errors: Vec::new() })
    }

    fn end(&mut self, status: Status) {
        self.status = status;
        self.at = At::End;
    }

    fn fail(&mut self, error: String) {
        self.error = Some(error);
        self.end(Status::Failed);
    }

    /// What templates of tasks read: parameters, results by the names of their tasks, variables; later ones win.
    fn scope(&self) -> Map<String, Value> {
        let mut scope = self.inputs.clone();
        scope.extend(self.results.clone());
        scope.extend(self.vars.clone());
        scope.insert(RESULTS.to_owned(), self.results.clone().into());
        scope
    }
}

/// Each value rendered, in order: later ones see earlier ones (`render_values` of `st2common/util/jinja.py`). A text in
/// which nothing was rendered stays as it is; all else becomes text, and lists and mappings become what their text says.
fn rendered(
    mapping: &Map<String, Value>,
    scope: &Map<String, Value>,
    datastore: &DatastoreView,
) -> Result<Map<String, Value>, (String, String)> {
    let mut scope = scope.clone();
    let mut made = Map::new();
    for (name, value) in mapping {
        let value = one(value, &scope, datastore).map_err(|why| (name.clone(), why))?;
        scope.insert(name.clone(), value.clone());
        made.insert(name.clone(), value);
    }
    Ok(made)
}

fn one(value: &Value, scope: &Map<String, Value>, datastore: &DatastoreView) -> Result<Value, String> {
    match value {
        Value::String(text) if text.contains("{{") || text.contains("{%") => {
            let value = render_with(text, scope, datastore, Undefined::Strict);
            let value = value.map_err(|fault| fault.to_string())?;
            Ok(printed(&value).into())
        }
        Value::Array(items) => items.iter().map(|it| one(it, scope, datastore)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, it)| Ok((name.clone(), one(it, scope, datastore)?)))
            .collect::<Result<Map<_, _>, String>>()
            .map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
    }
}

#[cfg(test)]
mod tests;

//! A workflow played through with scripted results; nothing is executed.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::expression::{Compat, HostValues};

use super::conductor::{IllegalEvent, NextTask};
use super::{Conductor, Inspection, Spec, Status};

/// Completions after which a rehearsal is stopped: a loop without an end would never come to rest.
const MOST_COMPLETIONS: u64 = 100_000;

/// An action that was dispatched and has not completed.
struct InFlight {
    task: String,
    route: u32,
    item: Option<usize>,
    input: Value,
}

/// A scripted result that was not used yet.
struct Scripted<'a> {
    task: &'a str,
    item: Option<u64>,
    result: &'a Value,
}

struct Rehearsal<'a> {
    conductor: Conductor,
    host: HostValues,
    in_flight: VecDeque<InFlight>,
    scripted: Vec<Option<Scripted<'a>>>,
    requests: Vec<(u64, Status)>,
    serial: bool,
    completions: u64,
}

/// Runs the JSON form of a workflow against a case: an object with `inputs`, `context`, `results`, `schedule`,
/// `requests`, `then`, all optional. Answers `{status, output, errors, tasks}`. Statuses that are no words of
/// orquesta's, and requests that do not fit the state, are passed over. A workflow that cannot be run at all is `failed`
/// with its findings as errors.
pub fn rehearse(spec: &Value, case: &Value) -> Value {
    match Spec::parse(spec) {
        Ok(spec) => Rehearsal::new(spec, case).run(case),
        Err(findings) => refusal(&findings),
    }
}

fn refusal(findings: &Inspection) -> Value {
    let errors: Vec<Value> =
        findings.all().map(|finding| json!({ "type": "error", "message": finding.message })).collect();
    json!({ "status": Status::Failed, "output": null, "errors": errors, "tasks": [] })
}

impl<'a> Rehearsal<'a> {
    fn new(spec: Spec, case: &'a Value) -> Self {
        let object = |key: &str| case.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
        let results = case.get("results").and_then(Value::as_object).into_iter().flatten();
        let scripted = results
            .flat_map(|(task, results)| {
                results.as_array().into_iter().flatten().map(move |result| (task, result))
            })
            .map(|(task, result)| {
                let item = result.get("item_id").and_then(Value::as_u64);
                Some(Scripted { task, item, result })
            });
        let requests = case.get("requests").and_then(Value::as_array).into_iter().flatten();
        Self {
            scripted: scripted.collect(),
            requests: requests
                .filter_map(|request| Some((request.get("after")?.as_u64()?, status_of(request, "status")?)))
                .collect(),
            conductor: Conductor::new(Arc::new(spec), object("inputs"), object("context"), Compat::Exact),
            host: HostValues::default(),
            in_flight: VecDeque::new(),
            serial: case.get("schedule").and_then(Value::as_str) == Some("serial"),
            completions: 0,
        }
    }

    fn run(mut self, case: &Value) -> Value {
        let mut steps = case.get("then").and_then(Value::as_array).into_iter().flatten();
        self.request(Status::Running);
        loop {
            self.dispatch();
            if !self.in_flight.is_empty() && self.completions < MOST_COMPLETIONS {
                self.complete();
            } else if let Some(step) = steps.next() {
                self.perform(step);
            } else {
                break;
            }
        }
        self.conductor.render_output(&self.host);
        self.answer()
    }

    fn request(&mut self, status: Status) {
        let _ = self.conductor.request_status(status, &self.host);
    }

    /// Dispatches until nothing more is ready: a task over an empty list makes others ready at once.
    fn dispatch(&mut self) {
        loop {
            let next = self.conductor.next_tasks(&self.host);
            if next.is_empty() {
                return;
            }
            for task in next {
                self.start(task);
            }
        }
    }

    fn start(&mut self, next: NextTask) {
        if next.actions.is_empty() {
            let nothing = json!([]);
            for status in [Status::Running, Status::Succeeded] {
                let _ = self.report(&next.task, next.route, None, status, &nothing);
            }
        }
        for action in next.actions {
            let item = action.item;
            if self.report(&next.task, next.route, item, Status::Running, &Value::Null).is_ok() {
                let (task, route, input) = (next.task.clone(), next.route, action.input);
                self.in_flight.push_back(InFlight { task, route, item, input });
            }
        }
    }

    /// Lets the whole batch complete, or its first.
    fn complete(&mut self) {
        let batch = if self.serial { 1 } else { self.in_flight.len() };
        for action in self.in_flight.drain(..batch).collect::<Vec<_>>() {
            let scripted = self.take_result(&action);
            let status = scripted.and_then(|result| status_of(result, "status")).unwrap_or(Status::Succeeded);
            let echo = scripted.and_then(|result| result.get("echo")) == Some(&Value::Bool(true));
            let result =
                if echo { Some(&action.input) } else { scripted.and_then(|result| result.get("result")) };
            let result = result.unwrap_or(&Value::Null);
            let _ = self.report(&action.task, action.route, action.item, status, result);
            self.completions += 1;
            let due: Vec<Status> = self
                .requests
                .iter()
                .filter(|(after, _)| *after == self.completions)
                .map(|(_, status)| *status)
                .collect();
            due.into_iter().for_each(|status| self.request(status));
        }
    }

    fn take_result(&mut self, action: &InFlight) -> Option<&'a Value> {
        let fits = |scripted: &Scripted| {
            let item = action.item.map(|item| item as u64);
            scripted.task == action.task
                && (item.is_none() || scripted.item.is_none() || scripted.item == item)
        };
        let place = self.scripted.iter_mut().find(|place| place.as_ref().is_some_and(fits))?;
        place.take().map(|scripted| scripted.result)
    }

    fn perform(&mut self, step: &Value) {
        if let Some(status) = status_of(step, "request") {
            self.request(status);
        }
        let Some(task) = step.get("respond").and_then(Value::as_str) else { return };
        self.request(Status::Resuming);
        let status = status_of(step, "status").unwrap_or(Status::Succeeded);
        let result = step.get("result").unwrap_or(&Value::Null);
        if let Some((route, item)) = self.pending(task) {
            let _ = self.report(task, route, item, status, result);
        }
    }

    /// Route and item of the first action of a task that waits for an answer.
    fn pending(&self, task: &str) -> Option<(u32, Option<usize>)> {
        self.conductor
            .waiting_for_answer()
            .find(|(name, _, _)| *name == task)
            .map(|(_, route, item)| (route, item))
    }

    fn report(
        &mut self,
        task: &str,
        route: u32,
        item: Option<usize>,
        status: Status,
        result: &Value,
    ) -> Result<(), IllegalEvent> {
        self.conductor.update_task(task, route, item.map(|item| (item, None)), status, result, &self.host)
    }

    fn answer(&self) -> Value {
        let errors: Vec<Value> = self
            .conductor
            .errors()
            .iter()
            .map(|entry| {
                let mut shown = Map::new();
                shown.insert("type".to_owned(), json!(entry.r#type));
                shown.insert("message".to_owned(), json!(entry.message));
                if let Some(task) = &entry.task_id {
                    shown.insert("task_id".to_owned(), json!(task));
                }
                Value::Object(shown)
            })
            .collect();
        let tasks: Vec<Value> = self.conductor.tasks().map(|run| json!([run.task, run.status])).collect();
        json!({
            "status": self.conductor.status(),
            "output": self.conductor.output(),
            "errors": errors,
            "tasks": tasks,
        })
    }
}

fn status_of(value: &Value, key: &str) -> Option<Status> {
    value.get(key)?.as_str()?.parse().ok()
}

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::expression::{CurrentTask, HostValues};

use super::super::Status;
use super::super::spec::{ItemsSpec, TaskSpec};
use super::evaluate::{truthy, whole};
use super::log::Place;
use super::report::Report;
use super::staging::{Items, ItemsPlan};
use super::{Conductor, Dispatch, Effect};

/// A task that is ready, as orquesta's `get_next_tasks` gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct NextTask {
    pub task: String,
    pub route: u32,
    /// What to start now: one, or the items that may run at once.
    pub actions: Vec<NextAction>,
    /// Seconds; a retry has its own.
    pub delay: Option<i64>,
    /// Number of items and the limit as evaluated, for a task `with` items.
    pub items: Option<(usize, Value)>,
    /// The items were not handed out before.
    pub(super) fresh: bool,
}

/// A rendered action.
#[derive(Debug, Clone, PartialEq)]
pub struct NextAction {
    /// The name; null when the task has no action.
    pub action: Value,
    pub input: Value,
    pub item: Option<usize>,
}

/// A staged task while it is rendered.
struct Ready<'a> {
    key: u64,
    name: &'a str,
    task: &'a TaskSpec,
    route: u32,
    context: Arc<Map<String, Value>>,
}

impl Conductor {
    /// The tasks that are ready, rendered, sorted by name and route. They stay ready until they are reported running.
    /// If one cannot be rendered, all faults are logged, the workflow fails and none is given.
    pub fn next_tasks(&mut self, host: &HostValues) -> Vec<NextTask> {
        self.begin(host);
        let mut keys: Vec<u64> = self.staging.ready().collect();
        if self.status == Status::Failed {
            keys.retain(|key| self.staging.get(*key).is_some_and(|staged| staged.run_on_fail));
        } else if !self.status.hands_out_tasks() {
            return Vec::new();
        }
        let mut next = Vec::new();
        let mut failed = false;
        for key in keys {
            match self.prepare(key, host) {
                Ok(task) => next.extend(task),
                Err((name, route, message)) => {
                    failed = true;
                    self.log
                        .error(message, Place { task: Some(&name), route: Some(route), transition: None });
                }
            }
        }
        if failed {
            self.fail(host);
            return Vec::new();
        }
        next.sort_by(|a, b| (&a.task, a.route).cmp(&(&b.task, b.route)));
        next
    }

    /// Hands out what is ready, marks it running, and says when the workflow is over.
    pub(super) fn advance(&mut self, host: &HostValues) -> Vec<Effect> {
        let mut effects = Vec::new();
        loop {
            let next = self.next_tasks(host);
            // A task over an empty list is over at once and may have made others ready.
            let again = next.iter().any(|task| task.actions.is_empty());
            for task in next {
                self.start(task, host, &mut effects);
            }
            if !again {
                break;
            }
        }
        if self.status.is_completed() && !self.is_active() && !self.closed {
            self.closed = true;
            self.render_output(host);
            effects.push(Effect::Completed {
                status: self.status,
                output: self.output.clone(),
                errors: self.log.entries().to_vec(),
            });
        }
        effects
    }

    fn start(&mut self, task: NextTask, host: &HostValues, effects: &mut Vec<Effect>) {
        let Some(node) = self.spec.graph.find(&task.task) else { return };
        if task.actions.is_empty() {
            let nothing = Value::Array(Vec::new());
            for status in [Status::Running, Status::Succeeded] {
                let _ = self.report(node, task.route, Report::Action { status, result: &nothing }, host);
            }
            return;
        }
        let mut fresh = task.fresh;
        for next in task.actions {
            let (status, result) = (Status::Running, &Value::Null);
            let report = match next.item {
                Some(item) => Report::Item { item, status, result, accumulated: None },
                None => Report::Action { status, result },
            };
            let Ok(visit) = self.report(node, task.route, report, host) else { continue };
            let entry = self.sequence.get_mut(visit);
            entry.rounds += u64::from(std::mem::take(&mut fresh));
            let attempt = entry.rounds.saturating_sub(1);
            effects.push(Effect::Start(Dispatch {
                task: task.task.clone(),
                route: task.route,
                visit: visit as usize,
                attempt,
                item: next.item,
                action: action_name(next.action),
                input: next.input,
                delay_seconds: delay_of_item(task.delay, next.item, task.items.as_ref()),
            }));
        }
    }

    /// Renders one staged task. `None`: all its items are handed out. The error is (task, route, message).
    fn prepare(&mut self, key: u64, host: &HostValues) -> Result<Option<NextTask>, (String, u32, String)> {
        let Some(staged) = self.staging.get(key) else { return Ok(None) };
        let (node, route, lineage) = (staged.node, staged.route, staged.lineage);
        let waiting =
            |items: &Items| items.len() == 0 || items.count(None, |status| status == Status::Unset) > 0;
        if staged.items.as_ref().is_some_and(|items| !waiting(items)) {
            return Ok(None);
        }
        let retry_delay =
            staged.retry.as_ref().map(|retry| retry.delay.as_ref().and_then(whole).unwrap_or(0));
        let spec = self.spec.clone();
        let name = spec.graph.get(node).name.as_str();
        let Some(task) = spec.tasks.get(name) else { return Ok(None) };
        let ready = Ready { key, name, task, route, context: self.contexts.merged(lineage) };
        let prepared = match &task.items {
            None => self.prepare_one(&ready, host).map(Some),
            Some(items) => self.prepare_items(&ready, items, host),
        };
        let prepared = prepared.map_err(|message| (name.to_owned(), route, message))?;
        Ok(prepared.map(|next| NextTask { delay: retry_delay.or(next.delay), ..next }))
    }

    fn prepare_one(&self, ready: &Ready, host: &HostValues) -> Result<NextTask, String> {
        let action = self.render(ready, None, host)?;
        let delay = self.delay(ready, host)?;
        let (task, route) = (ready.name.to_owned(), ready.route);
        Ok(NextTask { task, route, actions: vec![action], delay, items: None, fresh: true })
    }

    fn prepare_items(
        &mut self,
        ready: &Ready,
        items: &ItemsSpec,
        host: &HostValues,
    ) -> Result<Option<NextTask>, String> {
        let fresh = self.staging.get(ready.key).is_none_or(|staged| staged.items.is_none());
        if fresh {
            let plan = self.plan_items(ready, items, host)?;
            let mut items = Items::new(plan.elements.len());
            items.plan = Some(plan);
            self.staging.change(ready.key, |staged| staged.items = Some(items));
        }
        let chosen = self.staging.change(ready.key, choose_items).ok_or("KeyError: 'items'")?;
        let (count, chosen, plan) = chosen?;
        let mut actions = Vec::with_capacity(chosen.len());
        for (index, element) in chosen {
            actions.push(NextAction { item: Some(index), ..self.render(ready, Some(&element), host)? });
        }
        if actions.is_empty() && count > 0 {
            return Ok(None);
        }
        let (task, route) = (ready.name.to_owned(), ready.route);
        let (concurrency, delay) = plan;
        Ok(Some(NextTask { task, route, actions, delay, items: Some((count, concurrency)), fresh }))
    }

    /// Evaluates list, delay and limit, and renders every item once so that faults show before the first one starts.
    fn plan_items(&self, ready: &Ready, items: &ItemsSpec, host: &HostValues) -> Result<ItemsPlan, String> {
        let list = self.value_of(ready, &Value::from(items.expression.as_str()), host)?;
        let Value::Array(list) = list else {
            return Err(format!("TypeError: The value of \"{}\" is not type of list.", items.expression));
        };
        let elements: Vec<Value> = list.into_iter().map(|element| named(items, element)).collect();
        for element in &elements {
            self.render(ready, Some(element), host)?;
        }
        let delay = self.delay(ready, host)?;
        let concurrency = self.value_of(ready, &items.concurrency, host)?;
        Ok(ItemsPlan { elements, concurrency: limit(concurrency)?, delay })
    }

    fn render(&self, ready: &Ready, item: Option<&Value>, host: &HostValues) -> Result<NextAction, String> {
        let task = CurrentTask { id: ready.name, route: u64::from(ready.route), result: &Value::Null };
        let evaluate = |value| {
            self.evaluate(value, &ready.context, Some(task), item, host).map_err(|fault| fault.to_string())
        };
        Ok(NextAction {
            action: evaluate(&ready.task.action)?,
            input: evaluate(&ready.task.input)?,
            item: None,
        })
    }

    fn value_of(&self, ready: &Ready, value: &Value, host: &HostValues) -> Result<Value, String> {
        let task = CurrentTask { id: ready.name, route: u64::from(ready.route), result: &Value::Null };
        self.evaluate(value, &ready.context, Some(task), None, host).map_err(|fault| fault.to_string())
    }

    fn delay(&self, ready: &Ready, host: &HostValues) -> Result<Option<i64>, String> {
        let delay = &ready.task.delay;
        if !truthy(delay) {
            return Ok(None);
        }
        let delay = self.value_of(ready, delay, host)?;
        let fault = || "TypeError: The value of task delay is not type of integer.".to_owned();
        whole(&delay).map(Some).ok_or_else(fault)
    }
}

/// An element of the list under the names of the `with`.
fn named(items: &ItemsSpec, element: Value) -> Value {
    match (&items.names, element) {
        (Some(names), Value::Array(parts)) => Value::Object(names.iter().cloned().zip(parts).collect()),
        (Some(names), element) if names.len() == 1 => {
            Value::Object(Map::from_iter([(names[0].clone(), element)]))
        }
        (_, element) => element,
    }
}

/// A limit below 1 would let nothing run and counts as 1. The faults are those that Python raises.
fn limit(concurrency: Value) -> Result<Value, String> {
    match (&concurrency, whole(&concurrency)) {
        (Value::Null, _) => Ok(Value::Null),
        (_, Some(count)) if count <= 0 => Ok(Value::from(1)),
        (_, Some(_)) => Ok(concurrency),
        (Value::Number(_), None) => {
            Err("TypeError: slice indices must be integers or None or have an __index__ method".to_owned())
        }
        (other, None) => {
            let kind = match other {
                Value::String(_) => "str",
                Value::Array(_) => "list",
                Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => "dict",
            };
            Err(format!("TypeError: '<=' not supported between instances of '{kind}' and 'int'"))
        }
    }
}

/// Number of items, the ones that may start now with their elements, and (limit, delay).
type Chosen = (usize, Vec<(usize, Value)>, (Value, Option<i64>));

fn choose_items(staged: &mut super::staging::Staged) -> Result<Chosen, String> {
    let missing = || "KeyError: 'items'".to_owned();
    let items = staged.items.as_mut().ok_or_else(missing)?;
    let plan = items.plan.take().ok_or_else(missing)?;
    let room = match whole(&plan.concurrency) {
        Some(limit) => {
            let active = i64::from(items.count(None, Status::is_active));
            usize::try_from(limit - active).unwrap_or(0)
        }
        None => usize::MAX,
    };
    let chosen: Vec<(usize, Value)> =
        items.waiting(room).into_iter().map(|index| (index, plan.elements[index].clone())).collect();
    let outcome = (items.len(), chosen, (plan.concurrency.clone(), plan.delay));
    items.plan = Some(plan);
    Ok(outcome)
}

fn action_name(action: Value) -> Option<String> {
    match action {
        Value::Null => None,
        Value::String(name) => Some(name),
        other => Some(other.to_string()),
    }
}

/// Only the first items wait, as many as may run at once; those that follow have waited for a free place already.
fn delay_of_item(delay: Option<i64>, item: Option<usize>, items: Option<&(usize, Value)>) -> u64 {
    let waits = match (item, items.and_then(|(_, limit)| whole(limit))) {
        (Some(item), Some(limit)) => (item as i64) < limit,
        (None, _) | (_, None) => true,
    };
    delay.filter(|_| waits).and_then(|delay| u64::try_from(delay).ok()).unwrap_or(0)
}

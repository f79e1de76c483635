use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::expression::{CurrentTask, HostValues};

use super::super::Status;
use super::evaluate::{truthy, whole};
use super::log::Place;
use super::sequence::Visit;
use super::staging::{RetryState, Staged};
use super::{Conductor, IllegalEvent};

/// What became of an action, an item or an engine command.
#[derive(Debug, Clone, Copy)]
pub(super) enum Report<'a> {
    Action {
        status: Status,
        result: &'a Value,
    },
    /// `accumulated`: the results of all items; `None`: those that were reported so far.
    Item {
        item: usize,
        status: Status,
        result: &'a Value,
        accumulated: Option<&'a Value>,
    },
    Command {
        event: &'static str,
        status: Status,
    },
}

impl Report<'_> {
    fn status(&self) -> Status {
        match self {
            Self::Action { status, .. } | Self::Item { status, .. } | Self::Command { status, .. } => *status,
        }
    }

    fn result(&self) -> &Value {
        match self {
            Self::Action { result, .. } | Self::Item { result, .. } => result,
            Self::Command { .. } => &Value::Null,
        }
    }
}

/// A visit that just ended, with what its transitions are decided on.
pub(super) struct Ended<'a> {
    pub(super) visit: u32,
    pub(super) name: &'a str,
    pub(super) context: Arc<Map<String, Value>>,
    pub(super) result: Value,
}

impl Ended<'_> {
    pub(super) fn task(&self, route: u32) -> CurrentTask<'_> {
        CurrentTask { id: self.name, route: u64::from(route), result: &self.result }
    }
}

impl Conductor {
    /// Takes in the status of an action (`update_task_state` of orquesta) without asking whether it was handed out.
    /// `accumulated`: the results of all items so far; `None`: the ones reported here.
    ///
    /// # Errors
    /// The task is not known, or neither staged nor started.
    pub fn update_task(
        &mut self,
        task: &str,
        route: u32,
        item: Option<(usize, Option<&Value>)>,
        status: Status,
        result: &Value,
        host: &HostValues,
    ) -> Result<(), IllegalEvent> {
        self.begin(host);
        let node = self.spec.graph.find(task).ok_or_else(|| IllegalEvent::UnknownTask(task.to_owned()))?;
        let report = match item {
            Some((item, accumulated)) => Report::Item { item, status, result, accumulated },
            None => Report::Action { status, result },
        };
        self.report(node, route, report, host).map(|_| ())
    }

    /// Takes in the status of something that was handed out and has not ended.
    pub(super) fn report_dispatched(
        &mut self,
        task: &str,
        route: u32,
        item: Option<usize>,
        status: Status,
        result: &Value,
        host: &HostValues,
    ) -> Result<(), IllegalEvent> {
        let node = self.spec.graph.find(task).ok_or_else(|| IllegalEvent::UnknownTask(task.to_owned()))?;
        let at_work = |visit| {
            let status = self.sequence.status(visit);
            status != Status::Unset && !status.is_completed()
        };
        if !self.sequence.latest(node, route).is_some_and(at_work) {
            return Err(IllegalEvent::NotStarted(task.to_owned()));
        }
        let items = self.staging.of(node, route).and_then(|staged| staged.items.as_ref());
        match (item, items) {
            (Some(item), items) => {
                let former = items.and_then(|items| items.statuses().get(item).copied());
                if !former.is_some_and(|former| former != Status::Unset && !former.is_completed()) {
                    return Err(IllegalEvent::UnknownItem { task: task.to_owned(), item });
                }
            }
            (None, Some(_)) => return Err(IllegalEvent::ItemExpected(task.to_owned())),
            (None, None) => {}
        }
        self.update_task(task, route, item.map(|item| (item, None)), status, result, host)
    }

    pub(super) fn report(
        &mut self,
        node: u32,
        route: u32,
        report: Report,
        host: &HostValues,
    ) -> Result<u32, IllegalEvent> {
        let spec = self.spec.clone();
        let name = spec.graph.get(node).name.as_str();
        let status = report.status();
        let visit = self.visit_for(node, route, name, report, host)?;
        self.note_on_stage(node, route, name, report)?;

        if status == Status::Failed {
            self.log.failure(name, report.result());
        }
        let old = self.sequence.status(visit);
        let event = match report {
            Report::Action { status, .. } => format!("action_{status}"),
            Report::Item { item, status, .. } => self.item_event(node, route, item, status),
            Report::Command { event, .. } => event.to_owned(),
        };
        self.tell_task(visit, &event);
        let new = self.sequence.status(visit);
        if new == Status::Unset {
            return Err(IllegalEvent::NotStarted(name.to_owned()));
        }
        if !old.is_active() && new.is_active() && self.sequence.get(visit).started.is_none() {
            self.sequence.get_mut(visit).started = Some(host.now);
        }
        if new == Status::Retrying {
            self.stage_retry(visit);
        }

        let mut commands = Vec::new();
        if new.is_completed() {
            let ended = self.end_visit(visit, name, report, host);
            if self.status.is_active() && self.wants_retry(&ended, host) {
                let retry = Report::Command { event: "task_retry_requested", status: Status::Retrying };
                return self.report(node, route, retry, host);
            }
            if new != old {
                commands = self.follow_transitions(&ended, host);
            }
        }
        self.tell_workflow(visit);
        for (command, route) in commands {
            self.run_command(command, route, host)?;
        }
        if self.status.is_completed() {
            self.sequence.get_mut(visit).terminal = true;
        }
        Ok(visit)
    }

    /// The visit that a report belongs to; a new one when the task runs again.
    fn visit_for(
        &mut self,
        node: u32,
        route: u32,
        name: &str,
        report: Report,
        host: &HostValues,
    ) -> Result<u32, IllegalEvent> {
        let command = matches!(report, Report::Command { event, .. } if event != "task_retry_requested");
        let latest = self.sequence.latest(node, route);
        let again = |visit| self.sequence.status(visit).is_completed() && report.status().is_starting();
        if let Some(visit) = latest
            && !command
            && !again(visit)
        {
            return Ok(visit);
        }
        let staged = self.staging.of(node, route).ok_or_else(|| IllegalEvent::NotStarted(name.to_owned()))?;
        let (lineage, prev) = (staged.lineage, staged.prev.clone());
        Ok(self.add_visit(node, route, lineage, prev, host))
    }

    /// Adds a visit that has no status yet.
    pub(super) fn add_visit(
        &mut self,
        node: u32,
        route: u32,
        lineage: u32,
        prev: IndexMap<String, u32>,
        host: &HostValues,
    ) -> u32 {
        let retry = self.retry_state(node, route, lineage, host);
        self.sequence.push(Visit {
            node,
            route,
            lineage,
            published: None,
            prev,
            fired: Vec::new(),
            status: None,
            terminal: false,
            retry,
            rounds: 0,
            result: None,
            started: None,
            ended: None,
        })
    }

    /// Evaluates the limits of a retry. A limit that is no whole number fails the workflow, which then ends with this
    /// attempt.
    fn retry_state(&mut self, node: u32, route: u32, lineage: u32, host: &HostValues) -> Option<RetryState> {
        let spec = self.spec.clone();
        let target = spec.graph.get(node);
        let retry = target.retry.as_ref()?;
        let context = self.contexts.merged(lineage);
        let value_of = |value: &Value, what: &str| match value {
            Value::String(_) => {
                let value =
                    self.evaluate_outside(value, &context, host).map_err(|fault| fault.to_string())?;
                let fault = || {
                    format!("ValueError: The retry {what} for task \"{}\" is not an integer.", target.name)
                };
                whole(&value).map(Value::from).ok_or_else(fault)
            }
            other => Ok(other.clone()),
        };
        let delay = retry.delay.as_ref().map(|delay| value_of(delay, "delay")).transpose();
        let limits = delay.and_then(|delay| Ok((delay, value_of(&retry.count, "count")?)));
        match limits {
            Ok((delay, count)) => {
                let count = whole(&count).unwrap_or(0);
                Some(RetryState { when: retry.when.clone(), count, delay, tally: 0 })
            }
            Err(message) => {
                let place = Place { task: Some(&target.name), route: Some(route), transition: None };
                self.log.error(message, place);
                self.fail(host);
                None
            }
        }
    }

    /// What a report changes on the stage: a task without items leaves it, an item is marked.
    fn note_on_stage(
        &mut self,
        node: u32,
        route: u32,
        name: &str,
        report: Report,
    ) -> Result<(), IllegalEvent> {
        let Some(key) = self.staging.find(node, route) else { return Ok(()) };
        let Some(staged) = self.staging.get(key) else { return Ok(()) };
        let Some(items) = &staged.items else {
            if let Report::Item { item, .. } = report {
                return Err(IllegalEvent::UnknownItem { task: name.to_owned(), item });
            }
            self.staging.remove(node, route);
            return Ok(());
        };
        let Report::Item { item, status, result, .. } = report else { return Ok(()) };
        if item >= items.len() {
            return Err(IllegalEvent::UnknownItem { task: name.to_owned(), item });
        }
        self.staging.change(key, |staged| {
            if let Some(items) = &mut staged.items {
                items.set(item, status);
                items.set_result(item, result);
            }
        });
        Ok(())
    }

    fn stage_retry(&mut self, visit: u32) {
        let entry = self.sequence.get_mut(visit);
        let (node, route, lineage, prev) = (entry.node, entry.route, entry.lineage, entry.prev.clone());
        let Some(retry) = entry.retry.as_mut() else { return };
        retry.tally += 1;
        let retry = Some(retry.clone());
        self.staging.remove(node, route);
        self.staging.add(Staged { prev, retry, ..Staged::new(node, route, lineage) });
    }

    /// Takes a completed visit off the stage and gathers what its transitions need.
    fn end_visit<'a>(&mut self, visit: u32, name: &'a str, report: Report, host: &HostValues) -> Ended<'a> {
        let status = self.sequence.status(visit);
        let entry = self.sequence.get(visit);
        let (node, route, lineage) = (entry.node, entry.route, entry.lineage);
        let has_items = self.spec.tasks.get(name).is_some_and(|task| task.items.is_some());
        let result = if has_items { self.items_result(node, route, report) } else { report.result().clone() };
        if has_items && status.is_abended() {
            // Kept for a rerun of the items that failed.
            if let Some(key) = self.staging.find(node, route) {
                self.staging.change(key, |staged| staged.completed = true);
            }
        } else {
            self.staging.remove(node, route);
        }
        let keeps_results = self.spec.keeps_results;
        let entry = self.sequence.get_mut(visit);
        entry.ended = Some(host.now);
        entry.result = keeps_results.then(|| result.clone());
        Ended { visit, name, context: self.contexts.merged(lineage), result }
    }

    /// The result of a task with items: the results of all of them, null for those that did not run.
    fn items_result(&self, node: u32, route: u32, report: Report) -> Value {
        let given = match report {
            Report::Item { accumulated, .. } => accumulated,
            Report::Action { result, .. } => Some(result),
            Report::Command { .. } => None,
        };
        match given {
            Some(value) if truthy(value) => value.clone(),
            Some(_) => Value::Array(Vec::new()),
            None => {
                let items = self.staging.of(node, route).and_then(|staged| staged.items.as_ref());
                items.map_or_else(|| Value::Array(Vec::new()), |items| items.results().to_vec().into())
            }
        }
    }

    fn wants_retry(&mut self, ended: &Ended, host: &HostValues) -> bool {
        let entry = self.sequence.get(ended.visit);
        let (route, status) = (entry.route, self.sequence.status(ended.visit));
        let Some(retry) = entry.retry.as_ref().filter(|retry| retry.tally < retry.count) else {
            return false;
        };
        let Some(when) = &retry.when else { return status.is_abended() };
        let when = Value::from(when.as_str());
        match self.evaluate(&when, &ended.context, Some(ended.task(route)), None, host) {
            Ok(value) => truthy(&value),
            Err(fault) => {
                let place = Place { task: Some(ended.name), route: Some(route), transition: None };
                self.log.error(fault.to_string(), place);
                self.fail(host);
                false
            }
        }
    }

    fn run_command(&mut self, command: u32, route: u32, host: &HostValues) -> Result<(), IllegalEvent> {
        let spec = self.spec.clone();
        let (event, status) = match spec.graph.get(command).name.as_str() {
            "continue" => ("task_continue_requested", Status::Succeeded),
            "noop" => ("task_noop_requested", Status::Succeeded),
            _ => ("task_fail_requested", Status::Failed),
        };
        self.report(command, route, Report::Command { event, status }, host).map(|_| ())
    }
}

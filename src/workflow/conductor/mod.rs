//! The conductor: a workflow's state and the one function that changes it.
//!
//! [`Conductor::apply`] takes what happened and gives what is to be done. It computes nothing but its arguments: times,
//! random values and datastore entries that expressions ask for come in as [`HostValues`], so that a replay of the same
//! events ends in the same state. The rules are those of orquesta 1.6 (`orquesta/conducting.py`, `machines.py`), traps
//! included; where Python would raise halfway through a change, nothing is changed here.

mod aliasing;
mod begin;
mod contexts;
mod evaluate;
mod event;
mod hand_out;
mod log;
mod machine;
mod output;
mod picture;
mod report;
mod request;
mod rerun;
mod sequence;
mod staging;
mod stored;
mod transition;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::expression::{Compat, HostValues};

use super::{Spec, Status};
use contexts::Contexts;
pub use event::{Dispatch, Effect, Event, IllegalEvent, RerunTask};
pub use hand_out::{NextAction, NextTask};
use log::Log;
pub use log::LogEntry;
use sequence::Sequence;
use staging::Staging;
use stored::Stored;

/// The state of one run of a workflow.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Conductor {
    spec: Arc<Spec>,
    compat: Compat,
    inputs: Map<String, Value>,
    parent: Map<String, Value>,
    /// Inputs and variables were rendered; that happens with the first event, whose host values they may need.
    begun: bool,
    status: Status,
    contexts: Contexts,
    /// Per route the transitions at which it split off.
    routes: Vec<Vec<String>>,
    sequence: Sequence,
    staging: Staging,
    reruns: Vec<Vec<u32>>,
    log: Log,
    output: Option<Value>,
    /// [`Effect::Completed`] was given.
    closed: bool,
}

/// One run of a task, for whoever shows the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskRun<'a> {
    /// Its place among all visits, the same for ever.
    pub visit: usize,
    pub task: &'a str,
    pub route: u32,
    pub status: Status,
    /// How often it was tried again.
    pub retries: u64,
}

impl Conductor {
    /// A run that has not begun. `inputs`: what the caller gives for the declared inputs; `context`: variables beside
    /// them. Keys that start with `__` are invisible to expressions.
    pub fn new(
        spec: Arc<Spec>,
        inputs: Map<String, Value>,
        context: Map<String, Value>,
        compat: Compat,
    ) -> Self {
        Self {
            sequence: Sequence::new(spec.clone(), Vec::new()),
            spec,
            compat,
            inputs,
            parent: context,
            begun: false,
            status: Status::Unset,
            contexts: Contexts::new(compat == Compat::Exact),
            routes: Vec::new(),
            staging: Staging::default(),
            reruns: Vec::new(),
            log: Log::default(),
            output: None,
            closed: false,
        }
    }

    /// Takes in what happened and says what is to be done. The only way in, live and for a replay.
    ///
    /// Nothing is handed out but by [`Event::NextRequested`]: whoever drives the conductor sends it after the events it
    /// has, as often as it likes.
    ///
    /// # Errors
    /// The event does not fit the state; the state is then as before.
    pub fn apply(&mut self, event: Event, host: &HostValues) -> Result<Vec<Effect>, IllegalEvent> {
        self.begin(host);
        match event {
            Event::StatusRequested(status) => self.request_status_or_nothing(status, host)?,
            Event::ActionChanged { task, route, item, status, result } => {
                self.report_dispatched(&task, route, item, status, &result, host)?;
            }
            Event::RerunRequested { tasks } => self.request_rerun(&tasks, host)?,
            Event::NextRequested => return Ok(self.advance(host)),
        }
        Ok(Vec::new())
    }

    pub fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }

    pub fn status(&self) -> Status {
        self.status
    }

    pub fn errors(&self) -> &[LogEntry] {
        self.log.entries()
    }

    /// The rendered output, an object; `None` before completion and when there is nothing in it.
    pub fn output(&self) -> Option<&Value> {
        self.output.as_ref()
    }

    /// Some task is at work: neither waiting for a person nor for its turn.
    pub fn is_active(&self) -> bool {
        self.sequence.any_active()
    }

    /// Task, route and item of every action that waits for a person's answer.
    pub fn waiting_for_answer(&self) -> impl Iterator<Item = (&str, u32, Option<usize>)> {
        self.sequence.visits().iter().enumerate().flat_map(|(visit, entry)| {
            let task = self.spec.graph.get(entry.node).name.as_str();
            let latest = self.sequence.is_latest(visit as u32);
            let alone = latest && entry.status == Some(Status::Pending);
            let staged = self.staging.of(entry.node, entry.route).filter(|_| latest);
            let statuses =
                staged.and_then(|staged| staged.items.as_ref()).map_or(&[][..], |items| items.statuses());
            let items = statuses.iter().enumerate().filter(|(_, status)| **status == Status::Pending);
            let items = items.map(move |(item, _)| (task, entry.route, Some(item)));
            alone.then_some((task, entry.route, None)).into_iter().chain(items)
        })
    }

    /// Every run of a task in the order first started, engine commands left out.
    pub fn tasks(&self) -> impl Iterator<Item = TaskRun<'_>> {
        self.sequence.visits().iter().enumerate().filter_map(|(visit, entry)| {
            let task = self.spec.graph.get(entry.node).name.as_str();
            let command = super::spec::RESERVED.contains(&task);
            (!command).then(|| TaskRun {
                visit,
                task,
                route: entry.route,
                status: entry.status.unwrap_or(Status::Unset),
                retries: entry.retry.as_ref().map_or(0, |retry| retry.tally.unsigned_abs()),
            })
        })
    }
}

#[cfg(test)]
mod tests;

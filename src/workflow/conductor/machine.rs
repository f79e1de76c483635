//! The names of events with what the tables want to know about the rest of the workflow.

use super::super::Status;
use super::super::table::{task_transition, workflow_transition};
use super::Conductor;
use super::log::Place;
use super::sequence::Barrier;

/// The command that ends a branch without handling a failure.
const CONTINUE: &str = "continue";

fn activity(active: bool, kind: &str) -> String {
    format!("_{kind}_{}", if active { "active" } else { "dormant" })
}

impl Conductor {
    /// A task hears an event; what the table does not list changes nothing.
    pub(super) fn tell_task(&mut self, visit: u32, event: &str) {
        if let Some(status) = task_transition(self.sequence.status(visit), event) {
            self.sequence.set_status(visit, status);
        }
    }

    /// The event of one item, told with what the other items do.
    pub(super) fn item_event(&self, node: u32, route: u32, item: usize, status: Status) -> String {
        let name = format!("action_{status}");
        let asked =
            matches!(status, Status::Resuming | Status::Pending | Status::Paused) || status.is_completed();
        let items = self.staging.of(node, route).and_then(|staged| staged.items.as_ref());
        let Some(items) = items.filter(|_| asked) else { return name };

        let others = |which: fn(Status) -> bool| items.count(Some(item), which) > 0;
        let active = others(Status::is_active);
        let state = if !active && others(|status| matches!(status, Status::Pending | Status::Paused)) {
            "_items_paused"
        } else if !active && others(|status| status == Status::Canceled) {
            "_items_canceled"
        } else if !active && others(Status::is_abended) {
            "_items_failed"
        } else if others(|status| !status.is_completed()) {
            "_items_incomplete"
        } else {
            "_items_completed"
        };
        format!("{name}{}{state}", activity(active, "task"))
    }

    /// A request to the workflow as a task hears it.
    pub(super) fn request_event_for_task(&self, visit: u32, status: Status) -> String {
        let name = format!("workflow_{status}");
        let entry = self.sequence.get(visit);
        let items = self.staging.of(entry.node, entry.route).and_then(|staged| staged.items.as_ref());
        let Some(items) = items.filter(|_| status.is_pause_or_cancel()) else { return name };

        let active = items.count(None, Status::is_active) > 0;
        let incomplete = items.count(None, |status| !status.is_completed()) > 0;
        let state = if incomplete { "_items_incomplete" } else { "_items_completed" };
        format!("{name}{}{state}", activity(active, "task"))
    }

    /// A request as the workflow hears it. Gives the plain name of the event when it changed nothing.
    pub(super) fn tell_workflow_request(&mut self, status: Status) {
        let mut name = format!("workflow_{status}");
        if status.is_pause_or_cancel() {
            name += &activity(self.sequence.any_active(), "workflow");
        }
        let resumed = matches!(status, Status::Running | Status::Resuming);
        if self.status == Status::Paused && resumed && !self.sequence.any_active() && self.nothing_waits() {
            name += "_workflow_completed";
        }
        if let Some(status) = workflow_transition(self.status, &name) {
            self.status = status;
        }
    }

    fn nothing_waits(&self) -> bool {
        let paused = |status| matches!(status, Status::Pending | Status::Paused);
        !self.staging.any_ready() && !self.sequence.any(paused)
    }

    /// The workflow hears what became of a task. A workflow that would be over with a join half reached has failed.
    pub(super) fn tell_workflow(&mut self, visit: u32) {
        let name = self.task_event(visit);
        let Some(status) = workflow_transition(self.status, &name) else { return };
        self.status = status;
        if !status.is_completed() {
            return;
        }
        let unreachable: Vec<(u32, u32)> = self
            .staging
            .all()
            .filter(|staged| !staged.ready && self.barrier(staged.node, staged.route) == Barrier::Unsatisfied)
            .map(|staged| (staged.node, staged.route))
            .collect();
        for (node, route) in unreachable {
            self.status = Status::Failed;
            let task = &self.spec.graph.get(node).name;
            let message = format!(
                "UnreachableJoinError: The join task|route \"{task}|{route}\" is partially satisfied but unreachable."
            );
            self.log.error(message, Place { task: Some(task), route: Some(route), transition: None });
        }
    }

    fn task_event(&self, visit: u32) -> String {
        let status = self.sequence.status(visit);
        let has_next = self.leads_on(visit, true);
        let remediated = status.is_abended() && (has_next || self.leads_on(visit, false));
        let name = if remediated { "task_remediated".to_owned() } else { format!("task_{status}") };

        let conditional = remediated
            || matches!(
                status,
                Status::Pending
                    | Status::Paused
                    | Status::Succeeded
                    | Status::Failed
                    | Status::Canceled
                    | Status::Retrying
            );
        let name = if conditional { name + &activity(self.sequence.any_active(), "workflow") } else { name };
        if !remediated && status != Status::Succeeded {
            return name;
        }
        let any = |which: fn(Status) -> bool| self.sequence.any(which);
        let state = if any(|status| matches!(status, Status::Canceling | Status::Canceled)) {
            "_canceled"
        } else if any(|status| matches!(status, Status::Pausing | Status::Paused | Status::Pending)) {
            "_paused"
        } else if self.staging.any_ready() || has_next {
            "_incomplete"
        } else {
            "_completed"
        };
        name + state
    }

    /// Whether a completed visit fired a transition that goes somewhere. `joins_ready`: a transition to a join counts
    /// only while the join can still be reached; otherwise it is the only kind that is asked for in addition.
    fn leads_on(&self, visit: u32, joins_ready: bool) -> bool {
        let entry = self.sequence.get(visit);
        if !self.sequence.status(visit).is_completed() {
            return false;
        }
        let edges = &self.spec.graph.get(entry.node).outbound;
        edges.iter().zip(&entry.fired).filter(|(_, fired)| **fired == Some(true)).any(|(edge, _)| {
            let target = self.spec.graph.get(edge.target);
            let lost = joins_ready
                && target.join.is_some()
                && self.barrier(edge.target, entry.route) == Barrier::Unsatisfied;
            target.name != CONTINUE && !lost
        })
    }

    pub(super) fn barrier(&self, node: u32, route: u32) -> Barrier {
        let open = self.sequence.any_active() || self.staging.any_ready();
        self.sequence.barrier(node, route, open)
    }
}

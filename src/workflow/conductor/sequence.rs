use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Status;
use super::super::spec::{Join, Spec};
use super::staging::RetryState;

/// One visit of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Visit {
    pub(super) node: u32,
    pub(super) route: u32,
    pub(super) lineage: u32,
    /// The transition that published last, and the context it published.
    pub(super) published: Option<(String, u32)>,
    pub(super) prev: IndexMap<String, u32>,
    /// Per outbound transition whether it fired; `None` when it was not decided.
    pub(super) fired: Vec<Option<bool>>,
    pub(super) status: Option<Status>,
    /// Nothing came after it.
    pub(super) terminal: bool,
    pub(super) retry: Option<RetryState>,
    /// How often it was handed out, all its items at once counted once.
    pub(super) rounds: u64,
    /// Kept only for workflows that ask for it.
    pub(super) result: Option<Value>,
    pub(super) started: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
}

/// Whether a join has got what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Barrier {
    Satisfied,
    /// Somebody may still arrive.
    Open,
    Unsatisfied,
}

/// Who arrived at a join on a route.
#[derive(Debug, Clone, Default)]
struct Arrivals {
    /// Inbound task → whether one of its transitions to the join fired on its latest visit.
    seen: HashMap<u32, bool>,
    fired: usize,
}

/// All visits in order, and what can be asked about the latest of each task and route without a search.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    spec: Arc<Spec>,
    visits: Vec<Visit>,
    latest: HashMap<(u32, u32), u32>,
    /// How many of the latest visits are in each status.
    counts: [u32; Status::COUNT],
    arrivals: HashMap<(u32, u32), Arrivals>,
}

impl Sequence {
    pub(super) fn new(spec: Arc<Spec>, visits: Vec<Visit>) -> Self {
        let mut sequence = Self {
            spec,
            visits: Vec::with_capacity(visits.len()),
            latest: HashMap::new(),
            counts: [0; Status::COUNT],
            arrivals: HashMap::new(),
        };
        for visit in visits {
            sequence.push(visit);
        }
        sequence
    }

    pub(super) fn visits(&self) -> &[Visit] {
        &self.visits
    }

    pub(super) fn get(&self, index: u32) -> &Visit {
        &self.visits[index as usize]
    }

    /// For fields that nothing is counted by. Statuses go through [`Self::set_status`].
    pub(super) fn get_mut(&mut self, index: u32) -> &mut Visit {
        &mut self.visits[index as usize]
    }

    /// The latest visit of a task on a route.
    pub(super) fn latest(&self, node: u32, route: u32) -> Option<u32> {
        self.latest.get(&(node, route)).copied()
    }

    pub(super) fn is_latest(&self, index: u32) -> bool {
        let visit = self.get(index);
        self.latest(visit.node, visit.route) == Some(index)
    }

    pub(super) fn push(&mut self, visit: Visit) -> u32 {
        let index = self.visits.len() as u32;
        let key = (visit.node, visit.route);
        if let Some(former) = self.latest.insert(key, index)
            && let Some(status) = self.get(former).status
        {
            self.counts[status as usize] -= 1;
        }
        if let Some(status) = visit.status {
            self.counts[status as usize] += 1;
        }
        let spec = self.spec.clone();
        let edges = &spec.graph.get(visit.node).outbound;
        for edge in edges.iter().filter(|edge| spec.graph.get(edge.target).join.is_some()) {
            self.arrivals.entry((edge.target, visit.route)).or_default().set(visit.node, false);
        }
        for (edge, fired) in edges.iter().zip(&visit.fired).filter(|(_, fired)| **fired == Some(true)) {
            self.arrive(visit.node, visit.route, edge.target, *fired == Some(true));
        }
        self.visits.push(visit);
        index
    }

    pub(super) fn status(&self, index: u32) -> Status {
        self.get(index).status.unwrap_or(Status::Unset)
    }

    pub(super) fn set_status(&mut self, index: u32, status: Status) {
        if self.is_latest(index) {
            if let Some(former) = self.get(index).status {
                self.counts[former as usize] -= 1;
            }
            self.counts[status as usize] += 1;
        }
        self.get_mut(index).status = Some(status);
    }

    /// Notes whether a transition of the latest visit of a task fired.
    pub(super) fn set_fired(&mut self, index: u32, edge: usize, fired: bool) {
        let spec = self.spec.clone();
        let (node, route) = (self.get(index).node, self.get(index).route);
        let edges = &spec.graph.get(node).outbound;
        let visit = self.get_mut(index);
        visit.fired.resize(edges.len(), None);
        visit.fired[edge] = Some(fired);
        self.arrive(node, route, edges[edge].target, fired);
    }

    /// Indices of the latest visits that are active, in order.
    pub(super) fn active(&self) -> Vec<u32> {
        (0..self.visits.len() as u32)
            .filter(|index| self.status(*index).is_active() && self.is_latest(*index))
            .collect()
    }

    /// Whether the latest visit of some task has a status that `which` accepts.
    pub(super) fn any(&self, which: impl Fn(Status) -> bool) -> bool {
        Status::ALL.into_iter().any(|status| which(status) && self.counts[status as usize] > 0)
    }

    pub(super) fn any_active(&self) -> bool {
        self.any(Status::is_active)
    }

    pub(super) fn terminal(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.visits.len() as u32).filter(|index| self.get(*index).terminal)
    }

    /// `open`: something is active or staged, so that others may still arrive.
    pub(super) fn barrier(&self, node: u32, route: u32, open: bool) -> Barrier {
        let target = self.spec.graph.get(node);
        let (seen, fired) = self
            .arrivals
            .get(&(node, route))
            .map_or((0, 0), |arrivals| (arrivals.seen.len(), arrivals.fired));
        let required = match target.join {
            Some(Join::All) => target.inbound_tasks,
            Some(Join::Count(count)) => count.max(1) as usize,
            // A task that is no join is reached by whoever fires.
            None => return Barrier::Satisfied,
        };
        if fired >= required {
            Barrier::Satisfied
        } else if seen < target.inbound_tasks && open {
            Barrier::Open
        } else {
            Barrier::Unsatisfied
        }
    }

    fn arrive(&mut self, source: u32, route: u32, target: u32, fired: bool) {
        if fired && self.spec.graph.get(target).join.is_some() {
            self.arrivals.entry((target, route)).or_default().set(source, true);
        }
    }
}

impl Arrivals {
    fn set(&mut self, source: u32, fired: bool) {
        let before = self.seen.insert(source, fired).unwrap_or(false);
        self.fired = self.fired + usize::from(fired) - usize::from(before);
    }
}

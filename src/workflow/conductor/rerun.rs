use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::expression::HostValues;

use super::super::Status;
use super::staging::Staged;
use super::{Conductor, IllegalEvent, RerunTask};

/// Task and route.
type Key = (u32, u32);

impl Conductor {
    /// Prepares a completed workflow to run again (`request_workflow_rerun` of orquesta): from the named tasks, or from
    /// every task that failed with nothing after it. The workflow is then `resuming`.
    ///
    /// # Errors
    /// The workflow is not over, or a named task never ran.
    pub fn request_rerun(&mut self, tasks: &[RerunTask], host: &HostValues) -> Result<(), IllegalEvent> {
        self.begin(host);
        if !self.status.is_completed() {
            return Err(IllegalEvent::NotCompleted);
        }
        let named = self.named(tasks)?;
        let chosen: Vec<(u32, bool)> = if named.is_empty() {
            let abended = |visit: &u32| self.sequence.status(*visit).is_abended();
            let failed = self.sequence.terminal().filter(abended);
            // The latest of each task and route stands for all of them.
            let by_task: IndexMap<Key, u32> = failed.map(|visit| (self.key(visit), visit)).collect();
            by_task.into_values().map(|visit| (visit, false)).collect()
        } else {
            self.without_followers(named)
        };
        self.reruns.push(chosen.iter().map(|(visit, _)| *visit).collect());

        let spec = self.spec.clone();
        let mut sorted = chosen;
        sorted.sort_by_key(|(visit, _)| {
            let (node, route) = self.key(*visit);
            (spec.graph.get(node).name.as_str(), route)
        });
        for (visit, reset_items) in sorted {
            let key = self.key(visit);
            self.rerun_task(key, reset_items, host);
        }
        self.resume_what_went_on();
        self.output = None;
        self.closed = false;
        self.status = Status::Resuming;
        Ok(())
    }

    fn key(&self, visit: u32) -> Key {
        let entry = self.sequence.get(visit);
        (entry.node, entry.route)
    }

    /// The latest visit of each named task.
    fn named(&self, tasks: &[RerunTask]) -> Result<Vec<(u32, bool)>, IllegalEvent> {
        let mut found: IndexMap<Key, (u32, bool)> = IndexMap::new();
        let mut missing = Vec::new();
        for task in tasks {
            let node = self.spec.graph.find(&task.task);
            let visit = node.and_then(|node| self.sequence.latest(node, task.route));
            match visit {
                Some(visit) => {
                    found.insert(self.key(visit), (visit, task.reset_items));
                }
                None => missing.push(format!("{}|{}", task.task, task.route)),
            }
        }
        if missing.is_empty() {
            Ok(found.into_values().collect())
        } else {
            Err(IllegalEvent::NotRerunnable(missing))
        }
    }

    /// Drops a named task that another named one leads to: it will be reached anyway.
    fn without_followers(&self, named: Vec<(u32, bool)>) -> Vec<(u32, bool)> {
        if named.len() < 2 {
            return named;
        }
        let reach: BTreeMap<u32, BTreeSet<u32>> =
            named.iter().map(|(visit, _)| (*visit, self.with_followers(self.key(*visit)))).collect();
        let stays = |visit: &u32| reach.values().any(|other| !reach[visit].is_subset(other));
        named.into_iter().filter(|(visit, _)| stays(visit)).collect()
    }

    /// The latest visit of a task and those that came directly after one of its visits; orquesta looks no further.
    fn with_followers(&self, key: Key) -> BTreeSet<u32> {
        let follows =
            |index: &u32| self.sequence.get(*index).prev.values().any(|source| self.key(*source) == key);
        let count = self.sequence.visits().len() as u32;
        let latest = self.sequence.latest(key.0, key.1);
        (0..count).filter(follows).chain(latest).collect()
    }

    fn rerun_task(&mut self, (node, route): Key, reset_items: bool, host: &HostValues) {
        let Some(visit) = self.sequence.latest(node, route) else { return };
        let spec = self.spec.clone();
        let name = spec.graph.get(node).name.as_str();
        let entry = self.sequence.get_mut(visit);
        entry.terminal = false;
        let (lineage, prev) = (entry.lineage, entry.prev.clone());
        self.log.forget(name);

        let staged = self.staging.find(node, route);
        if let Some(key) = staged {
            self.staging.change(key, |staged| staged.completed = false);
        }
        let has_items = spec.tasks.get(name).is_some_and(|task| task.items.is_some());
        match (has_items, staged) {
            (true, Some(key)) => {
                self.staging.change(key, |staged| reset(staged, reset_items));
            }
            // Orquesta breaks on items that all succeeded; here they run again.
            (true, None) => {
                self.staging.add(Staged { prev, ..Staged::new(node, route, lineage) });
            }
            (false, _) => {
                self.add_visit(node, route, lineage, prev.clone(), host);
                self.staging.add(Staged { prev, ..Staged::new(node, route, lineage) });
            }
        }
        for visit in self.with_followers((node, route)) {
            self.sequence.get_mut(visit).terminal = false;
        }
    }

    /// Branches that had gone on past a failure are no longer the end of anything.
    fn resume_what_went_on(&mut self) {
        let terminal: Vec<u32> = self.sequence.terminal().collect();
        for visit in terminal {
            if self.sequence.get(visit).fired.contains(&Some(true)) {
                self.sequence.get_mut(visit).terminal = false;
            }
        }
    }
}

fn reset(staged: &mut Staged, reset_items: bool) {
    let Some(items) = &mut staged.items else { return };
    for item in 0..items.len() {
        if reset_items || items.statuses()[item].is_abended() {
            items.set(item, Status::Unset);
        }
    }
}

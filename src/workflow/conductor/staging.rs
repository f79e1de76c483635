use std::collections::{BTreeMap, BTreeSet, HashMap};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Status;

/// A task that waits to be handed out, or whose items are being handed out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Staged {
    pub(super) node: u32,
    pub(super) route: u32,
    /// The list of contexts it sees.
    pub(super) lineage: u32,
    /// Transition by which it was reached → place of the source in the sequence.
    pub(super) prev: IndexMap<String, u32>,
    pub(super) ready: bool,
    /// Failed with items; kept for a rerun.
    pub(super) completed: bool,
    pub(super) run_on_fail: bool,
    pub(super) retry: Option<RetryState>,
    pub(super) items: Option<Items>,
}

impl Staged {
    pub(super) fn new(node: u32, route: u32, lineage: u32) -> Self {
        Self {
            node,
            route,
            lineage,
            prev: IndexMap::new(),
            ready: true,
            completed: false,
            run_on_fail: false,
            retry: None,
            items: None,
        }
    }
}

/// The retry of one visit of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RetryState {
    pub(super) when: Option<String>,
    pub(super) count: i64,
    /// `None`: the key is not there.
    pub(super) delay: Option<Value>,
    pub(super) tally: i64,
}

/// The items of a visit: statuses, results, and counters so that no report has to look at all of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Items {
    statuses: Vec<Status>,
    results: Vec<Value>,
    counts: [u32; Status::COUNT],
    /// No item before this one waits to be handed out.
    first_waiting: usize,
    /// What is rendered when items are first handed out.
    pub(super) plan: Option<ItemsPlan>,
}

/// The elements and limits of a `with`, evaluated once per visit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ItemsPlan {
    pub(super) elements: Vec<Value>,
    /// As evaluated; null when there is no limit.
    pub(super) concurrency: Value,
    pub(super) delay: Option<i64>,
}

impl Items {
    pub(super) fn new(count: usize) -> Self {
        let mut counts = [0; Status::COUNT];
        counts[Status::Unset as usize] = count as u32;
        Self {
            statuses: vec![Status::Unset; count],
            results: vec![Value::Null; count],
            counts,
            first_waiting: 0,
            plan: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.statuses.len()
    }

    pub(super) fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    pub(super) fn results(&self) -> &[Value] {
        &self.results
    }

    pub(super) fn set(&mut self, item: usize, status: Status) {
        self.counts[self.statuses[item] as usize] -= 1;
        self.counts[status as usize] += 1;
        self.statuses[item] = status;
        if status == Status::Unset {
            self.first_waiting = self.first_waiting.min(item);
        }
    }

    pub(super) fn set_result(&mut self, item: usize, result: &Value) {
        self.results[item].clone_from(result);
    }

    /// How many items, `except` one, have a status that `which` accepts.
    pub(super) fn count(&self, except: Option<usize>, which: impl Fn(Status) -> bool) -> u32 {
        let all: u32 = Status::ALL
            .into_iter()
            .filter(|status| which(*status))
            .map(|status| self.counts[status as usize])
            .sum();
        let excepted = except.is_some_and(|item| which(self.statuses[item]));
        all - u32::from(excepted)
    }

    /// The first `limit` items that wait, in order.
    pub(super) fn waiting(&mut self, limit: usize) -> Vec<usize> {
        let waits = |item: &usize| self.statuses[*item] == Status::Unset;
        let found: Vec<usize> = (self.first_waiting..self.statuses.len()).filter(waits).take(limit).collect();
        self.first_waiting = found.first().copied().unwrap_or(match limit {
            0 => self.first_waiting,
            _ => self.statuses.len(),
        });
        found
    }
}

/// The staged tasks in order of staging, found by task and route.
#[derive(Debug, Clone, Default)]
pub(super) struct Staging {
    entries: BTreeMap<u64, Staged>,
    by_task: HashMap<(u32, u32), Vec<u64>>,
    ready: BTreeSet<u64>,
    next: u64,
}

impl Staging {
    pub(super) fn from_entries(entries: Vec<Staged>) -> Self {
        let mut staging = Self::default();
        for entry in entries {
            staging.add(entry);
        }
        staging
    }

    pub(super) fn add(&mut self, staged: Staged) -> u64 {
        let key = self.next;
        self.next += 1;
        self.by_task.entry((staged.node, staged.route)).or_default().push(key);
        self.entries.insert(key, staged);
        self.refresh(key);
        key
    }

    /// The key of the oldest entry of a task.
    pub(super) fn find(&self, node: u32, route: u32) -> Option<u64> {
        self.by_task.get(&(node, route))?.first().copied()
    }

    pub(super) fn get(&self, key: u64) -> Option<&Staged> {
        self.entries.get(&key)
    }

    pub(super) fn of(&self, node: u32, route: u32) -> Option<&Staged> {
        self.get(self.find(node, route)?)
    }

    /// Changes an entry in place.
    pub(super) fn change<T>(&mut self, key: u64, act: impl FnOnce(&mut Staged) -> T) -> Option<T> {
        let result = self.entries.get_mut(&key).map(act);
        self.refresh(key);
        result
    }

    /// Takes the oldest entry of a task out, unless some of its items still run.
    pub(super) fn remove(&mut self, node: u32, route: u32) {
        let Some(key) = self.find(node, route) else { return };
        let running = |items: &Items| items.count(None, Status::is_active) > 0;
        if self.entries[&key].items.as_ref().is_some_and(running) {
            return;
        }
        self.entries.remove(&key);
        self.ready.remove(&key);
        if let Some(keys) = self.by_task.get_mut(&(node, route)) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.by_task.remove(&(node, route));
            }
        }
    }

    /// Keys of the entries that may be handed out, oldest first.
    pub(super) fn ready(&self) -> impl Iterator<Item = u64> + '_ {
        self.ready.iter().copied()
    }

    pub(super) fn any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Staged> {
        self.entries.values()
    }

    fn refresh(&mut self, key: u64) {
        match self.entries.get(&key) {
            Some(entry) if entry.ready && !entry.completed => self.ready.insert(key),
            Some(_) | None => self.ready.remove(&key),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_items_are_found_in_order_also_after_some_were_reset() {
        let mut items = Items::new(5);
        assert_eq!(items.waiting(2), [0, 1]);
        for item in 0..4 {
            items.set(item, Status::Succeeded);
        }
        assert_eq!(items.waiting(9), [4]);
        items.set(1, Status::Unset);
        assert_eq!(items.waiting(9), [1, 4]);
        assert!(items.waiting(0).is_empty());
    }

    #[test]
    fn an_item_can_be_left_out_of_a_count() {
        let mut items = Items::new(3);
        items.set(0, Status::Running);
        items.set(1, Status::Running);
        assert_eq!(items.count(None, Status::is_active), 2);
        assert_eq!(items.count(Some(0), Status::is_active), 1);
        assert_eq!(items.count(Some(2), Status::is_active), 2);
    }
}

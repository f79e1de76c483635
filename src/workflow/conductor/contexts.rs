//! The variables of a workflow: an append-only list of small maps, and for every task the list of those it sees.
//!
//! Orquesta gives each task a list of indices that grows by one with every publishing predecessor. Copying those lists
//! would make the n-th task cost n; here a list is a link to its predecessor's list ([`Lineage`]), and what a list
//! merges to is remembered while it is in use.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::aliasing::Aliased;

/// Merged maps that are remembered at once.
const REMEMBERED: usize = 64;

/// Lists longer than this that repeat themselves are merged with each map once, at its last place. Orquesta's lists
/// double with every fork and join in a row; the result is the same.
const REPEATING: u32 = 4_096;

/// One list of context indices. Lists are never changed, only continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Lineage {
    step: Step,
    /// Length of the list, saturating.
    length: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// The initial context alone.
    Root,
    /// A list and one published map behind it.
    Publish { base: u32, context: u32 },
    /// A list and another one behind it without its root.
    Join { base: u32, other: u32 },
}

/// The list with nothing but the initial context.
pub(super) const ROOT: u32 = 0;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Contexts {
    pub(super) values: Vec<Map<String, Value>>,
    lineages: Vec<Lineage>,
    /// Merging writes into what is merged, as in orquesta.
    aliased: bool,
    #[serde(skip)]
    merged: VecDeque<(u32, Arc<Map<String, Value>>)>,
}

impl Contexts {
    /// No contexts yet. `aliased`: keep the trap that [`super::aliasing`] tells of.
    pub(super) fn new(aliased: bool) -> Self {
        let root = Lineage { step: Step::Root, length: 1 };
        Self { values: Vec::new(), lineages: vec![root], aliased, merged: VecDeque::new() }
    }

    /// Stores a published map and gives the list that ends in it.
    pub(super) fn publish(&mut self, base: u32, published: Map<String, Value>) -> (u32, u32) {
        let context = self.values.len() as u32;
        self.values.push(published);
        (self.add(Step::Publish { base, context }, self.length(base).saturating_add(1)), context)
    }

    /// The list of a task that is reached from one more side.
    pub(super) fn join(&mut self, base: u32, other: u32) -> u32 {
        // Nothing but the root comes with the other one.
        if self.length(other) == 1 {
            return base;
        }
        let length = self.length(base).saturating_add(self.length(other) - 1);
        self.add(Step::Join { base, other }, length)
    }

    /// Everything a list sees: later maps win, maps inside maps are merged.
    pub(super) fn merged(&mut self, lineage: u32) -> Arc<Map<String, Value>> {
        if let Some(found) = self.remembered(lineage) {
            return found;
        }
        let (start, mut indices) = self.since_remembered(lineage);
        indices.reverse();
        let mut merged = start.map(|map| (*map).clone()).unwrap_or_default();
        for index in indices {
            if let Some(value) = self.values.get(index as usize) {
                if self.aliased && meets_a_map(&merged, value) {
                    return Arc::new(self.merged_in_place(lineage));
                }
                merge(&mut merged, value);
            }
        }
        let merged = Arc::new(merged);
        if self.merged.len() == REMEMBERED {
            self.merged.pop_front();
        }
        self.merged.push_back((lineage, merged.clone()));
        merged
    }

    /// The maps of several lists in order, the initial context counted with the first one only.
    pub(super) fn merged_lists(&mut self, lists: &[u32]) -> Map<String, Value> {
        let mut whole = Aliased::default();
        for (place, list) in lists.iter().enumerate() {
            let indices = self.indices(*list);
            let indices = &indices[usize::from(place > 0)..];
            if self.aliased {
                whole.lay(&Aliased::of(indices, &mut self.values), &mut self.values);
                continue;
            }
            let mut merged = Map::new();
            for index in indices {
                merge(&mut merged, &self.values[*index as usize]);
            }
            merge(&mut whole.map, &merged);
        }
        if whole.wrote {
            self.merged.clear();
        }
        whole.map
    }

    fn merged_in_place(&mut self, lineage: u32) -> Map<String, Value> {
        let indices = self.indices(lineage);
        let merged = Aliased::of(&indices, &mut self.values);
        if merged.wrote {
            self.merged.clear();
        }
        merged.map
    }

    /// The list as orquesta writes it; without repetition once it has grown beyond reason.
    pub(super) fn indices(&self, lineage: u32) -> Vec<u32> {
        let mut reversed = Vec::new();
        self.walk_back(lineage, self.repeats(lineage), &mut reversed, &mut |_| false);
        reversed.push(0);
        reversed.reverse();
        reversed
    }

    fn add(&mut self, step: Step, length: u32) -> u32 {
        self.lineages.push(Lineage { step, length });
        (self.lineages.len() - 1) as u32
    }

    fn length(&self, lineage: u32) -> u32 {
        self.lineages[lineage as usize].length
    }

    fn remembered(&mut self, lineage: u32) -> Option<Arc<Map<String, Value>>> {
        let place = self.merged.iter().position(|(key, _)| *key == lineage)?;
        let entry = self.merged.remove(place)?;
        let found = entry.1.clone();
        self.merged.push_back(entry);
        Some(found)
    }

    /// The nearest remembered ancestor and, last first, the indices that come after it.
    fn since_remembered(&mut self, lineage: u32) -> (Option<Arc<Map<String, Value>>>, Vec<u32>) {
        let mut indices = Vec::new();
        if self.repeats(lineage) {
            self.walk_back(lineage, true, &mut indices, &mut |_| false);
            indices.push(0);
            return (None, indices);
        }
        let known: HashSet<u32> = self.merged.iter().map(|(key, _)| *key).collect();
        let mut stopped = None;
        let mut stop = |at: u32| {
            let hit = known.contains(&at);
            if hit {
                stopped = Some(at);
            }
            hit
        };
        self.walk_back(lineage, false, &mut indices, &mut stop);
        match stopped.and_then(|at| self.remembered(at)) {
            Some(start) => (Some(start), indices),
            None => {
                indices.push(0);
                (None, indices)
            }
        }
    }

    fn repeats(&self, lineage: u32) -> bool {
        let length = self.length(lineage);
        length > REPEATING && length as usize / 4 > self.lineages.len()
    }

    /// Collects the indices of a list from its end, without the root, until `stop` says so of a list along the
    /// outermost chain. `once`: each list only at its last place.
    fn walk_back(&self, lineage: u32, once: bool, indices: &mut Vec<u32>, stop: &mut dyn FnMut(u32) -> bool) {
        let mut seen = once.then(HashSet::new);
        // Beside each list: whether it is the rest of the outermost one.
        let mut todo = vec![(lineage, true)];
        while let Some((at, outermost)) = todo.pop() {
            if outermost && stop(at) {
                return;
            }
            if seen.as_mut().is_some_and(|seen| !seen.insert(at)) {
                continue;
            }
            match self.lineages[at as usize].step {
                Step::Root => {}
                Step::Publish { base, context } => {
                    indices.push(context);
                    todo.push((base, outermost));
                }
                Step::Join { base, other } => {
                    todo.push((base, outermost));
                    todo.push((other, false));
                }
            }
        }
    }
}

/// Whether some value of `over` would be merged into one of `map`.
fn meets_a_map(map: &Map<String, Value>, over: &Map<String, Value>) -> bool {
    over.iter().any(|(key, value)| value.is_object() && map.get(key).is_some_and(Value::is_object))
}

/// Lays `over` on `map`: its values win, maps inside are merged (`merge_dicts` of orquesta).
pub(super) fn merge(map: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (map.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => merge(inner, value),
            (Some(place), value) => *place = value.clone(),
            (None, value) => {
                map.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    fn seeded() -> Contexts {
        Contexts { values: vec![map(json!({"a": 0, "d": {"x": 0}}))], ..Contexts::new(false) }
    }

    #[test]
    fn the_last_arrival_at_a_join_wins_and_inner_maps_are_merged() {
        let mut contexts = seeded();
        let (left, _) = contexts.publish(ROOT, map(json!({"a": 1, "d": {"y": 1}})));
        let (right, _) = contexts.publish(ROOT, map(json!({"a": 2, "d": {"z": 2}})));
        let joined = contexts.join(left, right);
        assert_eq!(contexts.indices(joined), [0, 1, 2]);
        assert_eq!(
            Value::Object((*contexts.merged(joined)).clone()),
            json!({"a": 2, "d": {"x": 0, "y": 1, "z": 2}})
        );
    }

    /// Forks into two and joins again, `count` times; both sides publish.
    fn row_of_joins(count: i64) -> (Contexts, u32) {
        let mut contexts = seeded();
        let mut at = ROOT;
        for step in 0..count {
            let (left, _) = contexts.publish(at, map(json!({"a": step, "left": step})));
            let (right, _) = contexts.publish(at, map(json!({"a": -step, "right": step})));
            at = contexts.join(left, right);
            contexts.merged(at);
        }
        (contexts, at)
    }

    #[test]
    fn forks_and_joins_in_a_row_stay_cheap() {
        let (mut contexts, at) = row_of_joins(64);
        let merged = contexts.merged(at);
        // The second arrival brings what both sides inherited once more, over what the first one published: orquesta's
        // lists say so.
        assert_eq!((&merged["left"], &merged["right"], &merged["a"]), (&json!(0), &json!(63), &json!(-63)));
    }

    #[test]
    fn a_map_that_comes_several_times_counts_at_its_last_place() {
        let (mut contexts, at) = row_of_joins(9);
        let whole = contexts.merged(at);
        let mut reversed = Vec::new();
        contexts.walk_back(at, true, &mut reversed, &mut |_| false);
        assert!(reversed.len() < contexts.indices(at).len());
        let mut once = contexts.values[0].clone();
        for index in reversed.into_iter().rev() {
            merge(&mut once, &contexts.values[index as usize]);
        }
        assert_eq!(once, *whole);
    }

    #[test]
    fn a_remembered_ancestor_gives_what_the_whole_list_gives() {
        let mut contexts = seeded();
        let (first, _) = contexts.publish(ROOT, map(json!({"b": 1})));
        contexts.merged(first);
        let (second, _) = contexts.publish(first, map(json!({"b": 2, "c": 3})));
        let with = contexts.merged(second);
        contexts.merged.clear();
        assert_eq!(with, contexts.merged(second));
    }
}

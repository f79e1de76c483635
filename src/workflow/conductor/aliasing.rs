//! A trap of orquesta that compatibility keeps: merging writes into what is merged.
//!
//! Its `get_task_context` puts values into the merged map by reference. When a later map has a map under the same key,
//! that one is merged *into the stored context* that brought the key, and whoever else sees that context (a parallel
//! branch, the final output) sees the change. Strict workflows merge copies.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::contexts::merge;

/// A merged map, and which stored context each of its values belongs to.
#[derive(Default)]
pub(super) struct Aliased {
    pub(super) map: Map<String, Value>,
    owners: HashMap<String, u32>,
    /// A stored context was changed.
    pub(super) wrote: bool,
}

impl Aliased {
    /// Merges stored contexts in order.
    pub(super) fn of(indices: &[u32], values: &mut [Map<String, Value>]) -> Self {
        let mut merged = Self::default();
        for index in indices {
            let owners = values[*index as usize].keys().map(|key| (key.clone(), *index)).collect();
            let map = values[*index as usize].clone();
            merged.lay(&Self { map, owners, wrote: false }, values);
        }
        merged
    }

    /// Lays another merged map on this one.
    pub(super) fn lay(&mut self, over: &Self, values: &mut [Map<String, Value>]) {
        self.wrote |= over.wrote;
        for (key, value) in &over.map {
            match (self.map.get_mut(key), value) {
                (Some(Value::Object(inner)), Value::Object(added)) => {
                    merge(inner, added);
                    let owner = self.owners.get(key).and_then(|owner| values.get_mut(*owner as usize));
                    let stored =
                        owner.and_then(|context| context.get_mut(key)).and_then(Value::as_object_mut);
                    if let Some(stored) = stored.filter(|stored| *stored != inner) {
                        stored.clone_from(inner);
                        self.wrote = true;
                    }
                }
                (_, value) => {
                    self.map.insert(key.clone(), value.clone());
                    if let Some(owner) = over.owners.get(key) {
                        self.owners.insert(key.clone(), *owner);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_map_laid_on_a_map_changes_the_context_that_brought_it() {
        let context = |value: Value| value.as_object().expect("an object").clone();
        let mut values = [context(json!({"d": {"x": 0}, "n": 1})), context(json!({"d": {"y": 1}, "n": 2}))];
        let merged = Aliased::of(&[0, 1], &mut values);
        assert_eq!(Value::Object(merged.map), json!({"d": {"x": 0, "y": 1}, "n": 2}));
        assert_eq!(values[0], context(json!({"d": {"x": 0, "y": 1}, "n": 1})));
        assert!(merged.wrote);
    }
}

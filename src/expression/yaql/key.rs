//! Python's `==` and `hash()`: `1`, `1.0` and `true` are one key.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::fault::Fault;
use super::value::{Value, View};

/// A value that Python could hash.
#[derive(Clone)]
pub(super) struct Key(Value);

impl Key {
    /// Errors with Python's text when the value (or one inside it) cannot be hashed.
    pub(super) fn new(value: Value) -> Result<Self, Fault> {
        check(&value)?;
        Ok(Self(value))
    }

    pub(super) fn text(text: &str) -> Self {
        Self(Value::text(text))
    }

    pub(super) fn value(&self) -> &Value {
        &self.0
    }

    /// The name of a JSON member, as `json.dumps` spells keys.
    pub(super) fn json_name(&self) -> Result<String, Fault> {
        match &self.0 {
            Value::Text(it) => Ok(it.to_string()),
            Value::Null => Ok("null".to_owned()),
            Value::Bool(it) => Ok(it.to_string()),
            Value::Int(_) | Value::Float(_) => Ok(self.0.to_text()),
            other => {
                Err(Fault::kind(format!("keys must be str, int, float, bool or None, not {}", other.class())))
            }
        }
    }
}

fn check(value: &Value) -> Result<(), Fault> {
    match value {
        Value::List(_) | Value::View(View::Keys | View::Items, _) => {
            Err(Fault::kind(format!("unhashable type: '{}'", value.class())))
        }
        Value::Dict(dict) if !dict.frozen => Err(Fault::kind("unhashable type: 'dict'")),
        Value::Dict(dict) => dict.map.values().try_for_each(check),
        Value::Tuple(it) => it.items.iter().try_for_each(check),
        _ => Ok(()),
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.0, &other.0)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(&self.0, state);
    }
}

fn hash<H: Hasher>(value: &Value, state: &mut H) {
    match value {
        Value::Bool(it) => i128::from(*it).hash(state),
        Value::Int(it) => it.hash(state),
        Value::Float(it) if it.fract() == 0.0 && it.abs() < 1e30 => (*it as i128).hash(state),
        Value::Float(it) => it.to_bits().hash(state),
        Value::Text(it) => it.hash(state),
        Value::Tuple(it) => {
            for item in &it.items {
                hash(item, state);
            }
        }
        // Order does not count in sets and dictionaries: their size is enough of a hash.
        Value::Set(it) => it.items.len().hash(state),
        Value::Dict(it) => it.map.len().hash(state),
        Value::Time(at, _) => at.hash(state),
        Value::Span(it) => it.hash(state),
        _ => value.class().hash(state),
    }
}

/// Python's `==`.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    use Value::{Bool, Dict, Float, Int, List, Memo, Null, Order, Pattern, Set, Span, Text, Time, Tuple};
    match (left, right) {
        (Null, Null) => true,
        (Text(a), Text(b)) => a == b,
        (Bool(a), Bool(b)) => a == b,
        (Int(a), Int(b)) => a == b,
        (Float(a), Float(b)) => a == b,
        (Bool(a), Int(b)) | (Int(b), Bool(a)) => i128::from(*a) == *b,
        (Bool(a), Float(b)) | (Float(b), Bool(a)) => f64::from(u8::from(*a)) == *b,
        (Int(a), Float(b)) | (Float(b), Int(a)) => b.fract() == 0.0 && b.abs() < 1e30 && *b as i128 == *a,
        (Tuple(a), Tuple(b)) | (List(a), List(b)) => {
            a.items.len() == b.items.len() && a.items.iter().zip(&b.items).all(|(a, b)| equal(a, b))
        }
        (Dict(a), Dict(b)) => {
            a.map.len() == b.map.len()
                && a.map.iter().all(|(key, value)| b.map.get(key).is_some_and(|it| equal(it, value)))
        }
        (Set(a), Set(b)) => a.items.len() == b.items.len() && a.items.iter().all(|it| b.items.contains(it)),
        (Value::View(View::Keys, a), Value::View(View::Keys, b)) => {
            a.map.len() == b.map.len() && a.map.keys().all(|key| b.map.contains_key(key))
        }
        (Value::View(View::Keys, a), Set(b)) | (Set(b), Value::View(View::Keys, a)) => {
            a.map.len() == b.items.len() && a.map.keys().all(|key| b.items.contains(key))
        }
        (Time(a, _), Time(b, _)) => a == b,
        (Span(a), Span(b)) => a == b,
        (Pattern(a), Pattern(b)) => a.as_str() == b.as_str(),
        (Value::Flow(a), Value::Flow(b)) => a.same(b),
        (Memo(a), Memo(b)) => Rc::ptr_eq(a, b),
        (Order(a), Order(b)) => Rc::ptr_eq(a, b),
        (Value::Frame(a), Value::Frame(b)) => Rc::ptr_eq(a, b),
        (Value::Rule(a), Value::Rule(b)) => Rc::ptr_eq(a, b),
        _ => false,
    }
}

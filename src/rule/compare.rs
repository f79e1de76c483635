//! Values compared as Python compares them: no text is a number, and `True` is 1.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Two values that have no order, or a value that holds none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    #[error("{0} and {1} have no order")]
    Order(&'static str, &'static str),
    #[error("{0} holds nothing that could be looked for")]
    Holds(&'static str),
    #[error("{0} cannot be in a text")]
    InText(&'static str),
    #[error("{0} is no key")]
    Key(&'static str),
}

/// What a value is, with its article.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Python's `==`.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, it)| b.get(key).is_some_and(|other| equal(it, other)))
        }
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Null, Value::Null) => true,
        (a, b) => match (number(a), number(b)) {
            (Some(a), Some(b)) => ordered(&a, &b) == Some(Ordering::Equal),
            (_, _) => false,
        },
    }
}

/// Python's `<`; of lists, that of the first items that differ.
pub(super) fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, CompareError> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Ok(Some(a.cmp(b))),
        (Value::Array(a), Value::Array(b)) => match a.iter().zip(b).find(|(a, b)| !equal(a, b)) {
            Some((a, b)) => order(a, b),
            None => Ok(Some(a.len().cmp(&b.len()))),
        },
        (a, b) => match (number(a), number(b)) {
            (Some(a), Some(b)) => Ok(ordered(&a, &b)),
            (_, _) => Err(CompareError::Order(kind(a), kind(b))),
        },
    }
}

/// Python's `item in all`: a part of a text, a member of a list, a key of an object.
pub(super) fn is_in(item: &Value, all: &Value) -> Result<bool, CompareError> {
    match (item, all) {
        (Value::String(item), Value::String(all)) => Ok(all.contains(item.as_str())),
        (other, Value::String(_)) => Err(CompareError::InText(kind(other))),
        (item, Value::Array(all)) => Ok(all.iter().any(|it| equal(it, item))),
        (Value::String(item), Value::Object(all)) => Ok(all.contains_key(item)),
        (Value::Array(_) | Value::Object(_), Value::Object(_)) => Err(CompareError::Key(kind(item))),
        (Value::Null | Value::Bool(_) | Value::Number(_), Value::Object(_)) => Ok(false),
        (_, Value::Null | Value::Bool(_) | Value::Number(_)) => Err(CompareError::Holds(kind(all))),
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(it) => Some(it.clone()),
        Value::Bool(it) => Some(Number::from(u8::from(*it))),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Exact also where a 64-bit integer is no float.
fn ordered(a: &Number, b: &Number) -> Option<Ordering> {
    let whole = |it: &Number| it.as_i64().map(i128::from).or_else(|| it.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (Some(a), None) => with_float(a, b.as_f64()?),
        (None, Some(b)) => with_float(b, a.as_f64()?).map(Ordering::reverse),
        (None, None) => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it saturates, and no 64-bit integer is out there")]
fn with_float(whole: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    let part = 0.0_f64.partial_cmp(&float.fract())?;
    Some(whole.cmp(&(float.trunc() as i128)).then(part))
}

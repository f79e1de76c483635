//! Operators on values: who may be added, compared, divided.

use std::cmp::Ordering;
use std::rc::Rc;

use super::super::fault::Fault;
use super::super::key::equal;
use super::super::spec::{Res, Type};
use super::super::value::Value;
use super::super::vm::{Vm, no_match};
use super::{number, pattern, sequence, set, time};

/// `- + not`
pub(in super::super) fn unary(vm: &mut Vm<'_>, name: &'static str, value: Value) -> Res {
    match (name, &value) {
        ("#unary_operator_not", _) => Ok(Value::Bool(!value.truthy())),
        ("#unary_operator_+", Value::Int(_) | Value::Float(_) | Value::Span(_)) => Ok(value),
        ("#unary_operator_-", Value::Span(it)) => Ok(Value::Span(-it)),
        ("#unary_operator_-", Value::Int(_) | Value::Float(_)) => {
            binary(vm, "#operator_-", Value::Int(0), value).map(|it| match it {
                Value::Float(it) if it == 0.0 => Value::Float(-it),
                other => other,
            })
        }
        _ => Err(no_match(name, None)),
    }
}

/// An operator called by the name of its function.
pub(in super::super) fn binary_named(vm: &mut Vm<'_>, name: &str, left: Value, right: Value) -> Res {
    const NAMES: [&str; 15] = [
        "#operator_+",
        "#operator_-",
        "#operator_*",
        "#operator_/",
        "#operator_mod",
        "#operator_>",
        "#operator_<",
        "#operator_>=",
        "#operator_<=",
        "#operator_=~",
        "#operator_!~",
        "#operator_in",
        "*equal",
        "*not_equal",
        "#operator_.",
    ];
    match NAMES.iter().find(|it| **it == name) {
        Some(name) => binary(vm, name, left, right),
        None => Err(super::super::vm::unknown(name, None)),
    }
}

pub(in super::super) fn binary(vm: &mut Vm<'_>, name: &'static str, left: Value, right: Value) -> Res {
    match name {
        "*equal" => Ok(Value::Bool(equal(&left, &right))),
        "*not_equal" => Ok(Value::Bool(!equal(&left, &right))),
        "#operator_<" | "#operator_>" | "#operator_<=" | "#operator_>=" => {
            compare(name, &left, &right).map(Value::Bool).ok_or_else(|| no_match(name, None))
        }
        "#operator_+" => add(vm, left, right),
        "#operator_*" => multiply(vm, left, right),
        "#operator_-" => match (&left, &right) {
            (Value::Set(a), Value::Set(b)) => set::difference(a, b),
            _ => arithmetic(name, &left, &right),
        },
        "#operator_/" | "#operator_mod" => arithmetic(name, &left, &right),
        "#operator_in" => contains(vm, &left, &right),
        "#operator_=~" => pattern::found(&left, &right).ok_or_else(|| no_match(name, None))?.map(Value::Bool),
        "#operator_!~" => {
            pattern::found(&left, &right).ok_or_else(|| no_match(name, None))?.map(|it| Value::Bool(!it))
        }
        _ => Err(no_match(name, None)),
    }
}

fn arithmetic(name: &'static str, left: &Value, right: &Value) -> Res {
    if let Some(result) = number::arithmetic(name, left, right) {
        return result;
    }
    time::arithmetic(name, left, right).unwrap_or_else(|| Err(no_match(name, None)))
}

fn add(vm: &mut Vm<'_>, left: Value, right: Value) -> Res {
    match (&left, &right) {
        (Value::Text(a), Value::Text(b)) => {
            vm.charge_text(a.len() + b.len())?;
            Ok(Value::text(format!("{a}{b}")))
        }
        (Value::Tuple(a), Value::Tuple(b)) => {
            vm.charge(a.items.len() + b.items.len())?;
            Value::tuple(a.items.iter().chain(&b.items).cloned().collect())
        }
        (Value::Set(a), Value::Set(b)) => Value::set(a.items.iter().chain(&b.items).cloned().collect()),
        (Value::Dict(a), Value::Dict(b)) => {
            vm.charge(a.map.len() + b.map.len())?;
            let mut map = a.map.clone();
            map.extend(b.map.iter().map(|(key, value)| (key.clone(), value.clone())));
            Value::dict(map, true)
        }
        _ if Type::Iterable.accepts(&left) && Type::Iterable.accepts(&right) => {
            sequence::chain(vm, vec![left, right])
        }
        _ => arithmetic("#operator_+", &left, &right),
    }
}

fn multiply(vm: &mut Vm<'_>, left: Value, right: Value) -> Res {
    let (many, times) = match (&left, &right) {
        (Value::Int(_) | Value::Bool(_), Value::Text(_) | Value::Tuple(_) | Value::List(_)) => {
            (&right, &left)
        }
        _ => (&left, &right),
    };
    let times = match times {
        Value::Int(it) => usize::try_from((*it).max(0)).unwrap_or(usize::MAX),
        Value::Bool(it) => usize::from(*it),
        _ => return arithmetic("#operator_*", &left, &right),
    };
    match many {
        Value::Text(text) => {
            vm.charge_text(text.len().saturating_mul(times))?;
            Ok(Value::text(text.repeat(times)))
        }
        Value::Tuple(it) | Value::List(it) => {
            vm.charge(it.items.len().saturating_mul(times))?;
            let items = it.items.repeat_n(times);
            if let Value::List(_) = many { Value::list(items) } else { Value::tuple(items) }
        }
        _ => arithmetic("#operator_*", &left, &right),
    }
}

trait RepeatN {
    fn repeat_n(&self, times: usize) -> Vec<Value>;
}

impl RepeatN for Vec<Value> {
    fn repeat_n(&self, times: usize) -> Vec<Value> {
        std::iter::repeat_n(self, times).flatten().cloned().collect()
    }
}

fn contains(vm: &mut Vm<'_>, value: &Value, inside: &Value) -> Res {
    match (value, inside) {
        (Value::Text(part), Value::Text(text)) => Ok(Value::Bool(text.contains(&**part))),
        _ if Type::Iterable.accepts(inside) => sequence::holds(vm, inside, value).map(Value::Bool),
        _ => Err(no_match("#operator_in", None)),
    }
}

/// The four orders; `None`: these two cannot be compared. Null is less than everything else.
pub(in super::super) fn compare(name: &str, left: &Value, right: &Value) -> Option<bool> {
    if let (Value::Set(a), Value::Set(b)) = (left, right) {
        let (a, b) = (&a.items, &b.items);
        let within = |a: &indexmap::IndexSet<_>, b: &indexmap::IndexSet<_>| a.iter().all(|it| b.contains(it));
        return Some(match name {
            "#operator_<" => a.len() < b.len() && within(a, b),
            "#operator_<=" => within(a, b),
            "#operator_>" => a.len() > b.len() && within(b, a),
            _ => within(b, a),
        });
    }
    let order = match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) => Some(Ordering::Less),
        (_, Value::Null) => Some(Ordering::Greater),
        (Value::Text(a), Value::Text(b)) => Some(Rc::as_ref(a).cmp(b)),
        (Value::Time(a, _), Value::Time(b, _)) => Some(a.cmp(b)),
        (Value::Span(a), Value::Span(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            match number::as_float(left).partial_cmp(&number::as_float(right)) {
                Some(order) => Some(order),
                // NaN: every comparison is false.
                None => return Some(false),
            }
        }
        _ => None,
    }?;
    Some(match name {
        "#operator_<" => order == Ordering::Less,
        "#operator_<=" => order != Ordering::Greater,
        "#operator_>" => order == Ordering::Greater,
        _ => order != Ordering::Less,
    })
}

/// What arithmetic says when the result does not fit.
pub(super) fn overflow() -> Fault {
    Fault::new("OverflowError", "integer too large")
}

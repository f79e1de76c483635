//! How Python prints JSON values.

use serde_json::Value;

use crate::expression::yaql::text::{float_text, quote};

/// Python's `str()`: `None`, `True`, `[1, 'x']`, `{'k': 1.5}`.
pub(in crate::expression) fn str(value: &Value) -> String {
    match value {
        Value::String(it) => it.clone(),
        other => repr(other),
    }
}

/// Python's `repr()`.
pub(in crate::expression) fn repr(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(it) => out.push_str(if *it { "True" } else { "False" }),
        Value::Number(it) => match it.as_f64() {
            Some(float) if it.is_f64() => out.push_str(&float_text(float)),
            _ => out.push_str(&it.to_string()),
        },
        Value::String(it) => quote(it, out),
        Value::Array(it) => {
            out.push('[');
            for (at, item) in it.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(it) => {
            out.push('{');
            for (at, (key, item)) in it.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                quote(key, out);
                out.push_str(": ");
                write(item, out);
            }
            out.push('}');
        }
    }
}

pub(super) fn class(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(it) if it.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(it) => *it,
        Value::Number(it) => it.as_f64() != Some(0.0),
        Value::String(it) => !it.is_empty(),
        Value::Array(it) => !it.is_empty(),
        Value::Object(it) => !it.is_empty(),
    }
}

//! Values and errors of `minijinja` as Python shows them.

use std::fmt::Write as _;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use crate::expression::python::{float_text, quote};
use crate::expression::yaql::fault::Fault;

use super::datastore::Lookup;
use super::environment::Range;

/// Values that one result may hold.
const ITEMS_MAX: usize = 500_000;
/// Lists within lists.
const DEPTH_MAX: usize = 200;
/// Bytes of one value as text.
const TEXT_MAX: usize = 8 * 1024 * 1024;

/// A fault of ours on its way through the template engine.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.class, .0.message)]
struct Carried(Fault);

pub(super) fn carry(fault: Fault) -> Error {
    Error::new(ErrorKind::InvalidOperation, fault.message.clone()).with_source(Carried(fault))
}

pub(super) fn fault(error: &Error) -> Fault {
    let mut source = std::error::Error::source(error);
    while let Some(it) = source {
        if let Some(Carried(fault)) = it.downcast_ref() {
            return fault.clone();
        }
        source = it.source();
    }
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.kind() {
        ErrorKind::UnknownFunction => {
            let name = detail.strip_suffix(" is unknown").unwrap_or(&detail);
            Fault::new("UndefinedError", format!("'{name}' is undefined"))
        }
        ErrorKind::UndefinedError => Fault::new("UndefinedError", detail),
        ErrorKind::SyntaxError => Fault::new("TemplateSyntaxError", detail),
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest => Fault::new("TemplateRuntimeError", detail),
        ErrorKind::UnknownMethod => Fault::new("UndefinedError", detail),
        ErrorKind::OutOfFuel => Fault::limit("template takes too many steps"),
        _ => Fault::new("TypeError", detail),
    }
}

/// The text of a syntax fault, without the place that the engine appends.
pub(super) fn syntax(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

/// A value as JSON; what Python's `json.dumps` refuses is an error here too.
pub(super) fn to_json(value: &Value) -> Result<serde_json::Value, Fault> {
    if value.downcast_object_ref::<Range>().is_some() {
        return Err(Fault::kind("Object of type range is not JSON serializable"));
    }
    if let Some(lookup) = value.downcast_object_ref::<Lookup>() {
        return Ok(lookup.text().into());
    }
    refuse_functions(value)?;
    let mut budget = ITEMS_MAX;
    json(value, &mut budget, 0)
}

/// A value inside a longer text, as Python prints it.
pub(super) fn shown(value: &Value) -> Result<String, Fault> {
    if let Some(range) = value.downcast_object_ref::<Range>() {
        return Ok(range.to_string());
    }
    if let Some(lookup) = value.downcast_object_ref::<Lookup>() {
        return Ok(lookup.text().into());
    }
    refuse_functions(value)?;
    bounded_text(value).map_err(|error| fault(&error))
}

fn refuse_functions(value: &Value) -> Result<(), Fault> {
    if value.as_object().is_some() && value.kind() == ValueKind::Plain {
        return Err(Fault::kind("Object of type function is not JSON serializable"));
    }
    Ok(())
}

fn json(value: &Value, budget: &mut usize, depth: usize) -> Result<serde_json::Value, Fault> {
    // A repeated text costs nothing until it is written out.
    let cost = 1 + value.as_str().map_or(0, |it| it.len() / 16);
    *budget = budget.checked_sub(cost).ok_or_else(|| Fault::limit("value too large"))?;
    if depth > DEPTH_MAX {
        return Err(Fault::limit("value nested too deeply"));
    }
    let broken = |error: Error| Fault::kind(error.to_string());
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter().map_err(broken)?.map(|item| json(&item, budget, depth + 1)).collect()
        }
        ValueKind::Map => {
            let mut map = serde_json::Map::new();
            for key in value.try_iter().map_err(broken)? {
                let item = json(&value.get_item(&key).map_err(broken)?, budget, depth + 1)?;
                let name = match key.kind() {
                    ValueKind::String => text(&key),
                    ValueKind::None => "null".to_owned(),
                    ValueKind::Bool => key.is_true().to_string(),
                    _ => key.to_string(),
                };
                map.insert(name, item);
            }
            Ok(map.into())
        }
        _ => serde_json::to_value(value).map_err(|error| Fault::kind(error.to_string())),
    }
}

/// Python's `str()`, or an error when it gets too long.
pub(super) fn bounded_text(value: &Value) -> Result<String, Error> {
    let text = text(value);
    if text.len() > TEXT_MAX { Err(Error::new(ErrorKind::OutOfFuel, "text too large")) } else { Ok(text) }
}

/// Python's `str()`.
pub(super) fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => {
            let mut out = String::new();
            repr(value, &mut out, 0);
            out
        }
    }
}

/// Python's `repr()`; it stops where no JSON we read is as deep, and past the size that anybody takes.
fn repr(value: &Value, out: &mut String, depth: usize) {
    if depth > DEPTH_MAX || out.len() > TEXT_MAX {
        out.push_str("...");
        return;
    }
    let items = |value: &Value, out: &mut String, open: char, close: char| {
        out.push(open);
        let mut count = 0;
        for item in value.try_iter().into_iter().flatten() {
            if out.len() > TEXT_MAX {
                break;
            }
            out.push_str(if count == 0 { "" } else { ", " });
            repr(&item, out, depth + 1);
            count += 1;
        }
        if count == 1 && open == '(' {
            out.push(',');
        }
        out.push(close);
    };
    match value.kind() {
        ValueKind::Undefined => {}
        ValueKind::None => out.push_str("None"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number if value.is_integer() => {
            let _ = write!(out, "{value}");
        }
        ValueKind::Number => {
            out.push_str(&f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float_text))
        }
        ValueKind::String => quote(value.as_str().unwrap_or_default(), out),
        ValueKind::Seq if value.is_tuple() => items(value, out, '(', ')'),
        ValueKind::Seq | ValueKind::Iterable => items(value, out, '[', ']'),
        ValueKind::Map => {
            out.push('{');
            for (at, key) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                repr(&key, out, depth + 1);
                out.push_str(": ");
                repr(&value.get_item(&key).unwrap_or_default(), out, depth + 1);
            }
            out.push('}');
        }
        _ => {
            let _ = write!(out, "{value}");
        }
    }
}

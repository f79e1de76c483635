//! How an action's parameters become the arguments of its script, as StackStorm's shell runners form them: positional
//! ones by `position`, the others as `--name=value`; the runner's own parameters never.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::content::{Action, Parameter, ParameterKind};

use super::text_of;

/// The arguments, in order. Every value is one argument, whatever is in it.
pub(crate) fn arguments(action: &Action, values: &Map<String, Value>) -> Vec<String> {
    let operator = match values.get("kwarg_op") {
        Some(Value::String(text)) => text.as_str(),
        Some(_) | None => "--",
    };
    let own = || action.parameters.iter().filter(|(_, it)| !it.of_runner);
    let mut positional: Vec<(i64, String)> = own()
        .filter_map(|(name, it)| {
            Some((it.position?, positional(it, values.get(name).unwrap_or(&Value::Null))))
        })
        .collect();
    positional.sort_by_key(|(position, _)| *position);
    let mut all: Vec<String> = positional.into_iter().map(|(_, text)| text).collect();
    for (name, _) in own().filter(|(_, it)| it.position.is_none()) {
        match values.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(Value::Bool(true)) => all.push(format!("{operator}{name}")),
            Some(Value::String(text)) if text.is_empty() => {}
            Some(value) => all.push(format!("{operator}{name}={}", text_of(value))),
        }
    }
    all
}

/// The action's own parameters as variables, for commands whose text is fixed: `LOCKKEEPER_PARAM_<NAME>`.
pub(crate) fn parameter_variables(action: &Action, values: &Map<String, Value>) -> BTreeMap<String, String> {
    let own = action.parameters.iter().filter(|(_, it)| !it.of_runner);
    own.filter(|(name, _)| name.is_ascii())
        .filter_map(|(name, _)| {
            let text = match values.get(name)? {
                Value::Null => return None,
                Value::Bool(value) => value.to_string(),
                Value::String(text) => text.clone(),
                value @ (Value::Number(_) | Value::Array(_) | Value::Object(_)) => value.to_string(),
            };
            Some((format!("LOCKKEEPER_PARAM_{}", name.to_ascii_uppercase()), text))
        })
        .collect()
}

/// `0` of an integer is an empty argument there; scripts of existing packs were written against that.
fn positional(parameter: &Parameter, value: &Value) -> String {
    match (parameter.kind, value) {
        (_, Value::Null) => String::new(),
        (Some(ParameterKind::Boolean), Value::Bool(value)) => String::from(if *value { "1" } else { "0" }),
        (Some(ParameterKind::Array), Value::Array(items)) => {
            items.iter().map(text_of).collect::<Vec<_>>().join(",")
        }
        (Some(ParameterKind::Object), Value::Object(_)) => value.to_string(),
        (Some(ParameterKind::String | ParameterKind::Number), value) => text_of(value),
        (Some(ParameterKind::Null), _) => String::new(),
        (_, value) if is_falsy(value) => String::new(),
        (_, value) => text_of(value),
    }
}

fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

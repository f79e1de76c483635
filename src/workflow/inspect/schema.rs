//! The part of JSON Schema (draft 4) that orquesta's own schema uses, with the messages of Python's `jsonschema`.

use regex::Regex;
use serde_json::{Map, Value};

use super::Finding;
use super::python::unescape;
use crate::expression::python::{quoted, repr};

/// Where the check is: in the value and in the schema.
#[derive(Clone, Default)]
struct At {
    spec: String,
    schema: String,
}

impl At {
    fn key(&self, name: &str) -> Self {
        Self { spec: joined(&self.spec, name), schema: self.schema.clone() }
    }

    fn index(&self, index: usize) -> Self {
        Self { spec: format!("{}[{index}]", self.spec), schema: self.schema.clone() }
    }

    fn rule(&self, name: &str) -> Self {
        Self { spec: self.spec.clone(), schema: joined(&self.schema, name) }
    }

    fn finding(&self, message: String) -> Finding {
        Finding {
            message: unescape(&message),
            spec_path: (!self.spec.is_empty()).then(|| self.spec.clone()),
            schema_path: self.schema.clone(),
            language: None,
            expression: None,
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Everything in `value` that breaks `schema`.
pub(super) fn violations(value: &Value, schema: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    check(value, schema, &At::default(), &mut found);
    found
}

fn check(value: &Value, schema: &Value, at: &At, found: &mut Vec<Finding>) {
    let Some(rules) = schema.as_object() else { return };
    for (rule, argument) in rules {
        let here = at.rule(rule);
        match rule.as_str() {
            "properties" => each_property(value, argument, &here, found),
            "patternProperties" => each_matching_property(value, argument, &here, found),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(item, argument, &here.index(index), found);
                }
            }
            "required" => {
                let Some(map) = value.as_object() else { continue };
                for name in argument.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    if !map.contains_key(name) {
                        found.push(here.finding(format!("{} is a required property", quoted(name))));
                    }
                }
            }
            "oneOf" => {
                let options = argument.as_array().map(Vec::as_slice).unwrap_or_default();
                if !options.iter().any(|option| violations(value, option).is_empty()) {
                    let message = format!("{} is not valid under any of the given schemas", repr(value));
                    found.push(here.finding(message));
                }
            }
            "additionalProperties" => {
                if let Some(message) = unexpected(value, rules) {
                    found.push(here.finding(message));
                }
            }
            _ => {
                if let Some(complaint) = complaint(value, rule, argument) {
                    found.push(here.finding(format!("{} {complaint}", repr(value))));
                }
            }
        }
    }
}

fn each_property(value: &Value, schemas: &Value, at: &At, found: &mut Vec<Finding>) {
    let (Some(map), Some(schemas)) = (value.as_object(), schemas.as_object()) else { return };
    for (name, schema) in schemas {
        if let Some(inner) = map.get(name) {
            check(inner, schema, &at.rule(name).key(name), found);
        }
    }
}

fn each_matching_property(value: &Value, schemas: &Value, at: &At, found: &mut Vec<Finding>) {
    let (Some(map), Some(schemas)) = (value.as_object(), schemas.as_object()) else { return };
    for (pattern, schema) in schemas {
        let Ok(regex) = Regex::new(pattern) else { continue };
        for (name, inner) in map.iter().filter(|(name, _)| regex.is_match(name)) {
            check(inner, schema, &at.rule(pattern).key(name), found);
        }
    }
}

/// Keys that the schema does not know, when it allows no others.
fn unexpected(value: &Value, rules: &Map<String, Value>) -> Option<String> {
    let known = rules.get("properties").and_then(Value::as_object);
    let mut extra: Vec<&str> = value
        .as_object()?
        .keys()
        .map(String::as_str)
        .filter(|name| !known.is_some_and(|known| known.contains_key(*name)))
        .collect();
    extra.sort_unstable();
    let verb = match extra.len() {
        0 => return None,
        1 => "was",
        _ => "were",
    };
    let names: Vec<String> = extra.into_iter().map(quoted).collect();
    Some(format!("Additional properties are not allowed ({} {verb} unexpected)", names.join(", ")))
}

/// The rules about one value alone. What follows the value in the message.
fn complaint(value: &Value, rule: &str, argument: &Value) -> Option<String> {
    let least = argument.as_u64().unwrap_or(0) as usize;
    match (rule, value) {
        ("type", value) if !is_of_type(value, argument) => Some(format!("is not of type {}", repr(argument))),
        ("enum", value) if !argument.as_array()?.contains(value) => {
            Some(format!("is not one of {}", repr(argument)))
        }
        ("minLength", Value::String(text)) if text.chars().count() < least => {
            Some("should be non-empty".to_owned())
        }
        ("minItems", Value::Array(items)) if items.len() < least => Some("should be non-empty".to_owned()),
        ("minProperties", Value::Object(map)) if map.len() < least => Some("should be non-empty".to_owned()),
        ("maxProperties", Value::Object(map)) if map.len() > least => {
            Some("has too many properties".to_owned())
        }
        ("minimum", Value::Number(number)) if number.as_f64() < argument.as_f64() => {
            Some(format!("is less than the minimum of {}", repr(argument)))
        }
        ("pattern", Value::String(text)) => {
            let pattern = argument.as_str()?;
            // Python reads a brace that opens no repetition as itself.
            let regex = Regex::new(&pattern.replace("{{", "\\{\\{").replace("}}", "\\}\\}")).ok()?;
            (!regex.is_match(text)).then(|| format!("does not match {}", repr(argument)))
        }
        ("uniqueItems", Value::Array(items)) => {
            let twice = items.iter().enumerate().any(|(index, item)| items[..index].contains(item));
            twice.then(|| "has non-unique elements".to_owned())
        }
        _ => None,
    }
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => true,
    }
}

//! `lockkeeper alias parse --batch`: many (format, message) questions, as JSON. Always [`Compat::Exact`].

use std::collections::HashMap;

use serde_json::{Value, json};

use super::format::{Format, FormatError, ParseError};
use super::pairs::Compat;

/// Answers a list of `{"format", "message"}` in order: `{"params"}` or `{"error", "message"}` with error `no_match`,
/// `no_value` or `invalid_format`. What is not a list, or lacks a text, counts as empty.
pub fn parse_batch(input: Value) -> Value {
    let items = match input {
        Value::Array(items) => items,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    };
    let mut compiled: HashMap<String, Result<Format, FormatError>> = HashMap::new();
    let answers = items.iter().map(|item| {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let format = text("format");
        if !compiled.contains_key(format) {
            compiled.insert(format.to_owned(), Format::compile(format));
        }
        match &compiled[format] {
            Ok(format) => answer(format, text("message")),
            Err(fault) => json!({"error": "invalid_format", "message": fault.to_string()}),
        }
    });
    Value::Array(answers.collect())
}

fn answer(format: &Format, message: &str) -> Value {
    match format.parse(message, Compat::Exact) {
        Ok(parameters) => json!({ "params": parameters }),
        Err(fault) => {
            let code = match &fault {
                ParseError::NoMatch { .. } => "no_match",
                ParseError::NoValue => "no_value",
            };
            json!({"error": code, "message": fault.to_string()})
        }
    }
}

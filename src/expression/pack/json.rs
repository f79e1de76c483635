//! Python's `json` module.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Call, text_of};
use crate::expression::python::float_text;
use crate::expression::yaql::fault::Fault;

/// No text made by a function grows beyond this many bytes.
pub(in crate::expression) const TEXT_MAX: usize = 4 * 1024 * 1024;

/// How `json.dumps` lays out.
pub(in crate::expression) struct Style {
    pub(in crate::expression) indent: Option<usize>,
    pub(in crate::expression) sort: bool,
    /// Between items, between key and value.
    pub(in crate::expression) separators: (String, String),
}

impl Default for Style {
    fn default() -> Self {
        Self { indent: None, sort: false, separators: (", ".to_owned(), ": ".to_owned()) }
    }
}

/// orquesta's `json`: parses a text; an object is already parsed.
pub(super) fn orquesta_json(call: &Call) -> Result<Value, Fault> {
    match call.required(0, "s")? {
        object @ Value::Object(_) => Ok(object.clone()),
        Value::String(text) => read(text),
        _ => Err(Fault::kind("Given object is not typeof string.")),
    }
}

pub(super) fn parse(call: &Call) -> Result<Value, Fault> {
    read(&text_of(call.required(0, "value")?))
}

fn read(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::new("JSONDecodeError", error.to_string()))
}

pub(super) fn dump(call: &Call) -> Result<Value, Fault> {
    let value = call.required(0, "value")?;
    let mut style = Style { separators: (",".to_owned(), ": ".to_owned()), ..Style::default() };
    style.indent = call.get(1, "indent").and_then(Value::as_u64).map(|it| it.min(64) as usize);
    style.sort = call.truth(2, "sort_keys", false);
    if let Some(Value::Array(pair)) = call.get(3, "separators")
        && let [Value::String(item), Value::String(key)] = pair.as_slice()
    {
        style.separators = (item.clone(), key.clone());
    }
    Ok(write(value, &style).into())
}

/// The text as it stands between the quotes of a JSON string.
pub(super) fn escape(call: &Call) -> Result<Value, Fault> {
    let text = write(call.required(0, "value")?, &Style::default());
    Ok(text.trim_matches('"').into())
}

/// Python's `json.dumps`: ASCII only.
pub(in crate::expression) fn write(value: &Value, style: &Style) -> String {
    let mut out = String::new();
    put(value, style, 1, &mut out);
    out
}

fn put(value: &Value, style: &Style, depth: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
        Value::Number(it) => match it.as_f64() {
            Some(float) if it.is_f64() => out.push_str(&float_text(float)),
            _ => out.push_str(&it.to_string()),
        },
        Value::String(it) => put_text(it, out),
        Value::Array(it) if it.is_empty() => out.push_str("[]"),
        Value::Object(it) if it.is_empty() => out.push_str("{}"),
        Value::Array(it) => {
            out.push('[');
            for (at, item) in it.iter().enumerate() {
                lead(at, style, depth, out);
                put(item, style, depth + 1, out);
            }
            close(']', style, depth, out);
        }
        Value::Object(it) => {
            out.push('{');
            let mut pairs: Vec<(&String, &Value)> = it.iter().collect();
            if style.sort {
                pairs.sort_by_key(|it| it.0);
            }
            for (at, (key, item)) in pairs.into_iter().enumerate() {
                lead(at, style, depth, out);
                put_text(key, out);
                out.push_str(&style.separators.1);
                put(item, style, depth + 1, out);
            }
            close('}', style, depth, out);
        }
    }
}

fn lead(at: usize, style: &Style, depth: usize, out: &mut String) {
    if at > 0 {
        // With an indent the space after the comma would end the line.
        out.push_str(if style.indent.is_some() {
            style.separators.0.trim_end()
        } else {
            &style.separators.0
        });
    }
    if let Some(indent) = style.indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent * depth));
    }
}

fn close(mark: char, style: &Style, depth: usize, out: &mut String) {
    if let Some(indent) = style.indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent * (depth - 1)));
    }
    out.push(mark);
}

fn put_text(text: &str, out: &mut String) {
    out.push('"');
    for it in text.chars() {
        match it {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(it),
            it => {
                for unit in it.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

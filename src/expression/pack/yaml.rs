//! `from_yaml_string` and `to_yaml_string`: PyYAML's `safe_load` and `safe_dump(default_flow_style=False)`.

use serde_json::Value;

use super::{Call, text_of};
use crate::expression::python::float_text;
use crate::expression::yaql::fault::Fault;

/// PyYAML folds texts at spaces once they pass this column.
const WIDTH: usize = 80;

/// Values in one document, repeated ones counted again.
const NODES_MAX: usize = 20_000;
/// Lists within lists.
const DEPTH_MAX: usize = 90;

pub(super) fn parse(call: &Call) -> Result<Value, Fault> {
    let text = text_of(call.required(0, "value")?);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: NODES_MAX, max_depth: DEPTH_MAX },
    };
    serde_saphyr::from_str_with_options(&text, options).map_err(|error| {
        Fault::new("YAMLError", error.to_string().lines().next().unwrap_or_default().to_owned())
    })
}

pub(super) fn dump(call: &Call) -> Result<Value, Fault> {
    let value = call.required(0, "value")?;
    let indent =
        call.get(1, "indent").and_then(Value::as_u64).filter(|it| (2..10).contains(it)).unwrap_or(2) as usize;
    let unicode = call.truth(2, "allow_unicode", true);
    let mut out = String::new();
    let writer = Writer { indent, unicode };
    writer.node(value, 0, 0, &mut out);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    // A plain text alone needs an end of document.
    let plain = match value {
        Value::Array(_) | Value::Object(_) => false,
        Value::String(_) => !out.starts_with(['\'', '"']),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    };
    if plain {
        out.push_str("...\n");
    }
    Ok(out.into())
}

struct Writer {
    indent: usize,
    unicode: bool,
}

impl Writer {
    /// `column` is where the text would start on its line.
    fn node(&self, value: &Value, level: usize, column: usize, out: &mut String) {
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
            Value::Number(it) => match it.as_f64() {
                Some(float) if it.is_f64() => {
                    let text = float_text(float);
                    // YAML 1.1 wants a dot before an exponent.
                    let dotted = !text.contains('.') && text.contains('e');
                    out.push_str(&if dotted { text.replacen('e', ".0e", 1) } else { text });
                }
                _ => out.push_str(&it.to_string()),
            },
            Value::String(it) => self.text(it, level, column, out),
            Value::Array(it) if it.is_empty() => out.push_str("[]"),
            Value::Object(it) if it.is_empty() => out.push_str("{}"),
            Value::Array(it) => {
                for (at, item) in it.iter().enumerate() {
                    if at > 0 {
                        pad(level, out);
                    }
                    out.push_str("- ");
                    self.node(item, level + self.indent, level + 2, out);
                    end_line(out);
                }
            }
            Value::Object(it) => {
                let mut pairs: Vec<(&String, &Value)> = it.iter().collect();
                pairs.sort_by_key(|it| it.0);
                for (at, (key, item)) in pairs.into_iter().enumerate() {
                    if at > 0 {
                        pad(level, out);
                    }
                    let start = out.len();
                    self.text(key, level, level, out);
                    out.push(':');
                    self.member(item, level, level + (out.len() - start), out);
                    end_line(out);
                }
            }
        }
    }

    /// The value of a key: blocks start on the next line, lists at the key's own column.
    fn member(&self, item: &Value, level: usize, column: usize, out: &mut String) {
        match item {
            Value::Array(it) if !it.is_empty() => {
                out.push('\n');
                pad(level, out);
                self.node(item, level, level, out);
            }
            Value::Object(it) if !it.is_empty() => {
                out.push('\n');
                pad(level + self.indent, out);
                self.node(item, level + self.indent, level + self.indent, out);
            }
            _ => {
                out.push(' ');
                self.node(item, level + self.indent, column + 1, out);
            }
        }
    }

    fn text(&self, text: &str, level: usize, column: usize, out: &mut String) {
        let special = |it: char| (it.is_control() && it != '\n') || (!self.unicode && !it.is_ascii());
        if text.chars().any(special) || text.contains('\u{feff}') {
            double_quoted(text, self.unicode, out);
        } else if is_plain(text) {
            fold(text, level, column, out);
        } else {
            out.push('\'');
            fold(&text.replace('\'', "''"), level, column + 1, out);
            out.push('\'');
        }
    }
}

fn pad(level: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', level));
}

fn end_line(out: &mut String) {
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Breaks lines at single spaces past the width, and doubles line breaks of the text itself.
fn fold(text: &str, level: usize, column: usize, out: &mut String) {
    let level = level.max(2);
    let mut at = column;
    let mut first = true;
    for word in text.split(' ') {
        if !first {
            let single = !word.is_empty() && !out.ends_with(' ');
            if at > WIDTH && single {
                out.push('\n');
                pad(level, out);
                at = level;
            } else {
                out.push(' ');
                at += 1;
            }
        }
        first = false;
        for (line, part) in word.split('\n').enumerate() {
            if line > 0 {
                if !out.ends_with('\n') {
                    out.push('\n');
                }
                out.push('\n');
                if !part.is_empty() {
                    pad(level, out);
                }
                at = level;
            }
            out.push_str(part);
            at += part.chars().count();
        }
    }
}

/// Whether PyYAML writes it without quotes.
fn is_plain(text: &str) -> bool {
    let first_bad = text.is_empty() || text.starts_with(|it: char| "-?:,[]{}#&*!|>'\"%@`~ =".contains(it));
    let dash = text.strip_prefix(['-', '?', ':']).is_some_and(|it| !it.is_empty() && !it.starts_with(' '));
    let inside_bad = text.contains(": ") || text.contains(" #") || text.contains('\n');
    let edge_bad = text.ends_with([' ', ':']) || text.starts_with("---") || text.starts_with("...");
    (!first_bad || dash) && !inside_bad && !edge_bad && !means_more(text)
}

/// What YAML 1.1 would read as something other than text.
fn means_more(text: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"];
    let lower = text.to_ascii_lowercase();
    let word = WORDS[2..].contains(&lower.as_str())
        && (text == lower
            || text.chars().skip(1).all(|it| it.is_lowercase())
            || text == text.to_ascii_uppercase());
    let sign = text.trim_start_matches(['+', '-']);
    let number = sign.starts_with(|it: char| it.is_ascii_digit() || it == '.')
        && (sign.replace('_', "").parse::<f64>().is_ok()
            || sign
                .strip_prefix("0x")
                .is_some_and(|it| it.chars().all(|it| it.is_ascii_hexdigit() || it == '_'))
            || sign.strip_prefix("0b").is_some_and(|it| it.chars().all(|it| matches!(it, '0' | '1' | '_')))
            || sign.split(':').count() > 1
                && sign.split([':', '.']).all(|it| it.chars().all(|it| it.is_ascii_digit())));
    let infinite = matches!(sign.to_ascii_lowercase().as_str(), ".inf" | ".nan");
    let date = text.len() >= 8
        && text.is_ascii()
        && text.as_bytes()[4] == b'-'
        && text[..4].chars().all(|it| it.is_ascii_digit())
        && text.as_bytes()[5..].iter().all(|it| it.is_ascii_digit() || b"-T:. Z+t".contains(it));
    word || number || infinite || date || text == "<<" || text == "="
}

fn double_quoted(text: &str, unicode: bool, out: &mut String) {
    use std::fmt::Write as _;
    out.push('"');
    for it in text.chars() {
        match it {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{1b}' => out.push_str("\\e"),
            '\0' => out.push_str("\\0"),
            it if !it.is_control() && (it.is_ascii() || unicode) && it != '\u{feff}' => out.push(it),
            it if (it as u32) < 0x100 => {
                let _ = write!(out, "\\x{:02X}", it as u32);
            }
            it if (it as u32) < 0x10000 => {
                let _ = write!(out, "\\u{:04X}", it as u32);
            }
            it => {
                let _ = write!(out, "\\U{:08X}", it as u32);
            }
        }
    }
    out.push('"');
}

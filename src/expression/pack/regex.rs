//! `regex_*`, and Python's `re` on the `regex` crate: linear time, no look-around, no back-references.

use regex::{Captures, Regex, RegexBuilder};
use serde_json::Value;

use super::Call;
use crate::expression::yaql::fault::Fault;

/// Compiled size, which also bounds the time of compiling.
const SIZE_MAX: usize = 512 * 1024;

/// Compiles a Python pattern.
pub(in crate::expression) fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, Fault> {
    let pattern = pattern.replace(r"\Z", r"\z");
    RegexBuilder::new(&pattern)
        .case_insensitive(ignore_case)
        .size_limit(SIZE_MAX)
        .nest_limit(60)
        .build()
        .map_err(|error| {
            Fault::new("error", error.to_string().lines().last().unwrap_or_default().trim().to_owned())
        })
}

/// A pattern of Python's `re`, as far as it can be matched in linear time.
///
/// # Errors
/// What it has that is no pattern, or that would take time without bound.
pub fn pattern(text: &str, ignore_case: bool) -> Result<Regex, String> {
    compile(text, ignore_case).map_err(|fault| fault.message)
}

/// A part of a replacement text.
pub(in crate::expression) enum Piece {
    Text(String),
    Group(usize),
    Named(String),
}

/// Reads Python's replacement syntax: `\1`, `\g<1>`, `\g<name>`, `\n`, `\\`.
pub(in crate::expression) fn template(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let digits = after.len() - after.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let group = after.strip_prefix("g<").and_then(|it| it.split_once('>'));
        let (piece, length) = match (after.chars().next(), group) {
            (_, Some((name, _))) => {
                let piece = name.parse().map_or_else(|_| Piece::Named(name.to_owned()), Piece::Group);
                (Some(piece), name.len() + 3)
            }
            (Some('1'..='9'), _) => {
                let digits = digits.min(2);
                (Some(Piece::Group(after[..digits].parse().unwrap_or(0))), digits)
            }
            (Some('n'), _) => (Some(Piece::Text("\n".to_owned())), 1),
            (Some('t'), _) => (Some(Piece::Text("\t".to_owned())), 1),
            (Some('r'), _) => (Some(Piece::Text("\r".to_owned())), 1),
            (Some('\\'), _) => (Some(Piece::Text("\\".to_owned())), 1),
            (_, None) => (None, 0),
        };
        match piece {
            Some(piece) => {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(piece);
            }
            None => plain.push('\\'),
        }
        rest = &after[length..];
    }
    plain.push_str(rest);
    pieces.push(Piece::Text(plain));
    pieces
}

pub(in crate::expression) fn expand(template: &[Piece], found: &Captures<'_>) -> String {
    let part = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Group(at) => found.get(*at).map_or_else(String::new, |it| it.as_str().to_owned()),
        Piece::Named(name) => found.name(name).map_or_else(String::new, |it| it.as_str().to_owned()),
    };
    template.iter().map(part).collect()
}

fn parts(call: &Call, flag_at: usize) -> Result<(String, Regex), Fault> {
    let value = super::text_of(call.required(0, "value")?);
    let regex = compile(call.text(1, "pattern")?, call.truth(flag_at, "ignorecase", false))?;
    Ok((value, regex))
}

/// `regex_match` (at the start) and `regex_search` (anywhere).
pub(super) fn matches(call: &Call, at_start: bool) -> Result<Value, Fault> {
    let value = super::text_of(call.required(0, "value")?);
    let pattern = call.text(1, "pattern")?;
    let pattern = if at_start { format!(r"\A(?:{pattern})") } else { pattern.to_owned() };
    Ok(Value::Bool(compile(&pattern, call.truth(2, "ignorecase", false))?.is_match(&value)))
}

pub(super) fn replace(call: &Call) -> Result<Value, Fault> {
    let (value, regex) = parts(call, 3)?;
    let template = template(call.text(2, "replacement")?);
    let mut out = String::new();
    let mut from = 0;
    for found in regex.captures_iter(&value) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&value[from..whole.start()]);
        out.push_str(&expand(&template, &found));
        from = whole.end();
        if out.len() > super::json::TEXT_MAX {
            return Err(Fault::limit("text too large"));
        }
    }
    out.push_str(&value[from..]);
    Ok(out.into())
}

/// Python's `findall(…)[index]`: a group where the pattern has one, all of them where it has more.
pub(super) fn substring(call: &Call) -> Result<Value, Fault> {
    let (value, regex) = parts(call, 3)?;
    let index = match call.get(2, "result_index") {
        None => 0,
        Some(it) => it.as_i64().ok_or_else(|| Fault::kind("list indices must be integers or slices"))?,
    };
    let group = |found: &Captures<'_>, at: usize| Value::from(found.get(at).map_or("", |it| it.as_str()));
    let row = |found: Captures<'_>| match found.len() {
        1 => group(&found, 0),
        2 => group(&found, 1),
        count => Value::Array((1..count).map(|at| group(&found, at)).collect()),
    };
    let found: Vec<Value> = regex.captures_iter(&value).map(row).collect();
    let at = if index < 0 { index + found.len() as i64 } else { index };
    let hit = usize::try_from(at).ok().and_then(|at| found.into_iter().nth(at));
    hit.ok_or_else(|| Fault::new("IndexError", "list index out of range"))
}

//! Python's `str()` and `repr()`.

use std::fmt::Write as _;

use super::value::{Value, View};
use crate::expression::python::{float_text, quote};

impl Value {
    /// Python's `str()`.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Text(it) => it.to_string(),
            Self::Span(it) => span_text(*it),
            Self::Time(at, offset) => time_text(*at, *offset),
            other => other.repr(),
        }
    }

    /// Python's `repr()`.
    pub(super) fn repr(&self) -> String {
        let mut out = String::new();
        self.write_repr(&mut out);
        out
    }

    fn write_repr(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("None"),
            Self::Bool(true) => out.push_str("True"),
            Self::Bool(false) => out.push_str("False"),
            Self::Int(it) => out.push_str(&it.to_string()),
            Self::Float(it) => out.push_str(&float_text(*it)),
            Self::Text(it) => quote(it, out),
            Self::Tuple(it) => {
                out.push('(');
                join(it.items.iter(), out);
                out.push_str(if it.items.len() == 1 { ",)" } else { ")" });
            }
            Self::List(it) => {
                out.push('[');
                join(it.items.iter(), out);
                out.push(']');
            }
            Self::Dict(it) => {
                out.push('{');
                for (at, (key, value)) in it.map.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    key.value().write_repr(out);
                    out.push_str(": ");
                    value.write_repr(out);
                }
                out.push('}');
            }
            Self::Set(it) if it.items.is_empty() => out.push_str("frozenset()"),
            Self::Set(it) => {
                out.push_str("frozenset({");
                join(it.items.iter().map(|key| key.value()), out);
                out.push_str("})");
            }
            Self::View(View::Keys, it) => {
                out.push_str("dict_keys([");
                join(it.map.keys().map(|key| key.value()), out);
                out.push_str("])");
            }
            Self::View(View::Values, it) => {
                out.push_str("dict_values([");
                join(it.map.values(), out);
                out.push_str("])");
            }
            Self::View(View::Items, it) => {
                out.push_str("dict_items([");
                for (at, (key, value)) in it.map.iter().enumerate() {
                    out.push_str(if at == 0 { "(" } else { ", (" });
                    join([key.value(), value].into_iter(), out);
                    out.push(')');
                }
                out.push_str("])");
            }
            Self::Time(at, offset) => out.push_str(&time_text(*at, *offset)),
            Self::Span(it) => out.push_str(&span_text(*it)),
            Self::Pattern(it) => {
                out.push_str("re.compile(");
                quote(it.as_str(), out);
                out.push(')');
            }
            Self::Flow(_) | Self::Memo(_) | Self::Order(_) | Self::Frame(_) | Self::Rule(_) => {
                let _ = write!(out, "<{} object>", self.class());
            }
        }
    }
}

fn join<'a>(items: impl Iterator<Item = &'a Value>, out: &mut String) {
    for (at, item) in items.enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        item.write_repr(out);
    }
}

const SECOND: i64 = 1_000_000;

fn time_text(at: i64, offset: i32) -> String {
    let Ok(stamp) = jiff::Timestamp::from_microsecond(at) else { return "<datetime>".to_owned() };
    let offset = jiff::tz::Offset::from_seconds(offset).unwrap_or(jiff::tz::Offset::UTC);
    let here = offset.to_datetime(stamp);
    let fraction = at.rem_euclid(SECOND);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{}{fraction}{sign}{:02}:{:02}", here.strftime("%Y-%m-%d %H:%M:%S"), minutes / 60, minutes % 60)
}

fn span_text(span: i64) -> String {
    let days = span.div_euclid(86_400 * SECOND);
    let rest = span.rem_euclid(86_400 * SECOND);
    let (seconds, fraction) = (rest / SECOND, rest % SECOND);
    let days = match days {
        0 => String::new(),
        1 | -1 => format!("{days} day, "),
        _ => format!("{days} days, "),
    };
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("{days}{}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

//! What the template engine does not bound by itself: how much text a template makes. Its fuel counts instructions,
//! and a few of them can double a text thirty times.

use std::cell::Cell;
use std::sync::LazyLock;

use minijinja::{Error, ErrorKind, Value};
use regex::Regex;

use crate::expression::yaql::fault::Fault;

/// Bytes printed by one run, captured blocks included.
const PRINTED_MAX: usize = 8 * 1024 * 1024;
/// Joins in a template that also keeps values: every one could double.
const JOINS_MAX: usize = 10;
/// Longer templates are refused unread.
const SOURCE_MAX: usize = 256 * 1024;
/// Brackets within brackets.
const NESTING_MAX: usize = 100;

/// Ways to keep a value for later.
static KEEPS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{%-?\s*(set|macro|call|with)\b").expect("fixed pattern"));

/// A plus before anything but a number, a text or a list that is written out.
static GROWS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"\+\s*[^\s\d'"\[]"#).expect("fixed pattern"));

thread_local! {
    /// A run is on one thread from start to end, and the engine's hooks get no state of ours.
    static PRINTED: Cell<usize> = const { Cell::new(0) };
}

/// Starts the count of a run.
pub(super) fn reset() {
    PRINTED.set(0);
}

/// Counts text before it is printed.
pub(super) fn print(bytes: usize) -> Result<(), Error> {
    let printed = PRINTED.get().saturating_add(bytes);
    PRINTED.set(printed);
    if printed > PRINTED_MAX { Err(Error::new(ErrorKind::OutOfFuel, "text too large")) } else { Ok(()) }
}

/// Items that a filter may be given: the engine repeats lists without making them, filters would.
const ITEMS_MAX: usize = 100_000;

pub(super) fn items(value: &Value) -> Result<(), Error> {
    let many = value.as_str().is_none() && value.len().is_some_and(|it| it > ITEMS_MAX);
    if many { Err(Error::new(ErrorKind::OutOfFuel, "list too long")) } else { Ok(()) }
}

/// A format text whose widths or precisions would make a huge text.
pub(super) fn format_text(text: &str) -> Result<(), Error> {
    const DIGITS_MAX: usize = 3;
    let mut run = 0;
    for it in text.chars() {
        run = if it.is_ascii_digit() { run + 1 } else { 0 };
        if run > DIGITS_MAX || it == '*' {
            return Err(Error::new(ErrorKind::InvalidOperation, "format too wide"));
        }
    }
    Ok(())
}

/// Refuses what could grow without being printed.
pub(super) fn check(source: &str) -> Result<(), Fault> {
    if source.len() > SOURCE_MAX {
        return Err(Fault::limit("template too long"));
    }
    let mut depth = 0_usize;
    for it in source.bytes() {
        match it {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING_MAX {
            return Err(Fault::limit("template nested too deeply"));
        }
    }
    let joins = source.matches('~').count() + source.matches('+').count();
    // In a namespace a value outlives the turns of a loop: only what is written there may be added to it.
    let looped = source.contains("namespace") && (source.contains('~') || GROWS.is_match(source));
    if looped || (joins > JOINS_MAX && KEEPS.is_match(source)) {
        return Err(Fault::limit("template could make a text without bound"));
    }
    Ok(())
}

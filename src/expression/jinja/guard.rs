//! What the template engine does not bound by itself: how much text a template makes. Its fuel counts instructions,
//! and a few of them can double a text thirty times.

use std::cell::Cell;
use std::sync::LazyLock;

use minijinja::{Error, ErrorKind};
use regex::Regex;

use crate::expression::yaql::fault::Fault;

/// Bytes printed by one run, captured blocks included.
const PRINTED_MAX: usize = 8 * 1024 * 1024;
/// Joins in a template that also keeps values: every one could double.
const JOINS_MAX: usize = 12;
/// Longer templates are refused unread.
const SOURCE_MAX: usize = 256 * 1024;
/// Brackets within brackets.
const NESTING_MAX: usize = 100;

/// Ways to keep a value for later.
static KEEPS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{%-?\s*(set|macro|call|with)\b").expect("fixed pattern"));

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
    let looped = source.contains("namespace") && source.contains('~');
    if looped || (joins > JOINS_MAX && KEEPS.is_match(source)) {
        return Err(Fault::limit("template could make a text without bound"));
    }
    Ok(())
}

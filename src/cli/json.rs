//! JSON in and out, for the commands that other programs use.

use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    thread,
};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;

use super::out;

/// Room for texts that nest deeper than any person writes: the readers of expressions recurse.
const STACK_BYTES: usize = 256 << 20;

/// Standard input as a list.
pub(super) fn list_from_stdin() -> anyhow::Result<Vec<Value>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).context("standard input cannot be read")?;
    serde_json::from_slice(&bytes).context("standard input is not a JSON list")
}

/// A file's JSON.
pub(super) fn from_file(path: &Path) -> anyhow::Result<Value> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is not JSON", path.display()))
}

/// The one document on standard output.
pub(super) fn print(document: &impl Serialize) -> anyhow::Result<()> {
    out::say(&serde_json::to_string(document)?)?;
    Ok(())
}

/// Answers a list with a function from list to list. If that panics, which would be a fault of ours, the items are
/// answered one by one, so that one bad item never takes the others with it.
pub(super) fn answer_batch(
    items: Vec<Value>,
    answer: fn(Value) -> Value,
    broken: fn() -> Value,
) -> anyhow::Result<Value> {
    on_deep_stack(move || match catch_unwind(AssertUnwindSafe(|| answer(Value::Array(items.clone())))) {
        Ok(answers) => answers,
        Err(_) => items.into_iter().map(|item| answer_one(item, answer, broken)).collect(),
    })
}

fn answer_one(item: Value, answer: fn(Value) -> Value, broken: fn() -> Value) -> Value {
    match catch_unwind(|| answer(Value::Array(vec![item]))) {
        Ok(Value::Array(mut answers)) if answers.len() == 1 => answers.remove(0),
        Ok(_) | Err(_) => broken(),
    }
}

/// Runs work on a thread whose stack holds deep recursion.
pub(super) fn on_deep_stack<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    let thread =
        thread::Builder::new().stack_size(STACK_BYTES).spawn(work).context("no thread could be started")?;
    thread.join().map_err(|_| anyhow::anyhow!("this is a fault in lockkeeper: see the panic above"))
}

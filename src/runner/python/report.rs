//! A Python process's end in the shape of StackStorm's runner.

use std::os::unix::process::ExitStatusExt;

use serde_json::{Map, Value};

use super::line::Said;
use crate::runner::attempt::Attempt;
use crate::runner::outcome::End;
use crate::runner::process::{Ended, How};

/// What StackStorm's runner gives for a result that never came.
const NO_RESULT: &str = "None";
/// The exit code of an action that returned a status which is none.
const INVALID_STATUS: i32 = 220;

/// The end and the result `{stdout, stderr, exit_code, result[, error]}`.
pub(super) fn report(attempt: &Attempt, ended: Ended, said: Said) -> (End, Value) {
    let status = said.returned.as_ref().and_then(|it| it.status);
    let (end, code, error) = match ended.how {
        How::Exited(it) => match (it.code(), it.signal()) {
            (Some(0), _) if said.fault.is_some() => (End::Failed, 0, None),
            (Some(0), _) if status == Some(false) => (End::Failed, 0, None),
            (Some(0), _) => (End::Succeeded, 0, None),
            (Some(INVALID_STATUS), _) => {
                let error = "run() returned a status that is neither True nor False; stderr says more";
                (End::Failed, INVALID_STATUS, Some(error.to_owned()))
            }
            (Some(code), _) => (End::Failed, code, None),
            (None, signal) => {
                let signal = signal.unwrap_or_default();
                (End::Failed, -signal, Some(format!("ended by signal {signal}")))
            }
        },
        How::TimedOut => (End::Timeout, -9, Some(attempt.late())),
        How::Canceled => (End::Canceled, -15, None),
        How::Lost(error) => (End::Failed, -1, Some(format!("cannot start Python: {error}"))),
    };
    let head = attempt.request.output.limits.head;
    let mut result = Map::new();
    result.insert("stdout".to_owned(), ended.stdout.kept.text(head).into());
    result.insert("stderr".to_owned(), ended.stderr.kept.text(head).into());
    result.insert("exit_code".to_owned(), code.into());
    let returned = said.returned.map_or_else(|| NO_RESULT.into(), |it| it.result);
    result.insert("result".to_owned(), without_nul(returned));
    if let Some(error) = error.or(said.fault) {
        result.insert("error".to_owned(), error.into());
    }
    (end, result.into())
}

/// PostgreSQL holds no NUL in text.
fn without_nul(value: Value) -> Value {
    let clean = |text: String| if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    match value {
        Value::String(text) => clean(text).into(),
        Value::Array(items) => items.into_iter().map(without_nul).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, it)| (clean(name), without_nul(it))).collect::<Map<_, _>>().into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

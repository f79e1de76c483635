//! A process's end in the shape of StackStorm's shell runners.

use std::os::unix::process::ExitStatusExt;

use serde_json::{Map, Value};

use crate::runner::attempt::Attempt;
use crate::runner::outcome::End;
use crate::runner::process::{Ended, How};

/// What one process gives to the result.
pub(crate) struct Report {
    pub(crate) end: End,
    /// `{failed, succeeded, return_code, stdout, stderr[, error]}`
    pub(crate) result: Value,
}

/// Exit code 0 succeeded; a signal is a negative code; SIGTERM from outside is `abandoned`.
pub(crate) fn report(attempt: &Attempt, ended: Ended) -> Report {
    let head = attempt.request.output.limits.head;
    let (end, code, error) = match ended.how {
        How::Exited(status) => match (status.code(), status.signal()) {
            (Some(0), _) => (End::Succeeded, 0, None),
            (Some(code), _) => (End::Failed, code, None),
            (None, Some(15)) => (End::Abandoned, -15, Some("ended by signal 15".to_owned())),
            (None, Some(signal)) => (End::Failed, -signal, Some(signal_text(signal))),
            (None, None) => (End::Failed, -1, Some(format!("ended with {status}"))),
        },
        How::TimedOut => (End::Timeout, -9, Some(attempt.late())),
        How::Canceled => (End::Canceled, -15, None),
        How::Lost(error) => (End::Failed, -1, Some(format!("cannot start: {error}"))),
    };
    let mut result = Map::new();
    result.insert("failed".to_owned(), (end != End::Succeeded).into());
    result.insert("succeeded".to_owned(), (end == End::Succeeded).into());
    result.insert("return_code".to_owned(), code.into());
    for (name, kept) in [("stdout", &ended.stdout.kept), ("stderr", &ended.stderr.kept)] {
        let whole = kept.left_out() == 0;
        result.insert(name.to_owned(), value_of(kept.text(head), whole));
    }
    if let Some(error) = error {
        result.insert("error".to_owned(), error.into());
    }
    Report { end, result: result.into() }
}

fn signal_text(signal: i32) -> String {
    match signal {
        9 => "killed by signal 9, perhaps because the machine was out of memory".to_owned(),
        other => format!("ended by signal {other}"),
    }
}

/// One final line end is dropped, and text that is JSON becomes the value it says (StackStorm's `jsonify`).
fn value_of(mut text: String, whole: bool) -> Value {
    if text.ends_with('\n') {
        text.pop();
    }
    if text.ends_with('\r') {
        text.pop();
    }
    if whole && let Ok(value) = serde_json::from_str(&text) {
        return value;
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn output_that_is_json_becomes_its_value() {
        assert_eq!(value_of("{\"a\": 1}\n".to_owned(), true), json!({"a": 1}));
        assert_eq!(value_of("123\r\n".to_owned(), true), json!(123));
        assert_eq!(value_of("123\n".to_owned(), false), json!("123"));
        assert_eq!(value_of("hello\n\n".to_owned(), true), json!("hello\n"));
        let deep = "[".repeat(10_000);
        assert_eq!(value_of(deep.clone(), true), json!(deep));
    }
}

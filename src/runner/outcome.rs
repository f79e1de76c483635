//! How an attempt ended.

use serde_json::{Map, Value};

/// How an attempt ended: the part of StackStorm's statuses that one try can reach, and our `unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Succeeded,
    Failed,
    /// It ran longer than it may and was stopped.
    Timeout,
    /// Somebody asked for its end.
    Canceled,
    /// Somebody outside stopped its process (SIGTERM).
    Abandoned,
    /// The connection to its host broke: it began, and nobody saw its end.
    Unknown,
}

impl End {
    /// StackStorm's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            End::Succeeded => "succeeded",
            End::Failed => "failed",
            End::Timeout => "timeout",
            End::Canceled => "canceled",
            End::Abandoned => "abandoned",
            End::Unknown => "unknown",
        }
    }
}

/// What an attempt left. Everything in it is masked.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub end: End,
    /// What expressions of the workflow see, in the shape that StackStorm's runner of the same name gives.
    pub result: Value,
    pub output: OutputSummary,
}

/// The ends of the printed output, for cards; the whole lies in the request's log file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputSummary {
    pub head: String,
    /// The last bytes, if they are not all in `head`.
    pub tail: String,
    /// How many bytes were printed in all, before masking.
    pub bytes: u64,
    /// Whether the log file holds less than was printed.
    pub truncated: bool,
}

impl Outcome {
    pub fn succeeded(result: Value) -> Self {
        Self { end: End::Succeeded, result, output: OutputSummary::default() }
    }

    /// An attempt that failed before or outside any process: `error` says what is wrong and what to do.
    pub fn failed(error: impl Into<String>) -> Self {
        let mut result = Map::new();
        result.insert("failed".to_owned(), true.into());
        result.insert("succeeded".to_owned(), false.into());
        result.insert("error".to_owned(), error.into().into());
        Self { end: End::Failed, result: result.into(), output: OutputSummary::default() }
    }

    /// The `error` text of the result, if it has one.
    pub fn error(&self) -> Option<&str> {
        self.result.get("error").and_then(Value::as_str)
    }
}

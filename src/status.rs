//! The one vocabulary of statuses: StackStorm's spelling, plus `unknown` for an attempt whose end nobody saw.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::IdError;

/// Where an execution or an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Requested,
    Scheduled,
    Delayed,
    Running,
    Pending,
    Pausing,
    Paused,
    Resuming,
    Canceling,
    Canceled,
    Succeeded,
    Failed,
    Timeout,
    Abandoned,
    /// Its start is recorded, its end was never seen: a person decides.
    Unknown,
}

const ALL: [Status; 15] = [
    Status::Requested,
    Status::Scheduled,
    Status::Delayed,
    Status::Running,
    Status::Pending,
    Status::Pausing,
    Status::Paused,
    Status::Resuming,
    Status::Canceling,
    Status::Canceled,
    Status::Succeeded,
    Status::Failed,
    Status::Timeout,
    Status::Abandoned,
    Status::Unknown,
];

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Requested => "requested",
            Status::Scheduled => "scheduled",
            Status::Delayed => "delayed",
            Status::Running => "running",
            Status::Pending => "pending",
            Status::Pausing => "pausing",
            Status::Paused => "paused",
            Status::Resuming => "resuming",
            Status::Canceling => "canceling",
            Status::Canceled => "canceled",
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::Timeout => "timeout",
            Status::Abandoned => "abandoned",
            Status::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Result<Self, IdError> {
        ALL.into_iter()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| IdError { text: text.to_owned(), expected: "an execution status" })
    }

    /// Nothing more will happen by itself.
    pub fn is_ended(self) -> bool {
        match self {
            Status::Succeeded
            | Status::Failed
            | Status::Timeout
            | Status::Abandoned
            | Status::Canceled
            | Status::Unknown => true,
            Status::Requested
            | Status::Scheduled
            | Status::Delayed
            | Status::Running
            | Status::Pending
            | Status::Pausing
            | Status::Paused
            | Status::Resuming
            | Status::Canceling => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

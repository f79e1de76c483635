use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The status of a workflow, a task or one action of it, spelled as orquesta spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Before the first event.
    #[serde(rename = "null")]
    Unset,
    Requested,
    Scheduled,
    Delayed,
    Running,
    Pending,
    Pausing,
    Paused,
    Resuming,
    Succeeded,
    Failed,
    Timeout,
    Abandoned,
    Retrying,
    Canceling,
    Canceled,
}

impl Status {
    /// How many there are: the size of a table with a counter for each.
    pub(super) const COUNT: usize = 16;

    /// Every status, in the order of the enum.
    pub const ALL: [Status; Status::COUNT] = [
        Status::Unset,
        Status::Requested,
        Status::Scheduled,
        Status::Delayed,
        Status::Running,
        Status::Pending,
        Status::Pausing,
        Status::Paused,
        Status::Resuming,
        Status::Succeeded,
        Status::Failed,
        Status::Timeout,
        Status::Abandoned,
        Status::Retrying,
        Status::Canceling,
        Status::Canceled,
    ];

    /// The word that stands in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "null",
            Self::Requested => "requested",
            Self::Scheduled => "scheduled",
            Self::Delayed => "delayed",
            Self::Running => "running",
            Self::Pending => "pending",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
            Self::Retrying => "retrying",
            Self::Canceling => "canceling",
            Self::Canceled => "canceled",
        }
    }

    /// It is over: succeeded, failed, timed out, abandoned or canceled.
    pub fn is_completed(self) -> bool {
        self == Self::Succeeded || self == Self::Canceled || self.is_abended()
    }

    /// It is over and something went wrong.
    pub fn is_abended(self) -> bool {
        matches!(self, Self::Failed | Self::Timeout | Self::Abandoned)
    }

    /// Work is under way. A pending or retrying task is not active, a pausing one is.
    pub fn is_active(self) -> bool {
        self.is_before_running()
            || matches!(self, Self::Running | Self::Resuming | Self::Pausing | Self::Canceling)
    }

    /// A workflow in this status hands out tasks.
    pub fn hands_out_tasks(self) -> bool {
        self.is_before_running() || matches!(self, Self::Running | Self::Resuming | Self::Retrying)
    }

    /// An event with this status begins a new visit of a task that had completed.
    pub(super) fn is_starting(self) -> bool {
        self.is_before_running() || matches!(self, Self::Running | Self::Pending)
    }

    pub(super) fn is_pause_or_cancel(self) -> bool {
        matches!(self, Self::Pausing | Self::Paused | Self::Canceling | Self::Canceled)
    }

    fn is_before_running(self) -> bool {
        matches!(self, Self::Requested | Self::Scheduled | Self::Delayed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a status")]
pub struct UnknownStatus(pub String);

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| UnknownStatus(text.into()))
    }
}

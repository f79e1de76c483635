use std::time::Duration;

use crate::id::{ActionRef, PackName};

/// What bounds the executions of one action: `policies/*.yaml`.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionPolicy {
    pub pack: PackName,
    pub name: String,
    pub action: ActionRef,
    pub bound: Bounding,
}

/// The kinds of StackStorm: `st2common/policies/meta` of <https://github.com/StackStorm/st2>.
#[derive(Clone, Debug, PartialEq)]
pub enum Bounding {
    /// `action.retry`: what ended so is tried again; not within a workflow.
    Retry { on: RetryOn, most: u32, delay: Duration },
    /// `action.concurrency`, and `action.concurrency.attr` with the parameters that must be the same to count.
    Concurrency { threshold: usize, beyond: Beyond, attributes: Vec<String> },
}

/// Which end is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryOn {
    Failure,
    Timeout,
}

/// What becomes of an execution that is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// It waits.
    Delay,
    Cancel,
}

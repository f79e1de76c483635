use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::expression::Compat;

use super::super::{Spec, Status};
use super::Conductor;
use super::contexts::Contexts;
use super::log::{Log, LogEntry};
use super::sequence::{Sequence, Visit};
use super::staging::{Staged, Staging};

/// The form of snapshots; raised when a field changes its meaning.
const FORMAT: u32 = 1;

/// A conductor at rest, without what can be computed.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    format: u32,
    spec: Value,
    exact: bool,
    inputs: Map<String, Value>,
    parent: Map<String, Value>,
    begun: bool,
    status: Status,
    contexts: Contexts,
    routes: Vec<Vec<String>>,
    sequence: Vec<Visit>,
    staged: Vec<Staged>,
    reruns: Vec<Vec<u32>>,
    errors: Vec<LogEntry>,
    output: Option<Value>,
    closed: bool,
}

/// A snapshot that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("snapshot of a workflow has format {0}, this version reads {FORMAT}")]
    Format(u32),
    #[error("workflow in a snapshot has faults: {0}")]
    Spec(String),
}

impl From<Conductor> for Stored {
    fn from(conductor: Conductor) -> Self {
        Self {
            format: FORMAT,
            spec: conductor.spec.source().clone(),
            exact: conductor.compat == Compat::Exact,
            inputs: conductor.inputs,
            parent: conductor.parent,
            begun: conductor.begun,
            status: conductor.status,
            contexts: conductor.contexts,
            routes: conductor.routes,
            sequence: conductor.sequence.visits().to_vec(),
            staged: conductor.staging.all().cloned().collect(),
            reruns: conductor.reruns,
            errors: conductor.log.entries().to_vec(),
            output: conductor.output,
            closed: conductor.closed,
        }
    }
}

impl TryFrom<Stored> for Conductor {
    type Error = Unreadable;

    fn try_from(stored: Stored) -> Result<Self, Unreadable> {
        if stored.format != FORMAT {
            return Err(Unreadable::Format(stored.format));
        }
        let faults = |faults: super::super::Inspection| Unreadable::Spec(faults.summary());
        let spec = Arc::new(Spec::parse(&stored.spec).map_err(faults)?);
        Ok(Self {
            compat: if stored.exact { Compat::Exact } else { Compat::Strict },
            inputs: stored.inputs,
            parent: stored.parent,
            begun: stored.begun,
            status: stored.status,
            contexts: stored.contexts,
            routes: stored.routes,
            sequence: Sequence::new(spec.clone(), stored.sequence),
            staging: Staging::from_entries(stored.staged),
            reruns: stored.reruns,
            log: Log::from_entries(stored.errors),
            output: stored.output,
            closed: stored.closed,
            spec,
        })
    }
}

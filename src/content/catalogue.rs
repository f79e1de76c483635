use indexmap::IndexMap;
use serde_json::Value;

use crate::alias::ActionAlias;
use crate::id::{ActionRef, PackName};
use crate::rule::Rule;
use crate::workflow::{ChainSpec, Spec};

use super::{Action, ActionPolicy, Pack, Sensor, TriggerType};

/// The definition of an `orquesta` action.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// The file as read, which is what gets pinned.
    pub definition: Value,
    pub spec: Spec,
    /// The path, for diagnostics.
    pub file: String,
}

/// The definition of an `action-chain` action.
#[derive(Clone, Debug, PartialEq)]
pub struct Chained {
    pub spec: ChainSpec,
    /// The path, for diagnostics.
    pub file: String,
}

/// Everything that can be run, and what starts it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    pub packs: IndexMap<PackName, Pack>,
    pub actions: IndexMap<ActionRef, Action>,
    pub workflows: IndexMap<ActionRef, Workflow>,
    pub chains: IndexMap<ActionRef, Chained>,
    pub aliases: Vec<ActionAlias>,
    pub rules: Vec<Rule>,
    pub sensors: Vec<Sensor>,
    /// Types of triggers that packs declare, by `pack.name`: those of their sensors, and of files of their own.
    pub triggers: IndexMap<String, TriggerType>,
    /// Those that are not disabled.
    pub policies: Vec<ActionPolicy>,
}

impl Catalogue {
    pub fn action(&self, reference: &ActionRef) -> Option<&Action> {
        self.actions.get(reference)
    }

    pub fn workflow(&self, reference: &ActionRef) -> Option<&Workflow> {
        self.workflows.get(reference)
    }
}

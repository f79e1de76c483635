use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{ActionRef, PackName};

/// A rule: when a trigger fires and all criteria hold, an action is started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub pack: PackName,
    pub name: String,
    pub description: String,
    /// StackStorm's default is false.
    pub enabled: bool,
    /// Fires only when no other rule of the trigger did (`type: {ref: backstop}`).
    pub backstop: bool,
    /// `core.st2.webhook`, `core.st2.CronTimer`, …
    pub trigger: String,
    pub trigger_parameters: Map<String, Value>,
    /// `trigger.body.x` → `{type, pattern, condition}`, in the order of the file.
    pub criteria: IndexMap<String, Value>,
    pub action: ActionRef,
    pub parameters: Map<String, Value>,
}

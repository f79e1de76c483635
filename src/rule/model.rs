use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::expression::DatastoreView;
use crate::id::{ActionRef, Digest, PackName};

use super::Criteria;

/// The trigger of what is posted to an address.
const WEBHOOK: &str = "core.st2.webhook";

/// A rule: when a trigger fires and all criteria hold, an action is started.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub pack: PackName,
    pub name: String,
    pub description: String,
    /// StackStorm's default is false.
    pub enabled: bool,
    /// Fires only when no other rule of the trigger did (`type: {ref: backstop}`).
    pub backstop: bool,
    pub trigger: Listens,
    pub criteria: Criteria,
    pub action: ActionRef,
    /// Templates over the event.
    pub parameters: Map<String, Value>,
}

impl Rule {
    /// `pack.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }

    /// Whether it may read the datastore, in a template or by a key.
    pub fn reads_datastore(&self) -> bool {
        const WORDS: [&str; 3] = ["st2kv", "decrypt_kv", "system"];
        let reads = |it: &Value| {
            let text = it.to_string();
            WORDS.iter().any(|word| text.contains(word))
        };
        let written = self.criteria.iter().map(|it| &it.written);
        self.parameters.values().chain(written).any(reads)
            || self.criteria.iter().any(|it| it.key.trim_start().starts_with("system"))
    }
}

/// What a rule listens to: a kind of trigger, and which one of that kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Listens {
    /// `core.st2.webhook`, `core.st2.CronTimer`, …
    pub kind: String,
    pub parameters: Map<String, Value>,
}

impl Listens {
    /// Whether an event of this trigger is heard.
    pub fn hears(&self, kind: &str, parameters: &Map<String, Value>) -> bool {
        if self.kind != kind {
            return false;
        }
        match self.hook() {
            Some(own) => parameters.get("url").and_then(Value::as_str).is_some_and(|it| hook_of(it) == own),
            // What nobody gave is null or not there, as its author likes.
            None => given(&self.parameters).eq(given(parameters)),
        }
    }

    /// The address below `/webhooks/` that it is posted to, if it is a webhook.
    pub fn hook(&self) -> Option<&str> {
        let url = self.parameters.get("url").filter(|_| self.kind == WEBHOOK)?;
        Some(hook_of(url.as_str()?))
    }

    /// What tells one trigger from another: a digest of its kind and of what is given to it.
    pub fn identity(&self) -> String {
        let given: Vec<_> = given(&self.parameters).collect();
        let text = json!([self.kind, given]).to_string();
        Digest::of(text.as_bytes()).to_string()
    }

    /// That of a webhook at this address.
    pub fn webhook(url: &str) -> Self {
        let parameters = Map::from_iter([("url".to_owned(), Value::from(hook_of(url)))]);
        Self { kind: WEBHOOK.to_owned(), parameters }
    }
}

/// Sorted, so that two maps with the same members are the same.
fn given(parameters: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let mut all: Vec<_> = parameters.iter().filter(|(_, it)| !it.is_null()).collect();
    all.sort_by_key(|(name, _)| *name);
    all.into_iter()
}

/// An address of a webhook without the slashes around it.
pub fn hook_of(url: &str) -> &str {
    url.trim_matches('/')
}

/// Something that happened, as it stands in the inbox until rules have looked at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happened {
    /// Version of this shape.
    pub format: u32,
    pub trigger: String,
    /// Which trigger of that kind: the address of a webhook.
    pub parameters: Map<String, Value>,
    pub payload: Value,
    /// Executions that rules started, one because of the other, up to this.
    #[serde(default)]
    pub depth: u32,
}

impl Happened {
    /// What the inbox calls such rows.
    pub const SOURCE: &'static str = "event";

    /// Of a trigger, and because of nothing that a rule started.
    pub fn new(trigger: Listens, payload: Value) -> Self {
        Self { format: 1, trigger: trigger.kind, parameters: trigger.parameters, payload, depth: 0 }
    }

    /// As rules look at it.
    pub fn event<'a>(&'a self, datastore: &'a DatastoreView, now: Timestamp) -> Event<'a> {
        Event { trigger: &self.trigger, parameters: &self.parameters, payload: &self.payload, datastore, now }
    }
}

/// Something that happened, with what rules may read beside it.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub trigger: &'a str,
    /// Which trigger of that kind: the address of a webhook.
    pub parameters: &'a Map<String, Value>,
    pub payload: &'a Value,
    /// What `system` and `st2kv` find.
    pub datastore: &'a DatastoreView,
    /// What ages are counted from.
    pub now: Timestamp,
}

impl Event<'_> {
    /// What templates and keys read: the payload as `trigger`, the datastore's plain values as `system`.
    pub fn names(&self) -> Value {
        json!({ "trigger": self.payload, "system": self.datastore.system() })
    }
}

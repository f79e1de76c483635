use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::content::{Rule, SourceFile};
use crate::id::{ActionRef, PackName};

use super::Loader;

#[derive(Deserialize)]
struct RawRule {
    name: String,
    pack: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    enabled: bool,
    #[serde(default, rename = "type")]
    kind: Value,
    trigger: RawTrigger,
    #[serde(default)]
    criteria: IndexMap<String, Value>,
    action: RawCall,
    #[serde(default, rename = "tags")]
    _tags: Value,
    #[serde(default, rename = "context")]
    _context: Value,
    #[serde(default, rename = "id")]
    _id: Value,
    #[serde(default, rename = "ref")]
    _ref: Value,
    #[serde(default, rename = "uid")]
    _uid: Value,
    #[serde(default, rename = "metadata_file")]
    _metadata_file: Value,
}

#[derive(Deserialize)]
struct RawTrigger {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default, rename = "description")]
    _description: Value,
    #[serde(default, rename = "ref")]
    _ref: Value,
    #[serde(default, rename = "name")]
    _name: Value,
    #[serde(default, rename = "pack")]
    _pack: Value,
}

#[derive(Deserialize)]
struct RawCall {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default, rename = "description")]
    _description: Value,
}

impl Loader<'_> {
    pub(super) fn rule(&mut self, pack: &PackName, file: &SourceFile) {
        let Some(node) = file.read(&mut self.diagnostics) else { return };
        let Some(raw) = file.decode::<RawRule>(&node, &mut self.diagnostics) else { return };
        if let Some(other) = raw.pack.as_ref().filter(|it| *it != pack.as_str()) {
            let message = format!("the rule says pack `{other}` but lies in pack `{pack}`");
            return self.error(file, node.place_of("pack"), message);
        }
        let key = format!("rule {pack}.{}", raw.name);
        if let Some((first, _)) = self.places.get(&key) {
            let message = format!("rule `{}` is there twice: also in {first}", raw.name);
            return self.error(file, node.place_of("name"), message);
        }
        self.places.insert(key, (file.path.clone(), node.find("action.ref")));
        let trigger = format!("trigger of {pack}.{}", raw.name);
        self.places.insert(trigger, (file.path.clone(), node.find("trigger.type")));
        self.catalogue.rules.push(Rule {
            pack: pack.clone(),
            name: raw.name,
            description: raw.description.unwrap_or_default(),
            enabled: raw.enabled,
            backstop: raw.kind.get("ref").and_then(Value::as_str) == Some("backstop"),
            trigger: raw.trigger.kind,
            trigger_parameters: raw.trigger.parameters,
            criteria: raw.criteria,
            action: ActionRef::new(raw.action.reference),
            parameters: raw.action.parameters,
        });
    }
}

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::content::{Performer, SourceFile, runner_kind};
use crate::expression::unknown_in_template;
use crate::id::{ActionRef, PackName};
use crate::rule::{Criteria, Listens, Rule, Timer};
use crate::yaml::{Dialect, Fault, Node, Place};

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
        let rule = Rule {
            pack: pack.clone(),
            name: raw.name,
            description: raw.description.unwrap_or_default(),
            enabled: raw.enabled,
            backstop: raw.kind.get("ref").and_then(Value::as_str) == Some("backstop"),
            trigger: Listens { kind: raw.trigger.kind, parameters: raw.trigger.parameters },
            criteria: Criteria::parse(&raw.criteria),
            action: ActionRef::new(raw.action.reference),
            parameters: raw.action.parameters,
        };
        let is_fine = [
            self.can_tick(file, &node, &rule),
            self.can_match(file, &node, &rule),
            self.can_start(file, &node, &rule),
        ];
        // A foreign one stays listed: it says why it does nothing each time that it would.
        if is_fine.iter().all(|it| *it) || file.dialect == Dialect::StackStorm {
            self.catalogue.rules.push(rule);
        }
    }

    /// Whether its timer, if it has one, says a time; what does not is told.
    fn can_tick(&mut self, file: &SourceFile, node: &Node, rule: &Rule) -> bool {
        let Some(Err(error)) = Timer::of(&rule.trigger) else { return true };
        self.objection(file, node.find("trigger.parameters"), error.to_string());
        false
    }

    /// Whether every criterion can hold; what cannot is told.
    fn can_match(&mut self, file: &SourceFile, node: &Node, rule: &Rule) -> bool {
        let criteria = node.get("criteria");
        let mistakes = rule.criteria.mistakes();
        for (key, mistake) in &mistakes {
            let place = criteria.map_or(node.place, |it| it.place_of(key));
            let fault = Fault::new(place, mistake.to_string());
            let near = mistake.near().map(|it| format!("did you mean `{it}`?"));
            self.object(file, Fault { hint: near, ..fault });
        }
        mistakes.is_empty()
    }

    /// Whether its action may be started by a rule, and its templates may give something; what cannot is told.
    fn can_start(&mut self, file: &SourceFile, node: &Node, rule: &Rule) -> bool {
        let mut told: Vec<(Place, String, Option<&str>)> = Vec::new();
        let action = self.catalogue.actions.get(&rule.action);
        if let Some(action) = action {
            let place = node.find("action.ref");
            if action.tags.contains_key("who") {
                let hint =
                    "who may run it is asked of people; let the rule start an action that anybody may run";
                told.push((
                    place,
                    format!("`{}` is for certain people only, and a rule is nobody", rule.action),
                    Some(hint),
                ));
            }
            if runner_kind(&action.runner).is_some_and(|it| it.performer == Performer::Bot) {
                told.push((
                    place,
                    format!("`{}` is a command that people say, and starts nothing by itself", rule.action),
                    None,
                ));
            }
            if let Some(fault) = action.unquotable(&rule.parameters) {
                let hint =
                    "pass the value in `env: {NAME: …}` and write \"$NAME\", or as a parameter of a script";
                told.push((node.find("action.parameters.cmd"), fault.to_string(), Some(hint)));
            }
        }
        for (name, written) in &rule.parameters {
            let place = node.find(&format!("action.parameters.{name}"));
            let unknown = unknown_in_template(&written.to_string());
            told.extend(
                unknown
                    .into_iter()
                    .map(|it| (place, format!("{}, so `{name}` cannot be given", it.fault.message), None)),
            );
        }
        let is_fine = told.is_empty();
        for (place, message, hint) in told {
            self.object(file, Fault { hint: hint.map(str::to_owned), ..Fault::new(place, message) });
        }
        is_fine
    }
}

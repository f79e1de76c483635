use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::content::bind::has_template;
use crate::content::parameter::{overridden, parameter};
use crate::content::shell::Command;
use crate::content::{
    Action, Diagnostic, OVERRIDABLE, ParameterKind, Performer, RunnerName, Severity, SourceFile, runner_kind,
    runner_names,
};
use crate::id::{ActionRef, Digest, PackName};
use crate::yaml::{Dialect, Fault, Node, suggest};

use super::Loader;

/// The keys of an action's file; StackStorm accepts no other.
#[derive(Deserialize)]
struct RawAction {
    name: String,
    runner_type: String,
    pack: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default = "super::yes")]
    enabled: bool,
    #[serde(default)]
    entry_point: Option<String>,
    #[serde(default)]
    parameters: IndexMap<String, Value>,
    #[serde(default)]
    output_schema: Option<Value>,
    #[serde(default)]
    tags: Value,
    #[serde(default, rename = "notify")]
    _notify: Value,
    // Computed by StackStorm and accepted in files it exported.
    #[serde(default, rename = "id")]
    _id: Value,
    #[serde(default, rename = "ref")]
    _ref: Value,
    #[serde(default, rename = "uid")]
    _uid: Value,
    #[serde(default, rename = "metadata_file")]
    _metadata_file: Value,
}

/// Keywords of a parameter that mean something, for what may have been meant.
const KEYWORDS: [&str; 34] = [
    "type",
    "description",
    "default",
    "required",
    "enum",
    "immutable",
    "secret",
    "position",
    "items",
    "properties",
    "additionalProperties",
    "additionalItems",
    "patternProperties",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "multipleOf",
    "anyOf",
    "allOf",
    "oneOf",
    "not",
    "$ref",
    "dependencies",
    "title",
];

impl Loader<'_> {
    pub(super) fn action(&mut self, pack: &PackName, file: &SourceFile) {
        let Some(node) = file.read(&mut self.diagnostics) else { return };
        let Some(raw) = file.decode::<RawAction>(&node, &mut self.diagnostics) else { return };
        if let Some(other) = raw.pack.as_ref().filter(|it| *it != pack.as_str()) {
            let message = format!("the action says pack `{other}` but lies in pack `{pack}`");
            return self.error(file, node.place_of("pack"), message);
        }
        let runner = RunnerName::new(&raw.runner_type);
        if runner_kind(&runner).is_none() {
            let fault = Fault::new(node.place_of("runner_type"), format!("there is no runner `{runner}`"));
            let near = suggest(runner.as_str(), runner_names());
            let fault = match near {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault,
            };
            return self.fault(file, fault);
        }
        let Some(parameters) = self.parameters(file, &node, &runner, &raw) else { return };
        let tags = tags(&raw.tags);
        let action = Action {
            reference: ActionRef::new(format!("{pack}.{}", raw.name)),
            pack: pack.clone(),
            name: raw.name,
            description: raw.description.unwrap_or_default(),
            enabled: raw.enabled,
            timeout: timeout(&parameters, &runner),
            parameters,
            runner,
            entry_point: raw.entry_point.filter(|it| !it.is_empty()),
            output_schema: raw.output_schema,
            idempotent: tags.get("idempotent").is_some_and(|it| it == "true"),
            verify: tags.get("verify").map(|it| ActionRef::new(it.as_str())),
            guarded: tags.contains_key("changes"),
            tags,
            argv: Vec::new(),
            content: file.digest(),
        };
        self.add_action(file, &node, action);
    }

    /// Checks what an action needs beside its metadata, and adds it.
    pub(super) fn add_action(&mut self, file: &SourceFile, node: &Node, mut action: Action) {
        if self.catalogue.actions.contains_key(&action.reference) {
            let first = self.places.get(&format!("action {}", action.reference));
            let first = first.map(|(file, _)| format!(": also in {file}")).unwrap_or_default();
            let message = format!("action `{}` is there twice{first}", action.reference);
            return self.error(file, node.place_of("name"), message);
        }
        if !self.is_quotable(file, node, &action) || !self.names_hosts(file, node, &action) {
            return;
        }
        let needs_file = runner_kind(&action.runner).is_some_and(|it| it.needs_file);
        let entry = action.entry_point.clone().filter(|_| needs_file || action.argv.is_empty());
        if needs_file {
            let Some(entry) = entry else {
                return self.error(
                    file,
                    node.place,
                    format!("runner `{}` needs an `entry_point`", action.runner),
                );
            };
            let digest = self.entry_point(file, node, &action, &entry);
            let Some(digest) = digest else { return };
            action.content = Digest::of(format!("{}\n{digest}\n", action.content).as_bytes());
        }
        let name = format!("action {}", action.reference);
        self.places.insert(name, (file.path.clone(), node.place_of("name")));
        self.catalogue.actions.insert(action.reference.clone(), action);
    }

    /// What changes hosts has to say which, or no gate could cover it. A foreign one stays, and is refused when it runs.
    pub(super) fn names_hosts(&mut self, file: &SourceFile, node: &Node, action: &Action) -> bool {
        if !action.lacks_hosts() {
            return true;
        }
        let place = ["changes", "tags"].into_iter().find(|it| node.get(it).is_some());
        let fault = Fault::new(
            place.map_or(node.place, |it| node.place_of(it)),
            format!("`{}` changes hosts, but no parameter names one", action.reference),
        );
        let fault =
            fault.hint("add a parameter `host` or `hosts`, or name what it changes: `changes: production`");
        match file.dialect {
            Dialect::Strict => self.fault(file, fault),
            Dialect::StackStorm => {
                self.diagnostics
                    .push(Diagnostic { severity: Severity::Warning, ..Diagnostic::of(&file.path, fault) });
            }
        }
        file.dialect == Dialect::StackStorm
    }

    /// The digest of the file an action runs. A foreign action whose runner nobody performs may lack it.
    fn entry_point(
        &mut self,
        file: &SourceFile,
        node: &Node,
        action: &Action,
        entry: &str,
    ) -> Option<Digest> {
        let place = node.place_of("entry_point");
        if entry.starts_with('/') || entry.split('/').any(|it| it == "..") {
            self.error(file, place, format!("entry point `{entry}` leaves the pack"));
            return None;
        }
        let folder = self.catalogue.packs.get(&action.pack).map_or_else(String::new, |it| it.folder.clone());
        let path = format!("{folder}/actions/{entry}");
        let Some(target) = self.files.get(path.as_str()).copied() else {
            let unused = runner_kind(&action.runner).is_some_and(|it| it.performer == Performer::Nobody);
            if unused {
                return Some(Digest::of(b""));
            }
            let beside = format!("{folder}/actions/");
            let known = self.files.keys().filter_map(|it| it.strip_prefix(beside.as_str()));
            // A script is not misspelt as metadata.
            let known: Vec<&str> = known.filter(|it| it.contains('/') || !it.ends_with(".yaml")).collect();
            let registers = ["python-script", "action-chain"].contains(&action.runner.as_str());
            if registers && file.dialect == Dialect::StackStorm {
                // StackStorm has such an action all the same, and looks for the file when it runs.
                let message = format!("entry point {path} does not exist, so the action fails when it runs");
                self.warning(file, place, message);
                return Some(Digest::of(b""));
            }
            let fault = Fault::new(place, format!("entry point {path} does not exist"));
            let fault = match suggest(entry, known) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault,
            };
            self.fault(file, fault);
            return None;
        };
        if action.runner.as_str() == "orquesta" {
            self.workflow(action, target)?;
        } else if action.runner.as_str() == "action-chain" {
            self.chain(action, target)?;
        } else if !target.executable
            && target.dialect == Dialect::Strict
            && action.runner.as_str().ends_with("shell-script")
        {
            self.warning(file, place, format!("{path} is not executable; it is made so where it runs"));
        }
        Some(target.digest())
    }

    /// A command line with templates must be one whose values can be kept apart.
    fn is_quotable(&mut self, file: &SourceFile, node: &Node, action: &Action) -> bool {
        let Some(command) = action.parameters.get("cmd").filter(|it| it.of_runner) else { return true };
        let Some(text) = command.default.as_ref().filter(|it| has_template(it)).and_then(Value::as_str)
        else {
            return true;
        };
        match Command::parse(text) {
            Ok(_) => true,
            Err(fault) => {
                let fault = Fault::new(node.find("parameters.cmd.default"), fault.to_string())
                    .hint("pass the value as a parameter of a script, or as an environment variable");
                self.fault(file, fault);
                false
            }
        }
    }

    fn parameters(
        &mut self,
        file: &SourceFile,
        node: &Node,
        runner: &RunnerName,
        raw: &RawAction,
    ) -> Option<IndexMap<String, crate::content::Parameter>> {
        let base = runner_kind(runner).map(|it| it.parameters.clone()).unwrap_or_default();
        let mut merged = base.clone();
        let mut fine = true;
        for (name, schema) in &raw.parameters {
            let path = format!("parameters.{name}");
            if name.is_empty() || !name.chars().all(|it| it.is_alphanumeric() || it == '_') {
                self.error(
                    file,
                    node.find(&path),
                    format!("`{name}` is no parameter name: only letters, digits and _"),
                );
                fine = false;
                continue;
            }
            let schema = match schema {
                Value::Object(schema) => schema.clone(),
                Value::Null => Map::new(),
                Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    self.error(
                        file,
                        node.find(&path),
                        format!("parameter `{name}` is not a mapping of type, description, …"),
                    );
                    fine = false;
                    continue;
                }
            };
            fine &= self.check_schema(file, node, &path, &schema);
            let parameter = match base.get(name) {
                Some(base) => {
                    fine &= self.check_override(file, node, (name, &raw.name), base, &schema);
                    overridden(base, &schema)
                }
                None => parameter(schema),
            };
            merged.insert(name.clone(), parameter);
        }
        fine.then_some(merged)
    }

    fn check_override(
        &mut self,
        file: &SourceFile,
        node: &Node,
        (name, action): (&str, &str),
        base: &crate::content::Parameter,
        schema: &Map<String, Value>,
    ) -> bool {
        let mut fine = true;
        for (key, value) in schema {
            if !OVERRIDABLE.contains(&key.as_str()) && base.schema.get(key) != Some(value) {
                let message = format!(
                    "the attribute `{key}` of the runner parameter `{name}` cannot be overridden in action `{action}`"
                );
                self.error(file, node.find(&format!("parameters.{name}.{key}")), message);
                fine = false;
            }
        }
        fine
    }

    fn check_schema(
        &mut self,
        file: &SourceFile,
        node: &Node,
        path: &str,
        schema: &Map<String, Value>,
    ) -> bool {
        let strict = file.dialect == Dialect::Strict;
        let mut fine = true;
        for (key, value) in schema {
            let place = node.find(&format!("{path}.{key}"));
            let fault = match (key.as_str(), value) {
                ("type", Value::String(kind)) if ParameterKind::parse(kind).is_none() => {
                    let kinds = ["string", "integer", "number", "boolean", "array", "object", "null"];
                    Some(Fault::unknown_at(place, "type", kind, &kinds))
                }
                ("required" | "immutable" | "secret", Value::Bool(_)) => None,
                ("immutable" | "secret", _) => Some(Fault::new(place, format!("`{key}` is true or false"))),
                ("required", Value::Array(_)) => None,
                ("required", _) => Some(Fault::new(place, "`required` is true or false")),
                ("position", value) if !value.is_i64() && !value.is_u64() => {
                    Some(Fault::new(place, "`position` is a whole number"))
                }
                ("enum", value) if !value.is_array() => Some(Fault::new(place, "`enum` is a list")),
                (key, Value::Null) if strict && key.contains(' ') => Some(
                    Fault::new(place, format!("unknown key `{key}`"))
                        .hint("inside { } a comma ends a value: put a text that holds one in quotes"),
                ),
                (key, _) if strict && !KEYWORDS.contains(&key) => {
                    Some(Fault::unknown_at(place, "key", key, &KEYWORDS))
                }
                _ => None,
            };
            if let Some(fault) = fault {
                self.fault(file, fault);
                fine = false;
            }
        }
        fine
    }
}

/// `tags` as a mapping (ours), or as StackStorm's list of `{name, value}` or of one-key mappings.
fn tags(raw: &Value) -> IndexMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = |map: &Map<String, Value>| match (map.get("name").and_then(Value::as_str), map.get("value")) {
        (Some(name), Some(value)) => vec![(name.to_owned(), text(value))],
        _ => map.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
    };
    match raw {
        Value::Object(map) => pairs(map).into_iter().collect(),
        Value::Array(items) => items
            .iter()
            .flat_map(|item| match item {
                Value::Object(map) => pairs(map),
                Value::String(name) => vec![(name.clone(), String::new())],
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Vec::new(),
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => IndexMap::new(),
    }
}

/// The `timeout` parameter in seconds, else the runner's.
fn timeout(
    parameters: &IndexMap<String, crate::content::Parameter>,
    runner: &RunnerName,
) -> Option<Duration> {
    let said = parameters.get("timeout").and_then(|it| it.default.as_ref()).and_then(Value::as_u64);
    said.map(Duration::from_secs).or_else(|| runner_kind(runner).and_then(|it| it.timeout))
}

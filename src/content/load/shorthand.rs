//! The one-file shorthand, for people who never saw StackStorm.
//!
//! ```yaml
//! say: restart {{app}} [on {{env}}]     # words and slots; the part in [ ] may be left out
//! help: Restarts an app
//! params:
//!   app: {choices: [shop, blog]}        # type (default string), choices, default, description, secret
//!   env: staging                        # short for {default: staging}
//! run: [./restart.sh, "{{app}}", "{{env}}"]
//! # or, one after another:
//! # steps:
//! #   - run: [./stop.sh, "{{app}}"]
//! #   - action: core.http
//! #     with: {url: "https://example.org/{{app}}"}
//! who: [deployers]
//! changes: production                   # makes it guarded there: as a whole, unless `host` or `hosts` names some of it
//! timeout: 5m
//! ```
//!
//! `run` is a list, one item per argument: a value is an argument, never code. A program that starts with `./` lies in
//! `commands/`.

use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::alias::{ActionAlias, AliasFormat};
use crate::content::parameter::parameter;
use crate::content::{Action, Argument, Parameter, Part, RunnerName, SourceFile, Workflow, runner_kind};
use crate::id::{ActionRef, Digest, GroupName, PackName};
use crate::workflow::Spec;
use crate::yaml::{Fault, Node, suggest};

use super::Loader;

/// The pack that all shorthand commands belong to.
pub const SHORTHAND_PACK: &str = "commands";

#[derive(Deserialize)]
struct RawCommand {
    say: Said,
    #[serde(default)]
    help: String,
    #[serde(default)]
    params: IndexMap<String, Value>,
    #[serde(default)]
    run: Vec<String>,
    #[serde(default)]
    steps: Vec<RawStep>,
    #[serde(default)]
    who: Option<Vec<GroupName>>,
    #[serde(default)]
    changes: Option<String>,
    #[serde(default)]
    idempotent: bool,
    #[serde(default)]
    timeout: Option<crate::duration::DurationText>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct RawStep {
    name: Option<String>,
    #[serde(default)]
    run: Vec<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    with: Map<String, Value>,
}

impl Loader<'_> {
    pub(super) fn shorthand(&mut self, file: &SourceFile) {
        let Some(node) = file.read(&mut self.diagnostics) else { return };
        let Some(raw) = file.decode::<RawCommand>(&node, &mut self.diagnostics) else { return };
        let name =
            file.path.trim_start_matches("commands/").trim_end_matches(".yaml").trim_end_matches(".yml");
        let command = Shorthand { name, file, node: &node, raw: &raw };
        match command.desugar() {
            Ok(made) => {
                self.shorthand_programs(file, &node, &raw);
                for (action, workflow) in made.actions {
                    let reference = action.reference.clone();
                    self.add_action_of_shorthand(file, &node, action);
                    if let Some(workflow) = workflow {
                        self.catalogue.workflows.insert(reference, workflow);
                    }
                }
                self.add_alias(file, &node, made.alias);
            }
            Err(fault) => self.fault(file, fault),
        }
    }

    fn add_action_of_shorthand(&mut self, file: &SourceFile, node: &Node, action: Action) {
        if action.runner.as_str() == "orquesta" {
            if !self.names_hosts(file, node, &action) {
                return;
            }
            let place = (file.path.clone(), node.place);
            self.places.insert(format!("action {}", action.reference), place);
            self.catalogue.actions.insert(action.reference.clone(), action);
        } else {
            self.add_action(file, node, action);
        }
    }

    /// Programs of our own must be there.
    fn shorthand_programs(&mut self, file: &SourceFile, node: &Node, raw: &RawCommand) {
        let steps =
            raw.steps.iter().enumerate().map(|(index, it)| (format!("steps[{index}].run[0]"), &it.run));
        let runs: Vec<_> = std::iter::once(("run[0]".to_owned(), &raw.run)).chain(steps).collect();
        for (path, run) in runs {
            let Some(program) = run.first().and_then(|it| it.strip_prefix("./")) else { continue };
            let target = format!("commands/{program}");
            match self.files.get(target.as_str()) {
                Some(script) if script.executable => {}
                Some(_) => self.warning(file, node.find(&path), format!("{target} is not executable")),
                None => self.error(file, node.find(&path), format!("{target} does not exist")),
            }
        }
    }
}

struct Shorthand<'a> {
    name: &'a str,
    file: &'a SourceFile,
    node: &'a Node,
    raw: &'a RawCommand,
}

struct Made {
    alias: ActionAlias,
    actions: Vec<(Action, Option<Workflow>)>,
}

impl Shorthand<'_> {
    fn desugar(&self) -> Result<Made, Fault> {
        let sayings = match &self.raw.say {
            Said::One(text) => vec![text.clone()],
            Said::Several(texts) => texts.clone(),
        };
        let said: Vec<Say> = sayings
            .iter()
            .map(|text| Say::parse(text).map_err(|message| Fault::new(self.node.place_of("say"), message)))
            .collect::<Result<_, _>>()?;
        let parameters = self.parameters(&said)?;
        let formats = said.into_iter().map(|it| AliasFormat {
            display: Some(it.display),
            representations: vec![it.pattern],
            match_multiple: false,
        });
        let alias = ActionAlias {
            name: self.name.to_owned(),
            pack: SHORTHAND_PACK.to_owned(),
            action_ref: format!("{SHORTHAND_PACK}.{}", self.name),
            description: Some(self.help()),
            formats: formats.collect(),
            ..ActionAlias::default()
        };
        let actions = match (self.raw.run.is_empty(), self.raw.steps.is_empty()) {
            (false, true) => vec![(self.action(self.name, "argv", parameters, &self.raw.run, "run")?, None)],
            (true, false) => self.steps(parameters)?,
            (true, true) => return Err(Fault::new(self.node.place, "`run` or `steps` is missing")),
            (false, false) => {
                return Err(Fault::new(
                    self.node.place_of("steps"),
                    "`run` and `steps` together: which comes first?",
                )
                .hint("make `run` the first of the `steps`"));
            }
        };
        Ok(Made { alias, actions })
    }

    fn help(&self) -> String {
        if self.raw.help.is_empty() { format!("The command {}", self.name) } else { self.raw.help.clone() }
    }

    /// Parameters of `params`, and of slots that `params` does not mention.
    fn parameters(&self, said: &[Say]) -> Result<IndexMap<String, Parameter>, Fault> {
        let mut parameters = IndexMap::new();
        let always = |name: &str| {
            said.iter().all(|it| it.slots.iter().any(|(slot, optional)| slot == name && !optional))
        };
        for name in
            said.iter().flat_map(|it| it.slots.iter().map(|(name, _)| name)).chain(self.raw.params.keys())
        {
            if parameters.contains_key(name) {
                continue;
            }
            let mut schema = match self.raw.params.get(name) {
                None | Some(Value::Null) => Map::new(),
                Some(Value::Object(schema)) => schema.clone(),
                Some(default) => Map::from_iter([("default".to_owned(), default.clone())]),
            };
            let known = ["type", "choices", "enum", "default", "description", "secret", "required"];
            if let Some(key) = schema.keys().find(|it| !known.contains(&it.as_str())) {
                let place = self.node.find(&format!("params.{name}.{key}"));
                return Err(Fault::unknown_at(place, "key", key, &known));
            }
            if let Some(choices) = schema.shift_remove("choices") {
                schema.insert("enum".to_owned(), choices);
            }
            schema.entry("type").or_insert_with(|| Value::from("string"));
            if always(name) && !schema.contains_key("default") {
                schema.entry("required").or_insert(Value::Bool(true));
            }
            parameters.insert(name.clone(), parameter(schema));
        }
        Ok(parameters)
    }

    fn action(
        &self,
        name: &str,
        runner: &str,
        own: IndexMap<String, Parameter>,
        run: &[String],
        path: &str,
    ) -> Result<Action, Fault> {
        let runner = RunnerName::new(runner);
        let mut argv = Vec::new();
        for (index, text) in run.iter().enumerate() {
            let place = self.node.find(&format!("{path}[{index}]"));
            let argument = argument(text).map_err(|message| Fault::new(place, message))?;
            for part in &argument.0 {
                match part {
                    Part::Value(name) if !own.contains_key(name) => {
                        let near = suggest(name, own.keys().map(String::as_str));
                        let hint = near.map_or_else(
                            || "every value comes from a slot of `say` or from `params`".to_owned(),
                            |near| format!("did you mean `{near}`?"),
                        );
                        return Err(Fault::new(place, format!("`{name}` is no parameter")).hint(hint));
                    }
                    Part::Value(_) if index == 0 => {
                        return Err(Fault::new(place, "the program itself cannot come from a value"));
                    }
                    Part::Value(_) | Part::Literal(_) => {}
                }
            }
            argv.push(argument);
        }
        let kind = runner_kind(&runner);
        let mut parameters = kind.map(|it| it.parameters.clone()).unwrap_or_default();
        parameters.extend(own);
        let timeout = self.raw.timeout.map(Duration::from).or_else(|| kind.and_then(|it| it.timeout));
        let mut tags = IndexMap::new();
        if let Some(changes) = &self.raw.changes {
            tags.insert("changes".to_owned(), changes.clone());
        }
        // An empty list is nobody; only what does not say is for everyone we know.
        if let Some(who) = &self.raw.who {
            let who: Vec<&str> = who.iter().map(GroupName::as_str).collect();
            tags.insert("who".to_owned(), who.join(","));
        }
        Ok(Action {
            reference: ActionRef::new(format!("{SHORTHAND_PACK}.{name}")),
            pack: PackName::new(SHORTHAND_PACK),
            name: name.to_owned(),
            description: self.help(),
            enabled: true,
            runner,
            entry_point: None,
            parameters,
            output_schema: None,
            timeout,
            idempotent: self.raw.idempotent,
            verify: None,
            guarded: tags.contains_key("changes"),
            tags,
            argv,
            content: Digest::of(&self.file.bytes),
        })
    }

    /// A workflow of one task after another, and an action for each step that runs a program.
    fn steps(
        &self,
        parameters: IndexMap<String, Parameter>,
    ) -> Result<Vec<(Action, Option<Workflow>)>, Fault> {
        let mut made = Vec::new();
        let mut tasks = Map::new();
        let names: Vec<String> =
            self.raw.steps.iter().enumerate().map(|(index, it)| step_name(index, it)).collect();
        for (index, step) in self.raw.steps.iter().enumerate() {
            let place = self.node.find(&format!("steps[{index}]"));
            let (action, input) = match (&step.action, step.run.is_empty()) {
                (Some(action), true) => (action.clone(), Value::Object(step.with.clone())),
                (None, false) => {
                    let name = format!("{}.{}", self.name, names[index]).replace('.', "_");
                    let path = format!("steps[{index}].run");
                    let action = self.action(&name, "argv", parameters.clone(), &step.run, &path)?;
                    let pass = parameters.keys().map(|it| (it.clone(), Value::from(format!("{{{{{it}}}}}"))));
                    let input = Value::Object(pass.collect());
                    let reference = action.reference.to_string();
                    made.push((action, None));
                    (reference, input)
                }
                (Some(_), false) | (None, true) => {
                    return Err(Fault::new(place, "a step has either `run` or `action`"));
                }
            };
            let mut task = Map::new();
            task.insert("action".to_owned(), Value::from(action));
            // The format knows no empty list of inputs: what there is nothing of is left out.
            if input.as_object().is_some_and(|it| !it.is_empty()) {
                task.insert("input".to_owned(), context_values(&input, &parameters));
            }
            if let Some(next) = names.get(index + 1) {
                task.insert("next".to_owned(), json!([{"when": "<% succeeded() %>", "do": next}]));
            }
            if tasks.insert(names[index].clone(), Value::Object(task)).is_some() {
                return Err(Fault::new(place, format!("two steps are called `{}`", names[index])));
            }
        }
        let input: Vec<Value> = parameters
            .iter()
            .map(|(name, it)| json!({ name.as_str(): it.default.clone().unwrap_or_default() }))
            .collect();
        let mut definition = json!({"version": 1.0, "description": self.help(), "tasks": tasks});
        if !input.is_empty() {
            definition["input"] = Value::from(input);
        }
        let spec = Spec::parse(&definition)
            .map_err(|found| Fault::new(self.node.place_of("steps"), found.summary()))?;
        let workflow = Workflow { definition, spec, file: self.file.path.clone() };
        made.push((self.action(self.name, "orquesta", parameters, &[], "steps")?, Some(workflow)));
        Ok(made)
    }
}

fn step_name(index: usize, step: &RawStep) -> String {
    step.name.clone().unwrap_or_else(|| format!("step_{}", index + 1))
}

/// `{{app}}` of the shorthand as the workflow's `<% ctx(app) %>`.
fn context_values(value: &Value, parameters: &IndexMap<String, Parameter>) -> Value {
    match value {
        Value::String(text) => {
            let mut text = text.clone();
            for name in parameters.keys() {
                for slot in [format!("{{{{{name}}}}}"), format!("{{{{ {name} }}}}")] {
                    text = text.replace(&slot, &format!("<% ctx({name}) %>"));
                }
            }
            Value::from(text)
        }
        Value::Array(items) => items.iter().map(|it| context_values(it, parameters)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, it)| (key.clone(), context_values(it, parameters))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// `--app={{app}}` into its literal and its value.
fn argument(text: &str) -> Result<Argument, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let (name, after) =
            rest[start + 2..].split_once("}}").ok_or_else(|| format!("`{text}`: `{{{{` without `}}}}`"))?;
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|it| it.is_alphanumeric() || it == '_') {
            return Err(format!(
                "`{text}`: between {{{{ and }}}} stands the name of one parameter, nothing else"
            ));
        }
        if start != 0 {
            parts.push(Part::Literal(rest[..start].to_owned()));
        }
        parts.push(Part::Value(name.to_owned()));
        rest = after;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Literal(rest.to_owned()));
    }
    Ok(Argument(parts))
}

/// A line of `say`: what help shows, the alias pattern it stands for, and its slots with whether they may be left out.
struct Say {
    display: String,
    pattern: String,
    slots: Vec<(String, bool)>,
}

impl Say {
    fn parse(text: &str) -> Result<Self, String> {
        let display = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut say = Say { pattern: String::new(), slots: Vec::new(), display };
        let mut rest = text.trim();
        let mut optional = false;
        while let Some(next) = rest.chars().next() {
            match next {
                '[' if optional => return Err("`[` inside `[ ]`".to_owned()),
                '[' => {
                    // The blank before the part belongs to it, so that both can be left out.
                    say.pattern.truncate(say.pattern.trim_end_matches("\\s+").len());
                    say.pattern.push_str(if say.pattern.is_empty() { "(?:" } else { "(?:\\s+" });
                    optional = true;
                }
                ']' if !optional => return Err("`]` without `[`".to_owned()),
                ']' => {
                    say.pattern.push_str(")?");
                    optional = false;
                }
                '{' if rest.starts_with("{{") => {
                    let (name, after) = rest[2..].split_once("}}").ok_or("`{{` without `}}`")?;
                    let name = name.trim().to_owned();
                    say.pattern.push_str(&format!("{{{{{name}}}}}"));
                    say.slots.push((name, optional));
                    rest = after;
                    continue;
                }
                blank if blank.is_whitespace() => {
                    if !say.pattern.ends_with("\\s+") {
                        say.pattern.push_str("\\s+");
                    }
                }
                other => {
                    if !other.is_alphanumeric() && other != '_' && other.is_ascii() {
                        say.pattern.push('\\');
                    }
                    say.pattern.push(other);
                }
            }
            rest = &rest[next.len_utf8()..];
        }
        if optional {
            return Err("`[` without `]`".to_owned());
        }
        if say.pattern.is_empty() {
            return Err("`say` is empty".to_owned());
        }
        if text.trim_start().starts_with(['{', '[']) {
            return Err(
                "`say` begins with a word, so that people and the bot know which command is meant".to_owned()
            );
        }
        Ok(say)
    }
}

/// What a shorthand file stands for, as StackStorm files: path → content, for `check --expand`.
pub fn expand(file: &SourceFile) -> Result<IndexMap<String, Value>, Vec<crate::content::Diagnostic>> {
    let (catalogue, diagnostics) = super::load(std::slice::from_ref(file));
    if catalogue.aliases.is_empty() {
        return Err(diagnostics);
    }
    let mut files = IndexMap::new();
    for alias in &catalogue.aliases {
        let formats: Vec<Value> = alias
            .formats
            .iter()
            .map(|it| json!({"display": it.display, "representation": it.representations}))
            .collect();
        let content = json!({
            "name": alias.name, "pack": alias.pack, "action_ref": alias.action_ref,
            "description": alias.description, "formats": formats,
        });
        files.insert(format!("commands/{SHORTHAND_PACK}/aliases/{}.yaml", alias.name), content);
    }
    for (reference, action) in &catalogue.actions {
        let parameters: Map<String, Value> = action
            .parameters
            .iter()
            .filter(|(_, it)| !it.of_runner)
            .map(|(name, it)| (name.clone(), it.schema.clone()))
            .collect();
        let mut content = json!({
            "name": action.name, "pack": action.pack, "description": action.description,
            "runner_type": action.runner, "parameters": parameters, "tags": action.tags,
        });
        if !action.argv.is_empty() {
            content["argv"] = json!(action.argv);
        }
        if let Some(workflow) = catalogue.workflows.get(reference) {
            let entry = format!("workflows/{}.yaml", action.name);
            files.insert(format!("commands/{SHORTHAND_PACK}/actions/{entry}"), workflow.definition.clone());
            content["entry_point"] = Value::from(entry);
        }
        files.insert(format!("commands/{SHORTHAND_PACK}/actions/{}.yaml", action.name), content);
    }
    Ok(files)
}

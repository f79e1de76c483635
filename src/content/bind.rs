//! What a caller gave, made into what an action gets.
//!
//! Defaults that hold templates are rendered in the order of their dependencies. Values that a caller gave are never
//! read as templates, whatever they contain: StackStorm renders them, which lets a chat message read the datastore.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::alias::{Compat, ParameterKind as TextKind, cast};
use crate::content::MASKED;
use crate::expression::DatastoreView;
use crate::expression::template::{Undefined, render_with};

use super::shell::Command;
use super::{Action, Argument, Parameter, ParameterKind, Part};

/// The parameters of one execution, complete and typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bound {
    /// The action's and the runner's (`cwd`, `hosts`), in the order of the metadata.
    pub values: Map<String, Value>,
    /// What the variables stand for that `cmd` refers to in place of templates.
    pub env: BTreeMap<String, String>,
    /// The command line of an `argv` action.
    pub argv: Vec<String>,
}

/// Why a parameter does not fit. Displays as "`count` wants a whole number, got `abc`; for instance `3`".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct BindError {
    pub parameter: String,
    /// `a whole number`, `one of staging, production`.
    pub expected: String,
    /// What was given; `None` if nothing was. Never the value of a secret.
    pub got: Option<String>,
    pub example: Option<String>,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` wants {}", self.parameter, self.expected)?;
        match &self.got {
            Some(got) => write!(f, ", got `{got}`")?,
            None => write!(f, ", got nothing")?,
        }
        match &self.example {
            Some(example) => write!(f, "; for instance `{example}`"),
            None => Ok(()),
        }
    }
}

/// What templates of defaults read beside the parameters.
#[derive(Clone, Copy)]
struct Around<'a> {
    context: &'a Map<String, Value>,
    datastore: &'a DatastoreView,
}

impl Action {
    /// Checks and completes what a caller gave: see [`Action::bind_in`], without a context.
    pub fn bind(&self, given: Map<String, Value>) -> Result<Bound, BindError> {
        self.bind_in(given, &Map::new())
    }

    /// Checks and completes what a caller gave: see [`Action::bind_with`], with an empty datastore.
    pub fn bind_in(
        &self,
        given: Map<String, Value>,
        context: &Map<String, Value>,
    ) -> Result<Bound, BindError> {
        self.bind_with(given, context, &DatastoreView::default())
    }

    /// Checks and completes what a caller gave. `context` holds the roots that templates of defaults may read beside
    /// the parameters: `action_context`, `config_context`; `datastore` is what they find as `st2kv`.
    ///
    /// # Errors
    /// The first parameter that is unknown, immutable, missing, of another type or none of its choices; the first default
    /// that does not render.
    pub fn bind_with(
        &self,
        given: Map<String, Value>,
        context: &Map<String, Value>,
        datastore: &DatastoreView,
    ) -> Result<Bound, BindError> {
        for name in given.keys() {
            self.may_be_given(name)?;
        }
        let mut values = Map::new();
        let mut waiting: Vec<(&str, &Parameter, &Value)> = Vec::new();
        for (name, parameter) in &self.parameters {
            // The command line is put together at the end, from values that are all there.
            let held = name == "cmd" && !given.contains_key(name) && self.command().is_some();
            match (given.get(name).filter(|it| !it.is_null()), &parameter.default) {
                (Some(value), _) => {
                    values.insert(name.clone(), fit(name, parameter, value.clone())?);
                }
                (None, Some(_)) if held => {}
                (None, Some(default)) if has_template(default) => waiting.push((name, parameter, default)),
                (None, Some(default)) => {
                    values.insert(name.clone(), fit(name, parameter, default.clone())?);
                }
                (None, None) if parameter.required => return Err(missing(name, parameter)),
                (None, None) => {
                    values.insert(name.clone(), Value::Null);
                }
            }
        }
        let around = Around { context, datastore };
        self.render_defaults(waiting, &mut values, around)?;
        self.finish(values, around)
    }

    /// `cmd` of a shell action, when its author wrote it with templates.
    fn command(&self) -> Option<Command> {
        let default = self.parameters.get("cmd").filter(|it| it.of_runner)?.default.as_ref()?.as_str()?;
        default.contains("{{").then(|| Command::parse(default).ok())?
    }

    fn may_be_given(&self, name: &str) -> Result<(), BindError> {
        let error =
            |expected: String| BindError { parameter: name.to_owned(), expected, got: None, example: None };
        match self.parameters.get(name) {
            Some(parameter) if parameter.immutable => Err(BindError {
                got: Some("a value".to_owned()),
                ..error("no value: it is fixed".to_owned())
            }),
            Some(_) => Ok(()),
            None => {
                let known: Vec<&str> = self.own_parameters().map(|(name, _)| name.as_str()).collect();
                let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
                let expected = format!("to be one of the parameters of {} ({known})", self.reference);
                Err(BindError { got: Some(name.to_owned()), ..error(expected) })
            }
        }
    }

    /// The parameters that the action itself declares and a caller may give.
    pub fn own_parameters(&self) -> impl Iterator<Item = (&String, &Parameter)> {
        self.parameters.iter().filter(|(_, it)| !it.immutable && !it.of_runner)
    }

    /// What a parameter wants that nobody gave; `None` if the action has none of this name.
    pub fn wants(&self, name: &str) -> Option<(BindError, &str)> {
        let parameter = self.parameters.get(name)?;
        Some((missing(name, parameter), parameter.description.as_str()))
    }

    /// Names of the parameters whose values are masked.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().filter(|(_, it)| it.secret).map(|(name, _)| name.as_str())
    }

    fn render_defaults(
        &self,
        mut waiting: Vec<(&str, &Parameter, &Value)>,
        values: &mut Map<String, Value>,
        around: Around<'_>,
    ) -> Result<(), BindError> {
        while !waiting.is_empty() {
            let names: Vec<&str> = waiting.iter().map(|(name, ..)| *name).collect();
            let ready =
                |(_, _, text): &&(&str, &Parameter, &Value)| !names.iter().any(|it| mentions(text, it));
            let Some((name, parameter, default)) = waiting.iter().find(ready).copied() else {
                let cycle = names.join(", ");
                let expected = "a default that does not need itself".to_owned();
                return Err(BindError { parameter: cycle, expected, got: None, example: None });
            };
            let rendered =
                rendered(default, &scope(values, around.context), around.datastore).map_err(|fault| {
                    BindError {
                        parameter: name.to_owned(),
                        expected: "a default that renders".to_owned(),
                        got: Some(fault),
                        example: None,
                    }
                })?;
            let fitted = fit(name, parameter, rendered).map_err(|error| covered(error, around.datastore))?;
            values.insert(name.to_owned(), fitted);
            waiting.retain(|(it, ..)| *it != name);
        }
        Ok(())
    }

    fn finish(&self, mut values: Map<String, Value>, around: Around<'_>) -> Result<Bound, BindError> {
        let mut env = BTreeMap::new();
        if let (Some(command), false) = (self.command(), values.contains_key("cmd")) {
            let scope = scope(&values, around.context);
            for (variable, template) in command.variables() {
                let value =
                    render_with(template, &scope, around.datastore, Undefined::Strict).map_err(|fault| {
                        BindError {
                            parameter: "cmd".to_owned(),
                            expected: "a command that renders".to_owned(),
                            got: Some(fault.to_string()),
                            example: None,
                        }
                    })?;
                env.insert(variable.to_owned(), plain(&value));
            }
            values.insert("cmd".to_owned(), Value::from(command.text()));
        }
        let argv = self.argv.iter().filter_map(|it| argument(it, &values)).collect();
        let ordered =
            self.parameters.keys().filter_map(|name| Some((name.clone(), values.get(name)?.clone())));
        Ok(Bound { values: ordered.collect(), env, argv })
    }
}

/// What a default became is not told where a secret was opened for it.
fn covered(error: BindError, datastore: &DatastoreView) -> BindError {
    let got = if datastore.opened().is_empty() { error.got } else { error.got.map(|_| MASKED.to_owned()) };
    BindError { got, ..error }
}

/// An argument that is nothing but a value nobody gave is left out.
fn argument(argument: &Argument, values: &Map<String, Value>) -> Option<String> {
    let mut text = String::new();
    for part in &argument.0 {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Value(name) => match values.get(name).filter(|it| !it.is_null()) {
                Some(value) => text.push_str(&plain(value)),
                None if argument.0.len() == 1 => return None,
                None => {}
            },
        }
    }
    Some(text)
}

/// A value as one text: texts as they are, lists and objects as JSON, null as nothing.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn scope(values: &Map<String, Value>, context: &Map<String, Value>) -> Map<String, Value> {
    let mut scope = context.clone();
    scope.extend(values.iter().map(|(name, value)| (name.clone(), value.clone())));
    scope
}

fn rendered(value: &Value, scope: &Map<String, Value>, datastore: &DatastoreView) -> Result<Value, String> {
    match value {
        Value::String(text) if is_template(text) => {
            render_with(text, scope, datastore, Undefined::Strict).map_err(|fault| fault.to_string())
        }
        Value::Array(items) => items.iter().map(|it| rendered(it, scope, datastore)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, it)| Ok((key.clone(), rendered(it, scope, datastore)?)))
            .collect::<Result<_, _>>()
            .map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
    }
}

pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

pub(super) fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => is_template(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(map) => map.values().any(has_template),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a template reads this name: as a word of its own that is neither an attribute nor a filter.
fn mentions(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) if is_template(text) => tags(text).any(|text| {
            text.match_indices(name).any(|(start, _)| {
                let word = |it: char| it.is_alphanumeric() || it == '_';
                let before = text[..start].trim_end().chars().next_back();
                let whole = !text[..start].ends_with(word) && !text[start + name.len()..].starts_with(word);
                whole && !matches!(before, Some('.' | '|'))
            })
        }),
        Value::Array(items) => items.iter().any(|it| mentions(it, name)),
        Value::Object(map) => map.values().any(|it| mentions(it, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// What stands between the delimiters of a template.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').filter_map(|it| it.split_once('}').map(|(inside, _)| inside))
}

/// The value in the type of its parameter.
fn fit(name: &str, parameter: &Parameter, value: Value) -> Result<Value, BindError> {
    let fault = |expected: String, example: Option<String>| BindError {
        parameter: name.to_owned(),
        expected,
        got: Some(if parameter.secret { MASKED.to_owned() } else { shortened(&value) }),
        example,
    };
    let fitted = match (parameter.kind, &value) {
        (None, _) | (Some(ParameterKind::String), Value::String(_)) => value.clone(),
        (Some(ParameterKind::String), Value::Number(number)) => Value::from(number.to_string()),
        (Some(kind), Value::String(text)) => match text_kind(kind) {
            Some(kind) => cast(text, kind, Compat::Mended)
                .map_err(|it| fault(it.expected.to_owned(), Some(it.example.to_owned())))?,
            None => return Err(fault("nothing".to_owned(), None)),
        },
        (Some(kind), other) if is_kind(kind, other) => value.clone(),
        (Some(kind), _) => {
            let (expected, example) = words(kind);
            return Err(fault(expected.to_owned(), example.map(str::to_owned)));
        }
    };
    if parameter.choices.is_empty() || parameter.choices.contains(&fitted) {
        return Ok(fitted);
    }
    let choices: Vec<String> = parameter.choices.iter().map(plain).collect();
    Err(fault(format!("one of {}", choices.join(", ")), None))
}

fn is_kind(kind: ParameterKind, value: &Value) -> bool {
    match kind {
        ParameterKind::String => value.is_string(),
        ParameterKind::Integer => value.is_i64() || value.is_u64(),
        ParameterKind::Number => value.is_number(),
        ParameterKind::Boolean => value.is_boolean(),
        ParameterKind::Array => value.is_array(),
        ParameterKind::Object => value.is_object(),
        ParameterKind::Null => value.is_null(),
    }
}

fn text_kind(kind: ParameterKind) -> Option<TextKind> {
    match kind {
        ParameterKind::String => Some(TextKind::String),
        ParameterKind::Integer => Some(TextKind::Integer),
        ParameterKind::Number => Some(TextKind::Number),
        ParameterKind::Boolean => Some(TextKind::Boolean),
        ParameterKind::Array => Some(TextKind::Array),
        ParameterKind::Object => Some(TextKind::Object),
        ParameterKind::Null => None,
    }
}

fn words(kind: ParameterKind) -> (&'static str, Option<&'static str>) {
    match kind {
        ParameterKind::String => ("a text", Some("text")),
        ParameterKind::Integer => ("a whole number", Some("3")),
        ParameterKind::Number => ("a number", Some("2.5")),
        ParameterKind::Boolean => ("true or false", Some("true")),
        ParameterKind::Array => ("a list", Some("a, b, c")),
        ParameterKind::Object => ("an object", Some(r#"{"key": "value"}"#)),
        ParameterKind::Null => ("nothing", None),
    }
}

fn missing(name: &str, parameter: &Parameter) -> BindError {
    let (expected, example) = parameter.kind.map_or(("a value", None), words);
    let expected = match parameter.choices.as_slice() {
        [] => expected.to_owned(),
        choices => format!("one of {}", choices.iter().map(plain).collect::<Vec<_>>().join(", ")),
    };
    BindError { parameter: name.to_owned(), expected, got: None, example: example.map(str::to_owned) }
}

fn shortened(value: &Value) -> String {
    plain(value).chars().take(80).collect()
}

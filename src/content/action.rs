use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::duration;
use crate::id::{ActionRef, Digest, PackName};

/// The value of the tag `changes` for what changes the hosts that its parameters name. Any other value is an
/// environment.
pub const CHANGES_HOSTS: &str = "hosts";

/// Which runner performs an action, by its StackStorm name of today (`local-shell-cmd`, not `run-local`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunnerName(String);

impl RunnerName {
    /// Old names of packs from before StackStorm 2.0 become today's.
    pub fn new(name: &str) -> Self {
        Self(
            match name {
                "run-local" => "local-shell-cmd",
                "run-local-script" => "local-shell-script",
                "run-remote" => "remote-shell-cmd",
                "run-remote-script" => "remote-shell-script",
                "run-python" => "python-script",
                "http-runner" => "http-request",
                "orchestra" => "orquesta",
                today => today,
            }
            .to_owned(),
        )
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The type of a parameter, in JSON schema's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterKind {
    String,
    Integer,
    Number,
    Boolean,
    Array,
    Object,
    Null,
}

impl ParameterKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
            Self::Null => "null",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::String, Self::Integer, Self::Number, Self::Boolean, Self::Array, Self::Object, Self::Null]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// One parameter of an action, the runner's own parameters included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parameter {
    /// `None`: anything goes.
    pub kind: Option<ParameterKind>,
    pub required: bool,
    pub default: Option<Value>,
    /// Whoever calls the action may not give it.
    pub immutable: bool,
    /// Masked wherever it is stored or shown; refused in channels.
    pub secret: bool,
    /// Place among a script's positional arguments; those without become `--name=value`.
    pub position: Option<i64>,
    /// `enum`: the only values allowed.
    pub choices: Vec<Value>,
    pub description: String,
    /// Belongs to the runner (`cwd`, `hosts`, `cmd`), so it is never passed to a script as an argument.
    pub of_runner: bool,
    /// The whole JSON schema as written, for the rarer keywords.
    pub schema: Value,
}

/// A piece of an argument: text that the author wrote, or a value that came from elsewhere. They are kept apart so
/// that a value can never become part of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Literal(String),
    /// The parameter of this name.
    Value(String),
}

/// One argument of a command line (the `run` of the shorthand).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Argument(pub Vec<Part>);

/// Something that can be run: the metadata of one action, its runner's parameters merged in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    pub reference: ActionRef,
    pub pack: PackName,
    pub name: String,
    pub description: String,
    pub enabled: bool,
    pub runner: RunnerName,
    /// Path of the script or workflow from the pack's `actions/`; for `native`, the name of the built-in.
    pub entry_point: Option<String>,
    /// The runner's first, then the action's own in the order of the file.
    pub parameters: IndexMap<String, Parameter>,
    pub output_schema: Option<Value>,
    pub tags: IndexMap<String, String>,
    #[serde(with = "duration::optional")]
    pub timeout: Option<std::time::Duration>,
    /// Running it twice does no more than running it once (tag `idempotent: true`), so an attempt whose end nobody
    /// saw may be tried again.
    pub idempotent: bool,
    /// The action that finds out whether an attempt took effect (tag `verify: pack.action`).
    pub verify: Option<ActionRef>,
    /// Changes hosts or environments (tag `changes`), so it needs a grant where those are protected; so does all that
    /// a workflow with this tag runs.
    pub guarded: bool,
    /// The program and its arguments (the shorthand's `run`); runner `argv` only.
    pub argv: Vec<Argument>,
    /// Over the metadata, the bytes of the entry point and, for `orquesta`, the workflow.
    pub content: Digest,
}

impl Action {
    /// Says that it changes hosts, and has no parameter that could name one.
    pub fn lacks_hosts(&self) -> bool {
        let changes = self.tags.get("changes").is_some_and(|it| it.trim() == CHANGES_HOSTS);
        changes && !["host", "hosts"].into_iter().any(|it| self.parameters.contains_key(it))
    }
}

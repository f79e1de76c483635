//! What is wrong with a workflow, seen without running it: the findings of orquesta's `Spec.inspect`.

mod context;
mod expressions;
mod python;
mod schema;
mod semantics;
mod syntax;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use crate::expression::Language;

use super::Spec;

/// Schema path of a task, below that of `tasks`.
const ANY_TASK: &str = ".patternProperties.^\\w+$";

/// Everything found, by category; each sorted by schema path, then spec path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inspection {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub syntax: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub semantics: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expressions: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Finding>,
}

impl Inspection {
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// All findings, syntax first.
    pub fn all(&self) -> impl Iterator<Item = &Finding> {
        self.syntax.iter().chain(&self.semantics).chain(&self.expressions).chain(&self.context)
    }

    /// All findings in one line.
    pub fn summary(&self) -> String {
        let line = |finding: &Finding| match &finding.spec_path {
            Some(path) => format!("{path}: {}", finding.message),
            None => finding.message.clone(),
        };
        self.all().map(line).collect::<Vec<_>>().join("; ")
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub message: String,
    /// Where in the file, as in `tasks.deploy.next[0].do`; `None` for the top level.
    pub spec_path: Option<String>,
    /// The rule that is broken, as a path into orquesta's JSON schema.
    pub schema_path: String,
    /// The language of the expression at fault.
    pub language: Option<Language>,
    /// The text that holds it; only for findings about expressions and variables.
    pub expression: Option<String>,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(expression) = &self.expression {
            let language = self.language.map(|language| match language {
                Language::Yaql => "yaql",
                Language::Jinja => "jinja",
            });
            map.serialize_entry("type", &language)?;
            map.serialize_entry("expression", expression)?;
        }
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("spec_path", &self.spec_path)?;
        map.serialize_entry("schema_path", &self.schema_path)?;
        map.end()
    }
}

/// A place in the file and the rule that holds there.
#[derive(Debug, Clone)]
struct Paths {
    spec: String,
    schema: String,
}

impl Paths {
    fn top(property: &str) -> Self {
        Self { spec: property.to_owned(), schema: format!("properties.{property}") }
    }

    fn property(&self, name: &str) -> Self {
        Self { spec: format!("{}.{name}", self.spec), schema: format!("{}.properties.{name}", self.schema) }
    }

    fn task(name: &str) -> Self {
        Self { spec: format!("tasks.{name}"), schema: format!("properties.tasks{ANY_TASK}") }
    }

    fn entry(&self, index: usize) -> Self {
        Self { spec: format!("{}[{index}]", self.spec), schema: format!("{}.items", self.schema) }
    }

    fn finding(&self, message: String) -> Finding {
        Finding {
            message,
            spec_path: Some(self.spec.clone()),
            schema_path: self.schema.clone(),
            language: None,
            expression: None,
        }
    }
}

/// Inspects the JSON form of a workflow. `known_context`: variables that the caller puts into the context beside the
/// declared inputs.
pub fn inspect(value: &Value, known_context: &[String]) -> Inspection {
    let spec = Spec::read(value);
    let mut found = blocking(value);
    found.expressions = sorted(expressions::check_expressions(value, &spec));
    found.context = sorted(context::check_variables(value, &spec, known_context));
    found
}

/// Expressions that call functions, filters or tests that nobody has, and whether StackStorm has them.
pub(crate) fn unknown_names(value: &Value) -> Vec<(Finding, bool)> {
    expressions::check_names(value, &Spec::read(value))
}

/// The findings that keep a workflow from being run at all: syntax and semantics.
pub(crate) fn blocking(value: &Value) -> Inspection {
    let spec = Spec::read(value);
    Inspection {
        syntax: sorted(syntax::check_syntax(value)),
        semantics: sorted(semantics::check_semantics(value, &spec)),
        ..Inspection::default()
    }
}

fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| (&a.schema_path, &a.spec_path).cmp(&(&b.schema_path, &b.spec_path)));
    findings
}

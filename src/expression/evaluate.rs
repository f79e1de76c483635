use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::pack;
use super::yaql::fault::Fault;
use super::{Compat, ErrorKind, ExpressionError, Language, Scope, jinja, yaql};

/// A marker never spans lines: `.` does not match a line break. An expression over two lines stays text, as there.
static YAQL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<%.*?%>").expect("fixed pattern"));
static JINJA: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\{\{.*?\}\}").expect("fixed pattern"));
static BLOCK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\{%.*?%\}").expect("fixed pattern"));

/// Texts made by expressions that are looked into again, one inside the other.
const AGAIN_MAX: u32 = 40;
/// No result grows beyond this many bytes.
const TEXT_MAX: usize = 8 * 1024 * 1024;

/// Whether the text holds anything that [`evaluate`] would replace.
pub fn has_expression(text: &str) -> bool {
    language(text).is_some()
}

/// Jinja is asked first: a text with both is Jinja, and the YAQL in it stays as it is.
pub(super) fn language(text: &str) -> Option<Language> {
    if JINJA.is_match(text) || BLOCK.is_match(text) {
        return Some(Language::Jinja);
    }
    YAQL.is_match(text).then_some(Language::Yaql)
}

pub(super) fn is_yaql(text: &str) -> bool {
    YAQL.is_match(text)
}

pub(super) fn has_block(text: &str) -> bool {
    BLOCK.is_match(text)
}

/// The expressions of a text, delimiters included.
pub(super) fn expressions(language: Language, text: &str) -> Vec<&str> {
    let pattern = match language {
        Language::Yaql => &YAQL,
        Language::Jinja => &JINJA,
    };
    pattern.find_iter(text).map(|it| it.as_str()).collect()
}

/// As orquesta strips them: any of the delimiter's characters, as many as there are.
pub(super) fn strip(language: Language, expression: &str) -> &str {
    let marks: &[char] = match language {
        Language::Yaql => &['<', '%', '>'],
        Language::Jinja => &['{', '}'],
    };
    expression.trim_matches(marks).trim()
}

/// Evaluates every text inside a JSON value, keys of maps included. A text that is one expression and nothing else
/// keeps the type of its value; otherwise values are put into the text as Python prints them.
///
/// # Errors
/// The first expression that fails, with its class and text as orquesta has them.
pub fn evaluate(value: &Value, scope: &Scope, compat: Compat) -> Result<Value, ExpressionError> {
    match value {
        Value::String(text) => evaluate_text(text, scope, compat),
        Value::Array(items) => items.iter().map(|item| evaluate(item, scope, compat)).collect(),
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, item) in map {
                let key = match evaluate_text(key, scope, compat)? {
                    Value::String(key) => key,
                    key @ (Value::Null | Value::Bool(_) | Value::Number(_)) => key.to_string(),
                    key @ (Value::Array(_) | Value::Object(_)) => {
                        let class = if key.is_array() { "list" } else { "dict" };
                        return Err(ExpressionError::new(
                            ErrorKind::NotSerializable,
                            format!("unhashable type: '{class}'"),
                        ));
                    }
                };
                out.insert(key, evaluate(item, scope, compat)?);
            }
            Ok(Value::Object(out))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

fn evaluate_text(text: &str, scope: &Scope, compat: Compat) -> Result<Value, ExpressionError> {
    let mut run = Run { scope, compat, steps: 0, again: 0 };
    match language(text) {
        None => Ok(text.into()),
        Some(Language::Yaql) => run.yaql(text)?.into_json(),
        Some(Language::Jinja) => jinja::evaluate(text, &mut run),
    }
}

/// One text being evaluated: what its expressions may still cost, together with those they produce.
pub(super) struct Run<'a, 's> {
    pub(super) scope: &'a Scope<'s>,
    pub(super) compat: Compat,
    pub(super) steps: u32,
    again: u32,
}

/// Text, or a value that keeps its type.
enum Output {
    Text(String),
    Value(yaql::Answer),
}

impl Output {
    fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Value(answer) => answer.to_text(),
        }
    }

    fn into_json(self) -> Result<Value, ExpressionError> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Value(answer) => answer
                .to_json()
                .map_err(|fault| ExpressionError::new(ErrorKind::NotSerializable, fault.message)),
        }
    }
}

impl Run<'_, '_> {
    /// Runs `inside` one level deeper: for texts that expressions produced.
    pub(super) fn again<T>(
        &mut self,
        kind: ErrorKind,
        inside: impl FnOnce(&mut Self) -> Result<T, ExpressionError>,
    ) -> Result<T, ExpressionError> {
        // Every nested evaluation costs, or two expressions that name each other would double without end.
        const COST: u32 = 300;
        self.steps = self.steps.saturating_add(COST);
        if self.again >= AGAIN_MAX {
            return Err(ExpressionError::new(kind, "RecursionError: maximum recursion depth exceeded"));
        }
        self.again += 1;
        let result = inside(self);
        self.again -= 1;
        result
    }

    fn yaql(&mut self, text: &str) -> Result<Output, ExpressionError> {
        let expressions = expressions(Language::Yaql, text);
        let whole = expressions.len() == 1 && expressions[0].chars().count() >= text.chars().count();
        let mut pieces = Vec::new();
        for expression in &expressions {
            let answer = yaql::evaluate(strip(Language::Yaql, expression), self.scope, &mut self.steps)
                .map_err(|fault| yaql_error(expression, &fault))?;
            let output = match (answer.as_text(), self.compat) {
                (Some(text), Compat::Exact) if is_yaql(text) => self
                    .again(ErrorKind::YaqlEvaluation, |run| run.yaql(text))
                    .map_err(|inner| wrap_again(expression, inner))?,
                (Some(text), _) => Output::Text(text.to_owned()),
                (None, _) => Output::Value(answer),
            };
            if whole {
                return Ok(output);
            }
            pieces.push((*expression, output.to_text()));
        }
        place(text, &pieces, self.compat).map(Output::Text)
    }
}

/// Puts values where their expressions stand. Exact: one after another and wherever the same text occurs, in what was
/// put in before too.
pub(super) fn place(
    text: &str,
    pieces: &[(&str, String)],
    compat: Compat,
) -> Result<String, ExpressionError> {
    let too_large = || ExpressionError::new(ErrorKind::Limit, "text too large");
    let mut out = String::new();
    match compat {
        Compat::Exact => {
            out.push_str(text);
            for (expression, value) in pieces {
                let found = out.matches(expression).count();
                if out.len().saturating_add(found.saturating_mul(value.len())) > TEXT_MAX {
                    return Err(too_large());
                }
                out = out.replace(expression, value);
            }
        }
        Compat::Strict => {
            let mut rest = text;
            for (expression, value) in pieces {
                let Some((before, after)) = rest.split_once(expression) else { continue };
                out.push_str(before);
                out.push_str(value);
                rest = after;
                if out.len() > TEXT_MAX {
                    return Err(too_large());
                }
            }
            out.push_str(rest);
        }
    }
    Ok(out)
}

fn wrap_again(expression: &str, inner: ExpressionError) -> ExpressionError {
    let message = format!("Unable to evaluate expression '{expression}'. {inner}");
    ExpressionError::new(ErrorKind::YaqlEvaluation, message)
}

/// orquesta's words (`expressions/yql.py`): a missing key has a sentence of its own.
fn yaql_error(expression: &str, fault: &Fault) -> ExpressionError {
    if fault.class == "KeyError" {
        let key = fault.message.trim_matches('\'');
        let message = format!("Unable to resolve key '{key}' in expression '{expression}' from context.");
        return ExpressionError::new(ErrorKind::YaqlEvaluation, message);
    }
    let message = if keeps_quotes(fault.class) { &*fault.message } else { fault.message.trim_matches('\'') };
    ExpressionError::new(
        ErrorKind::YaqlEvaluation,
        format!("Unable to evaluate expression '{expression}'. {}: {message}", fault.class),
    )
}

/// Only the engine's own exceptions and Python's value and type errors lose the quotes around them.
fn keeps_quotes(class: &str) -> bool {
    let engine = class.ends_with("Exception") && class != "ExpressionEvaluationException";
    !(engine || matches!(class, "ValueError" | "TypeError" | "JSONDecodeError"))
}

/// A JSON value inside a longer text.
pub(super) fn as_text(value: &Value) -> String {
    pack::text_of(value)
}

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::{Compat, ErrorKind, ExpressionError, Scope};

static MARK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<%.*?%>|\{\{|\{%").expect("fixed pattern"));
static CTX: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^<%\s*ctx\(\)\.(\w+)\s*%>$").expect("fixed pattern"));

/// Whether the text holds anything that [`evaluate`] would replace.
pub fn has_expression(text: &str) -> bool {
    MARK.is_match(text)
}

/// Evaluates every text inside a JSON value, keys of maps included.
pub fn evaluate(value: &Value, scope: &Scope, compat: Compat) -> Result<Value, ExpressionError> {
    match value {
        Value::String(text) => text_value(text, scope),
        Value::Array(items) => items.iter().map(|item| evaluate(item, scope, compat)).collect(),
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, item) in map {
                let key = match text_value(key, scope)? {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                out.insert(key, evaluate(item, scope, compat)?);
            }
            Ok(Value::Object(out))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

fn text_value(text: &str, scope: &Scope) -> Result<Value, ExpressionError> {
    if let Some(found) = CTX.captures(text) {
        let name = &found[1];
        return scope.context.get(name).cloned().ok_or_else(|| {
            ExpressionError::new(
                ErrorKind::YaqlEvaluation,
                format!("Unable to resolve key '{name}' in expression '{text}' from context."),
            )
        });
    }
    if has_expression(text) {
        return Err(ExpressionError::new(
            ErrorKind::YaqlGrammar,
            format!("Unable to evaluate expression '{text}'."),
        ));
    }
    Ok(Value::from(text))
}

//! Plain Jinja for action parameters and the formats of alias answers.

use serde_json::{Map, Value};

use super::{ErrorKind, ExpressionError};

/// What a name without a value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undefined {
    /// Printing it is an error.
    Strict,
    /// It prints as nothing.
    Lenient,
}

/// Renders a template; a text that is one `{{ … }}` and nothing else keeps the type of its value.
pub fn render(text: &str, vars: &Map<String, Value>, undefined: Undefined) -> Result<Value, ExpressionError> {
    let mut env = minijinja::Environment::new();
    env.set_undefined_behavior(match undefined {
        Undefined::Strict => minijinja::UndefinedBehavior::SemiStrict,
        Undefined::Lenient => minijinja::UndefinedBehavior::Lenient,
    });
    let vars = minijinja::Value::from(minijinja::value::Serde(vars));
    let fault = |e: minijinja::Error| ExpressionError::new(ErrorKind::JinjaEvaluation, e.to_string());
    Ok(Value::String(env.render_str(text, vars).map_err(fault)?))
}

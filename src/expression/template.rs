//! Plain Jinja for action parameters and the formats of alias answers.

use serde_json::{Map, Value};

use super::jinja::{self, Flavour};
use super::{DatastoreView, ErrorKind, ExpressionError};

/// What a name without a value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undefined {
    /// Using it is an error; `is defined` and `default` may ask.
    Strict,
    /// It prints as nothing, and so do its members.
    Lenient,
}

/// A value as Python prints it: `True`, `None`, `[1, 'x']`; a text as it is.
pub fn printed(value: &Value) -> String {
    super::pack::text_of(value)
}

/// Renders a template with StackStorm's filters. A text that is one `{{ … }}` and nothing else keeps the type of its
/// value; everything else becomes text, values as Python prints them. Values are never read as templates again.
///
/// # Errors
/// Grammar, an undefined name under [`Undefined::Strict`], a filter that refuses its input, a bound reached.
pub fn render(text: &str, vars: &Map<String, Value>, undefined: Undefined) -> Result<Value, ExpressionError> {
    rendered(text, vars, None, undefined)
}

/// As [`render`], with `st2kv.system` and `st2kv.user` to read, and `decrypt_kv` for their secrets. As in StackStorm, a
/// key that is not there is an empty text, and an error to `decrypt_kv`.
///
/// # Errors
/// As [`render`]; a secret that cannot be opened.
pub fn render_with(
    text: &str,
    vars: &Map<String, Value>,
    datastore: &DatastoreView,
    undefined: Undefined,
) -> Result<Value, ExpressionError> {
    rendered(text, vars, Some(datastore), undefined)
}

fn rendered(
    text: &str,
    vars: &Map<String, Value>,
    datastore: Option<&DatastoreView>,
    undefined: Undefined,
) -> Result<Value, ExpressionError> {
    let flavour = match undefined {
        Undefined::Strict => Flavour::Strict,
        Undefined::Lenient => Flavour::Lenient,
    };
    jinja::render_plain(text, vars, datastore, flavour).map_err(|fault| {
        let kind = match fault.class {
            "TemplateSyntaxError" => ErrorKind::JinjaGrammar,
            "ResourceLimitException" => ErrorKind::Limit,
            _ => ErrorKind::JinjaEvaluation,
        };
        ExpressionError::new(kind, format!("{}: {}", fault.class, fault.message))
    })
}

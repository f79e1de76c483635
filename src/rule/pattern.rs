//! A criterion's pattern with the event filled in (`st2reactor/rules/filter.py`, `_render_criteria_pattern`).

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::expression::{
    DatastoreView, ExpressionError,
    template::{Undefined, printed, render_with},
};

/// The first and the last braces of a line, as there.
static VALUE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\{\{)\s*(.*)\s*(\}\})").expect("fixed pattern"));

/// Whether a text has anything to fill in.
fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// A text with its templates rendered: with the type of its value where the whole of it then is JSON, else as text.
/// What is no text stays as it is.
pub(super) fn rendered(
    pattern: &Value,
    names: &Map<String, Value>,
    datastore: &DatastoreView,
) -> Result<Value, ExpressionError> {
    let Some(text) = pattern.as_str().filter(|it| is_template(it)) else { return Ok(pattern.clone()) };
    let render = |text: &str| render_with(text, names, datastore, Undefined::Strict);
    if VALUE.is_match(text) {
        let typed = render(&VALUE.replace_all(text, "${1}${2} | to_complex${3}"))?;
        if let Some(value) = typed.as_str().and_then(|it| serde_json::from_str(it).ok()) {
            return Ok(value);
        }
    }
    render(text).map(|value| Value::String(printed(&value)))
}

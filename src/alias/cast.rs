//! A parameter's text to the JSON type that its action's schema asks for.

use serde_json::{Number, Value};

use super::literal::parse_literal;
use super::pairs::Compat;

/// The `type` of a parameter's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    Integer,
    Number,
    Boolean,
    Array,
    Object,
    String,
}

/// A text that is no value of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {expected}, for instance `{example}`")]
pub struct CastError {
    pub value: String,
    /// With its article: `a whole number`.
    pub expected: &'static str,
    pub example: &'static str,
}

/// Reads a text as st2's alias execution does: `int()`, `float()`, Python literals, JSON, comma-separated lists.
/// [`Compat::Mended`] also takes `yes`/`no`/`on`/`off` (any case) and `1`/`0` for booleans, and JSON for arrays.
pub fn cast(value: &str, kind: ParameterKind, compat: Compat) -> Result<Value, CastError> {
    let result = match kind {
        ParameterKind::Integer => integer(value).map(Value::Number),
        ParameterKind::Number => float(value).map(Value::Number),
        ParameterKind::Boolean => boolean(value, compat),
        ParameterKind::Array => Some(array(value, compat)),
        ParameterKind::Object => serde_json::from_str(value).ok().or_else(|| parse_literal(value)),
        ParameterKind::String => Some(Value::String(value.to_owned())),
    };
    let (expected, example) = match kind {
        ParameterKind::Integer => ("a whole number", "3"),
        ParameterKind::Number => ("a number", "2.5"),
        ParameterKind::Boolean => ("true or false", "true"),
        ParameterKind::Array => ("a list", "a, b, c"),
        ParameterKind::Object => ("an object", r#"{"key": "value"}"#),
        ParameterKind::String => ("a text", "text"),
    };
    result.ok_or_else(|| CastError { value: value.to_owned(), expected, example })
}

/// Python's digits: underscores stand between two digits only.
fn without_underscores(value: &str) -> Option<String> {
    let bytes = value.as_bytes();
    let digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    let well =
        bytes.iter().enumerate().all(|(i, b)| *b != b'_' || (digit(i.checked_sub(1)) && digit(Some(i + 1))));
    well.then(|| value.replace('_', ""))
}

fn integer(value: &str) -> Option<Number> {
    let digits = without_underscores(value.trim())?;
    digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from)).ok()
}

fn float(value: &str) -> Option<Number> {
    Number::from_f64(without_underscores(value.trim())?.parse().ok()?)
}

fn boolean(value: &str, compat: Compat) -> Option<Value> {
    let lower = value.trim().to_lowercase();
    match (lower.as_str(), compat) {
        ("true", _) => Some(Value::Bool(true)),
        ("false", _) => Some(Value::Bool(false)),
        ("yes" | "on" | "1", Compat::Mended) => Some(Value::Bool(true)),
        ("no" | "off" | "0", Compat::Mended) => Some(Value::Bool(false)),
        (_, Compat::Mended) => None,
        (_, Compat::Exact) => parse_literal(&capitalize(value)),
    }
}

/// `str.capitalize`: the first character in upper case, the others in lower case.
fn capitalize(value: &str) -> String {
    let mut chars = value.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars.flat_map(char::to_lowercase)).collect()
}

fn array(value: &str, compat: Compat) -> Value {
    if compat == Compat::Mended
        && value.trim_start().starts_with('[')
        && let Ok(list @ Value::Array(_)) = serde_json::from_str(value)
    {
        return list;
    }
    Value::Array(value.split(',').map(|item| Value::String(item.trim().to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn exact(value: &str, kind: ParameterKind) -> Option<Value> {
        cast(value, kind, Compat::Exact).ok()
    }

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        assert_eq!(exact(" -12 ", ParameterKind::Integer), Some(json!(-12)));
        assert_eq!(exact("+1_000", ParameterKind::Integer), Some(json!(1000)));
        assert_eq!(exact("1__0", ParameterKind::Integer), None);
        assert_eq!(exact("1.0", ParameterKind::Integer), None);
        assert_eq!(exact("1e3", ParameterKind::Number), Some(json!(1000.0)));
        assert_eq!(exact("inf", ParameterKind::Number), None);
    }

    #[test]
    fn booleans_are_python_literals_exactly_and_words_when_mended() {
        assert_eq!(exact("TRUE", ParameterKind::Boolean), Some(json!(true)));
        assert_eq!(exact("false", ParameterKind::Boolean), Some(json!(false)));
        assert_eq!(exact("1", ParameterKind::Boolean), Some(json!(1)));
        assert_eq!(exact("yes", ParameterKind::Boolean), None);
        let mended = |value| cast(value, ParameterKind::Boolean, Compat::Mended).ok();
        assert_eq!(mended("Yes"), Some(json!(true)));
        assert_eq!(mended("off"), Some(json!(false)));
        assert_eq!(mended("maybe"), None);
    }

    #[test]
    fn lists_are_split_at_commas_and_objects_are_json_or_python() {
        assert_eq!(exact("a, b,c", ParameterKind::Array), Some(json!(["a", "b", "c"])));
        assert_eq!(exact("", ParameterKind::Array), Some(json!([""])));
        assert_eq!(exact(r#"{"a": [1, null]}"#, ParameterKind::Object), Some(json!({"a": [1, null]})));
        assert_eq!(
            exact("{'a': True, 'b': (1, 'x')}", ParameterKind::Object),
            Some(json!({"a": true, "b": [1, "x"]}))
        );
        assert_eq!(exact("{a: 1}", ParameterKind::Object), None);
        assert_eq!(cast(r#"["a,b", 1]"#, ParameterKind::Array, Compat::Mended).ok(), Some(json!(["a,b", 1])));
    }

    #[test]
    fn an_error_says_what_was_expected() {
        let fault = cast("ten", ParameterKind::Integer, Compat::Mended).unwrap_err();
        assert_eq!(fault.to_string(), "`ten` is not a whole number, for instance `3`");
    }
}

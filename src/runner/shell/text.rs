//! Values as text, as Python's `str()` gives it: that is what StackStorm passes to scripts.

use serde_json::Value;

/// The value as an argument: a string as it is, anything else as Python prints it.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => python(value),
    }
}

/// Python's `repr()` of the value.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => python_string(text),
        Value::Array(items) => format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, it)| format!("{}: {}", python_string(key), python(it)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Single quotes, unless the text has one and no double quote.
fn python_string(text: &str) -> String {
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(mark);
    for it in text.chars() {
        match it {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            it if it == mark => {
                out.push('\\');
                out.push(it);
            }
            it if it.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(it))),
            it => out.push(it),
        }
    }
    out.push(mark);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_objects_look_as_python_prints_them() {
        let value = json!({"a": [1, 2.5, true, null], "it's": "x\"'\n"});
        assert_eq!(text_of(&value), r#"{'a': [1, 2.5, True, None], "it's": 'x"\'\n'}"#);
        assert_eq!(text_of(&json!("plain")), "plain");
    }
}

//! Values as Python shows them in its messages.

use serde_json::Value;

/// `repr()` of a JSON value.
pub(super) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => repr_text(text),
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{}: {}", repr_text(key), repr(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

/// `repr()` of a text: single quotes, double ones when it holds single quotes only.
pub(super) fn repr_text(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for character in text.chars() {
        match character {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            other if other == quote => shown.extend(['\\', other]),
            other if u32::from(other) < 0x20 || other == '\u{7f}' => {
                shown.push_str(&format!("\\x{:02x}", u32::from(other)));
            }
            other => shown.push(other),
        }
    }
    shown.push(quote);
    shown
}

/// What orquesta does to every syntax message: the escapes of `repr()` are read back (other characters are kept here;
/// there they come out as Latin-1).
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some(other @ ('\\' | '\'' | '"')) => plain.push(other),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_look_as_in_python() {
        let value = json!({"a": [true, null, 1, 1.5, "it's", "say \"it's\""]});
        assert_eq!(repr(&value), r#"{'a': [True, None, 1, 1.5, "it's", 'say "it\'s"']}"#);
        assert_eq!(unescape(&repr(&json!("^\\w+$\n"))), "'^\\w+$\n'");
    }
}

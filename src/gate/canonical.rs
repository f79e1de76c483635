//! One text per value: JSON with sorted keys and no blanks, so that equal things have equal hashes.

use serde::Serialize;
use serde_json::Value;

use crate::id::Digest;

/// The value as JSON with the keys of every object in byte order, like RFC 8785 but for the numbers, which keep the
/// form that `serde_json` gives them (<https://www.rfc-editor.org/rfc/rfc8785>).
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// The SHA-256 of the canonical JSON of something that always is JSON: our own structs with text keys.
pub fn canonical_digest(value: &impl Serialize) -> Digest {
    let value = serde_json::to_value(value).expect("our own structs with text keys are JSON");
    Digest::of(canonical_json(&value).as_bytes())
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| key.as_str());
            text.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                separate(index, text);
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, text);
                write(item, text);
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string())
        }
    }
}

fn separate(index: usize, text: &mut String) {
    if 0 < index {
        text.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter_at_any_depth_and_that_of_items_does() {
        let one: Value = serde_json::from_str(r#"{"b": [{"y": 1, "x": "\"é\n"}], "a": null}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"a": null, "b": [{"x": "\"é\n", "y": 1}]}"#).unwrap();
        assert_eq!(canonical_json(&one), r#"{"a":null,"b":[{"x":"\"é\n","y":1}]}"#);
        assert_eq!(canonical_json(&one), canonical_json(&two));
        assert_ne!(canonical_json(&serde_json::json!([1, 2])), canonical_json(&serde_json::json!([2, 1])));
    }
}

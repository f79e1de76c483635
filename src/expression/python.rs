//! How Python prints values: `str()` and `repr()`. StackStorm shows values that way and passes them to scripts so, and
//! orquesta says them in its messages.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// Python's `str()`: `None`, `True`, `[1, 'x']`, `{'k': 1.5}`.
pub fn str(value: &Value) -> String {
    match value {
        Value::String(it) => it.clone(),
        other => repr(other),
    }
}

/// Python's `repr()`.
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(it) => out.push_str(if *it { "True" } else { "False" }),
        Value::Number(it) => match it.as_f64() {
            Some(float) if it.is_f64() => out.push_str(&float_text(float)),
            _ => out.push_str(&it.to_string()),
        },
        Value::String(it) => quote(it, out),
        Value::Array(it) => {
            out.push('[');
            for (at, item) in it.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(it) => {
            out.push('{');
            for (at, (key, item)) in it.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                quote(key, out);
                out.push_str(": ");
                write(item, out);
            }
            out.push('}');
        }
    }
}

/// Python's `repr` of a float: shortest digits that read back, exponents with a sign and two digits.
pub fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format!("{value:?}");
    match text.split_once('e') {
        None => text,
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{}e{sign}{exponent:0>2}", digits.strip_suffix(".0").unwrap_or(digits))
        }
    }
}

/// Python's `repr` of a string, appended.
pub fn quote(text: &str, out: &mut String) {
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(mark);
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
            it if is_printable(it) => out.push(it),
            it => escape(u32::from(it), out),
        }
    }
    out.push(mark);
}

/// Python's `repr` of a string.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote(text, &mut out);
    out
}

fn escape(code: u32, out: &mut String) {
    let _ = match code {
        0..0x100 => write!(out, "\\x{code:02x}"),
        0x100..0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// As `str.isprintable()` has it: nothing of the categories Other and Separator but the blank
/// (<https://docs.python.org/3/library/stdtypes.html#str.isprintable>).
fn is_printable(it: char) -> bool {
    static NOT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\p{C}\p{Z}]").expect("a valid pattern"));
    if it.is_ascii() { !it.is_ascii_control() } else { !NOT.is_match(it.encode_utf8(&mut [0; 4])) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_objects_look_as_python_prints_them() {
        let value = json!({"a": [1, 2.5, true, null, 1e16], "it's": "x\"'\n"});
        assert_eq!(str(&value), r#"{'a': [1, 2.5, True, None, 1e+16], "it's": 'x"\'\n'}"#);
        assert_eq!(str(&json!("plain")), "plain");
        assert_eq!(repr(&json!("plain")), "'plain'");
    }

    /// Printed by CPython 3.11.
    #[test]
    fn what_cannot_be_seen_is_escaped() {
        for (text, printed) in [
            ("\u{0}\u{1f}\u{7f}\u{9f}", r"'\x00\x1f\x7f\x9f'"),
            ("\u{a0}\u{ad}", r"'\xa0\xad'"),
            ("\u{200b}\u{2028}\u{3000}\u{e000}\u{feff}", r"'\u200b\u2028\u3000\ue000\ufeff'"),
            ("\u{378}\u{e0001}", r"'\u0378\U000e0001'"),
            ("é漢😀 \u{301}", "'é漢😀 \u{301}'"),
        ] {
            assert_eq!(quoted(text), printed);
        }
    }
}

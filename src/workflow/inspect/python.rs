//! Values as orquesta shows them in its messages.

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
            Some('x') => plain.push_str(&code('x', characters.by_ref().take(2).collect())),
            Some('u') => plain.push_str(&code('u', characters.by_ref().take(4).collect())),
            Some('U') => plain.push_str(&code('U', characters.by_ref().take(8).collect())),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}

/// The character of these hexadecimal digits; what is none stays as it is.
fn code(kind: char, digits: String) -> String {
    let found = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
    found.map_or_else(|| format!("\\{kind}{digits}"), String::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::expression::python::repr;

    #[test]
    fn values_look_as_in_python() {
        let value = json!({"a": [true, null, 1, 1.5, "it's", "say \"it's\""]});
        assert_eq!(repr(&value), r#"{'a': [True, None, 1, 1.5, "it's", 'say "it\'s"']}"#);
        assert_eq!(unescape(&repr(&json!("^\\w+$\n"))), "'^\\w+$\n'");
        for text in ["a\u{1}\u{a0}", "b\u{200b}", "c\u{e0001}d"] {
            assert_eq!(unescape(&repr(&json!(text))), format!("'{text}'"));
        }
        assert_eq!(unescape(r"\ugly"), r"\ugly");
    }
}

//! Python literals, as far as JSON can hold them: `ast.literal_eval` for parameters.
//!
//! Grammar: `None`, `True`, `False`, numbers, `'...'` and `"..."` with simple escapes, lists, tuples (lists in JSON) and
//! dictionaries with text keys. No sets, bytes, complex numbers or concatenated texts.

use serde_json::{Map, Number, Value};

const MAX_DEPTH: usize = 64;

/// The value of a literal, or `None` if the text is none.
pub(super) fn parse_literal(text: &str) -> Option<Value> {
    let chars: Vec<char> = text.trim().chars().collect();
    let mut reader = Reader { chars: &chars, at: 0, depth: 0 };
    let value = reader.value()?;
    reader.skip_space();
    (reader.at == chars.len()).then_some(value)
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_space();
        let found = self.chars.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Option<Value> {
        self.skip_space();
        match *self.chars.get(self.at)? {
            quote @ ('\'' | '"') => self.text(quote).map(Value::String),
            '[' => self.list(']'),
            '(' => self.list(')'),
            '{' => self.dictionary(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<Value> {
        let rest = &self.chars[self.at..];
        let part = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
        let length = rest.iter().position(|c| !part(c)).unwrap_or(rest.len());
        let word: String = rest[..length].iter().collect();
        self.at += length;
        match word.as_str() {
            "None" => Some(Value::Null),
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            _ if !word.contains(|c: char| c.is_ascii_digit()) => None,
            _ => {
                let digits = word.replace('_', "");
                let whole = digits.parse::<i64>().map(Number::from).ok();
                whole.or_else(|| Number::from_f64(digits.parse().ok()?)).map(Value::Number)
            }
        }
    }

    fn text(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        loop {
            self.at += 1;
            match *self.chars.get(self.at)? {
                '\n' => return None,
                '\\' => {
                    self.at += 1;
                    match *self.chars.get(self.at)? {
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        'r' => text.push('\r'),
                        c @ ('\\' | '\'' | '"') => text.push(c),
                        c => text.extend(['\\', c]),
                    }
                }
                c if c == quote => {
                    self.at += 1;
                    return Some(text);
                }
                c => text.push(c),
            }
        }
    }

    fn enter(&mut self) -> Option<()> {
        self.at += 1;
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    /// A list or a tuple; one value in parentheses without a comma is that value.
    fn list(&mut self, closer: char) -> Option<Value> {
        self.enter()?;
        let mut items = Vec::new();
        let mut comma = true;
        while !self.take(closer) {
            if !comma {
                return None;
            }
            items.push(self.value()?);
            comma = self.take(',');
        }
        self.depth -= 1;
        if closer == ')' && items.len() == 1 && !comma { items.pop() } else { Some(Value::Array(items)) }
    }

    fn dictionary(&mut self) -> Option<Value> {
        self.enter()?;
        let mut entries = Map::new();
        let mut comma = true;
        while !self.take('}') {
            if !comma {
                return None;
            }
            let Value::String(key) = self.value()? else { return None };
            if !self.take(':') {
                return None;
            }
            let value = self.value()?;
            entries.insert(key, value);
            comma = self.take(',');
        }
        self.depth -= 1;
        Some(Value::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn literals_nest_and_nothing_may_follow_them() {
        assert_eq!(
            parse_literal(" [1, 2.5, 'a\\'b', None, (3,), (4)] "),
            Some(json!([1, 2.5, "a'b", null, [3], 4]))
        );
        assert_eq!(parse_literal("{'a': {'b': []},}"), Some(json!({"a": {"b": []}})));
        assert_eq!(parse_literal("1 2"), None);
        assert_eq!(parse_literal("[1 2]"), None);
        assert_eq!(parse_literal("nan"), None);
        assert_eq!(parse_literal(&"[".repeat(100_000)), None);
    }
}

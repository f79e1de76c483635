use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, de};
use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, Location, Options, Spanned};

use super::{Content, Fault, Key, Node, Place};

/// Deepest nesting that is read. The parser recurses, with some 40 KB of stack a level in a debug build, and the threads
/// it runs on have 2 MB.
pub const DEPTH_MAX: usize = 24;
/// Most values one file may hold, aliases counted as often as they are used.
pub const NODES_MAX: usize = 20_000;

/// How a file's YAML is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Ours: `true` and `false` only, no duplicate keys, no unknown tags, no numbers with leading zeros.
    Strict,
    /// StackStorm's, as PyYAML reads it: YAML 1.1 booleans and octal numbers, the last of two equal keys wins.
    StackStorm,
}

/// Reads one YAML document into a tree.
///
/// # Errors
/// Not YAML, or outside the dialect or the limits ([`DEPTH_MAX`], [`NODES_MAX`]).
pub fn read(text: &str, dialect: Dialect) -> Result<Node, Fault> {
    read_with(text, dialect, options(dialect))
}

/// Reads a workflow as orquesta reads it: StackStorm's dialect, but a key that stands twice is refused.
///
/// # Errors
/// As [`read`].
pub fn read_workflow(text: &str) -> Result<Node, Fault> {
    let mut options = options(Dialect::StackStorm);
    options.duplicate_keys = DuplicateKeyPolicy::Error;
    read_with(text, Dialect::StackStorm, options)
}

fn read_with(text: &str, dialect: Dialect, options: Options) -> Result<Node, Fault> {
    let raw: Option<Raw> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| fault(&error))?;
    match raw {
        Some(raw) => raw.into_node(text, dialect),
        None => Ok(Node { place: Place::START, content: Content::Scalar(Value::Null) }),
    }
}

fn options(dialect: Dialect) -> Options {
    let budget = serde_saphyr::budget! {
        max_depth: DEPTH_MAX,
        max_nodes: NODES_MAX,
        max_documents: 1,
        flow_nesting_limit: DEPTH_MAX,
    };
    match dialect {
        Dialect::Strict => serde_saphyr::options! {
            budget: budget,
            duplicate_keys: DuplicateKeyPolicy::Error,
            strict_booleans: true,
            reject_unsupported_tags: true,
            with_snippet: false,
        },
        Dialect::StackStorm => serde_saphyr::options! {
            budget: budget,
            duplicate_keys: DuplicateKeyPolicy::LastWins,
            legacy_octal_numbers: true,
            reject_unsupported_tags: true,
            with_snippet: false,
        },
    }
}

fn fault(error: &serde_saphyr::Error) -> Fault {
    let error = error.without_snippet();
    let place = error.location().map_or(Place::START, place);
    let text = error.to_string();
    // The position is told apart; the library appends it as " at line 3, column 5".
    let message = text.split(" at line ").next().unwrap_or(&text).trim_end_matches([',', '.', ':']);
    if let Some(key) = message.strip_prefix("duplicate mapping key: ") {
        let key = key.split(", set ").next().unwrap_or(key);
        return Fault::new(place, format!("the key `{key}` is there twice"));
    }
    if message.starts_with("budget breached") || message.starts_with("recursion limit") {
        return Fault::new(place, "the file is too large or too deep")
            .hint(format!("at most {NODES_MAX} values, {DEPTH_MAX} levels and one document"));
    }
    let fault = Fault::new(place, message);
    if message.contains("string scalar") {
        fault.hint("a value that begins with {{ stands in quotes")
    } else {
        fault
    }
}

fn place(location: Location) -> Place {
    let number = |it: u64| u32::try_from(it).unwrap_or(u32::MAX).max(1);
    Place { line: number(location.line()), column: number(location.column()) }
}

/// A node as the parser gives it, with the stretch of text it came from.
struct Raw(Spanned<RawContent>);

enum RawContent {
    Scalar(Value),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl Raw {
    fn into_node(self, text: &str, dialect: Dialect) -> Result<Node, Fault> {
        let place = place(self.0.referenced);
        let written = written(text, self.0.defined);
        let content = match self.0.value {
            RawContent::Scalar(value) => Content::Scalar(scalar(value, written, place, dialect)?),
            RawContent::List(items) => Content::List(
                items.into_iter().map(|it| it.into_node(text, dialect)).collect::<Result<_, _>>()?,
            ),
            RawContent::Map(pairs) => {
                let pairs = pairs.into_iter().map(|pair| pair_node(pair, text, dialect));
                Content::Map(last_wins(pairs.collect::<Result<_, _>>()?))
            }
        };
        Ok(Node { place, content })
    }
}

fn pair_node(
    (key, value): (Spanned<String>, Raw),
    text: &str,
    dialect: Dialect,
) -> Result<(Key, Node), Fault> {
    let key = Key { place: place(key.referenced), text: key.value };
    Ok((key, value.into_node(text, dialect)?))
}

/// The parser has refused equal keys where they are refused; where not, the last one is meant.
fn last_wins(pairs: Vec<(Key, Node)>) -> Vec<(Key, Node)> {
    let last: HashMap<String, usize> =
        pairs.iter().enumerate().map(|(index, (key, _))| (key.text.clone(), index)).collect();
    let kept = pairs.into_iter().enumerate().filter(|(index, (key, _))| last.get(&key.text) == Some(index));
    kept.map(|(_, pair)| pair).collect()
}

/// The text as it stands in the file: `yes`, `0755`, `"quoted"`.
fn written(text: &str, location: Location) -> &str {
    let span = location.span();
    let (Some(start), Some(length)) = (span.byte_offset(), span.byte_len()) else { return "" };
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
    text.get(start..end).unwrap_or("")
}

/// Where the two dialects differ from what the parser made of a plain scalar.
fn scalar(value: Value, written: &str, place: Place, dialect: Dialect) -> Result<Value, Fault> {
    match dialect {
        Dialect::Strict if value.is_number() && has_leading_zero(written) => {
            Err(Fault::new(place, format!("`{written}` is a number with a leading zero"))
                .hint("put it in quotes, or write it without the zero"))
        }
        // PyYAML knows yes, no, on and off as booleans, but leaves single letters alone.
        Dialect::StackStorm if value.is_boolean() && written.len() == 1 => Ok(Value::from(written)),
        Dialect::StackStorm if value.is_string() => Ok(sexagesimal(written).map_or(value, Value::from)),
        Dialect::Strict | Dialect::StackStorm => Ok(value),
    }
}

fn has_leading_zero(written: &str) -> bool {
    let digits = written.trim_start_matches(['+', '-']).as_bytes();
    matches!(digits, [b'0', b'0'..=b'9', ..])
}

/// YAML 1.1 reads plain `1:30` as base 60 (<https://yaml.org/type/int.html>): 90.
fn sexagesimal(written: &str) -> Option<i64> {
    let (first, rest) = written.split_once(':')?;
    let digits = |it: &str| !it.is_empty() && it.len() <= 4 && it.bytes().all(|it| it.is_ascii_digit());
    if !digits(first) || first.starts_with('0') {
        return None;
    }
    let mut total: i64 = first.parse().ok()?;
    for part in rest.split(':') {
        let number: i64 = part.parse().ok().filter(|it| digits(part) && part.len() <= 2 && *it < 60)?;
        total = total.checked_mul(60)?.checked_add(number)?;
    }
    Some(total)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Raw)
    }
}

impl<'de> Deserialize<'de> for RawContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawContent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(Value::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<RawContent, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawContent, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(value.into()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<RawContent, E> {
        Ok(RawContent::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawContent, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(RawContent::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawContent, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(RawContent::Map(pairs))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn strict(text: &str) -> Result<Value, String> {
        read(text, Dialect::Strict).map(|it| it.to_json()).map_err(|it| it.to_string())
    }

    fn foreign(text: &str) -> Value {
        read(text, Dialect::StackStorm).unwrap().to_json()
    }

    #[test]
    fn every_value_knows_its_place() {
        let node = read("a: 1\nb:\n  - x\n  - c: [y, z]\n", Dialect::Strict).unwrap();
        assert_eq!(node.to_json(), json!({"a": 1, "b": ["x", {"c": ["y", "z"]}]}));
        assert_eq!(node.find("b[1].c[1]"), Place { line: 4, column: 12 });
        assert_eq!(node.find("b[1].nope.x"), Place { line: 4, column: 5 });
        assert_eq!(node.place_of("b"), Place { line: 2, column: 1 });
        assert_eq!(node.place_of_word("z"), Some(Place { line: 4, column: 12 }));
    }

    #[test]
    fn ours_knows_two_booleans_and_python_six() {
        assert_eq!(strict("[yes, on, true, y]"), Ok(json!(["yes", "on", true, "y"])));
        assert_eq!(foreign("[yes, On, true, y, N, 'yes']"), json!([true, true, true, "y", "N", "yes"]));
    }

    #[test]
    fn python_reads_octal_and_base_sixty_where_ours_refuses_or_keeps_text() {
        assert_eq!(
            foreign("[0755, 1:30, '1:30', 12:99, a:1, 10:00:00]"),
            json!([493, 90, "1:30", "12:99", "a:1", 36000])
        );
        assert!(strict("mode: 0755").unwrap_err().starts_with("1:7: `0755` is a number with a leading zero"));
        assert_eq!(strict("[0, 0.5, '0755', 1:30]"), Ok(json!([0, 0.5, "0755", "1:30"])));
    }

    #[test]
    fn the_same_key_twice_is_refused_by_ours_and_replaced_by_python() {
        assert!(strict("a: 1\na: 2\n").unwrap_err().starts_with("2:1: "));
        assert_eq!(foreign("a: 1\nb: 2\na: 3\n"), json!({"b": 2, "a": 3}));
    }

    #[test]
    fn bombs_depth_and_foreign_objects_are_refused_quickly() {
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (name, before) in ["b", "c", "d", "e", "f", "g"].iter().zip(["a", "b", "c", "d", "e", "f"]) {
            let items = vec![format!("*{before}"); 9].join(",");
            bomb.push_str(&format!("{name}: &{name} [{items}]\n"));
        }
        for text in
            [bomb, "[".repeat(5_000), "- ".repeat(5_000), "a: !!python/object/apply:os.system [ls]".into()]
        {
            for dialect in [Dialect::Strict, Dialect::StackStorm] {
                assert!(read(&text, dialect).is_err(), "{}", &text[..30]);
            }
        }
    }

    #[test]
    fn nothing_is_null_and_merges_merge() {
        assert_eq!(strict(""), Ok(Value::Null));
        assert_eq!(strict("# only a comment\n"), Ok(Value::Null));
        assert_eq!(
            strict("a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n"),
            Ok(json!({"a": {"x": 1}, "b": {"x": 1, "y": 2}}))
        );
    }
}

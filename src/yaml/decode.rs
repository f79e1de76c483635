use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde_json::Value;

use super::{Content, Fault, Key, Node};

/// Makes a typed value of a tree.
///
/// Keys that the type does not know are left out and come back as faults with what may have been meant: whether they
/// matter is the caller's to say. (A type with `#[serde(flatten)]` takes every key.) A part that is empty in the file
/// is an empty mapping or list where one is wanted.
///
/// # Errors
/// The first value that does not fit, with its place.
pub fn decode<T: DeserializeOwned>(node: &Node, unknown: &mut Vec<Fault>) -> Result<T, Fault> {
    let faults = RefCell::new(Vec::new());
    let result = T::deserialize(Reader { node, unknown: &faults });
    unknown.append(&mut faults.into_inner());
    result
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    unknown: &'a RefCell<Vec<Fault>>,
}

impl<'a> Reader<'a> {
    fn child(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    /// A fault without a place is about this node; if it quotes a word that stands somewhere in it, about that.
    fn locate<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.map_err(|fault| {
            let word = fault.message.split('`').nth(1).and_then(|word| self.node.place_of_word(word));
            fault.at(word.unwrap_or(self.node.place))
        })
    }

    fn is_null(self) -> bool {
        matches!(self.node.content, Content::Scalar(Value::Null))
    }

    fn visit_list<'de, V: Visitor<'de>>(self, items: &'a [Node], visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Items { reader: self, items: items.iter() })
    }

    fn visit_pairs<'de, V: Visitor<'de>>(
        self,
        pairs: &'a [(Key, Node)],
        fields: Option<&[&str]>,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let known = |key: &Key| fields.is_none_or(|fields| fields.contains(&key.text.as_str()));
        for (key, _) in pairs.iter().filter(|(key, _)| !known(key)) {
            let fault = Fault::unknown("key", &key.text, fields.unwrap_or_default());
            self.unknown.borrow_mut().push(fault.at(key.place));
        }
        let pairs: Vec<_> = pairs.iter().filter(|(key, _)| known(key)).collect();
        visitor.visit_map(Pairs { reader: self, pairs: pairs.into_iter(), value: None })
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.locate(match &self.node.content {
            Content::Scalar(Value::Null) => visitor.visit_unit(),
            Content::Scalar(Value::Bool(value)) => visitor.visit_bool(*value),
            Content::Scalar(Value::String(text)) => visitor.visit_str(text),
            Content::Scalar(Value::Number(number)) => {
                match (number.as_u64(), number.as_i64(), number.as_f64()) {
                    (Some(value), ..) => visitor.visit_u64(value),
                    (None, Some(value), _) => visitor.visit_i64(value),
                    (None, None, value) => visitor.visit_f64(value.unwrap_or_default()),
                }
            }
            Content::Scalar(Value::Array(_) | Value::Object(_)) => visitor.visit_unit(),
            Content::List(items) => self.visit_list(items, visitor),
            Content::Map(pairs) => self.visit_pairs(pairs, None, visitor),
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_null() { self.locate(visitor.visit_none()) } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_null() {
            self.locate(self.visit_list(&[], visitor))
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.is_null() {
            self.locate(self.visit_pairs(&[], None, visitor))
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.content {
            Content::Map(pairs) => self.locate(self.visit_pairs(pairs, Some(fields), visitor)),
            Content::Scalar(Value::Null) => self.locate(self.visit_pairs(&[], Some(fields), visitor)),
            // A list would fill a struct's fields by position, which nobody means.
            Content::List(_) => self.locate(Err(de::Error::invalid_type(de::Unexpected::Seq, &visitor))),
            Content::Scalar(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.locate(visitor.visit_newtype_struct(self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.locate(match &self.node.content {
            Content::Scalar(Value::String(text)) => {
                let variant: StrDeserializer<'_, Fault> = text.as_str().into_deserializer();
                visitor.visit_enum(variant)
            }
            Content::Map(pairs) => match pairs.as_slice() {
                [(key, value)] => visitor.visit_enum(Variant { key: &key.text, value: self.child(value) }),
                _ => Err(de::Error::custom(format!("expected one of {}", variants.join(", ")))),
            },
            Content::Scalar(_) | Content::List(_) => {
                Err(de::Error::custom(format!("expected one of {}", variants.join(", "))))
            }
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct identifier ignored_any
    }
}

struct Items<'a> {
    reader: Reader<'a>,
    items: std::slice::Iter<'a, Node>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let reader = self.reader;
        let read = |node| reader.child(node).locate(seed.deserialize(reader.child(node)));
        self.items.next().map(read).transpose()
    }
}

struct Pairs<'a> {
    reader: Reader<'a>,
    pairs: std::vec::IntoIter<&'a (Key, Node)>,
    value: Option<&'a Node>,
}

impl<'de> MapAccess<'de> for Pairs<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.pairs.next() else { return Ok(None) };
        self.value = Some(value);
        let text: StrDeserializer<'_, Fault> = key.text.as_str().into_deserializer();
        seed.deserialize(text).map(Some).map_err(|fault| fault.at(key.place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let value = self.value.take().ok_or_else(|| de::Error::custom("a value before its key"))?;
        // What a `try_from` refuses comes without a place.
        let reader = self.reader.child(value);
        reader.locate(seed.deserialize(reader))
    }
}

struct Variant<'a> {
    key: &'a str,
    value: Reader<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Fault;
    type Variant = Reader<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Reader<'a>), Fault> {
        let text: StrDeserializer<'_, Fault> = self.key.into_deserializer();
        Ok((seed.deserialize(text)?, self.value))
    }
}

impl<'de> VariantAccess<'de> for Reader<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        if self.is_null() { Ok(()) } else { self.locate(Err(de::Error::custom("nothing is expected here"))) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::yaml::{Dialect, read};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Crew {
        captain: Sailor,
        #[serde(default)]
        others: Vec<Sailor>,
        #[serde(default)]
        berths: BTreeMap<String, u8>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Sailor {
        name: String,
        #[serde(default)]
        awake: bool,
        watch: Option<Watch>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Watch {
        Port,
        Starboard,
        Relief { hours: u8 },
    }

    fn crew(text: &str) -> (Result<Crew, String>, Vec<String>) {
        let mut unknown = Vec::new();
        let result = decode(&read(text, Dialect::Strict).unwrap(), &mut unknown);
        (result.map_err(|it| it.to_string()), unknown.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_tree_becomes_a_type() {
        let (crew, unknown) = crew(
            "captain: {name: Ada, awake: true, watch: port}\nothers:\n  - name: Bo\n    watch: {relief: {hours: 4}}\nberths:\n",
        );
        let crew = crew.unwrap();
        assert_eq!(crew.captain, Sailor { name: "Ada".into(), awake: true, watch: Some(Watch::Port) });
        assert_eq!(crew.others[0].watch, Some(Watch::Relief { hours: 4 }));
        assert!(crew.berths.is_empty() && unknown.is_empty());
    }

    #[test]
    fn unknown_keys_are_all_collected_with_what_may_be_meant() {
        let (crew, unknown) = crew("captan: 1\ncaptain:\n  name: Ada\n  awaek: true\n");
        assert!(crew.is_ok());
        assert_eq!(
            unknown,
            [
                "1:1: unknown key `captan`\n  hint: did you mean `captain`?",
                "4:3: unknown key `awaek`\n  hint: did you mean `awake`?"
            ]
        );
    }

    #[test]
    fn a_value_that_does_not_fit_is_pointed_at() {
        for (text, expected) in [
            (
                "captain: {name: Ada, awake: yes}",
                "1:29: expected a boolean, found the text `yes`\n  hint: write `true`",
            ),
            ("captain: {name: 7}", "1:17: expected a text, found integer `7`\n  hint: put it in quotes"),
            ("captain:\n  awake: true", "2:3: `name` is missing"),
            ("captain: {name: Ada, watch: prot}", "1:29: unknown value `prot`\n  hint: did you mean `port`?"),
            ("captain: [Ada]", "1:10: expected a mapping, found a list"),
            ("captain: {name: A}\nberths: {a: 1, b: 300}", "2:19: invalid value: integer `300`, expected u8"),
        ] {
            assert_eq!(crew(text).0.unwrap_err(), expected);
        }
    }
}

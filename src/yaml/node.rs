use std::fmt;

use serde_json::{Map, Value};

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl Place {
    /// The beginning of a file.
    pub const START: Place = Place { line: 1, column: 1 };
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub place: Place,
    pub content: Content,
}

/// A key of a mapping and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub text: String,
    pub place: Place,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Null, a boolean, a number or a text.
    Scalar(Value),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// The value without its places.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Content::Map(pairs) => Value::Object(
                pairs.iter().map(|(key, value)| (key.text.clone(), value.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The pairs of a mapping; of anything else, none.
    pub fn pairs(&self) -> &[(Key, Node)] {
        match &self.content {
            Content::Map(pairs) => pairs,
            Content::Scalar(_) | Content::List(_) => &[],
        }
    }

    /// The items of a list; of anything else, none.
    pub fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            Content::Scalar(_) | Content::Map(_) => &[],
        }
    }

    /// A member of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.pairs().iter().find(|(it, _)| it.text == key).map(|(_, node)| node)
    }

    /// Where a member's key stands, else where the mapping does.
    pub fn place_of(&self, key: &str) -> Place {
        self.pairs().iter().find(|(it, _)| it.text == key).map_or(self.place, |(key, _)| key.place)
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(value) => value.as_str(),
            Content::List(_) | Content::Map(_) => None,
        }
    }

    /// The place of the deepest part of a path (`tasks.build.next[0].when`) that exists.
    pub fn find(&self, path: &str) -> Place {
        let mut node = self;
        let mut place = self.place;
        for part in path.split(['.', '[']) {
            let (key, next) = match part.strip_suffix(']').map(str::parse::<usize>) {
                Some(Ok(index)) => (None, node.items().get(index)),
                Some(Err(_)) | None => {
                    let pair = node.pairs().iter().find(|(key, _)| key.text == part);
                    (pair.map(|(key, _)| key.place), pair.map(|(_, it)| it))
                }
            };
            let Some(next) = next else { return place };
            place = key.unwrap_or(next.place);
            node = next;
        }
        place
    }

    /// The first place at which this very word is a key or a text.
    pub fn place_of_word(&self, word: &str) -> Option<Place> {
        match &self.content {
            Content::Scalar(value) => (value.as_str() == Some(word)).then_some(self.place),
            Content::List(items) => items.iter().find_map(|it| it.place_of_word(word)),
            Content::Map(pairs) => pairs.iter().find_map(|(key, value)| {
                if key.text == word { Some(key.place) } else { value.place_of_word(word) }
            }),
        }
    }
}

//! Values as the Python engine tells them apart: a tuple is not a list, a set not a tuple, a generator runs once.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::{IndexMap, IndexSet};

use super::fault::Fault;
use super::flow::{Flow, Memo};
use super::frame::Frame;
use super::key::Key;
use super::order::Order;

/// Anything nested deeper is refused: values are dropped and printed recursively.
pub(super) const DEPTH_MAX: u16 = 100;

#[derive(Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Rc<str>),
    /// Immutable and hashable; every list literal and every list of the context.
    Tuple(Rc<Items>),
    /// What a few functions return; cannot be hashed.
    List(Rc<Items>),
    Dict(Rc<Dict>),
    Set(Rc<Set>),
    View(View, Rc<Dict>),
    Flow(Flow),
    Memo(Rc<RefCell<Memo>>),
    Order(Rc<RefCell<Order>>),
    Pattern(Rc<regex::Regex>),
    /// Microseconds since 1970 and the offset of its zone in seconds.
    Time(i64, i32),
    /// Microseconds.
    Span(i64),
    Frame(Rc<Frame>),
    /// `a => b` where it is a value.
    Rule(Rc<(Value, Value)>),
}

/// What a dictionary shows of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Keys,
    Values,
    Items,
}

pub(super) struct Items {
    pub(super) items: Vec<Value>,
    depth: u16,
}

pub(super) struct Dict {
    pub(super) map: IndexMap<Key, Value>,
    /// Frozen ones can be hashed.
    pub(super) frozen: bool,
    depth: u16,
}

pub(super) struct Set {
    pub(super) items: IndexSet<Key>,
    depth: u16,
}

fn deeper(below: impl Iterator<Item = u16>) -> Result<u16, Fault> {
    let depth = below.max().unwrap_or(0) + 1;
    if depth > DEPTH_MAX { Err(Fault::limit("value nested too deeply")) } else { Ok(depth) }
}

impl Items {
    fn new(items: Vec<Value>) -> Result<Rc<Self>, Fault> {
        let depth = deeper(items.iter().map(Value::depth))?;
        Ok(Rc::new(Self { items, depth }))
    }
}

impl Value {
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn tuple(items: Vec<Value>) -> Result<Self, Fault> {
        Items::new(items).map(Self::Tuple)
    }

    pub(super) fn list(items: Vec<Value>) -> Result<Self, Fault> {
        Items::new(items).map(Self::List)
    }

    pub(super) fn dict(map: IndexMap<Key, Value>, frozen: bool) -> Result<Self, Fault> {
        let depth = deeper(map.iter().map(|(key, value)| key.value().depth().max(value.depth())))?;
        Ok(Self::Dict(Rc::new(Dict { map, frozen, depth })))
    }

    pub(super) fn set(items: IndexSet<Key>) -> Result<Self, Fault> {
        let depth = deeper(items.iter().map(|key| key.value().depth()))?;
        Ok(Self::Set(Rc::new(Set { items, depth })))
    }

    /// How deep it nests; bounded by [`DEPTH_MAX`] wherever one is built.
    pub(super) fn depth(&self) -> u16 {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) => 0,
            Self::Pattern(_) | Self::Time(..) | Self::Span(_) => 0,
            Self::Tuple(items) | Self::List(items) => items.depth,
            Self::Dict(dict) | Self::View(_, dict) => dict.depth,
            Self::Set(set) => set.depth,
            Self::Flow(flow) => flow.depth,
            Self::Memo(memo) => memo.borrow().depth,
            Self::Order(order) => order.borrow().depth,
            Self::Frame(frame) => frame.depth.get(),
            Self::Rule(rule) => rule.0.depth().max(rule.1.depth()) + 1,
        }
    }

    /// Python's `bool()`.
    pub(super) fn truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(it) => *it,
            Self::Int(it) => *it != 0,
            Self::Float(it) => *it != 0.0,
            Self::Text(it) => !it.is_empty(),
            Self::Tuple(it) | Self::List(it) => !it.items.is_empty(),
            Self::Dict(it) | Self::View(_, it) => !it.map.is_empty(),
            Self::Set(it) => !it.items.is_empty(),
            Self::Span(it) => *it != 0,
            Self::Flow(_) | Self::Memo(_) | Self::Order(_) | Self::Pattern(_) => true,
            Self::Time(..) | Self::Frame(_) | Self::Rule(_) => true,
        }
    }

    /// The name of the Python class, for error texts.
    pub(super) fn class(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::Tuple(_) => "tuple",
            Self::List(_) => "list",
            Self::Dict(dict) if dict.frozen => "FrozenDict",
            Self::Dict(_) => "dict",
            Self::Set(_) => "frozenset",
            Self::View(View::Keys, _) => "dict_keys",
            Self::View(View::Values, _) => "dict_values",
            Self::View(View::Items, _) => "dict_items",
            Self::Flow(_) | Self::Memo(_) => "generator",
            Self::Order(_) => "OrderingIterable",
            Self::Pattern(_) => "Pattern",
            Self::Time(..) => "datetime",
            Self::Span(_) => "timedelta",
            Self::Frame(_) => "Context",
            Self::Rule(_) => "MappingRule",
        }
    }

    /// As the engine takes data in: lists become tuples, objects frozen dictionaries.
    pub(super) fn from_json(json: &serde_json::Value) -> Result<Self, Fault> {
        Ok(match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(it) => Self::Bool(*it),
            serde_json::Value::Number(it) => match (it.as_i64(), it.as_u64()) {
                (Some(it), _) => Self::Int(it.into()),
                (None, Some(it)) => Self::Int(it.into()),
                (None, None) => Self::Float(it.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(it) => Self::text(it.as_str()),
            serde_json::Value::Array(it) => {
                Self::tuple(it.iter().map(Self::from_json).collect::<Result<_, _>>()?)?
            }
            serde_json::Value::Object(it) => Self::from_map(it, true)?,
        })
    }

    pub(super) fn from_map(
        map: &serde_json::Map<String, serde_json::Value>,
        frozen: bool,
    ) -> Result<Self, Fault> {
        let pairs = map.iter().map(|(key, value)| Ok((Key::text(key), Self::from_json(value)?)));
        Self::dict(pairs.collect::<Result<_, Fault>>()?, frozen)
    }

    /// As JSON, after `finalize`: what Python's `json.dumps` would write.
    pub(super) fn to_json(&self) -> Result<serde_json::Value, Fault> {
        use serde_json::Value as Json;
        Ok(match self {
            Self::Null => Json::Null,
            Self::Bool(it) => Json::Bool(*it),
            Self::Int(it) => match (i64::try_from(*it), u64::try_from(*it)) {
                (Ok(it), _) => it.into(),
                (_, Ok(it)) => it.into(),
                _ => return Err(Fault::limit("integer too large for JSON")),
            },
            Self::Float(it) => serde_json::Number::from_f64(*it).map(Json::Number).ok_or_else(|| {
                Fault::new("ValueError", "Out of range float values are not JSON compliant")
            })?,
            Self::Text(it) => Json::String(it.to_string()),
            Self::Tuple(it) | Self::List(it) => {
                Json::Array(it.items.iter().map(Self::to_json).collect::<Result<_, _>>()?)
            }
            Self::Dict(it) => {
                let pairs = it.map.iter().map(|(key, value)| Ok((key.json_name()?, value.to_json()?)));
                Json::Object(pairs.collect::<Result<_, Fault>>()?)
            }
            other => {
                let class = if let Self::Set(_) = other { "set" } else { other.class() };
                return Err(Fault::new(
                    "TypeError",
                    format!("Object of type {class} is not JSON serializable"),
                ));
            }
        })
    }
}

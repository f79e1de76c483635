//! What a function takes: its parameters as one line of text, and how arguments are matched to them.
//!
//! A line is parameters apart by spaces: `name:type`, `name:type=default`, `*rest:type`, `**`, and `!` when `a => b`
//! is no keyword argument but a value. Defaults: `null`, `none` (not given at all), `true`, `false`, integers.

use std::rc::Rc;

use super::ast::Node;
use super::fault::Fault;
use super::frame::{Frame, Lambda};
use super::value::{Value, View};
use super::vm::Vm;

pub(super) type Res = Result<Value, Fault>;

/// The types of parameters, as `yaqltypes` and Python's own classes tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Any,
    Object,
    Null,
    Text,
    MaybeText,
    /// Python's `int`, booleans among them.
    Int,
    Number,
    MaybeNumber,
    Bool,
    Iterable,
    Iterator,
    Sequence,
    /// Any iterable that is no set.
    Unset,
    Map,
    Set,
    Pattern,
    Rule,
    Time,
    Span,
    Order,
    /// Not evaluated: called by the function.
    Lambda,
    /// Not evaluated: both sides of `a => b`.
    LazyRule,
}

impl Type {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "any" => Self::Any,
            "object" => Self::Object,
            "null" => Self::Null,
            "str" => Self::Text,
            "str?" => Self::MaybeText,
            "int" => Self::Int,
            "num" => Self::Number,
            "num?" => Self::MaybeNumber,
            "bool" => Self::Bool,
            "iter" => Self::Iterable,
            "iterator" => Self::Iterator,
            "seq" => Self::Sequence,
            "unset" => Self::Unset,
            "map" => Self::Map,
            "set" => Self::Set,
            "regex" => Self::Pattern,
            "rule" => Self::Rule,
            "time" => Self::Time,
            "span" => Self::Span,
            "order" => Self::Order,
            "fn" => Self::Lambda,
            "lazy" => Self::LazyRule,
            _ => return None,
        })
    }

    pub(super) fn is_lazy(self) -> bool {
        matches!(self, Self::Lambda | Self::LazyRule)
    }

    pub(super) fn accepts(self, value: &Value) -> bool {
        let iterator = matches!(value, Value::Flow(_) | Value::Memo(_));
        let sequence = matches!(value, Value::Tuple(_) | Value::List(_));
        let set = matches!(value, Value::Set(_) | Value::View(View::Keys | View::Items, _));
        let iterable = iterator || sequence || set || matches!(value, Value::View(..) | Value::Order(_));
        match self {
            Self::Any | Self::Lambda => true,
            Self::Object => !matches!(value, Value::Null),
            Self::Null => matches!(value, Value::Null),
            Self::Text => matches!(value, Value::Text(_)),
            Self::MaybeText => matches!(value, Value::Text(_) | Value::Null),
            Self::Int => matches!(value, Value::Int(_) | Value::Bool(_)),
            Self::Number => matches!(value, Value::Int(_) | Value::Float(_)),
            Self::MaybeNumber => matches!(value, Value::Int(_) | Value::Float(_) | Value::Null),
            Self::Bool => matches!(value, Value::Bool(_)),
            Self::Iterable => iterable,
            Self::Iterator => iterator,
            Self::Sequence => sequence,
            Self::Unset => iterable && !set,
            Self::Map => matches!(value, Value::Dict(_)),
            Self::Set => set,
            Self::Pattern => matches!(value, Value::Pattern(_)),
            Self::Rule => matches!(value, Value::Rule(_)),
            Self::Time => matches!(value, Value::Time(..)),
            Self::Span => matches!(value, Value::Span(_)),
            Self::Order => matches!(value, Value::Order(_)),
            Self::LazyRule => false,
        }
    }

    /// Whether an argument could fit before it is evaluated: constants are looked at, the rest may be anything.
    fn could_accept(self, arg: &Arg) -> bool {
        match arg {
            Arg::Node(node) => match (&**node, self) {
                (Node::Rule(..), Self::LazyRule) => true,
                (_, Self::LazyRule) => false,
                (Node::Const(value), _) => self.accepts(value),
                (Node::Keyword(text), _) => self.accepts(&Value::Text(Rc::clone(text))),
                _ => true,
            },
            Arg::Value(value) => self.accepts(value),
            Arg::Missing => true,
        }
    }

    /// Python's `issubclass`, which decides between two functions that both fit.
    fn narrower_than(self, other: Self) -> bool {
        let iterable = [Self::Iterable, Self::Unset];
        match (self, other) {
            (Self::Lambda | Self::LazyRule, _) | (_, Self::Lambda | Self::LazyRule) => false,
            (Self::Any | Self::Object, _) => false,
            (_, Self::Any | Self::Object) => true,
            (Self::Iterator | Self::Sequence | Self::Set | Self::Map | Self::Order, it) => {
                iterable.contains(&it)
            }
            (Self::Bool, Self::Int) => true,
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Default {
    Required,
    NoValue,
    Null,
    Bool(bool),
    Int(i64),
}

#[derive(Debug)]
struct Param {
    name: &'static str,
    kind: Type,
    default: Default,
}

/// How it may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Function,
    Method,
    Both,
}

#[derive(Debug)]
pub(super) struct Spec {
    pub(super) form: Form,
    params: Vec<Param>,
    rest: Option<Type>,
    any_keyword: bool,
    pub(super) no_keywords: bool,
    pub(super) run: fn(&mut Vm<'_>, Args) -> Res,
}

/// An argument before it is evaluated.
#[derive(Clone)]
pub(super) enum Arg {
    Node(Rc<Node>),
    Value(Value),
    Missing,
}

/// Which parameter each argument goes to.
pub(super) struct Mapping {
    pub(super) positional: Vec<Type>,
    pub(super) named: Vec<(Rc<str>, Type)>,
}

/// An argument as the function gets it.
pub(super) enum Slot {
    Value(Value),
    Lambda(Lambda),
    Rule(Lambda, Lambda),
    Absent,
}

pub(super) struct Args {
    slots: Vec<Slot>,
    pub(super) rest: Vec<Slot>,
    pub(super) named: Vec<(Rc<str>, Value)>,
    /// Where the call was written.
    pub(super) frame: Rc<Frame>,
}

impl Spec {
    pub(super) fn read(form: Form, line: &'static str, run: fn(&mut Vm<'_>, Args) -> Res) -> Self {
        let mut spec =
            Self { form, params: Vec::new(), rest: None, any_keyword: false, no_keywords: false, run };
        for word in line.split_whitespace() {
            if word == "!" {
                spec.no_keywords = true;
            } else if word == "**" {
                spec.any_keyword = true;
            } else {
                let (word, default) = word.split_once('=').unwrap_or((word, ""));
                let (name, kind) = word.split_once(':').unwrap_or((word, "any"));
                let kind = Type::read(kind).unwrap_or(Type::Any);
                if name.starts_with('*') {
                    spec.rest = Some(kind);
                    continue;
                }
                let default = match default {
                    "" => Default::Required,
                    "none" => Default::NoValue,
                    "null" => Default::Null,
                    "true" => Default::Bool(true),
                    "false" => Default::Bool(false),
                    number => number.parse().map_or(Default::Null, Default::Int),
                };
                spec.params.push(Param { name, kind, default });
            }
        }
        spec
    }

    /// Matches arguments to parameters; `None`: this function cannot be meant.
    pub(super) fn map(&self, args: &[Arg], named: &[(Rc<str>, Arg)]) -> Option<Mapping> {
        let mut positional: Vec<Option<Type>> = vec![self.rest; args.len()];
        let mut used = Vec::new();
        for (at, param) in self.params.iter().enumerate() {
            let by_name = named.iter().find(|(name, _)| **name == *param.name);
            match args.get(at) {
                Some(Arg::Node(_) | Arg::Value(_)) => {
                    if by_name.is_some() {
                        return None;
                    }
                    positional[at] = Some(param.kind);
                }
                Some(Arg::Missing) if by_name.is_some() => return None,
                Some(Arg::Missing) => {
                    if matches!(param.default, Default::Required) {
                        return None;
                    }
                    positional[at] = Some(param.kind);
                }
                None => match by_name {
                    Some((name, _)) => used.push((Rc::clone(name), param.kind)),
                    None if matches!(param.default, Default::Required) => return None,
                    None => {}
                },
            }
        }
        let unknown = named.iter().filter(|(name, _)| !used.iter().any(|(it, _)| it == name));
        let unknown: Vec<_> = unknown.map(|(name, _)| (Rc::clone(name), Type::Any)).collect();
        if !unknown.is_empty() && !self.any_keyword {
            return None;
        }
        used.extend(unknown);
        let positional = positional.into_iter().collect::<Option<Vec<_>>>()?;
        let fits = args.iter().zip(&positional).all(|(arg, kind)| kind.could_accept(arg));
        let named_fit = named.iter().all(|(name, arg)| {
            used.iter().find(|(it, _)| it == name).is_none_or(|(_, kind)| kind.could_accept(arg))
        });
        (fits && named_fit).then_some(Mapping { positional, named: used })
    }

    /// Checks evaluated arguments and lays them out by parameter.
    pub(super) fn bind(
        &self,
        mapping: &Mapping,
        args: &[Arg],
        named: &[(Rc<str>, Arg)],
        frame: &Rc<Frame>,
    ) -> Option<Args> {
        let mut out =
            Args { slots: Vec::new(), rest: Vec::new(), named: Vec::new(), frame: Rc::clone(frame) };
        for (at, param) in self.params.iter().enumerate() {
            let arg = match args.get(at) {
                Some(Arg::Missing) | None => {
                    named.iter().find(|(name, _)| **name == *param.name).map(|(_, arg)| arg)
                }
                Some(arg) => Some(arg),
            };
            out.slots.push(match arg {
                Some(arg) => slot(param.kind, arg, frame)?,
                None => match param.default {
                    Default::Required => return None,
                    Default::NoValue => Slot::Absent,
                    Default::Null if param.kind.is_lazy() => Slot::Absent,
                    Default::Null => Slot::Value(Value::Null),
                    Default::Bool(it) => Slot::Value(Value::Bool(it)),
                    Default::Int(it) => Slot::Value(Value::Int(it.into())),
                },
            });
        }
        for (arg, kind) in args.iter().zip(&mapping.positional).skip(self.params.len()) {
            out.rest.push(slot(*kind, arg, frame)?);
        }
        for (name, arg) in named {
            if self.params.iter().all(|param| *param.name != **name) {
                let Slot::Value(value) = slot(Type::Any, arg, frame)? else { return None };
                out.named.push((Rc::clone(name), value));
            }
        }
        Some(out)
    }
}

fn slot(kind: Type, arg: &Arg, frame: &Rc<Frame>) -> Option<Slot> {
    let lambda = |body: &Rc<Node>| Lambda { body: Rc::clone(body), frame: Rc::clone(frame) };
    match (kind, arg) {
        (Type::LazyRule, Arg::Node(node)) => match &**node {
            Node::Rule(from, to) => Some(Slot::Rule(lambda(from), lambda(to))),
            _ => None,
        },
        (Type::Lambda, Arg::Node(node)) => Some(Slot::Lambda(lambda(node))),
        (Type::Lambda, Arg::Value(value)) => {
            Some(Slot::Lambda(Lambda { body: Rc::new(Node::Const(value.clone())), frame: Rc::clone(frame) }))
        }
        (_, Arg::Value(value)) => kind.accepts(value).then(|| Slot::Value(value.clone())),
        (_, Arg::Node(_) | Arg::Missing) => None,
    }
}

impl Mapping {
    pub(super) fn lazy(&self) -> Vec<String> {
        let positional = self.positional.iter().enumerate().filter(|(_, kind)| kind.is_lazy());
        let named = self.named.iter().filter(|(_, kind)| kind.is_lazy());
        positional.map(|(at, _)| at.to_string()).chain(named.map(|(name, _)| name.to_string())).collect()
    }

    pub(super) fn narrower_than(&self, other: &Self) -> bool {
        let pairs = || self.positional.iter().zip(&other.positional);
        !pairs().any(|(a, b)| b.narrower_than(*a)) && pairs().any(|(a, b)| a.narrower_than(*b))
    }
}

/// The table was wrong about a parameter: told as an error, not a panic.
fn mismatch() -> Fault {
    Fault::kind("argument of another type")
}

impl Args {
    pub(super) fn value(&self, at: usize) -> Res {
        match self.slots.get(at) {
            Some(Slot::Value(value)) => Ok(value.clone()),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn given(&self, at: usize) -> Option<Value> {
        self.value(at).ok()
    }

    pub(super) fn text(&self, at: usize) -> Result<Rc<str>, Fault> {
        self.maybe_text(at)?.ok_or_else(mismatch)
    }

    pub(super) fn maybe_text(&self, at: usize) -> Result<Option<Rc<str>>, Fault> {
        match self.slots.get(at) {
            Some(Slot::Value(Value::Text(it))) => Ok(Some(Rc::clone(it))),
            Some(Slot::Value(Value::Null)) => Ok(None),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn int(&self, at: usize) -> Result<i128, Fault> {
        match self.slots.get(at) {
            Some(Slot::Value(Value::Int(it))) => Ok(*it),
            Some(Slot::Value(Value::Bool(it))) => Ok((*it).into()),
            _ => Err(mismatch()),
        }
    }

    pub(super) fn truth(&self, at: usize) -> bool {
        matches!(self.slots.get(at), Some(Slot::Value(value)) if value.truthy())
    }

    pub(super) fn lambda(&self, at: usize) -> Result<Lambda, Fault> {
        self.maybe_lambda(at).ok_or_else(|| Fault::kind("'NoneType' object is not callable"))
    }

    pub(super) fn maybe_lambda(&self, at: usize) -> Option<Lambda> {
        match self.slots.get(at) {
            Some(Slot::Lambda(it)) => Some(it.clone()),
            _ => None,
        }
    }

    pub(super) fn rest_values(&self) -> Vec<Value> {
        let values = self.rest.iter().filter_map(|slot| match slot {
            Slot::Value(value) => Some(value.clone()),
            Slot::Lambda(_) | Slot::Rule(..) | Slot::Absent => None,
        });
        values.collect()
    }
}

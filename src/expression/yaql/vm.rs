//! Runs a parsed expression, counting steps.

use std::rc::Rc;

use crate::expression::Scope;

use super::ast::Node;
use super::fault::Fault;
use super::frame::{Frame, Lambda};
use super::key::Key;
use super::library;
use super::spec::{Arg, Form, Mapping, Res, Spec};
use super::value::Value;

/// About a tenth of a second of work.
const STEPS_MAX: u32 = 300_000;
/// Calls within calls. Python gives up at a thousand of its own frames, about ten for each of these.
const CALLS_MAX: u16 = 100;
/// No text grows beyond this many bytes.
pub(super) const TEXT_MAX: usize = 4 * 1024 * 1024;
/// One step pays for this many bytes made.
const BYTES_PER_STEP: usize = 64;

pub(super) struct Vm<'a> {
    pub(super) scope: Option<&'a Scope<'a>>,
    steps: u32,
    calls: u16,
    /// How many random numbers were drawn.
    pub(super) draws: u64,
    /// The engine's `limitIterators`; orquesta sets none.
    pub(super) iterator_limit: Option<usize>,
}

impl<'a> Vm<'a> {
    pub(super) fn new(scope: Option<&'a Scope<'a>>, steps: u32) -> Self {
        Self { scope, steps, calls: 0, draws: 0, iterator_limit: None }
    }

    /// The bill so far.
    pub(super) fn steps(&self) -> u32 {
        self.steps
    }

    pub(super) fn charge(&mut self, steps: usize) -> Result<(), Fault> {
        self.steps = self.steps.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
        if self.steps > STEPS_MAX { Err(Fault::limit("expression takes too many steps")) } else { Ok(()) }
    }

    /// Pays for a text of so many bytes before it is made.
    pub(super) fn charge_text(&mut self, bytes: usize) -> Result<(), Fault> {
        if bytes > TEXT_MAX {
            return Err(Fault::limit("text too large"));
        }
        self.charge(bytes / BYTES_PER_STEP + 1)
    }

    pub(super) fn enter(&mut self) -> Result<(), Fault> {
        self.charge(1)?;
        if self.calls >= CALLS_MAX {
            return Err(Fault::new("RecursionError", "maximum recursion depth exceeded"));
        }
        self.calls += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.calls -= 1;
    }

    pub(super) fn eval(&mut self, node: &Rc<Node>, frame: &Rc<Frame>) -> Res {
        match &**node {
            Node::Const(value) => Ok(value.clone()),
            Node::Keyword(text) => Ok(Value::Text(Rc::clone(text))),
            Node::Variable(name) => Ok(frame.get(name)),
            Node::Missing => Ok(Value::Null),
            Node::Wrap(inside) => self.nested(inside, frame),
            Node::Rule(from, to) => {
                let pair = (self.nested(from, frame)?, self.nested(to, frame)?);
                Ok(Value::Rule(Rc::new(pair)))
            }
            Node::Call { name, args } => {
                self.enter()?;
                let value = self.call(name, None, nodes(args), frame);
                self.leave();
                value
            }
            Node::Operator { name, args } => {
                self.enter()?;
                let value = self.operator(name, args, frame);
                self.leave();
                value
            }
        }
    }

    fn nested(&mut self, node: &Rc<Node>, frame: &Rc<Frame>) -> Res {
        self.enter()?;
        let value = self.eval(node, frame);
        self.leave();
        value
    }

    fn operator(&mut self, name: &'static str, args: &[Rc<Node>], frame: &Rc<Frame>) -> Res {
        let [left, right] = args else {
            let value = self.eval(&args[0], frame)?;
            return library::operators::unary(self, name, value);
        };
        match name {
            "#operator_." => match self.context_member(left, right, frame)? {
                Some(value) => Ok(value),
                None => {
                    let left = self.eval(left, frame)?;
                    self.dot(left, right, frame)
                }
            },
            "#operator_?." => match self.eval(left, frame)? {
                Value::Null => Ok(Value::Null),
                left => self.dot(left, right, frame),
            },
            "#operator_and" | "#operator_or" => {
                let left = self.eval(left, &frame.child()?)?;
                if left.truthy() == (name == "#operator_and") {
                    self.eval(right, &frame.child()?)
                } else {
                    Ok(left)
                }
            }
            "#operator_->" => match self.eval(left, frame)? {
                Value::Frame(inside) => self.eval(right, &inside),
                _ => Err(no_match(name, None)),
            },
            // Known not to fit before anything is evaluated: `ctx().a-b` is about the minus, not about `a`.
            "#operator_-" | "#operator_/" | "#operator_mod" if is_text(left) || is_text(right) => {
                Err(no_match(name, None))
            }
            _ => {
                let left = self.eval(left, frame)?;
                let right = self.eval(right, frame)?;
                library::operators::binary(self, name, left, right)
            }
        }
    }

    /// `ctx().name` without taking in the whole context.
    fn context_member(
        &mut self,
        left: &Node,
        right: &Node,
        frame: &Rc<Frame>,
    ) -> Result<Option<Value>, Fault> {
        let (Node::Call { name, args }, Node::Keyword(member)) = (left, right) else { return Ok(None) };
        let (Some(scope), "ctx", true) = (self.scope, &**name, args.is_empty()) else { return Ok(None) };
        if frame.function(name).is_some() {
            return Ok(None);
        }
        match scope.context.get(&**member) {
            Some(value) => Value::from_json(value).map(Some),
            None => Err(missing_key(&Value::Text(Rc::clone(member)))),
        }
    }

    /// `value.name` and `value.name(…)`.
    pub(super) fn dot(&mut self, value: Value, right: &Rc<Node>, frame: &Rc<Frame>) -> Res {
        match &**right {
            Node::Keyword(name) => self.member(value, name),
            Node::Call { name, args } if right.is_call() => self.call(name, Some(value), nodes(args), frame),
            _ => Err(no_match("#operator_.", None)),
        }
    }

    fn member(&mut self, value: Value, name: &Rc<str>) -> Res {
        match value {
            Value::Dict(dict) => {
                let key = Value::Text(Rc::clone(name));
                dict.map.get(&Key::text(name)).cloned().ok_or_else(|| missing_key(&key))
            }
            Value::Tuple(_)
            | Value::List(_)
            | Value::Set(_)
            | Value::View(..)
            | Value::Flow(_)
            | Value::Memo(_)
            | Value::Order(_) => {
                let items = self.iterate(&value)?;
                let name = Rc::clone(name);
                self.lazy(&[&value], &[], move |vm| match items.next(vm)? {
                    Some(item) => vm.member(item, &name).map(Some),
                    None => Ok(None),
                })
            }
            other => library::time::property(name, &other),
        }
    }

    /// Calls by name: functions made by `def` first, then the library's overloads.
    pub(super) fn call(
        &mut self,
        name: &str,
        receiver: Option<Value>,
        args: Vec<Arg>,
        frame: &Rc<Frame>,
    ) -> Res {
        match (name, &receiver) {
            ("#list", _) => return self.list(args, frame),
            ("#map", _) => return self.map(args, frame),
            ("#indexer", _) => return self.index(args, frame),
            _ => {}
        }
        let method = receiver.clone();
        let mut all: Vec<Arg> = receiver.into_iter().map(Arg::Value).collect();
        all.extend(args);
        if method.is_none()
            && let Some(body) = frame.function(name)
        {
            return self.call_defined(&body, all, frame);
        }
        let wanted = if method.is_some() { Form::Method } else { Form::Function };
        let overloads = library::overloads(name);
        let overloads: Vec<&Spec> =
            overloads.iter().filter(|it| it.form == wanted || it.form == Form::Both).collect();
        if overloads.is_empty() {
            return Err(unknown(name, method.as_ref()));
        }
        self.choose(name, method.as_ref(), &overloads, all, frame)
    }

    fn choose(
        &mut self,
        name: &str,
        receiver: Option<&Value>,
        overloads: &[&'static Spec],
        args: Vec<Arg>,
        frame: &Rc<Frame>,
    ) -> Res {
        let no_keywords = overloads[0].no_keywords;
        let (mut args, mut named) = if no_keywords { (args, Vec::new()) } else { split_named(args)? };
        let mut fitting: Vec<(&'static Spec, Mapping)> = Vec::new();
        for spec in overloads {
            if spec.no_keywords != no_keywords {
                return Err(ambiguous(name, receiver));
            }
            fitting.extend(spec.map(&args, &named).map(|mapping| (*spec, mapping)));
        }
        let Some(lazy) = fitting.first().map(|(_, mapping)| mapping.lazy()) else {
            return Err(no_match(name, receiver));
        };
        if fitting.iter().any(|(_, mapping)| mapping.lazy() != lazy) {
            return Err(ambiguous(name, receiver));
        }
        for (at, arg) in args.iter_mut().enumerate() {
            if !lazy.contains(&at.to_string()) {
                self.evaluate_arg(arg, frame)?;
            }
        }
        for (name, arg) in &mut named {
            if !lazy.iter().any(|it| **it == **name) {
                self.evaluate_arg(arg, frame)?;
            }
        }
        let mut chosen: Option<(&Spec, &Mapping, super::spec::Args)> = None;
        for (spec, mapping) in &fitting {
            let Some(bound) = spec.bind(mapping, &args, &named, frame) else { continue };
            match &chosen {
                Some((_, winner, _)) if winner.narrower_than(mapping) => continue,
                Some((_, winner, _)) if !mapping.narrower_than(winner) => {
                    return Err(ambiguous(name, receiver));
                }
                _ => chosen = Some((spec, mapping, bound)),
            }
        }
        match chosen {
            Some((spec, _, bound)) => (spec.run)(self, bound),
            None => Err(no_match(name, receiver)),
        }
    }

    fn evaluate_arg(&mut self, arg: &mut Arg, frame: &Rc<Frame>) -> Result<(), Fault> {
        if let Arg::Node(node) = arg {
            *arg = Arg::Value(self.eval(node, frame)?);
        }
        Ok(())
    }

    fn call_defined(&mut self, body: &Lambda, args: Vec<Arg>, frame: &Rc<Frame>) -> Res {
        let (args, named) = split_named(args)?;
        let inside = body.frame.child()?;
        for (at, mut arg) in args.into_iter().enumerate() {
            self.evaluate_arg(&mut arg, frame)?;
            if let Arg::Value(value) = arg {
                inside.set(&(at + 1).to_string(), value);
            }
        }
        for (name, mut arg) in named {
            self.evaluate_arg(&mut arg, frame)?;
            if let Arg::Value(value) = arg {
                inside.set(&name, value);
            }
        }
        self.nested(&body.body, &inside)
    }

    /// Calls a function of the engine with values: Python's delegates.
    pub(super) fn call_values(&mut self, name: &str, receiver: Option<Value>, args: Vec<Value>) -> Res {
        if let (true, [left, right]) = (name.starts_with(['#', '*']), args.as_slice()) {
            return library::operators::binary_named(self, name, left.clone(), right.clone());
        }
        self.call(name, receiver, args.into_iter().map(Arg::Value).collect(), &Frame::root())
    }

    /// Calls a lambda: its arguments are `$1` (`$`), `$2`, …
    pub(super) fn apply(&mut self, lambda: &Lambda, args: Vec<Value>) -> Res {
        let frame = lambda.frame.child()?;
        for (at, value) in args.into_iter().enumerate() {
            frame.set(&(at + 1).to_string(), value);
        }
        self.nested(&lambda.body, &frame)
    }

    fn list(&mut self, args: Vec<Arg>, frame: &Rc<Frame>) -> Res {
        let mut items = Vec::with_capacity(args.len());
        for mut arg in args {
            if is_rule(&arg) {
                return Err(no_match("#list", None));
            }
            self.evaluate_arg(&mut arg, frame)?;
            match arg {
                Arg::Value(value) => items.push(value),
                Arg::Node(_) | Arg::Missing => return Err(no_match("#list", None)),
            }
        }
        Value::tuple(items)
    }

    fn map(&mut self, args: Vec<Arg>, frame: &Rc<Frame>) -> Res {
        let mut map = indexmap::IndexMap::new();
        for mut arg in args {
            self.evaluate_arg(&mut arg, frame)?;
            match arg {
                Arg::Value(Value::Rule(rule)) => {
                    map.insert(Key::new(rule.0.clone())?, rule.1.clone());
                }
                _ => return Err(no_match("#map", None)),
            }
        }
        Value::dict(map, true)
    }

    fn index(&mut self, args: Vec<Arg>, frame: &Rc<Frame>) -> Res {
        let mut values = Vec::with_capacity(args.len());
        for mut arg in args {
            if is_rule(&arg) {
                return Err(no_match("#indexer", None));
            }
            self.evaluate_arg(&mut arg, frame)?;
            if let Arg::Value(value) = arg {
                values.push(value);
            }
        }
        match values.as_slice() {
            [Value::Dict(dict), key] => {
                dict.map.get(&Key::new(key.clone())?).cloned().ok_or_else(|| missing_key(key))
            }
            [Value::Dict(dict), key, default] => {
                Ok(dict.map.get(&Key::new(key.clone())?).unwrap_or(default).clone())
            }
            [list @ (Value::Tuple(items) | Value::List(items)), at @ (Value::Int(_) | Value::Bool(_))] => {
                let at = if let Value::Int(at) = at { *at } else { i128::from(at.truthy()) };
                let length = items.items.len() as i128;
                let found = usize::try_from(if at < 0 { at + length } else { at }).ok();
                found
                    .and_then(|at| items.items.get(at))
                    .cloned()
                    .ok_or_else(|| Fault::new("IndexError", format!("{} index out of range", list.class())))
            }
            _ => Err(no_match("#indexer", None)),
        }
    }
}

fn nodes(args: &[Rc<Node>]) -> Vec<Arg> {
    let arg = |node: &Rc<Node>| match &**node {
        Node::Missing => Arg::Missing,
        _ => Arg::Node(Rc::clone(node)),
    };
    args.iter().map(arg).collect()
}

fn is_text(node: &Node) -> bool {
    matches!(node, Node::Keyword(_) | Node::Const(Value::Text(_)))
}

fn is_rule(arg: &Arg) -> bool {
    matches!(arg, Arg::Node(node) if matches!(**node, Node::Rule(..)))
}

type Named = Vec<(Rc<str>, Arg)>;

/// `name => value` among the arguments are keyword arguments.
fn split_named(args: Vec<Arg>) -> Result<(Vec<Arg>, Named), Fault> {
    let mut plain = Vec::new();
    let mut named = Vec::new();
    for arg in args {
        match &arg {
            Arg::Node(node) => match &**node {
                Node::Rule(name, value) => match &**name {
                    Node::Keyword(name) => named.push((Rc::clone(name), Arg::Node(Rc::clone(value)))),
                    _ => {
                        return Err(Fault::new(
                            "MappingTranslationException",
                            "Cannot convert mapping to keyword argument",
                        ));
                    }
                },
                _ => plain.push(arg),
            },
            Arg::Value(_) | Arg::Missing => plain.push(arg),
        }
    }
    Ok((plain, named))
}

pub(super) fn missing_key(key: &Value) -> Fault {
    Fault::new("KeyError", key.repr())
}

/// Nothing registered under that name takes these arguments.
pub(super) fn no_match(name: &str, receiver: Option<&Value>) -> Fault {
    match receiver {
        None => Fault::new(
            "NoMatchingFunctionException",
            format!("No function \"{name}\" matches supplied arguments"),
        ),
        Some(it) => Fault::new(
            "NoMatchingMethodException",
            format!("No method \"{name}\" for receiver {} matches supplied arguments", shown(it)),
        ),
    }
}

/// Nothing is registered under that name.
pub(super) fn unknown(name: &str, receiver: Option<&Value>) -> Fault {
    match receiver {
        None => Fault::new("NoFunctionRegisteredException", format!("Unknown function \"{name}\"")),
        Some(it) => Fault::new(
            "NoMethodRegisteredException",
            format!("Unknown method \"{name}\" for receiver {}", shown(it)),
        ),
    }
}

fn ambiguous(name: &str, receiver: Option<&Value>) -> Fault {
    match receiver {
        None => Fault::new("AmbiguousFunctionException", format!("Ambiguous function \"{name}\"")),
        Some(it) => Fault::new(
            "AmbiguousMethodException",
            format!("Ambiguous method \"{name}\" for receiver {}", shown(it)),
        ),
    }
}

/// A receiver in an error text, cut: it may be a whole result.
fn shown(value: &Value) -> String {
    const SHOWN_MAX: usize = 1000;
    let text = value.to_text();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

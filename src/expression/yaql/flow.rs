//! Generators: pulled one by one, each runs once.

use std::cell::RefCell;
use std::rc::Rc;

use super::fault::Fault;
use super::frame::Lambda;
use super::value::{DEPTH_MAX, Value, View};
use super::vm::Vm;

pub(super) type Next = Result<Option<Value>, Fault>;

type Pull = Box<dyn FnMut(&mut Vm<'_>) -> Next>;

#[derive(Clone)]
pub(super) struct Flow {
    pull: Rc<RefCell<Pull>>,
    pub(super) depth: u16,
}

/// A generator that remembers what it gave, so that it can be read again.
pub(super) struct Memo {
    source: Flow,
    seen: Vec<Value>,
    pub(super) depth: u16,
}

impl Flow {
    /// `depth`: of the deepest value that the closure holds.
    pub(super) fn new(depth: u16, pull: impl FnMut(&mut Vm<'_>) -> Next + 'static) -> Result<Self, Fault> {
        if depth >= DEPTH_MAX {
            return Err(Fault::limit("generators nested too deeply"));
        }
        Ok(Self { pull: Rc::new(RefCell::new(Box::new(pull))), depth: depth + 1 })
    }

    pub(super) fn next(&self, vm: &mut Vm<'_>) -> Next {
        vm.enter()?;
        let next = match self.pull.try_borrow_mut() {
            Ok(mut pull) => pull(vm),
            Err(_) => Err(Fault::value("generator already executing")),
        };
        vm.leave();
        next
    }

    pub(super) fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.pull, &other.pull)
    }

    /// All that is left.
    pub(super) fn drain(&self, vm: &mut Vm<'_>) -> Result<Vec<Value>, Fault> {
        let mut items = Vec::new();
        while let Some(item) = self.next(vm)? {
            items.push(item);
        }
        Ok(items)
    }
}

impl Vm<'_> {
    /// A generator as a value. `from`: the values that the closure holds, `with`: its lambdas.
    pub(super) fn lazy(
        &self,
        from: &[&Value],
        with: &[&Lambda],
        pull: impl FnMut(&mut Vm<'_>) -> Next + 'static,
    ) -> Result<Value, Fault> {
        let values = from.iter().map(|it| it.depth());
        // Frames count by what they hold, not by how deep the call was.
        let frames = with.iter().map(|it| it.frame.depth.get() / 4);
        Flow::new(values.chain(frames).max().unwrap_or(0), pull).map(Value::Flow)
    }

    /// Python's `iter()`: a generator is itself, everything else starts anew.
    pub(super) fn iterate(&mut self, value: &Value) -> Result<Flow, Fault> {
        let depth = value.depth();
        let mut at = 0;
        let mut step = move || {
            at += 1;
            at - 1
        };
        match value.clone() {
            Value::Flow(flow) => Ok(flow),
            Value::Tuple(it) | Value::List(it) => {
                Flow::new(depth - 1, move |_: &mut Vm<'_>| Ok(it.items.get(step()).cloned()))
            }
            Value::Set(it) => Flow::new(depth - 1, move |_: &mut Vm<'_>| {
                Ok(it.items.get_index(step()).map(|it| it.value().clone()))
            }),
            Value::View(View::Values, it) => Flow::new(depth - 1, move |_: &mut Vm<'_>| {
                Ok(it.map.get_index(step()).map(|it| it.1.clone()))
            }),
            Value::View(View::Items, it) => Flow::new(depth - 1, move |_: &mut Vm<'_>| {
                let pair = it.map.get_index(step());
                pair.map(|(key, value)| Value::tuple(vec![key.value().clone(), value.clone()])).transpose()
            }),
            Value::Dict(it) | Value::View(View::Keys, it) => Flow::new(depth - 1, move |_: &mut Vm<'_>| {
                Ok(it.map.get_index(step()).map(|it| it.0.value().clone()))
            }),
            Value::Text(it) => {
                let mut rest = 0;
                Flow::new(0, move |_: &mut Vm<'_>| {
                    let next = it[rest..].chars().next();
                    rest += next.map_or(0, char::len_utf8);
                    Ok(next.map(|it| Value::text(it.to_string())))
                })
            }
            Value::Memo(memo) => Flow::new(depth - 1, move |vm: &mut Vm<'_>| {
                let at = step();
                let (known, source) = {
                    let memo = memo.borrow();
                    (memo.seen.get(at).cloned(), memo.source.clone())
                };
                if known.is_some() {
                    return Ok(known);
                }
                let next = source.next(vm)?;
                memo.borrow_mut().seen.extend(next.clone());
                Ok(next)
            }),
            Value::Order(order) => {
                let items = super::order::sorted(self, &order)?;
                Flow::new(depth - 1, move |_: &mut Vm<'_>| Ok(items.items.get(step()).cloned()))
            }
            other => Err(Fault::kind(format!("'{}' object is not iterable", other.class()))),
        }
    }

    /// Everything a value yields.
    pub(super) fn collect(&mut self, value: &Value) -> Result<Vec<Value>, Fault> {
        match value {
            Value::Tuple(it) | Value::List(it) => Ok(it.items.clone()),
            other => self.iterate(other)?.drain(self),
        }
    }

    /// A generator that can be read twice; anything else is that already.
    pub(super) fn memorize(&self, value: Value) -> Value {
        match value {
            Value::Flow(source) => {
                let depth = source.depth;
                Value::Memo(Rc::new(RefCell::new(Memo { source, seen: Vec::new(), depth })))
            }
            other => other,
        }
    }
}

//! Where names live: `$`, `$name`, and functions made by `def`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::ast::Node;
use super::fault::Fault;
use super::value::{DEPTH_MAX, Value};

pub(super) struct Frame {
    vars: RefCell<Vec<(Rc<str>, Value)>>,
    functions: RefCell<Vec<(Rc<str>, Lambda)>>,
    parent: Option<Rc<Frame>>,
    pub(super) depth: Cell<u16>,
}

/// An expression that waits for its arguments, with the place it was written in.
#[derive(Clone)]
pub(super) struct Lambda {
    pub(super) body: Rc<Node>,
    pub(super) frame: Rc<Frame>,
}

/// `$` is `$1`.
fn plain(name: &str) -> &str {
    match name.strip_prefix('$').unwrap_or(name) {
        "" => "1",
        name => name,
    }
}

impl Frame {
    pub(super) fn root() -> Rc<Self> {
        Rc::new(Self {
            vars: RefCell::default(),
            functions: RefCell::default(),
            parent: None,
            depth: Cell::new(1),
        })
    }

    pub(super) fn child(self: &Rc<Self>) -> Result<Rc<Self>, Fault> {
        let depth = self.depth.get() + 1;
        // Frames nest by calls as well as by values, so they get more room.
        if depth > 4 * DEPTH_MAX {
            return Err(Fault::limit("calls nested too deeply"));
        }
        Ok(Rc::new(Self {
            vars: RefCell::default(),
            functions: RefCell::default(),
            parent: Some(Rc::clone(self)),
            depth: Cell::new(depth),
        }))
    }

    pub(super) fn set(&self, name: &str, value: Value) {
        self.depth.set(self.depth.get().max(value.depth().saturating_add(1)));
        let mut vars = self.vars.borrow_mut();
        match vars.iter_mut().find(|(it, _)| **it == *plain(name)) {
            Some(slot) => slot.1 = value,
            None => vars.push((plain(name).into(), value)),
        }
    }

    /// A name nobody set is null.
    pub(super) fn get(&self, name: &str) -> Value {
        let name = plain(name);
        let mut frame = Some(self);
        while let Some(it) = frame {
            if let Some((_, value)) = it.vars.borrow().iter().find(|(key, _)| **key == *name) {
                return value.clone();
            }
            frame = it.parent.as_deref();
        }
        Value::Null
    }

    pub(super) fn define(&self, name: &str, body: Lambda) {
        self.functions.borrow_mut().push((name.into(), body));
    }

    pub(super) fn function(&self, name: &str) -> Option<Lambda> {
        let mut frame = Some(self);
        while let Some(it) = frame {
            if let Some((_, body)) = it.functions.borrow().iter().rev().find(|(key, _)| **key == *name) {
                return Some(body.clone());
            }
            frame = it.parent.as_deref();
        }
        None
    }
}

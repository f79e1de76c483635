use std::rc::Rc;

use super::value::Value;

/// A parsed expression.
pub(super) enum Node {
    Const(Value),
    /// A bare word: a name after a dot, else its own text.
    Keyword(Rc<str>),
    /// `$`, `$name`.
    Variable(Rc<str>),
    /// `name(…)`; also `#list`, `#map`, `#indexer`, whose names nobody can write.
    Call {
        name: Rc<str>,
        args: Vec<Rc<Node>>,
    },
    /// An operator by the name of its function: `#operator_+`, `*equal`, `#unary_operator_-`.
    Operator {
        name: &'static str,
        args: Vec<Rc<Node>>,
    },
    /// `(…)`
    Wrap(Rc<Node>),
    /// `a => b`
    Rule(Rc<Node>, Rc<Node>),
    /// An argument left out: `f(, 1)`.
    Missing,
}

impl Node {
    /// Whether `receiver.node` may call it as a method.
    pub(super) fn is_call(&self) -> bool {
        matches!(self, Self::Call { name, .. } if !name.starts_with('#'))
    }
}

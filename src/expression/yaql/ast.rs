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

/// A function that is called by its name.
pub(super) struct Called<'a> {
    pub(super) name: &'a str,
    /// The function that `def` makes.
    pub(super) defines: Option<&'a str>,
}

impl Node {
    /// Every call of a function that somebody could have misspelt.
    pub(super) fn calls<'a>(&'a self, found: &mut Vec<Called<'a>>) {
        match self {
            Self::Const(_) | Self::Keyword(_) | Self::Variable(_) | Self::Missing => {}
            Self::Call { name, args } => {
                let first = args.first().and_then(|it| match &**it {
                    Self::Keyword(name) => Some(&**name),
                    _ => None,
                });
                if !name.starts_with('#') {
                    found.push(Called { name, defines: first.filter(|_| &**name == "def") });
                }
                args.iter().for_each(|it| it.calls(found));
            }
            Self::Operator { args, .. } => args.iter().for_each(|it| it.calls(found)),
            Self::Wrap(inner) => inner.calls(found),
            Self::Rule(left, right) => {
                left.calls(found);
                right.calls(found);
            }
        }
    }

    /// Whether `receiver.node` may call it as a method.
    pub(super) fn is_call(&self) -> bool {
        matches!(self, Self::Call { name, .. } if !name.starts_with('#'))
    }
}

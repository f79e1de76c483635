//! Grammar of yaql 3.2 (`language/parser.py`, `language/factory.py`), by operator precedence.

use std::rc::Rc;

use super::ast::Node;
use super::fault::Fault;
use super::lex::{Token, tokens};
use super::value::Value;

/// Nesting of brackets and length of operator chains. Python's own recursion gives up at about the same size.
const DEPTH_MAX: usize = 120;
/// Longer texts are refused unread.
const LENGTH_MAX: usize = 64 * 1024;

struct Infix {
    sign: &'static str,
    function: &'static str,
    /// Higher binds tighter.
    power: u8,
}

const fn infix(sign: &'static str, function: &'static str, power: u8) -> Infix {
    Infix { sign, function, power }
}

const INFIX: [Infix; 20] = [
    infix(".", "#operator_.", 11),
    infix("?.", "#operator_?.", 11),
    infix("=~", "#operator_=~", 8),
    infix("!~", "#operator_!~", 8),
    infix("*", "#operator_*", 7),
    infix("/", "#operator_/", 7),
    infix("mod", "#operator_mod", 7),
    infix("+", "#operator_+", 6),
    infix("-", "#operator_-", 6),
    infix(">", "#operator_>", 5),
    infix("<", "#operator_<", 5),
    infix(">=", "#operator_>=", 5),
    infix("<=", "#operator_<=", 5),
    infix("!=", "*not_equal", 5),
    infix("=", "*equal", 5),
    infix("in", "#operator_in", 5),
    infix("and", "#operator_and", 3),
    infix("or", "#operator_or", 2),
    infix("->", "#operator_->", 1),
    // `a[…]`
    infix("[", "#indexer", 10),
];
const SIGN: u8 = 9;
const NOT: u8 = 4;

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<(Token, usize)>,
    /// What is wrong with the text after the last token.
    illegal: Option<Fault>,
    at: usize,
    depth: usize,
}

type Parsed = Result<Rc<Node>, Fault>;

/// Reads one expression.
pub(super) fn parse(source: &str) -> Parsed {
    if source.len() > LENGTH_MAX {
        return Err(Fault::limit("expression too long"));
    }
    let (tokens, illegal) = tokens(source);
    let mut parser = Parser { source, tokens, illegal, at: 0, depth: 0 };
    let node = parser.expression(0)?;
    let rest = parser.peek().is_some() || parser.illegal.is_some();
    if rest { Err(parser.unexpected()) } else { Ok(node) }
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|it| &it.0)
    }

    fn sees(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(it)) if *it == sign)
    }

    fn take(&mut self, sign: &str) -> Result<(), Fault> {
        if !self.sees(sign) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    fn unexpected(&self) -> Fault {
        if let (None, Some(illegal)) = (self.tokens.get(self.at), &self.illegal) {
            return illegal.clone();
        }
        let message = match self.tokens.get(self.at) {
            None => "Parse error: unexpected end of statement".to_owned(),
            Some((token, position)) => format!(
                "Parse error: unexpected '{}' at position {position} of expression '{}'",
                token.shown(),
                self.source
            ),
        };
        Fault::new("YaqlGrammarException", message)
    }

    fn expression(&mut self, power: u8) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::limit("expression nested too deeply"));
        }
        let mut left = self.prefix()?;
        // A chain of operators leans to the left as deep as it is long.
        let mut chain = 0;
        while let Some(Token::Sign(sign)) = self.peek() {
            let Some(operator) = INFIX.iter().find(|it| it.sign == *sign && it.power > power) else { break };
            chain += 1;
            if self.depth + chain > DEPTH_MAX {
                return Err(Fault::limit("expression nested too deeply"));
            }
            self.at += 1;
            if operator.sign == "[" {
                let mut args = vec![left];
                args.extend(self.arguments("]")?);
                left = Rc::new(Node::Call { name: operator.function.into(), args });
                continue;
            }
            let right_power = if operator.sign == "->" { operator.power - 1 } else { operator.power };
            let right = self.expression(right_power)?;
            left = Rc::new(Node::Operator { name: operator.function, args: vec![left, right] });
        }
        self.depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Parsed {
        let Some(token) = self.peek().cloned() else { return Err(self.unexpected()) };
        self.at += 1;
        Ok(Rc::new(match token {
            Token::Dollar(name) => Node::Variable(name),
            Token::Int(it) => Node::Const(Value::Int(it)),
            Token::Float(it) => Node::Const(Value::Float(it)),
            Token::True => Node::Const(Value::Bool(true)),
            Token::False => Node::Const(Value::Bool(false)),
            Token::Null => Node::Const(Value::Null),
            Token::Text(it) => Node::Const(Value::Text(it)),
            Token::Word(it) => Node::Keyword(it),
            Token::Function(name) => Node::Call { name, args: self.arguments(")")? },
            Token::Sign("(") => {
                let inside = self.expression(0)?;
                self.take(")")?;
                Node::Wrap(inside)
            }
            Token::Sign("[") => Node::Call { name: "#list".into(), args: self.arguments("]")? },
            Token::Sign("{") => Node::Call { name: "#map".into(), args: self.arguments("}")? },
            Token::Sign("+") => {
                Node::Operator { name: "#unary_operator_+", args: vec![self.expression(SIGN)?] }
            }
            Token::Sign("-") => {
                Node::Operator { name: "#unary_operator_-", args: vec![self.expression(SIGN)?] }
            }
            Token::Sign("not") => {
                Node::Operator { name: "#unary_operator_not", args: vec![self.expression(NOT)?] }
            }
            Token::Sign(_) => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        }))
    }

    /// `a, b, , c => d` up to the closing bracket: values, gaps between or before them, then named ones.
    fn arguments(&mut self, close: &str) -> Result<Vec<Rc<Node>>, Fault> {
        let mut args: Vec<Rc<Node>> = Vec::new();
        let mut named = false;
        let mut valued = false;
        if self.sees(close) {
            self.at += 1;
            return Ok(args);
        }
        loop {
            if self.sees(",") && !named {
                self.at += 1;
                args.push(Rc::new(Node::Missing));
                continue;
            }
            let value = self.expression(0)?;
            if self.sees("=>") {
                if !args.is_empty() && !valued && !named {
                    return Err(self.unexpected());
                }
                self.at += 1;
                named = true;
                let to = self.expression(0)?;
                args.push(Rc::new(Node::Rule(value, to)));
            } else if named {
                return Err(self.unexpected());
            } else {
                valued = true;
                args.push(value);
            }
            if self.sees(close) {
                self.at += 1;
                return Ok(args);
            }
            self.take(",")?;
        }
    }
}

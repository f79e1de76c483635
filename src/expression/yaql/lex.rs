//! Tokens. Rules and their order are those of yaql 3.2 `language/lexer.py`: what looks odd here is odd there.

use std::rc::Rc;

use winnow::ModalResult;
use winnow::Parser;
use winnow::ascii::digit1;
use winnow::combinator::{alt, delimited, opt, preceded, repeat};
use winnow::token::{any, none_of, one_of, take_while};

use super::fault::Fault;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// `$`, `$name`
    Dollar(Rc<str>),
    Int(i128),
    Float(f64),
    /// `name(`
    Function(Rc<str>),
    Word(Rc<str>),
    True,
    False,
    Null,
    Text(Rc<str>),
    /// Operators and brackets, `mod in not and or` among them.
    Sign(&'static str),
}

impl Token {
    /// As Python prints the token's value in an error.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Dollar(it) | Self::Function(it) | Self::Word(it) | Self::Text(it) => it.to_string(),
            Self::Int(it) => it.to_string(),
            Self::Float(it) => crate::expression::python::float_text(*it),
            Self::True => "True".to_owned(),
            Self::False => "False".to_owned(),
            Self::Null => "None".to_owned(),
            Self::Sign(it) => (*it).to_owned(),
        }
    }
}

/// Two characters before one: the longest wins.
const SIGNS: [&str; 25] = [
    "=>", "?.", "=~", "!~", ">=", "<=", "!=", "->", ".", "+", "-", "*", "/", ">", "<", "=", "[", "{", "(",
    ")", "]", "}", ",", "mod", "in",
];
const WORDS: [&str; 5] = ["mod", "in", "not", "and", "or"];

fn is_word(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}

/// Python's `\b` right before the rest.
fn at_boundary(before: Option<char>) -> bool {
    !before.is_some_and(is_word)
}

fn digits<'a>(input: &mut &'a str) -> ModalResult<&'a str> {
    (digit1, opt(alt((preceded('.', digit1), digit1)))).take().parse_next(input)
}

fn name<'a>(input: &mut &'a str) -> ModalResult<&'a str> {
    (one_of(|it: char| is_word(it) && !it.is_numeric()), take_while(0.., is_word)).take().parse_next(input)
}

fn quoted<'a>(mark: char) -> impl FnMut(&mut &'a str) -> ModalResult<&'a str> {
    move |input: &mut &'a str| {
        let inside =
            repeat::<_, _, (), _, _>(0.., alt((none_of([mark, '\\']).void(), ('\\', none_of('\n')).void())));
        delimited(mark, inside.take(), mark).parse_next(input)
    }
}

/// Tokens with their position in characters, up to the first fault: the parser may find one of its own before it.
pub(super) fn tokens(source: &str) -> (Vec<(Token, usize)>, Option<Fault>) {
    let mut rest = source;
    let mut before = None;
    let mut position = 0;
    let mut out = Vec::new();
    while let Some(first) = rest.chars().next() {
        let start = rest;
        if matches!(first, ' ' | '\t' | '\r' | '\n') {
            rest = &rest[1..];
        } else {
            match token(&mut rest, first, before, position) {
                Ok(token) => out.push((token, position)),
                Err(fault) => return (out, Some(fault)),
            }
        }
        let taken = &start[..start.len() - rest.len()];
        position += taken.chars().count();
        before = taken.chars().next_back();
    }
    (out, None)
}

fn illegal(first: char, position: usize) -> Fault {
    Fault::new(
        "YaqlLexicalException",
        format!("Lexical error: illegal character '{first}' at position {position}"),
    )
}

fn token(rest: &mut &str, first: char, before: Option<char>, position: usize) -> Result<Token, Fault> {
    let bad = |_| illegal(first, position);
    match first {
        '$' => {
            let text = (any::<&str, _>, take_while(0.., is_word)).take();
            text.map(|it: &str| Token::Dollar(it.into()))
                .parse_next(rest)
                .map_err(|_: winnow::error::ErrMode<winnow::error::ContextError>| illegal(first, position))
        }
        '0'..='9' if at_boundary(before) => number(rest).ok_or_else(|| illegal(first, position)),
        '\'' | '"' => quoted(first).parse_next(rest).map(|it| Token::Text(unescape(it).into())).map_err(bad),
        '`' => quoted('`').parse_next(rest).map(|it| Token::Text(it.replace("\\`", "`").into())).map_err(bad),
        it if is_word(it) && !it.is_numeric() && at_boundary(before) => {
            word(rest).ok_or_else(|| illegal(first, position))
        }
        _ => {
            let sign = SIGNS.iter().find(|sign| !sign.starts_with(is_word) && rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| illegal(first, position))?;
            *rest = &rest[sign.len()..];
            Ok(Token::Sign(sign))
        }
    }
}

fn number(rest: &mut &str) -> Option<Token> {
    let start = *rest;
    let mut text = digits(rest).ok()?;
    if rest.starts_with(is_word) {
        // `1.5x`: the rule needs a word boundary and falls back to `1`.
        text = text.split_once('.')?.0;
        *rest = &start[text.len()..];
    }
    if text.contains('.') {
        return text.parse().ok().map(Token::Float);
    }
    // Integers beyond 128 bits are refused as illegal.
    text.parse().ok().map(Token::Int)
}

fn word(rest: &mut &str) -> Option<Token> {
    let start = *rest;
    let text = name(rest).ok()?;
    if let Some(after) = rest.strip_prefix('(') {
        *rest = after;
        return Some(Token::Function(text.into()));
    }
    if text.starts_with("__") {
        *rest = start;
        return None;
    }
    Some(match text {
        "true" => Token::True,
        "false" => Token::False,
        "null" => Token::Null,
        _ => match WORDS.iter().find(|it| **it == text) {
            Some(sign) => Token::Sign(sign),
            None => Token::Word(text.into()),
        },
    })
}

/// Python's escapes; a backslash before anything else stays.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (made, length) = escape(&rest[at..]);
        match made {
            Some(it) => out.push(it),
            None => out.push('\\'),
        }
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out
}

/// The character that an escape stands for and how long it is; `None`: it is none.
fn escape(text: &str) -> (Option<char>, usize) {
    let Some(kind) = text[1..].chars().next() else { return (None, 1) };
    let hex = |count: usize| {
        let made =
            text.get(2..2 + count).and_then(|it| u32::from_str_radix(it, 16).ok()).and_then(char::from_u32);
        (made, if made.is_some() { 2 + count } else { 1 })
    };
    let simple = match kind {
        '\\' | '\'' | '"' => kind,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => return hex(2),
        'u' => return hex(4),
        'U' => return hex(8),
        '0'..='7' => {
            let digits: String =
                text[1..].chars().take(3).take_while(|it| ('0'..='7').contains(it)).collect();
            let made = u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32);
            return (made, 1 + digits.len());
        }
        _ => return (None, 1),
    };
    (Some(simple), 2)
}

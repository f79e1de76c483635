//! One alias format: compiled once, applied to many messages.
//!
//! A format is a regular expression in which `{{name}}` and `{{name=default}}` stand for parameters. It becomes a
//! pattern by text substitution, exactly as in st2's `action_alias_utils.py`, so that every consequence (a dot is live,
//! anchors are searched for, white space before a parameter belongs to it) is StackStorm's own.

use std::sync::LazyLock;

use indexmap::IndexMap;

use super::pairs::{Compat, split};
use super::pattern::{
    Match, Matcher, Node, PatternError, Program, fold, has_beginning_anchor, has_ending_anchor, is_space,
    parse,
};

/// Parameters by name, in the order of the format, then that of the trailing pairs. `None`: a group that took no part.
pub type Parameters = IndexMap<String, Option<String>>;

/// Why a format cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A default that spans lines names a parameter which the pattern does not have.
    #[error("parameter `{0}` has a default that spans lines")]
    DefaultSpansLines(String),
}

/// Why a message gave no parameters. The texts are StackStorm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("Command \"{message}\" doesn't match format string \"{format}\"")]
    NoMatch { message: String, format: String },
    #[error("No value supplied and no default value found.")]
    NoValue,
}

/// A compiled format.
#[derive(Debug, Clone)]
pub struct Format {
    source: String,
    program: Program,
    nodes: Vec<Node>,
    /// Optional parameters and their defaults, in order, repeated ones included.
    defaults: Vec<(String, String)>,
}

/// A message made ready for matching: pairs taken off, one space on either side. Made once for many formats.
#[derive(Debug, Clone)]
pub struct Stream {
    message: String,
    text: Vec<char>,
    blank: bool,
    pairs: Vec<(String, String)>,
}

impl Stream {
    /// Takes the trailing pairs off a message.
    pub fn new(message: &str, compat: Compat) -> Stream {
        let split = split(message, compat);
        let mut text = vec![' '];
        text.extend(split.rest.chars());
        text.push(' ');
        let blank = text.iter().all(|c| is_space(*c));
        Stream { message: message.to_owned(), text, blank, pairs: split.pairs }
    }

    /// What is left of the message without its pairs, padded.
    pub(super) fn text(&self) -> &[char] {
        &self.text
    }
}

impl Format {
    /// Compiles a format. Fails where Python's `re` would, and on what the matcher does not support (see
    /// [`super::pattern`]).
    pub fn compile(format: &str) -> Result<Format, FormatError> {
        let defaults = if format.contains("{{") { find_defaults(format) } else { Vec::new() };
        let mut pattern = substitute(format);
        let nodes = parse(&pattern, true)?;
        if !has_beginning_anchor(&nodes) {
            pattern.insert_str(0, r"^\s*");
        }
        if !has_ending_anchor(&nodes) {
            pattern.push_str(r"\s*$");
        }
        let nodes = parse(&pattern, true)?;
        let program = Program::from_nodes(&nodes)?;
        if let Some((name, _)) = defaults.iter().find(|(name, _)| !program.names.contains(name)) {
            return Err(FormatError::DefaultSpansLines(name.clone()));
        }
        Ok(Format { source: format.to_owned(), program, nodes, defaults })
    }

    /// The format as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The parsed pattern, anchors included.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The parameters a message gives: StackStorm's `extract_parameters`. Linear in the message's length.
    pub fn parse(&self, message: &str, compat: Compat) -> Result<Parameters, ParseError> {
        self.parse_stream(&Stream::new(message, compat), false)
    }

    /// [`Format::parse`] of a prepared message; `ignore_case` lets letters match in either case.
    pub fn parse_stream(&self, stream: &Stream, ignore_case: bool) -> Result<Parameters, ParseError> {
        match Matcher::new(&self.program, &stream.text, ignore_case).next_match() {
            Some(found) => self.parameters(stream, &found),
            None => Err(ParseError::NoMatch { message: stream.message.clone(), format: self.source.clone() }),
        }
    }

    /// The parameters of every non-overlapping match (`match_multiple`); no match is an empty list.
    pub fn parse_all(&self, message: &str, compat: Compat) -> Result<Vec<Parameters>, ParseError> {
        self.parse_stream_all(&Stream::new(message, compat), false)
    }

    /// [`Format::parse_all`] of a prepared message.
    pub fn parse_stream_all(
        &self,
        stream: &Stream,
        ignore_case: bool,
    ) -> Result<Vec<Parameters>, ParseError> {
        let mut matcher = Matcher::new(&self.program, &stream.text, ignore_case);
        std::iter::from_fn(|| matcher.next_match()).map(|found| self.parameters(stream, &found)).collect()
    }

    fn parameters(&self, stream: &Stream, found: &Match) -> Result<Parameters, ParseError> {
        let mut parameters = Parameters::new();
        for (name, span) in self.program.names.iter().zip(&found.groups) {
            parameters
                .insert(name.clone(), span.map(|(start, end)| stream.text[start..end].iter().collect()));
        }
        for (name, default) in &self.defaults {
            if parameters.get(name).is_none_or(is_empty) {
                parameters.insert(name.clone(), Some(default.clone()));
            }
        }
        for (name, value) in &stream.pairs {
            parameters.insert(name.clone(), Some(value.clone()));
        }
        if !self.source.is_empty() && stream.blank && parameters.values().all(is_empty) {
            return Err(ParseError::NoValue);
        }
        Ok(parameters)
    }

    /// How many characters of the pattern match only themselves: the measure of how specific a format is.
    pub(super) fn literal_characters(&self) -> usize {
        fn count(nodes: &[Node]) -> usize {
            nodes
                .iter()
                .map(|node| match node {
                    Node::Literal { c, .. } if !is_space(*c) => 1,
                    Node::Group { name: None, body } => count(body),
                    Node::Literal { .. }
                    | Node::Any { .. }
                    | Node::Set(_)
                    | Node::At(_)
                    | Node::Group { .. } => 0,
                    Node::Branch(_) | Node::Repeat { .. } | Node::Look { .. } => 0,
                })
                .sum()
        }
        count(&self.nodes)
    }

    /// The words (runs between white space or anchors) that every matching text holds, in lower case.
    pub(super) fn required_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        // The word so far, once its left side is known to be a boundary.
        let mut word: Option<String> = None;
        for (index, node) in self.nodes.iter().enumerate() {
            let ends_here = || matches!(self.nodes.get(index + 1), None | Some(Node::At(_)));
            word = match (node, word) {
                (Node::Literal { c, .. }, word) if is_space(*c) => {
                    words.extend(word.filter(|word| !word.is_empty()));
                    Some(String::new())
                }
                (Node::Literal { c, ignore_case: false }, Some(mut word)) => {
                    word.push(fold(*c));
                    Some(word)
                }
                (Node::At(at), word) if Node::At(*at).is_edge() => {
                    words.extend(word.filter(|word| !word.is_empty()));
                    Some(String::new())
                }
                (Node::Repeat { min, body, .. }, word) if is_space_set(body) => {
                    let bounded = word.as_ref().is_some_and(String::is_empty);
                    if *min > 0 || ends_here() {
                        words.extend(word.filter(|word| !word.is_empty()));
                    }
                    (*min > 0 || bounded).then(String::new)
                }
                (_, _) => None,
            };
        }
        words.sort();
        words.dedup();
        words
    }
}

fn is_empty(value: &Option<String>) -> bool {
    value.as_ref().is_none_or(String::is_empty)
}

fn is_space_set(body: &[Node]) -> bool {
    match body {
        [Node::Set(set)] => set.is_space_only(),
        [Node::Literal { c, .. }] => is_space(*c),
        _ => false,
    }
}

const DEFAULT: &str = r#"\s*=\s*(?:""|''|"(?P<a>.+?)"|'(?P<b>.+?)'|(?P<c>{.+?})|(?P<d>.+?))\s*"#;

fn meta(pattern: &str, dot_all: bool) -> Program {
    Program::compile(pattern, dot_all).expect("the patterns written in this file are valid")
}

/// `{{name=default}}` where the default may span lines: StackStorm reads defaults with `re.DOTALL` ...
static OPTIONAL_WITH_LINES: LazyLock<Program> =
    LazyLock::new(|| meta(&format!(r"{{{{\s*(?P<key>\S+?)\s*{DEFAULT}}}}}"), true));
/// ... and replaces parameters without.
static OPTIONAL: LazyLock<Program> =
    LazyLock::new(|| meta(&format!(r"(?P<space>\s*){{{{\s*(?P<key>\S+?)\s*{DEFAULT}}}}}"), false));
static REQUIRED: LazyLock<Program> = LazyLock::new(|| meta(r"(?P<space>\s*){{\s*(?P<key>\S+?)\s*}}", false));

fn find_defaults(format: &str) -> Vec<(String, String)> {
    let text: Vec<char> = format.chars().collect();
    let mut matcher = Matcher::new(&OPTIONAL_WITH_LINES, &text, false);
    let group =
        |span: &Option<(usize, usize)>| span.map_or_else(String::new, |(a, b)| text[a..b].iter().collect());
    std::iter::from_fn(|| matcher.next_match())
        .map(|found| (group(&found.groups[0]), found.groups[1..].iter().map(group).collect()))
        .collect()
}

/// The format with its parameters replaced by groups.
fn substitute(format: &str) -> String {
    if !format.contains("{{") {
        return format.to_owned();
    }
    let pattern = replace(format, &OPTIONAL, |value| format!("(?:{value})?"));
    replace(&pattern, &REQUIRED, |value| value)
}

fn replace(format: &str, parameter: &Program, wrap: fn(String) -> String) -> String {
    let text: Vec<char> = format.chars().collect();
    let mut matcher = Matcher::new(parameter, &text, false);
    let mut pattern = String::new();
    let mut copied = 0;
    while let Some(found) = matcher.next_match() {
        let group = |index: usize| -> String {
            found.groups[index].map_or_else(String::new, |(start, end)| text[start..end].iter().collect())
        };
        pattern.extend(&text[copied..found.start]);
        pattern.push_str(&wrap(value_pattern(&group(0), &group(1))));
        copied = found.end;
    }
    pattern.extend(&text[copied..]);
    pattern
}

/// A value: in quotes, in braces, or as short as possible; a quote on either side is dropped, balanced or not.
fn value_pattern(space: &str, name: &str) -> String {
    format!(r#"{space}["']?(?P<{name}>(?:(?<=').+?(?=')|(?<=").+?(?=")|{{.+?}}|.+?))["']?"#)
}

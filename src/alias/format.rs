//! One alias format: compiled once, applied to many messages.
//!
//! A format is a regular expression in which `{{name}}` and `{{name=default}}` stand for parameters. It becomes a
//! pattern by text substitution, exactly as in st2's `action_alias_utils.py`, so that every consequence (a dot is live,
//! anchors are searched for, white space before a parameter belongs to it) is StackStorm's own.

use std::sync::LazyLock;

use indexmap::IndexMap;

use super::pairs::{Compat, split};
use super::pattern::{
    Match, Matcher, PatternError, Program, has_beginning_anchor, has_ending_anchor, is_space, parse,
};
use super::traits::Traits;

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
    traits: Traits,
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

    /// As it was said.
    pub fn message(&self) -> &str {
        &self.message
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
        let optional = format.contains("{{") && format.contains('=');
        let defaults = if optional { find_defaults(format) } else { Vec::new() };
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
        Ok(Format { source: format.to_owned(), program, traits: Traits::of(&nodes), defaults })
    }

    /// The format as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How many characters match only themselves; of a format that matches everything, none.
    pub fn literals(&self) -> usize {
        self.traits.literals
    }

    /// What can be told of a matching text without matching.
    pub(super) fn traits(&self) -> &Traits {
        &self.traits
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
}

fn is_empty(value: &Option<String>) -> bool {
    value.as_ref().is_none_or(String::is_empty)
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
    let optional = format.contains('=').then(|| replace(format, &OPTIONAL, |value| format!("(?:{value})?")));
    replace(optional.as_deref().unwrap_or(format), &REQUIRED, |value| value)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(format: &str, message: &str, compat: Compat) -> Option<String> {
        let found = Format::compile(format).unwrap().parse(message, compat).ok()?;
        let shown =
            found.iter().map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("null")));
        Some(shown.collect::<Vec<_>>().join("|"))
    }

    fn exact(format: &str, message: &str) -> Option<String> {
        parse(format, message, Compat::Exact)
    }

    fn mended(format: &str, message: &str) -> Option<String> {
        parse(format, message, Compat::Mended)
    }

    #[test]
    fn an_omitted_optional_parameter_swallows_its_space() {
        assert_eq!(exact("deploy {{app}} {{env=staging}}", "deploy web").unwrap(), "app=web|env=staging");
        assert_eq!(
            exact("deploy {{app}} {{env=staging}}", "deploy web   prod  ").unwrap(),
            "app=web|env=  prod"
        );
    }

    #[test]
    fn unbalanced_quotes_are_dropped() {
        assert_eq!(exact("deploy {{app}}", "deploy \"a b").unwrap(), "app=a b");
        assert_eq!(exact("deploy {{app}}", "deploy \"a\" \"b\"").unwrap(), "app=a\" \"b");
    }

    #[test]
    fn anchors_are_looked_for_in_the_second_alternative_only() {
        assert_eq!(exact("^a|b", "zzz b").unwrap(), "");
        assert_eq!(exact("a|^b", "b"), None);
        assert_eq!(exact("a|b$", "zzz b"), None);
    }

    #[test]
    fn a_global_flag_needs_an_anchor_of_its_own() {
        assert!(Format::compile("(?i)deploy").is_err());
        assert_eq!(exact(r"(?i)^\s*deploy\s*$", "DEPLOY").unwrap(), "");
        assert_eq!(exact("(?i:deploy) x", "DEPLOY x").unwrap(), "");
    }

    #[test]
    fn names_must_be_identifiers_and_unique() {
        for format in ["say {{ a-b }}", "say {{ 1a }}", "say {{a}} {{a}}", "say {{{a}}}", "say {{text=}}"] {
            assert!(Format::compile(format).is_err(), "{format}");
        }
    }

    #[test]
    fn what_the_matcher_cannot_do_is_an_invalid_format() {
        for format in [
            r"(a)\1",
            "(?P<x>a)(?P=x)",
            "(?>a)",
            "a++",
            "(a)?(?(1)b|c)",
            "((a{1000}){1000}){1000}",
            "(?<=a+)b",
        ] {
            assert!(Format::compile(format).is_err(), "{format}");
        }
        assert!(Format::compile(&"(".repeat(100_000)).is_err());
    }

    #[test]
    fn an_empty_answer_is_an_error_of_its_own() {
        let format = Format::compile("( {{a}})?").unwrap();
        assert_eq!(format.parse("", Compat::Exact), Err(ParseError::NoValue));
        let fault = Format::compile("say {{a}}").unwrap().parse("x", Compat::Exact).unwrap_err();
        assert_eq!(fault.to_string(), "Command \"x\" doesn't match format string \"say {{a}}\"");
    }

    #[test]
    fn addresses_and_base64_are_values_when_mended() {
        assert_eq!(exact("deploy {{app}}", "deploy https://x/?a=b"), None);
        assert_eq!(mended("deploy {{app}}", "deploy https://x/?a=b").unwrap(), "app=https://x/?a=b");
        assert_eq!(exact("deploy {{app}}", "deploy aGVsbG8=="), None);
        assert_eq!(mended("deploy {{app}}", "deploy aGVsbG8==").unwrap(), "app=aGVsbG8==");
        assert_eq!(
            mended("deploy {{app}}", "deploy web url=https://x/?a=b").unwrap(),
            "app=web|url=https://x/?a=b"
        );
    }

    #[test]
    fn nested_braces_stay_whole_when_mended() {
        let message = r#"deploy web env={"a": {"b": 1}} n=2"#;
        assert_eq!(exact("deploy {{app}}", message).unwrap(), r#"app=web|env={"a": {"b": 1}|n=2"#);
        assert_eq!(mended("deploy {{app}}", message).unwrap(), r#"app=web|env={"a": {"b": 1}}|n=2"#);
        assert_eq!(
            mended("deploy {{app}}", "deploy web e={a {b c=1} d=2}").unwrap(),
            "app=web|e={a {b c=1} d=2}"
        );
    }

    #[test]
    fn the_tail_is_removed_at_the_end_only_when_mended() {
        assert_eq!(exact("deploy {{app}}", "deploy x a=b y a=b").unwrap(), "app=x y|a=b");
        assert_eq!(mended("deploy {{app}}", "deploy x a=b y a=b").unwrap(), "app=x a=b y|a=b");
    }

    #[test]
    fn pairs_with_blanks_and_quotes_read_the_same_when_mended() {
        for message in [
            "deploy web env =prod",
            "deploy web a=\"x y\" b='z' c=\"\" a=2",
            "deploy web env = prod",
            "deploy web a=b c",
        ] {
            assert_eq!(exact("deploy {{app}}", message), mended("deploy {{app}}", message), "{message}");
        }
        assert_eq!(
            mended("deploy {{app}}", "deploy web a=\"x y\" b='z' c=\"\"").unwrap(),
            "app=web|a=x y|b=z|c="
        );
    }

    #[test]
    fn match_multiple_yields_every_match() {
        let format = Format::compile(r"(?:^|\s)(?P<k>[A-Z]+-\d+)|$").unwrap();
        let all = format.parse_all("A-1 B-2", Compat::Exact).unwrap();
        let keys: Vec<_> = all.iter().map(|found| found["k"].as_deref()).collect();
        // The first alternative got the beginning anchor that was not found, so B-2 is none of its matches.
        assert_eq!(keys, [Some("A-1"), None]);
    }

    #[test]
    fn a_loop_that_may_match_nothing_ends_like_pythons() {
        assert_eq!(exact("(?P<i>a|b|)*", "a").unwrap(), "i=");
        assert_eq!(exact("(?P<i>a|b)*", "ab").unwrap(), "i=b");
    }

    const ATOMS: [&str; 24] = [
        "{{a}}",
        "{{b=1}}",
        "{{c = {\"k\": 1}}}",
        " ",
        "a",
        "(a|aa)+",
        "(a*)*",
        "(a|)*?",
        ".*",
        ".+?",
        r"\s*",
        r"(?=.*a)",
        "(?!b)",
        "(?<=a)",
        "a{1,3}",
        "(?:.*?a){2,}",
        "|",
        "^",
        "$",
        r"\b",
        "[^a]",
        "(x+x+)+y",
        "{{",
        "(?i:A)",
    ];

    proptest! {
        #[test]
        fn any_format_takes_steps_in_proportion_to_the_text(
            atoms in prop::collection::vec(prop::sample::select(&ATOMS[..]), 0..8),
            message in "[ab =\"'{}\n]{0,80}",
        ) {
            if let Ok(format) = Format::compile(&atoms.concat()) {
                let stream = Stream::new(&message, Compat::Exact);
                let mut matcher = Matcher::new(&format.program, &stream.text, false);
                while matcher.next_match().is_some() {}
                let bound = 4 * format.program.size() as u64 * (stream.text.len() as u64 + 2);
                prop_assert!(matcher.steps() <= bound, "{} steps, bound {}", matcher.steps(), bound);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(format in "\\PC{0,40}", message in "\\PC{0,60}") {
            if let Ok(format) = Format::compile(&format) {
                let _ = format.parse(&message, Compat::Exact);
                let _ = format.parse_all(&message, Compat::Mended);
            }
        }

        #[test]
        fn a_pair_never_gets_lost_or_changed_when_mended(
            keys in prop::collection::vec("[a-z_]{1,6}", 1..5),
            values in prop::collection::vec("[a-z0-9:/?.]{1,8}", 5),
        ) {
            let pairs: Vec<String> = keys.iter().zip(&values).map(|(key, value)| format!("{key}={value}")).collect();
            let found = Format::compile("go").unwrap().parse(&format!("go {}", pairs.join("  ")), Compat::Mended).unwrap();
            for (key, value) in keys.iter().zip(&values).rev() {
                let last = keys.iter().zip(&values).rev().find(|(other, _)| *other == key).map(|(_, value)| value);
                prop_assert_eq!(found[key].as_ref(), last, "{} {}", key, value);
            }
        }
    }
}

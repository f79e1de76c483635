//! Names that an expression uses and nobody has: found when a file is read, not when it is met.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::evaluate::{expressions, language, strip};
use super::inspect::{Fault, Language};
use super::{jinja, pack, yaql};

/// Something that would fail wherever it is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    pub fault: Fault,
    /// It runs in StackStorm: the bot is at fault, not the file.
    pub runs_there: bool,
}

/// What Jinja2 has and this engine has not: nobody else would tell the author.
const MISSING: [&str; 4] = ["urlize", "random", "lipsum", "%"];

/// Functions that templates of workflows may call.
const FUNCTIONS: [&str; 18] = [
    "ctx",
    "item",
    "result",
    "succeeded",
    "failed",
    "completed",
    "task",
    "task_status",
    "st2kv",
    "range",
    "dict",
    "namespace",
    "cycler",
    "joiner",
    "debug",
    "caller",
    "loop",
    "super",
];

/// The unknown functions, filters and tests of a workflow's text.
pub fn unknown(text: &str) -> Vec<Unknown> {
    match language(text) {
        None => Vec::new(),
        Some(Language::Yaql) => yaql_names(text),
        Some(Language::Jinja) => jinja_names(text, true),
    }
}

/// The same of a template over plain names, as in `ack` and `result`: its functions are not looked at.
pub fn unknown_in_template(text: &str) -> Vec<Unknown> {
    jinja_names(text, false)
}

fn yaql_names(text: &str) -> Vec<Unknown> {
    let mut found = Vec::new();
    for expression in expressions(Language::Yaql, text) {
        for name in yaql::unknown_functions(strip(Language::Yaql, expression)) {
            let fault = Fault {
                language: Some(Language::Yaql),
                expression: expression.to_owned(),
                message: format!("there is no function `{name}`"),
            };
            found.push(Unknown { fault, runs_there: false });
        }
    }
    found
}

/// A value, or a statement.
static PARTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)\{\{(.*?)\}\}|\{%[-+]?(.*?)[-+]?%\}").expect("fixed pattern"));
/// Texts in quotes, numbers, words, and single signs.
static TOKENS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?s)"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[0-9][0-9.]*|[A-Za-z_][A-Za-z0-9_]*|\S"#)
        .expect("fixed pattern")
});

fn jinja_names(text: &str, functions: bool) -> Vec<Unknown> {
    let mut own: BTreeSet<&str> = BTreeSet::new();
    let mut used: Vec<(&str, Use<'_>)> = Vec::new();
    for part in PARTS.captures_iter(text) {
        let whole = part.get(0).map_or("", |it| it.as_str());
        let inside = part.get(1).or(part.get(2)).map_or("", |it| it.as_str());
        let tokens: Vec<&str> = TOKENS.find_iter(inside).map(|it| it.as_str()).collect();
        if part.get(2).is_some() && matches!(tokens.first(), Some(&("macro" | "set" | "for" | "with"))) {
            own.extend(tokens.iter().skip(1).take_while(|it| **it != "in"));
        }
        used.extend(uses(&tokens).into_iter().map(|it| (whole, it)));
    }
    let mut found: Vec<Unknown> = Vec::new();
    if let Err(message) = jinja::check_bounds(text) {
        let fault = Fault { language: Some(Language::Jinja), expression: text.to_owned(), message };
        found.push(Unknown { fault, runs_there: true });
    }
    for (whole, it) in used {
        let (name, known, message) = match it {
            Use::Filter(name) => (name, jinja::has_filter(name), format!("there is no filter `{name}`")),
            Use::Test(name) => (name, jinja::has_test(name), format!("there is no test `{name}`")),
            Use::Function(_) if !functions => continue,
            Use::Function(name) => {
                let known = FUNCTIONS.contains(&name) || pack::NAMES.contains(&name) || own.contains(name);
                (name, known, format!("there is no function `{name}`"))
            }
            Use::Percent => ("%", false, "`%` does not fill in texts here; write `|format(…)`".to_owned()),
        };
        let is_told = found.iter().any(|it| it.fault.message == message && it.fault.expression == whole);
        if !known && !is_told {
            let fault = Fault { language: Some(Language::Jinja), expression: whole.to_owned(), message };
            found.push(Unknown { fault, runs_there: MISSING.contains(&name) });
        }
    }
    found
}

enum Use<'a> {
    Filter(&'a str),
    Test(&'a str),
    Function(&'a str),
    /// `'%s' % value`
    Percent,
}

fn uses<'a>(tokens: &[&'a str]) -> Vec<Use<'a>> {
    let is_word = |it: &str| it.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_text = |it: &str| it.starts_with(['"', '\'']);
    let mut uses = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).and_then(|it| tokens.get(it)).copied();
        let after = tokens.get(at + 1).copied();
        if *token == "%" && before(1).is_some_and(is_text) {
            uses.push(Use::Percent);
        }
        if !is_word(token) {
            continue;
        }
        match before(1) {
            // `||` is no operator, and a syntax fault told elsewhere.
            Some("|") => uses.push(Use::Filter(token)),
            Some("filter") if at == 1 => uses.push(Use::Filter(token)),
            Some("is") if *token != "not" => uses.push(Use::Test(token)),
            Some("not") if before(2) == Some("is") => uses.push(Use::Test(token)),
            Some("." | "macro" | "call") => {}
            _ if after == Some("(") && !is_keyword(token) => uses.push(Use::Function(token)),
            _ => {}
        }
    }
    uses
}

/// Words that may stand before a bracket and call nothing.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "in" | "not"
            | "and"
            | "or"
            | "if"
            | "elif"
            | "else"
            | "is"
            | "for"
            | "set"
            | "call"
            | "do"
            | "recursive"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let all = unknown(text).into_iter().map(|it| {
            let whose = if it.runs_there { "!" } else { "" };
            format!("{whose}{}", it.fault.message)
        });
        all.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn unknown_names_are_found_and_known_ones_are_not() {
        for text in [
            "<% ctx().x.where($ > 1).select($.a).len() + int('1') %>",
            "<% def(sq, $ * $) -> sq(ctx(x)) %>",
            "{{ ctx().l | map(attribute='a') | select('odd') | list }}",
            "{% for i in ctx().l if i is defined and i is not none %}{{ loop.index }}{{ i|string }}{% endfor %}",
            "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }} {{ 'is gone(1)|x' }}",
            "{{ 7 % 2 }} {{ ctx('a') in (1, 2) }} {{ not (true) }}",
        ] {
            assert_eq!(told(text), "", "{text}");
        }
        assert_eq!(told("<% ctx().x.wehre(true) %>"), "there is no function `wehre`");
        assert_eq!(told("{{ ctx().x | uper }}"), "there is no filter `uper`");
        assert_eq!(told("{{ ctx().x is strng }}"), "there is no test `strng`");
        assert_eq!(told("{{ ctxx().x }}"), "there is no function `ctxx`");
        assert_eq!(told("{% filter uper %}x{% endfilter %}"), "there is no filter `uper`");
        assert_eq!(told("{{ ctx().x | urlize }}"), "!there is no filter `urlize`");
        let grows = "{% set n = namespace(a='') %}{% for i in ctx().l %}{% set n.a = n.a + i %}{% endfor %}";
        assert_eq!(told(grows), "!template could make a text without bound");
        assert_eq!(told("{{ '%s' % 1 }}"), "!`%` does not fill in texts here; write `|format(…)`");
    }
}

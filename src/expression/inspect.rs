use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::evaluate::{expressions, is_yaql, language, strip};
use super::{jinja, yaql};

/// The two expression languages. Displays as orquesta's `type`: `yaql`, `jinja`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    Yaql,
    Jinja,
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Yaql => "yaql",
            Self::Jinja => "jinja",
        })
    }
}

/// Something wrong with an expression that can be seen without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `None` when the languages are mixed.
    pub language: Option<Language>,
    /// The expression with its delimiters; the whole text when the fault is the text's.
    pub expression: String,
    /// orquesta's words for YAQL; those of the template engine for Jinja.
    pub message: String,
}

/// A context variable that a text reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VariableUse {
    pub language: Language,
    /// The whole text, as orquesta's inspection shows it: `x in <% ctx(xs) %>`.
    pub expression: String,
    pub name: String,
}

/// A use of `ctx` and what follows it, as orquesta's pattern finds it.
static USE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\bctx\(['"]?[\]\[a-zA-Z0-9_'".()]*['"]?\)\.?[\]\[a-zA-Z0-9_'".()]*"#)
        .expect("fixed pattern")
});

/// `ctx(x)`, `ctx('x')`, `ctx("x")`.
static NAMED: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [r"\bctx\(([a-zA-Z0-9_-]+)\)", r"\bctx\('([a-zA-Z0-9_-]+)'\)", r#"\bctx\("([a-zA-Z0-9_-]+)"\)"#]
        .map(|it| Regex::new(it).expect("fixed pattern"))
});

static MEMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bctx\(\)\.").expect("fixed pattern"));

/// Faults that show without running: grammar, mixed languages. Names are not looked up: orquesta does not either.
pub fn check(text: &str) -> Vec<Fault> {
    let Some(found) = language(text) else { return Vec::new() };
    let fault =
        |language, expression: &str, message| Fault { language, expression: expression.to_owned(), message };
    if found == Language::Jinja && is_yaql(text) {
        let message = "Expression with multiple types is not supported.".to_owned();
        return vec![fault(None, text, message)];
    }
    let mut faults = Vec::new();
    if found == Language::Jinja
        && let Err(message) = jinja::check(text)
    {
        faults.push(fault(Some(found), text, message));
    }
    for expression in expressions(found, text) {
        let source = strip(found, expression);
        let result = match found {
            Language::Yaql => yaql::check(source).map_err(|fault| fault.message),
            Language::Jinja => jinja::check_expression(source),
        };
        if let Err(message) = result
            && faults.iter().all(|it| it.expression != expression)
        {
            faults.push(fault(Some(found), expression, message));
        }
    }
    faults
}

/// The `ctx` variables that the text reads, sorted by name. By pattern, not by grammar, as orquesta finds them: its
/// findings (`referenced before assignment`, private names) rest on these.
pub fn variables(text: &str) -> Vec<VariableUse> {
    let mut found = BTreeSet::new();
    for language in [Language::Jinja, Language::Yaql] {
        for expression in expressions(language, text) {
            for part in USE.find_iter(strip(language, expression)) {
                for name in names(part.as_str().trim()) {
                    found.insert((name.to_owned(), language));
                }
            }
        }
    }
    let of = |(name, language)| VariableUse { language, expression: text.to_owned(), name };
    found.into_iter().map(of).collect()
}

/// The names in one use. The original's pattern for `ctx().x` looks ahead: a method call is no name.
fn names(part: &str) -> Vec<&str> {
    let mut names = Vec::new();
    names.extend(MEMBER.find_iter(part).find_map(|it| member(&part[it.end()..])));
    for pattern in NAMED.iter() {
        names.extend(pattern.captures(part).and_then(|it| it.get(1)).map(|it| it.as_str()));
    }
    names
}

/// The name at the start, unless it is called: `x` of `x.y`, nothing of `get(…)`.
fn member(text: &str) -> Option<&str> {
    let word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let end = text.find(|it: char| !(word(it) || it == '-')).unwrap_or(text.len());
    let name = text[..end].trim_end_matches('-');
    // `a-b(`: what remains of the pattern's match backs off to the last boundary before the call.
    let called = text[name.len()..].starts_with('(');
    let name = if called { name.rsplit_once('-').map_or("", |it| it.0) } else { name };
    (!name.is_empty()).then_some(name)
}

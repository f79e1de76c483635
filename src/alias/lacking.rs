//! A message that would match if it went on: which parameters are missing.

use super::format::Format;
use super::index::Index;
use super::model::ActionAlias;
use super::pairs::Compat;
use super::piece::{Piece, pieces};

/// Stands for a value that nobody gave; no keyboard writes it.
const NOBODY: &str = "\u{fff9}";
/// Formats that begin with the message's first word and are looked at.
const TRIED_MAX: usize = 64;
/// Words that may be missing.
const TOKENS_MAX: usize = 12;

/// What a message lacks.
#[derive(Debug, Clone, PartialEq)]
pub struct Lacking<'a> {
    pub alias: &'a ActionAlias,
    /// The parameters that nobody gave, in the order of the format.
    pub missing: Vec<String>,
    /// How the message would go on, as its format writes it: `on {{env}}`.
    pub rest: String,
}

impl Index {
    /// The format that the message is a beginning of; where there are several, that which lacks least, then the first.
    pub fn lacking(&self, message: &str, compat: Compat) -> Option<Lacking<'_>> {
        self.all_lacking(message, compat).min_by_key(|it| it.missing.len())
    }

    /// Every format that the message is a beginning of.
    pub(super) fn all_lacking<'a>(
        &'a self,
        message: &str,
        compat: Compat,
    ) -> impl Iterator<Item = Lacking<'a>> {
        let first = message.split_whitespace().next();
        let begins =
            move |format: &Format| first.is_some() && format.source().split_whitespace().next() == first;
        let tried = self.formats().filter(move |(_, format)| begins(format)).take(TRIED_MAX);
        tried.filter_map(move |(alias, format)| lacking(alias, format, message, compat))
    }
}

fn lacking<'a>(
    alias: &'a ActionAlias,
    format: &Format,
    message: &str,
    compat: Compat,
) -> Option<Lacking<'a>> {
    let tokens = tokens(format.source());
    if tokens.len() > TOKENS_MAX {
        return None;
    }
    (1..tokens.len()).rev().find_map(|from| {
        let rest = &tokens[from..];
        let missing: Vec<String> = rest.iter().flat_map(|it| required(it)).collect();
        if missing.is_empty() {
            return None;
        }
        let filled: Vec<String> = rest.iter().map(|it| filled(it, |_| NOBODY.to_owned())).collect();
        let whole = format!("{message} {}", filled.join(" "));
        let values = format.parse(&whole, compat).ok()?;
        let is_nobody =
            |name: &String| values.get(name).and_then(Option::as_deref).is_some_and(|it| it == NOBODY);
        let rest: Vec<&str> = rest.iter().copied().filter(|it| !filled_away(it)).collect();
        missing.iter().all(is_nobody).then(|| Lacking { alias, missing, rest: rest.join(" ") })
    })
}

/// The format's words; what stands between braces is one with what touches it.
fn tokens(format: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let (mut from, mut depth) = (None, 0_usize);
    for (at, c) in format.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && c.is_whitespace() {
            tokens.extend(from.take().map(|from| &format[from..at]));
        } else {
            from = from.or(Some(at));
        }
    }
    tokens.extend(from.map(|from| &format[from..]));
    tokens
}

/// The parameters that a format cannot do without.
pub fn required(format: &str) -> Vec<String> {
    let needed = pieces(format).into_iter().filter_map(|it| match it {
        Piece::Slot { name, optional: false } => Some(name.to_owned()),
        Piece::Slot { optional: true, .. } | Piece::Text(_) => None,
    });
    needed.collect()
}

/// The text with values in its slots; slots with a default are left out.
pub fn filled(text: &str, value: impl Fn(&str) -> String) -> String {
    let written = pieces(text).into_iter().map(|it| match it {
        Piece::Text(text) => text.to_owned(),
        Piece::Slot { name, optional: false } => value(name),
        Piece::Slot { optional: true, .. } => String::new(),
    });
    written.collect()
}

/// A word that is nothing but slots with defaults.
fn filled_away(token: &str) -> bool {
    filled(token, |_| NOBODY.to_owned()).is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::model::AliasFormat;
    use super::*;

    fn read(formats: &[&str], message: &str) -> Option<String> {
        let alias = ActionAlias {
            name: "a".into(),
            formats: formats.iter().map(|it| AliasFormat::from_text(*it)).collect(),
            ..ActionAlias::default()
        };
        let (index, faults) = Index::build(vec![alias]);
        assert_eq!(faults, []);
        let found = index.lacking(message, Compat::Mended)?;
        Some(format!("{} | {}", found.missing.join(" "), found.rest))
    }

    #[test]
    fn the_shortest_way_on_is_taken() {
        let deploy =
            ["deploy {{app}}@{{version}} to {{stage}}", "deploy {{app}} to {{stage}}", "deploy {{app}}"];
        assert_eq!(read(&deploy, "deploy").unwrap(), "app | {{app}}");
        assert_eq!(read(&["restart {{app}} on {{env}}"], "restart shop").unwrap(), "env | on {{env}}");
        assert_eq!(read(&["restart {{app}} on {{env}}"], "restart shop on").unwrap(), "env | {{env}}");
        assert_eq!(read(&["restart {{app}} on {{env}}"], "restart").unwrap(), "app env | {{app}} on {{env}}");
        assert_eq!(read(&["scale {{app}} {{n}} {{env=staging}}"], "scale shop").unwrap(), "n | {{n}}");
    }

    #[test]
    fn what_begins_otherwise_lacks_nothing() {
        assert_eq!(read(&["deploy {{app}}"], "deplyo"), None);
        assert_eq!(read(&["deploy {{app}}"], ""), None);
        assert_eq!(read(&["deploy now"], "deploy"), None);
        assert_eq!(
            read(&["restart {{app}} on {{env}}"], "restart shop of"),
            Some("env | on {{env}}".to_owned())
        );
        assert_eq!(read(&["(restart|bounce) {{app}}"], "restart"), None);
    }

    #[test]
    fn slots_are_read_as_they_are_written() {
        assert_eq!(required("a {{ b }} {{c=1}}@{{d}}"), ["b", "d"]);
        assert_eq!(filled("on {{ env }} {{x=1}}", str::to_uppercase), "on ENV ");
        assert_eq!(tokens("a  {{ b }}@{{ c }} {{d = 1 2}}"), ["a", "{{ b }}@{{ c }}", "{{d = 1 2}}"]);
    }
}

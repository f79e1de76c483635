//! An alias filled in like a form: which slots it has, and the words that some values stand for. What a platform's own
//! commands give becomes what a person would have typed, so that both mean the same.

use super::index::{Index, Outcome, Reading};
use super::model::ActionAlias;
use super::piece::{Piece, pieces};

/// A place for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub name: String,
    /// No form of the alias does without it.
    pub required: bool,
}

/// The slots of an alias in the order in which they are met; `None` if no pattern of it can be written out.
pub fn slots(alias: &ActionAlias) -> Option<Vec<Slot>> {
    let patterns: Vec<Vec<&str>> = patterns(alias).map(|pieces| names(&pieces)).collect();
    if patterns.is_empty() {
        return None;
    }
    let mut slots: Vec<Slot> = Vec::new();
    for name in patterns.iter().flatten() {
        if slots.iter().all(|it| it.name != *name) {
            let required = patterns.iter().all(|it| it.contains(name));
            slots.push(Slot { name: (*name).to_owned(), required });
        }
    }
    Some(slots)
}

/// The words that mean this alias with exactly these values, to whoever reads them with this index; `None` if none do.
pub fn phrase(
    index: &Index,
    reading: Reading,
    alias: &ActionAlias,
    values: &[(String, String)],
) -> Option<String> {
    let fits = |pieces: &Vec<Piece<'_>>| {
        let names = names(pieces);
        names.len() == values.len() && values.iter().all(|(name, _)| names.contains(&name.as_str()))
    };
    let mut found = patterns(alias)
        .filter(fits)
        .flat_map(|pieces| [false, true].map(|quoted| write(&pieces, values, quoted)));
    found.find(|phrase| means(index, reading, alias, phrase, values))
}

fn means(
    index: &Index,
    reading: Reading,
    alias: &ActionAlias,
    phrase: &str,
    values: &[(String, String)],
) -> bool {
    let Outcome::Matched(read) = index.find(phrase, reading.mode, reading.compat) else { return false };
    let given = read.parameters.iter().filter(|(_, value)| value.is_some()).count();
    let same = |(name, value): &(String, String)| {
        read.parameters.get(name).and_then(Option::as_deref).is_some_and(|it| it == value)
    };
    read.alias.name == alias.name
        && read.alias.pack == alias.pack
        && given == values.len()
        && values.iter().all(same)
}

fn write(pieces: &[Piece<'_>], values: &[(String, String)], quoted: bool) -> String {
    let value = |slot: &str| {
        let text = values.iter().find(|(name, _)| name == slot).map_or("", |(_, value)| value.as_str());
        if quoted { format!("\"{text}\"") } else { text.to_owned() }
    };
    let written = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Slot { name, .. } => value(name),
    });
    written.collect::<String>().trim().to_owned()
}

fn names<'a>(pieces: &[Piece<'a>]) -> Vec<&'a str> {
    let slots = pieces.iter().filter_map(|it| match it {
        Piece::Slot { name, .. } => Some(*name),
        Piece::Text(_) => None,
    });
    slots.collect()
}

/// The patterns that can be written out: without anything of a regular expression or a default.
fn patterns(alias: &ActionAlias) -> impl Iterator<Item = Vec<Piece<'_>>> {
    let all = alias.formats.iter().flat_map(|it| &it.representations).map(|it| pieces(it));
    all.filter(|it| it.iter().all(is_plain))
}

fn is_plain(piece: &Piece<'_>) -> bool {
    match piece {
        Piece::Text(text) => {
            !text.contains(['\\', '(', ')', '[', ']', '{', '}', '*', '+', '?', '|', '^', '$', '.'])
        }
        Piece::Slot { optional: true, .. } => false,
        Piece::Slot { name, optional: false } => {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::Mode;
    use super::super::model::AliasFormat;
    use super::super::pairs::Compat;
    use super::*;

    fn alias(name: &str, patterns: &[&str]) -> ActionAlias {
        let representations = patterns.iter().map(|it| (*it).to_owned()).collect();
        ActionAlias {
            name: name.to_owned(),
            pack: "p".to_owned(),
            formats: vec![AliasFormat { representations, ..AliasFormat::default() }],
            ..ActionAlias::default()
        }
    }

    fn deploy() -> ActionAlias {
        alias(
            "deploy",
            &["deploy {{app}}@{{version}} to {{stage}}", "deploy {{app}}@{{version}}", "deploy {{app}}"],
        )
    }

    fn said(values: &[(&str, &str)]) -> Option<String> {
        let alias = deploy();
        let (index, _) = Index::build(vec![alias.clone()]);
        let values: Vec<_> = values.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        phrase(&index, Reading::default(), &alias, &values)
    }

    #[test]
    fn values_become_the_words_that_mean_them() {
        assert_eq!(said(&[("app", "shop")]).as_deref(), Some("deploy shop"));
        let all = [("stage", "canary"), ("app", "shop"), ("version", "1.4")];
        assert_eq!(said(&all).as_deref(), Some("deploy shop@1.4 to canary"));
        assert_eq!(said(&[("version", "1.4")]), None);
        assert_eq!(said(&[("app", "shop"), ("stage", "canary")]), None, "no pattern has these two");
        assert_eq!(said(&[("app", "shop"), ("surprise", "x")]), None);
    }

    #[test]
    fn a_value_never_becomes_two() {
        for sly in
            ["shop@1 to production", "shop@1", "shop to x", "\"", "shop\" to \"x", "a b", "{{app}}", "x=y"]
        {
            if let Some(phrase) = said(&[("app", sly)]) {
                let (index, _) = Index::build(vec![deploy()]);
                let Outcome::Matched(read) = index.find(&phrase, Mode::Strict, Compat::Mended) else {
                    panic!("{phrase}")
                };
                assert_eq!(read.parameters.get("app"), Some(&Some(sly.to_owned())), "{phrase}");
                assert!(read.parameters.values().flatten().count() == 1, "{phrase}");
            }
        }
    }

    #[test]
    fn what_every_form_needs_is_required_and_expressions_are_no_forms() {
        let slot = |name: &str, required| Slot { name: name.to_owned(), required };
        let expected = vec![slot("app", true), slot("version", false), slot("stage", false)];
        assert_eq!(slots(&deploy()), Some(expected));
        assert_eq!(slots(&alias("x", &["x (?P<a>\\d+)"])), None);
        assert_eq!(slots(&alias("x", &["x {{ a=1 }}"])), None);
        assert_eq!(slots(&alias("x", &["x"])), Some(Vec::new()));
    }
}

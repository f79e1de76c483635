//! What is said about the datastore's keys.

use std::path::Path;

use super::list;
use crate::{
    datastore::{Act, Key, Scope},
    id::GroupName,
    message::card::{Card, Text},
};

/// That is not theirs to do.
pub fn not_yours(act: Act, scope: &Scope, writers: &[GroupName]) -> Card {
    let whose = match scope {
        Scope::System => "of the system".to_owned(),
        Scope::User(person) => format!("of {person}"),
    };
    let who = match writers {
        [] => String::new(),
        groups => format!(", and for {}", list(groups)),
    };
    let what = match act {
        Act::See => format!("see the keys {whose}"),
        Act::Decrypt => format!("decrypt the secrets {whose}"),
        Act::Change => format!("change the keys {whose}"),
    };
    Card::refuse(
        Text::plain(format!(
            "You may not {what}: that is for the user that the bot runs as{who}. Nothing was done. "
        ))
        .code("datastore.writers")
        .and(" in its configuration says who else may."),
    )
}

/// There is no such key.
pub fn absent(key: &Key) -> Card {
    Card::refuse(
        Text::plain("There is no key ")
            .code(key.to_string())
            .and("; ")
            .code("lockkeeper key list")
            .and(" shows those that there are."),
    )
}

/// What was asked for cannot be done.
pub fn refused(why: &str) -> Card {
    Card::refuse(format!("{}. Nothing was changed.", capital(why.trim_end_matches('.'))))
}

/// A key of their own is asked for by somebody whom nobody knows.
pub fn whose() -> Card {
    Card::refuse(
        Text::plain("A key of scope ")
            .code("user")
            .and(" belongs to a person: say whose with ")
            .code("--user")
            .and("."),
    )
}

/// A secret that stands in the arguments.
pub fn secret_in_arguments() -> &'static str {
    "everybody on this machine can read the arguments of a program: write `-` for the value, and give it on standard input"
}

/// A length of time that is none.
pub fn no_ttl() -> &'static str {
    "a key is there for a second or more"
}

/// No bot runs, and none has ever run on this configuration.
pub fn no_store(file: &Path, config: &Path) -> String {
    let (file, config) = (file.display(), config.display());
    format!(
        "no bot runs, and there is no store at {file}: start the bot once, as its own user, with `lockkeeper serve \
         --config {config}`; if it runs already, name its configuration with --config"
    )
}

/// Written, seen from the command line.
pub fn written(key: &Key, ends: Option<&str>) -> String {
    match ends {
        Some(at) => format!("{key} is set until {at}"),
        None => format!("{key} is set"),
    }
}

/// Removed, seen from the command line.
pub fn removed(key: &Key) -> String {
    format!("{key} is removed")
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_who_may() {
        let text = |card: &Card| serde_json::to_string(card).unwrap();
        let card = text(&not_yours(Act::Change, &Scope::System, &["sre".into()]));
        assert!(card.contains("change the keys of the system") && card.contains("and for sre"), "{card}");
        let card = text(&not_yours(Act::Decrypt, &Scope::User("bea".into()), &[]));
        assert!(
            card.contains("decrypt the secrets of bea: that is for the user that the bot runs as."),
            "{card}"
        );
        assert!(text(&refused("a key has a name")).contains("A key has a name. Nothing was changed."));
    }
}

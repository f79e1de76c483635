//! What somebody types for a secret parameter: covered before the delivery is stored, and refused when it is heard.
//!
//! What an execution was given is kept as long as it goes on, for a restart needs it; covered, it would be of no use, and
//! plain it must not be kept. So nobody can give a secret by typing it, in a channel, a direct message or a shell.

use serde_json::{Map, Value};

use super::Bot;
use crate::{
    alias::{Compat, Match, Mode, Outcome},
    content::Action,
    engine::Live,
    id::ActionRef,
    message::{Delivery, Incoming},
    secret::MASK,
};

/// The delivery without what it gives to secret parameters.
pub(super) fn covered(bot: &Bot, mut delivery: Delivery) -> Delivery {
    let said = match &mut delivery.incoming {
        Incoming::Said(said) | Incoming::Missed { said, .. } => said,
        Incoming::Pressed { .. }
        | Incoming::Unasked { .. }
        | Incoming::Reacted { .. }
        | Incoming::Found { .. } => return delivery,
    };
    let text = said.text.trim();
    let command = match text.strip_prefix(bot.0.parts.prefix.as_str()) {
        Some(rest) => rest.trim_start(),
        None if said.addressed => text,
        None => return delivery,
    };
    let live = bot.engine().live();
    let index = bot.index(&live);
    let found = match index.find(command, Mode::Strict, Compat::Mended) {
        Outcome::Matched(found) => vec![found],
        Outcome::Ambiguous(found) => found,
        Outcome::Unknown { .. } => return delivery,
    };
    let values: Vec<String> = found.iter().flat_map(|it| typed_in(&live, it, text)).collect();
    if let Some(text) = cover(text, &values) {
        said.text = text;
    }
    delivery
}

/// The first secret parameter that the message itself fills.
pub(super) fn typed<'a>(action: &'a Action, found: &Match<'_>, said: &str) -> Option<&'a str> {
    action.secrets().find(|name| values(found, name).any(|it| is_typed(name, it, said)))
}

/// The first secret parameter among those that are given by name.
pub(super) fn given<'a>(action: &'a Action, parameters: &Map<String, Value>) -> Option<&'a str> {
    action.secrets().find(|name| parameters.get(*name).is_some_and(|it| !it.is_null()))
}

fn typed_in(live: &Live, found: &Match<'_>, said: &str) -> Vec<String> {
    let Some(action) = live.bundle.action(&ActionRef::new(found.alias.action_ref.clone())) else {
        return Vec::new();
    };
    let of = |name: &str| -> Vec<String> {
        values(found, name).filter(|it| is_typed(name, it, said)).map(str::to_owned).collect()
    };
    action.secrets().flat_map(of).collect()
}

fn values<'a>(found: &'a Match<'_>, name: &'a str) -> impl Iterator<Item = &'a str> {
    let all = std::iter::once(&found.parameters).chain(&found.more);
    all.filter_map(move |it| it.get(name)?.as_deref()).filter(|it| !it.trim().is_empty())
}

/// A default of the alias stands in no message.
fn is_typed(name: &str, value: &str, said: &str) -> bool {
    said.contains(value) || said.contains(&format!("{name}="))
}

/// The text with these values covered; where one stands in it in another form, everything after the first word is.
fn cover(text: &str, values: &[String]) -> Option<String> {
    if values.is_empty() {
        return None;
    }
    if let Some(whole) = values.iter().find(|it| !text.contains(it.as_str())) {
        tracing::debug!(characters = whole.len(), "a secret is written in a form of its own");
        let first = text.split_whitespace().next().unwrap_or_default();
        return Some(format!("{first} {MASK}"));
    }
    let mut values: Vec<&String> = values.iter().collect();
    // One may be part of another.
    values.sort_by_key(|it| std::cmp::Reverse(it.len()));
    Some(values.into_iter().fold(text.to_owned(), |text, it| text.replace(it.as_str(), MASK)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_covered_wherever_the_message_has_it() {
        let covered = |text: &str, values: &[&str]| {
            cover(text, &values.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(covered("!login bob hunter2", &["hunter2"]).unwrap(), "!login bob ********");
        assert_eq!(covered("!login a ab", &["a", "ab"]).unwrap(), "!login ******** ********");
        assert_eq!(covered("!login pw=\"a\\\"b\"", &["a\"b"]).unwrap(), "!login ********");
        assert_eq!(covered("!login bob", &[]), None);
    }
}

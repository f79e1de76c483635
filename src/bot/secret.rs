//! What somebody types for a secret parameter: covered before the delivery is stored, and refused when it is heard.
//!
//! What an execution was given is kept as long as it goes on, for a restart needs it; covered, it would be of no use, and
//! plain it must not be kept. So nobody can give a secret by typing it, in a channel, a direct message or a shell.

use serde_json::{Map, Value};

use super::{
    Bot,
    command::{Gives, gives},
};
use crate::{
    alias::{ActionAlias, Index, Match, Outcome, Parameters},
    content::Action,
    engine::Live,
    id::ActionRef,
    message::{Delivery, Incoming},
    secret::MASK,
};

/// The delivery without what it gives to secret parameters. Of a command that is nearly one with such a parameter nobody
/// can say what was meant for it, so nothing of it is kept but the word that it begins with.
pub(super) async fn covered(bot: &Bot, mut delivery: Delivery) -> Delivery {
    let said = match &mut delivery.incoming {
        Incoming::Said(said) | Incoming::Missed { said, .. } => said,
        Incoming::Pressed { .. }
        | Incoming::Unasked { .. }
        | Incoming::Reacted { .. }
        | Incoming::Found { .. } => return delivery,
    };
    let text = said.text.trim().to_owned();
    let command = match text.strip_prefix(bot.0.parts.prefix.as_str()) {
        Some(rest) => rest.trim_start(),
        None if said.addressed => text.as_str(),
        None => return delivery,
    };
    if let Some(covered) = covered_text(bot, &text, command).await {
        said.text = covered;
    }
    delivery
}

/// Words that are addressed to us, without what they give to secret parameters.
pub(super) async fn shown(bot: &Bot, words: &str) -> String {
    let words = words.trim();
    let command = words.strip_prefix(bot.0.parts.prefix.as_str()).map_or(words, str::trim_start);
    covered_text(bot, words, command).await.unwrap_or_else(|| words.to_owned())
}

/// The text without what its command, with which it ends, gives to secret parameters; `None` if it gives nothing.
async fn covered_text(bot: &Bot, text: &str, command: &str) -> Option<String> {
    let lead = &text[..text.len() - command.len()];
    let live = bot.engine().live();
    let index = bot.index(&live);
    let reading = bot.0.parts.reading;
    let found = match index.find(command, reading.mode, reading.compat) {
        Outcome::Matched(found) => vec![found],
        Outcome::Ambiguous(found) => found,
        Outcome::Unknown { .. } => {
            let near = index.near(command, reading.compat);
            let answers = near.iter().any(|it| action(&live, it).is_some_and(is_answer));
            let may_hold = near.iter().any(|it| may_hold_secret(&live, it, command))
                || (answers && gives(bot, &Parameters::new()).await != Gives::Nothing);
            return may_hold.then(|| covered_whole(&index, lead, command));
        }
    };
    if let Some(answer) = found.iter().find(|it| action(&live, it.alias).is_some_and(is_answer)) {
        let id = answer.parameters.get("inquiry").and_then(Option::as_deref).unwrap_or_default();
        match gives(bot, &answer.parameters).await {
            // What else it may mean may still take one.
            Gives::Nothing => {}
            Gives::Secret => return Some(format!("{} {id} {MASK}", covered_first(&index, lead, command))),
            Gives::Perhaps => return Some(covered_whole(&index, lead, command)),
        }
    }
    let values: Vec<String> = found.iter().flat_map(|it| typed_in(&live, it, text)).collect();
    let covered = || cover(text, &values).unwrap_or_else(|| covered_whole(&index, lead, command));
    (!values.is_empty()).then(covered)
}

/// The command that answers a question, which may be about a secret.
pub(super) fn is_answer(action: &Action) -> bool {
    action.runner.as_str() == "bot" && action.entry_point.as_deref() == Some("answer")
}

/// A command of which nobody can say where in it the secret stands. Its first word stays if it is a command's, or
/// nearly: with it, what was meant can be told.
fn covered_whole(index: &Index, lead: &str, command: &str) -> String {
    let first = covered_first(index, lead, command);
    match first.strip_prefix(lead) {
        Some(word) if word == command => first,
        Some("") | None => format!("{lead}{MASK}"),
        Some(_) => format!("{first} {MASK}"),
    }
}

/// What stands before a command, and its first word if that may stay.
fn covered_first(index: &Index, lead: &str, command: &str) -> String {
    let first = command.split_whitespace().next().filter(|it| index.is_near(it));
    format!("{lead}{}", first.unwrap_or_default())
}

/// Whether this is of a command that was covered.
pub(super) fn is_covered(said: &str) -> bool {
    said.contains(MASK)
}

/// Whether what is nearly this alias may give a secret: where the alias asks for one, or the command names one. A runner
/// has secret parameters that most aliases never speak of.
fn may_hold_secret(live: &Live, alias: &ActionAlias, command: &str) -> bool {
    let asks =
        |name: &str| alias.formats.iter().flat_map(|it| &it.representations).any(|it| it.contains(name));
    let names = |name: &str| command.to_lowercase().contains(&name.to_lowercase());
    action(live, alias).is_some_and(|it| it.secrets().any(|name| asks(name) || names(name)))
}

fn action<'a>(live: &'a Live, alias: &ActionAlias) -> Option<&'a Action> {
    live.bundle.action(&ActionRef::new(alias.action_ref.clone())).map(AsRef::as_ref)
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
    let Some(action) = action(live, found.alias) else { return Vec::new() };
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

/// The text with these values covered; `None` if one stands in it in another form.
fn cover(text: &str, values: &[String]) -> Option<String> {
    let mut values: Vec<&String> = values.iter().collect();
    // One may be part of another.
    values.sort_by_key(|it| std::cmp::Reverse(it.len()));
    let all_stand = values.iter().all(|it| text.contains(it.as_str()));
    all_stand.then(|| values.into_iter().fold(text.to_owned(), |text, it| text.replace(it.as_str(), MASK)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alias::AliasFormat;

    #[test]
    fn a_value_is_covered_wherever_the_message_has_it() {
        let covered = |text: &str, values: &[&str]| {
            cover(text, &values.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(covered("!login bob hunter2", &["hunter2"]).unwrap(), "!login bob ********");
        assert_eq!(covered("!login a ab", &["a", "ab"]).unwrap(), "!login ******** ********");
        assert_eq!(covered("!login pw=\"a\\\"b\"", &["a\"b"]), None);
    }

    #[test]
    fn of_what_cannot_be_told_apart_only_a_commands_word_stays() {
        let formats = vec![AliasFormat::from_text("login {{user}} {{password}}")];
        let (index, _) = Index::build(vec![ActionAlias { formats, ..ActionAlias::default() }]);
        let covered = |command: &str| covered_whole(&index, "! ", command);
        assert_eq!(covered("LOGIN bob hunter2"), "! LOGIN ********");
        assert_eq!(covered("lgoin bob"), "! lgoin ********");
        assert_eq!(covered("hunter2secret login bob"), "! ********");
        assert_eq!(covered("password=hunter2 login"), "! ********");
        assert_eq!(covered("login"), "! login");
    }
}

//! Answers to commands: exactly one for every message that is addressed to the bot.

use jiff::Timestamp;

use super::{echo, list};
use crate::{
    id::{AppName, CommitSha},
    message::card::{Card, Text, Tone},
};

/// Nothing matched.
pub fn unknown_command(prefix: &str, suggestions: &[String]) -> Card {
    let text = match suggestions {
        [] => Text::plain("I did not understand that; nothing was run. "),
        [first, rest @ ..] => {
            let mut text = Text::plain("I did not understand that; nothing was run. Did you mean ")
                .code(format!("{prefix}{first}"));
            for it in rest {
                text = text.and(" or ").code(format!("{prefix}{it}"));
            }
            text.and("? ")
        }
    };
    Card::refuse(text.code(format!("{prefix}help")).and(" lists what you may run."))
}

/// Several aliases match.
pub fn ambiguous(names: &[String]) -> Card {
    Card::refuse(format!("That could be {}; nothing was run. Say more.", list(names)))
}

/// A name that nobody knows, with those that are known.
pub fn unknown_name(what: &str, name: &str, known: &[String]) -> Card {
    let known = if known.is_empty() {
        format!("There is no {what} yet.")
    } else {
        format!("Known: {}.", list(known))
    };
    Card::refuse(Text::plain(format!("I know no {what} ")).code(echo(name)).and(format!(". {known}")))
}

/// A parameter that is missing or does not fit.
pub fn bad_parameter(parameter: &str, problem: &str, example: &str) -> Card {
    let mut text = Text::default().code(parameter).and(format!(": {problem}. Nothing was run."));
    if !example.is_empty() {
        text = text.and(" For example: ").code(example);
    }
    Card::refuse(text)
}

/// A parameter that nobody gave.
pub struct Missing<'a> {
    pub parameter: &'a str,
    /// `a whole number`, `one of staging, production`.
    pub expected: &'a str,
    /// What its author says of it.
    pub description: &'a str,
}

/// Something is missing from a command that is understood otherwise; `example`: what could be said.
pub fn missing(parameters: &[Missing<'_>], example: &str) -> Card {
    let mut text = Text::plain("Something is missing: ");
    for (at, it) in parameters.iter().enumerate() {
        let description = it.description.trim_end_matches('.');
        let description = if description.is_empty() { String::new() } else { format!(" ({description})") };
        let between = if at == 0 { "" } else { "; " };
        text = text.and(between).code(it.parameter).and(format!(", {}{description}", it.expected));
    }
    Card::refuse(text.and(". Nothing was run. For example: ").code(example))
}

/// Something outside could not be reached; `after`: how long it was tried.
pub fn unreachable(what: &str, why: &str, after: Option<std::time::Duration>) -> Card {
    let why = why.trim_end_matches('.');
    let tried = after.map_or(String::new(), |it| format!(" It was tried for {}.", super::length(it)));
    Card::titled(Tone::Bad, format!("{what} could not be reached"))
        .text(format!("{why}.{tried} Nothing was changed."))
        .as_refusal()
}

/// A release was started; its card follows it.
pub fn started(number: i64, app: &str, commit: &str, card_elsewhere: Option<&str>) -> Card {
    let place = card_elsewhere.map_or(String::new(), |it| format!(" Its card is in {it}."));
    Card::say(
        Text::plain(format!("#{number}: {app} at ")).code(commit).and(format!(" is on its way.{place}")),
    )
}

/// A release cannot go two ways at once.
pub fn under_way(number: i64) -> Card {
    Card::refuse(
        Text::plain(format!("#{number} is still under way. Wait for its end, or stop it with "))
            .code(format!("!cancel {number}"))
            .and("; then promote it."),
    )
}

/// An action was started that is no release.
pub fn action_started(action: &str, short: &str) -> Card {
    Card::say(Text::plain(format!("Started {action} · ")).code(short))
}

/// Which gate is meant?
pub fn which_gate(open: &[(i64, String)]) -> Card {
    match open {
        [] => Card::refuse("No gate is open here."),
        several => {
            let names: Vec<String> =
                several.iter().map(|(number, what)| format!("#{number} {what}")).collect();
            Card::refuse(format!("Which one? Open: {}.", list(&names)))
        }
    }
}

/// An app whose file cannot be used; `fault`: file, line, column, what is wrong, and a hint.
pub fn app_faulty(app: &str, fault: &str) -> Card {
    Card::refuse(
        Text::plain("The file of ")
            .code(app)
            .and(" cannot be used, so nothing was done. Mend it, and say that again; it is read at once."),
    )
    .code(fault)
}

/// An app that names no place to run.
pub fn only_built(app: &AppName) -> Card {
    Card::refuse(
        Text::plain(format!("{app} is only built: its file names no environment. To release it, add "))
            .code("environments:")
            .and(" and ")
            .code("health:")
            .and(" to ")
            .code(format!("config/apps/{app}.yaml"))
            .and("."),
    )
}

/// The artifact of an old release is gone.
pub fn artifact_removed(app: &AppName, number: i64, commit: &CommitSha, kept: u32) -> Card {
    let removed =
        format!("The artifact of #{number} was removed: I keep the last {kept} of {app}, and those in use. ");
    let again = format!("!deploy {app}@{}", commit.short());
    Card::refuse(Text::plain(format!("{removed}Build it again with ")).code(again).and("."))
}

/// The bot itself is at fault; the id finds the log line.
pub fn broken(short: &str) -> Card {
    Card::titled(Tone::Bad, "That went wrong on my side")
        .text(Text::plain("Nothing is lost; my log says more under ").code(short).and("."))
        .as_refusal()
}

/// Who somebody is to the bot.
pub fn whoami(
    account: (&str, Option<Timestamp>),
    person: Option<&str>,
    others: &[(String, Option<Timestamp>)],
    groups: &[String],
    rights: &[String],
) -> Card {
    let known = match person {
        Some(person) => format!("You are {person}, in {}.", list(groups)),
        None => "I do not know you; an administrator can add this account to config/people.yaml. If I know another of \
                 yours, say `!link` to me from there."
            .to_owned(),
    };
    let named = |(account, since): (&str, Option<Timestamp>)| {
        let since =
            since.map_or(String::new(), |it| format!(" linked since {}", it.strftime("%F %H:%M UTC")));
        Text::default().code(account).and(since)
    };
    let mut fields = vec![("account", named(account))];
    fields.extend(others.iter().map(|(other, since)| ("also you", named((other.as_str(), *since)))));
    let mut card = Card::say(known).fields(fields);
    if !rights.is_empty() {
        card = card.lines(rights.iter().map(|it| Text::plain(it.as_str())).collect());
    }
    card
}

/// What may be run here.
pub fn help(prefix: &str, commands: &[(String, String)]) -> Card {
    let lines = commands
        .iter()
        .map(|(display, what)| Text::default().code(format!("{prefix}{display}")).and(format!("  {what}")));
    Card::titled(Tone::Neutral, "What you may run here").lines(lines.collect())
}

//! What is said of rules: why one started nothing, and that what it started failed.

use std::fmt;

use super::{
    count, echo,
    failure::{self, Failure, Fault},
};
use crate::{
    id::ActionRef,
    message::card::{Card, Text, Tone},
};

/// Why a rule that matched started nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    NoAction,
    Disabled,
    /// What people say to the bot.
    Command,
    /// The action names who may run it.
    ForPeople,
    /// A parameter does not render, or is none of the action's.
    Parameters(String),
    /// So many rules started one another.
    TooDeep(u32),
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAction => write!(f, "there is no such action"),
            Self::Disabled => write!(f, "the action is disabled"),
            Self::Command => write!(f, "it is a command that people say, and starts nothing by itself"),
            Self::ForPeople => write!(f, "it is for certain people only (`who`), and a rule is nobody"),
            Self::Parameters(why) => f.write_str(why.trim_end_matches('.')),
            Self::TooDeep(most) => {
                write!(
                    f,
                    "{most} rules started one another, each by what the one before did; this looks like a loop"
                )
            }
        }
    }
}

/// A rule matched, and its action was not started.
pub fn not_started(rule: &str, action: &ActionRef, why: &NotStarted) -> Card {
    Card::titled(Tone::Bad, format!("The rule {rule} does not work"))
        .text(Text::plain("It matched, and did not start ").code(action.as_str()).and(format!(": {why}.")))
        .text(
            Text::plain("Nothing was run. Once its file is mended, try it with ")
                .code(format!("lockkeeper rule test {rule} --payload FILE"))
                .and("."),
        )
}

/// What a rule started failed.
pub fn failed(
    rule: &str,
    action: &ActionRef,
    short: &str,
    why: Option<&Failure>,
    fault: Option<&Fault>,
) -> Card {
    let started = Text::plain("It started ").code(action.as_str()).and(", which did not succeed.");
    let mut card = Card::titled(Tone::Bad, format!("What the rule {rule} started failed")).text(started);
    if let Some(fault) = fault {
        card = card.text(failure::fault(fault));
    }
    if let Some(why) = why {
        card = failure::show(card, why);
    }
    card.text(Text::default().code(format!("lockkeeper executions show {short}")).and(" has all of it."))
}

/// The same once more: one message, however often.
pub fn again(card: Card, times: u32) -> Card {
    let times = count(usize::try_from(times).unwrap_or(usize::MAX), "time");
    card.text(format!("It has happened {times} since this was first told; this is the last one."))
}

/// There is no such rule.
pub fn unknown(rule: &str) -> String {
    format!("there is no rule `{}`; `lockkeeper rule list` shows them", echo(rule))
}

/// An event that was tried fits.
pub fn matches(rule: &str, action: &ActionRef, enabled: bool, given: &str) -> String {
    let off = if enabled { "" } else { "\nIt is off (`enabled: false`), so it does not fire by itself." };
    format!("{rule} matches, and would start {action} with\n{given}{off}")
}

/// An event that was tried does not fit.
pub fn does_not_match(rule: &str, why: &str) -> String {
    format!("{rule} does not match: {why}")
}

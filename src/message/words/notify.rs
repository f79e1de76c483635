//! How much is told unasked.

use super::{echo, list};
use crate::message::{
    card::{Card, Text},
    notify::Wants,
};

/// How a channel is set, and that questions are asked all the same.
pub fn channel(prefix: &str, wants: Wants, changed: bool, apps: &[String]) -> Card {
    let from_now = if changed { "From now on I" } else { "I" };
    let told = match wants {
        Wants::All => {
            format!("{from_now} tell all here: what pushes start, what fails, and that it is over.")
        }
        Wants::Failures => format!("{from_now} tell failures only here, and that they are over."),
        Wants::Nothing => format!("{from_now} tell nothing here unasked."),
    };
    let always = match apps {
        [] => {
            "What you ask for is always answered. No app names this channel, so nothing comes here by itself."
                .to_owned()
        }
        apps => format!(
            "What you ask for is always answered, and questions at gates are always asked: this is the channel of {}.",
            list(apps)
        ),
    };
    Card::say(told).text(always).text(others(prefix, wants, false))
}

/// Whether a person is rung.
pub fn person(prefix: &str, wants: Wants, changed: bool) -> Card {
    let from_now = if changed { "From now on I" } else { "I" };
    let told = match wants {
        Wants::All | Wants::Failures => {
            format!(
                "{from_now} ring you where a commit of yours does not build, and where a question waits for your answer."
            )
        }
        Wants::Nothing => format!("{from_now} name you without ringing you."),
    };
    Card::say(told).text(others(prefix, wants, true))
}

/// What else there is to say.
fn others(prefix: &str, wants: Wants, is_me: bool) -> Text {
    let me = if is_me { "me " } else { "" };
    // Whoever is rung is rung for failures.
    let offered = Wants::EACH.into_iter().filter(|it| *it != wants && !(is_me && *it == Wants::Failures));
    let offered = offered.filter(|it| !(is_me && wants == Wants::Failures && *it == Wants::All));
    let mut text = Text::default();
    for (at, it) in offered.enumerate() {
        let between = if at == 0 { "" } else { " or " };
        text = text.and(between).code(format!("{prefix}notify {me}{}", it.as_str()));
    }
    let text = text.and(" changes it");
    if is_me {
        text.and(".")
    } else {
        text.and("; ").code(format!("{prefix}notify me")).and(" is about you.")
    }
}

/// Words that mean nothing here.
pub fn unknown(prefix: &str, said: &str, is_me: bool) -> Card {
    let me = if is_me { "me " } else { "" };
    let words = Wants::EACH.map(|it| format!("{prefix}notify {me}{}", it.as_str()));
    let [all, failures, nothing] = words;
    Card::refuse(
        Text::plain("I know no ")
            .code(echo(said))
            .and("; nothing was changed. Say ")
            .code(all)
            .and(", ")
            .code(failures)
            .and(" or ")
            .code(nothing)
            .and("."),
    )
}

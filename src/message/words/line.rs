//! What only the command line is told.

use std::{path::Path, time::Duration};

use super::{count, echo, length, size};
use crate::config::Keep;
use crate::message::card::{Card, Text, Tone};

/// There is no bot to ask; its configuration is this file.
pub fn not_running(config: &Path) -> String {
    format!("start the bot first: `lockkeeper serve --config {}`", config.display())
}

/// The bot is gone, and did not end well.
pub fn died(config: &Path) -> String {
    format!(
        "the bot was killed or crashed: look at its log, then start it again: `lockkeeper serve --config {}`",
        config.display()
    )
}

/// The socket is there, for others.
pub fn not_allowed() -> &'static str {
    "the bot may be well, but this user is not let through to it: ask whoever runs it to set `control.open_to` in its \
     configuration, and to let others pass through the data folder (mode 0711)"
}

/// Somebody of this machine who is nobody we know.
pub fn stranger(user: &str) -> Card {
    Card::say(
        Text::plain("I do not know the user ")
            .code(user)
            .and(" of this machine. Nothing was done. An administrator can say who that is: ")
            .code(format!("terminal: [{user}]"))
            .and(" for a person in config/people.yaml."),
    )
}

/// One user has too many calls open.
pub fn too_many_calls(most: usize) -> Card {
    Card::say(format!("You have {most} calls open already. Nothing was done; end one of them first."))
}

/// A reason that cannot be recorded.
pub fn bad_reason(problem: &str) -> Card {
    Card::refuse(format!("That reason cannot be recorded: {problem}. Nothing was counted."))
}

/// There is no such action.
pub fn unknown_action(name: &str) -> Card {
    Card::refuse(
        Text::plain("I know no action ")
            .code(echo(name))
            .and("; ")
            .code("lockkeeper action list")
            .and(" shows them. Nothing was run."),
    )
}

/// An action that only means something as a message.
pub fn said_instead(name: &str) -> Card {
    Card::refuse(
        Text::default()
            .code(name)
            .and(" answers what somebody says: use ")
            .code("lockkeeper run \"…\"")
            .and("."),
    )
}

/// What was printed is too old.
pub fn log_removed(kept: Duration) -> String {
    format!("The log was removed after {}.\n", length(kept))
}

/// What lies in the data folder, as numbers and bytes of checkouts, artifacts, logs and mirrors, and how long it stays.
pub fn shelves(keep: &Keep, [checkouts, artifacts, logs, mirrors]: [(usize, u64); 4]) -> [String; 4] {
    let much = |(items, bytes), what| format!("{} ({})", count(items, what), size(bytes));
    [
        format!(
            "{}: go when their execution ends, after a failure {} later",
            much(checkouts, "checkout"),
            length(keep.failed_checkouts)
        ),
        format!(
            "{}: the last {} of each app stay, and those in use",
            much(artifacts, "artifact"),
            keep.artifacts
        ),
        format!("{}: go after {}", much(logs, "log"), length(keep.logs)),
        format!("{}: stay", much(mirrors, "repository mirror")),
    ]
}

/// There is no such execution.
pub fn unknown_execution(text: &str) -> Card {
    Card::refuse(
        Text::plain("I know no execution ")
            .code(echo(text))
            .and("; ")
            .code("lockkeeper executions list")
            .and(" shows the latest ones."),
    )
}

/// No answer came in time.
pub fn no_answer(waited: Duration) -> Card {
    Card::titled(Tone::Waiting, format!("No answer within {}", length(waited)))
        .text("It is recorded and will be done; the answer will not come here.")
        .as_refusal()
}

/// A command that could not be written down, so it is none.
pub fn not_recorded(why: &str) -> Card {
    Card::refuse(
        Text::plain(format!(
            "I could not record that ({}), so nothing was done and nothing will be. Say it again once there is room; ",
            why.trim_end_matches('.')
        ))
        .code("lockkeeper doctor")
        .and(" looks at disk and database."),
    )
}

/// The bot could not answer to the end.
pub fn went_wrong(why: &str) -> Card {
    Card::refuse(
        Text::plain(format!("That went wrong on my side: {}. ", why.trim_end_matches('.')))
            .and("What was recorded before goes on: ")
            .code("lockkeeper executions list")
            .and(" shows it, and ")
            .code("lockkeeper doctor")
            .and(" looks at disk and database."),
    )
}

/// A bot that has a terminal of its own answers there.
pub fn say_it_there() -> Card {
    Card::refuse("This bot is a rehearsal with a terminal of its own: say it there.")
}

/// A request that makes no sense to this version.
pub fn not_understood(problem: &str) -> Card {
    Card::refuse(format!(
        "I do not understand this request: {problem}. Are bot and command line the same version?"
    ))
}

//! What the terminal itself says: about itself, never about releases.

use std::path::Path;

use crate::id::UserId;
use crate::message::card::{Card, Text};

/// A file was laid on disk, because nothing else can show it here.
pub fn uploaded(path: &Path) -> Card {
    Card::say(Text::plain("Laid beside: ").code(path.display().to_string()))
}

/// `/as NAME` was done.
pub fn now_typing(user: &UserId) -> Card {
    Card::say(Text::plain("You are ").bold(user.as_str()).and(" now."))
}

/// `/as NAME` outside the rehearsal.
pub fn not_here() -> Card {
    Card::say(Text::default().code("/as").and(" works in the rehearsal only: here you are who you are."))
}

/// A line with a slash that means nothing.
pub fn unknown(line: &str) -> Card {
    Card::say(
        Text::plain("I do not know ")
            .code(line)
            .and("; ")
            .code("/help")
            .and(" lists what the terminal can do."),
    )
}

/// `/help`.
pub fn help(rehearsal: Option<&[(&str, &str)]>) -> Card {
    let mut lines = Vec::new();
    if let Some(orders) = rehearsal {
        lines.push(Text::default().code("/as NAME").and("  go on as somebody else"));
        lines
            .extend(orders.iter().map(|(order, does)| Text::default().code(*order).and(format!("  {does}"))));
    }
    lines.push(Text::default().code("/quit").and("  leave; so does the end of input"));
    lines.push(Text::default().code("!help").and("  what the bot can do for you"));
    Card::say("Beside what you say to the bot:").lines(lines)
}

//! What workflows say by themselves, and why they could not.

use serde_json::Value;

use super::{echo, output};
use crate::message::card::{Card, Text};

/// What an action says, and that it is not the bot who says so.
pub fn card(said: &Value, action: &str, id: &str) -> Card {
    let said = match said {
        Value::String(text) => output::Output::written(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            output::Output::plain(said)
        }
    };
    let card = output::show(Card::default(), &said, id);
    card.text(Text::plain("Said by ").code(action).and("."))
}

/// The channel is none that it may be said in.
pub fn unknown_channel(channel: &str) -> String {
    let channel = echo(channel);
    format!(
        "no channel is called `{channel}` here; say which one it is in lockkeeper.yaml: \
         `channels: {{\"{channel}\": slack/T0ABC/C0DEF}}`"
    )
}

/// It names no channel, and nobody asked for it in one.
pub fn nowhere() -> String {
    "it names no `channel`, and it was not asked for in one".to_owned()
}

/// It is for one person alone, and nobody asked.
pub fn nobody() -> String {
    "only whoever asked can be whispered to, in the chat where they asked; this was started by nobody there"
        .to_owned()
}

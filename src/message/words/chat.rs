//! What is said about the chat itself.

use std::time::Duration;

use super::length;
use crate::{
    id::Account,
    message::card::{Block, Card, Text, Tone},
};

/// An answer that its channel cannot be shown, for who asked: the bot is not in there. `bot` is its own account.
pub fn outside(card: Card, bot: Account) -> Card {
    let line =
        Text::plain("I am not in this channel, so only you see this. To answer here for all, type /invite ")
            .mention(bot)
            .and(".");
    // A button would lead to a message that does not stand here.
    Card { buttons: Vec::new(), ..card }.text(line)
}

/// An answer to words that were said while the bot was away.
pub fn late(mut card: Card, by: Duration) -> Card {
    let line = Text::plain(format!("Late by {}: I was away.", length(by)));
    card.blocks.retain(|it| !matches!(it, Block::Text(text) if text.to_string().is_empty()));
    card.blocks.insert(0, Block::Text(line));
    card
}

/// A chat will not do something as things are; said where an administrator reads it.
pub fn refused(place: &str, code: &str, fix: &str) -> Card {
    Card::titled(Tone::Bad, format!("I cannot speak in {place}"))
        .text(Text::default().code(code).and(format!(": {fix}.")).and(" I go on trying once a minute."))
}

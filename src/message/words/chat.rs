//! What is said about the chat itself.

use crate::{
    id::Account,
    message::card::{Card, Text},
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

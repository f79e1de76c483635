//! What is said about the chat itself.

use std::time::Duration;

use super::length;
use crate::{
    id::{Account, Platform},
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

/// The same where the bot has no permission to speak.
pub fn barred(card: Card) -> Card {
    let line = "I may not speak in this channel, so only you see this. To answer here for all, I need the permissions \
                View Channel, Send Messages and Embed Links in it.";
    Card { buttons: Vec::new(), ..card }.text(line)
}

/// In the place of the question whether a press is meant, once it was.
pub const ANSWERED: &str = "Your answer is on its way; the message above shows what became of it.";

/// In the same place, after "Back".
pub const NOT_COUNTED: &str = "Nothing was counted. The buttons above still work.";

/// What stands beside the command that takes any words, and beside its one option.
pub const ANY_COMMAND: &str = "Anything that could be typed after the prefix";
pub const ANY_COMMAND_TEXT: &str = "As in `deploy shop canary`; nothing is `help`";

/// A command's options that no form of it has together.
pub fn not_together(command: &str) -> String {
    format!("These options of `{command}` do not go together, so nothing was run. `help` shows what does.")
}

/// An answer to words that were said while the bot was away.
pub fn late(mut card: Card, by: Duration) -> Card {
    let line = Text::plain(format!("Late by {}: I was away.", length(by)));
    card.blocks.retain(|it| !matches!(it, Block::Text(text) if text.to_string().is_empty()));
    card.blocks.insert(0, Block::Text(line));
    card
}

/// Who speaks cannot be looked up for now: the platform has had too many such questions.
pub fn kept(by: Duration) -> Card {
    Card::say(format!(
        "I heard you. The platform tells me who you are in {}; until then it is kept, and you need not repeat it.",
        length(by)
    ))
}

/// A chat will not do something as things are; said where an administrator reads it.
pub fn refused(place: &str, code: &str, fix: &str) -> Card {
    Card::titled(Tone::Bad, format!("I cannot speak in {place}"))
        .text(Text::default().code(code).and(format!(": {fix}.")).and(" I go on trying once a minute."))
}

fn name(platform: Platform) -> &'static str {
    match platform {
        Platform::Slack => "Slack",
        Platform::Discord => "Discord",
        Platform::Terminal => "the terminal",
    }
}

/// Listening to a chat has ended, and does not begin again by itself.
pub fn deaf(platform: Platform, code: &str, fix: &str) -> Card {
    let text = Text::default().code(code).and(format!(": {fix}, and start me again."));
    Card::titled(Tone::Bad, format!("I hear nothing any more in {}", name(platform))).text(text)
}

/// A chat takes no word of ours any more, whatever we hear of it.
pub fn mute(platform: Platform, code: &str, fix: &str) -> Card {
    let text = Text::default().code(code).and(format!(": {fix}, and start me again."));
    Card::titled(Tone::Bad, format!("I can say nothing any more in {}", name(platform))).text(text)
}

/// People's messages come empty.
pub fn wordless(platform: Platform) -> Card {
    let fix = "I see that people write, and not what. Turn MESSAGE CONTENT INTENT on, under Bot in Discord's developer \
               portal; until then, commands and mentions of me work.";
    Card::titled(Tone::Bad, format!("Messages in {} come to me without their words", name(platform)))
        .text(fix)
}

/// Others hold all the connections that there are.
pub fn turned_away(platform: Platform) -> Card {
    let fix = "Other programs hold as many connections with my app token as are allowed, and are told some of what you say \
               to me. Stop what else runs with it, an old copy of me perhaps; I go on trying.";
    Card::titled(Tone::Bad, format!("{} lets me open no connection", name(platform))).text(fix)
}

/// The platform holds back what happens.
pub fn slowed(platform: Platform) -> Card {
    let fix = "More than 30,000 events came within an hour. Take me out of channels where nobody needs me.";
    Card::titled(Tone::Bad, format!("{} tells me only a part of what happens", name(platform))).text(fix)
}

/// In the place of one of these, once it is over; `lasted`: from when it was told.
pub fn over(trouble: &Card, lasted: Duration) -> Card {
    Card::titled(Tone::Good, format!("Over after {}: {}", length(lasted), trouble.title))
}

//! A workflow's question to people.

use super::list;
use crate::message::card::{Card, Text, Tone};

/// One thing that is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub name: String,
    pub description: String,
    pub secret: bool,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct View {
    /// What people type to answer.
    pub short: String,
    /// The workflow that asks.
    pub action: String,
    pub wanted: Vec<Wanted>,
    pub who: Vec<String>,
    /// Nobody need answer any more.
    pub closed: bool,
}

/// Draws the question.
pub fn card(view: &View) -> Card {
    if view.closed {
        return Card::titled(Tone::Neutral, format!("{} has its answer", view.action));
    }
    let wanted = view.wanted.iter().map(|it| {
        let text = Text::default().code(it.name.as_str()).and(format!("  {}", it.description));
        if it.secret { text.and(" (a secret, which nobody can type)") } else { text }
    });
    let mut card = Card::titled(Tone::Waiting, format!("{} asks", view.action)).lines(wanted.collect());
    if !view.who.is_empty() {
        card = card.text(format!("For {}.", list(&view.who)));
    }
    card.text(
        Text::plain("Answer with ")
            .code(format!("!answer {} yes", view.short))
            .and(", a text, or a JSON object."),
    )
}

//! Discord's messages as parts (<https://docs.discord.com/developers/resources/message>).

use serde_json::Value;

use super::markup::{Stretch, fenced, markdown};
use super::{Face, Message, Part, Run, Weight};
use crate::chat::discord::render::render;
use crate::message::Card;

/// Discord's styles of buttons
/// (<https://docs.discord.com/developers/components/reference#button-button-styles>).
const SUCCESS: u64 = 3;
const DANGER: u64 = 4;

/// What Discord is sent of a card.
pub(super) fn message(card: &Card) -> Message {
    let body = render(card).body;
    let list = |key: &str| body[key].as_array().cloned().unwrap_or_default();
    let content = body["content"].as_str().filter(|it| !it.is_empty());
    Message {
        above: content.map(prose).unwrap_or_default(),
        boxes: list("embeds").iter().map(|it| (colour(it), embed(it))).collect(),
        below: list("components").iter().map(row).collect(),
    }
}

fn colour(embed: &Value) -> String {
    format!("#{:06x}", embed["color"].as_u64().unwrap_or_default())
}

fn embed(embed: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(title) = text(&embed["title"]) {
        let bold = |it: Run| if it.face == Face::Plain { Run::new(it.text, Face::Bold) } else { it };
        let lines = markdown(&title).into_iter().map(|line| line.into_iter().map(bold).collect());
        parts.push(Part::Heading(lines.collect()));
    }
    parts.extend(text(&embed["description"]).iter().flat_map(|it| prose(it)));
    let fields: Vec<_> = embed["fields"].as_array().into_iter().flatten().map(field).collect();
    if !fields.is_empty() {
        parts.push(Part::Fields(fields));
    }
    if let Some(footer) = text(&embed["footer"]["text"]) {
        let lines = footer.lines().map(|it| vec![Run::new(it, Face::Plain)]);
        parts.push(Part::Note(lines.collect()));
    }
    parts
}

fn prose(text: &str) -> Vec<Part> {
    let part = |it| match it {
        Stretch::Prose(prose) => Part::Prose(markdown(prose)),
        Stretch::Code(code) => Part::Code(code.to_owned()),
    };
    fenced(text).into_iter().map(part).collect()
}

fn field(field: &Value) -> (Vec<Run>, Vec<Vec<Run>>) {
    let name = field["name"].as_str().unwrap_or_default();
    let value = field["value"].as_str().unwrap_or_default();
    (vec![Run::new(name, Face::Bold)], markdown(value))
}

fn row(row: &Value) -> Part {
    let buttons = row["components"].as_array().into_iter().flatten();
    Part::Buttons(buttons.map(button).collect())
}

fn button(button: &Value) -> (String, Weight) {
    let weight = match button["style"].as_u64() {
        Some(SUCCESS) => Weight::Good,
        Some(DANGER) => Weight::Danger,
        _ => Weight::Plain,
    };
    (button["label"].as_str().unwrap_or_default().to_owned(), weight)
}

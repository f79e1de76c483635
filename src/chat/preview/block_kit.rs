//! Block Kit as parts of a message (<https://docs.slack.dev/reference/block-kit/blocks>).

use serde_json::Value;

use super::markup::{Stretch, fenced, mrkdwn, unescape};
use super::{Face, Message, Part, Run, Weight};
use crate::chat::slack::render::render;
use crate::message::Card;

/// What Slack is sent of a card.
pub(super) fn message(card: &Card) -> Message {
    let blocks = render(card).blocks;
    let blocks = blocks.as_array().cloned().unwrap_or_default();
    Message { below: blocks.iter().flat_map(parts).collect(), ..Message::default() }
}

fn parts(block: &Value) -> Vec<Part> {
    match block["type"].as_str() {
        Some("header") => vec![Part::Heading(vec![vec![Run::new(text(&block["text"]), Face::Bold)]])],
        Some("section") if block["fields"].is_array() => {
            let fields = block["fields"].as_array().into_iter().flatten();
            vec![Part::Fields(fields.map(|it| field(text(it))).collect())]
        }
        Some("section") => prose(text(&block["text"])),
        Some("context") => {
            let elements = block["elements"].as_array().into_iter().flatten();
            vec![Part::Note(elements.flat_map(|it| mrkdwn(text(it))).collect())]
        }
        Some("actions") => {
            let elements = block["elements"].as_array().into_iter().flatten();
            vec![Part::Buttons(elements.map(button).collect())]
        }
        _ => Vec::new(),
    }
}

fn text(object: &Value) -> &str {
    object["text"].as_str().unwrap_or_default()
}

fn prose(text: &str) -> Vec<Part> {
    let part = |it| match it {
        Stretch::Prose(prose) => Part::Prose(mrkdwn(prose)),
        Stretch::Code(code) => Part::Code(unescape(code)),
    };
    fenced(text).into_iter().map(part).collect()
}

/// `*label*` above its value.
fn field(text: &str) -> (Vec<Run>, Vec<Vec<Run>>) {
    let mut lines = mrkdwn(text).into_iter();
    (lines.next().unwrap_or_default(), lines.collect())
}

fn button(element: &Value) -> (String, Weight) {
    let weight = match element["style"].as_str() {
        Some("primary") => Weight::Good,
        Some("danger") => Weight::Danger,
        _ => Weight::Plain,
    };
    (text(&element["text"]).to_owned(), weight)
}

//! Cards as Block Kit (<https://docs.slack.dev/reference/block-kit/blocks>).
//!
//! Limits: a section 3,000 characters, ten fields of 2,000, 50 blocks, a header 150, a button's text 75 and value 2,000,
//! a confirmation 100/300/30/30. All blocks together are refused as `msg_blocks_too_long` somewhere above 13,000
//! characters (<https://github.com/slackapi/bolt-js/issues/2509>); we stay under 10,000.

use serde_json::{Value, json};

use super::super::layout::{Chunk, Limits, lay, one_piece, plain_piece, units};
use super::text::{Mrkdwn, escape};
use crate::message::{Button, Card, Confirm, Span, Text, Tone, card::ButtonStyle};

const LIMITS: Limits =
    Limits { page: 2_900, total: 10_000, chunks: 44, overhead: 60, fields: 10, label: 200, value: 1_700 };
const HEADER_MAX: usize = 150;
const TITLE_MAX: usize = 2_000;
const FOOTER_MAX: usize = 1_900;
const IF_CUT_MAX: usize = 1_500;
const FALLBACK_MAX: usize = 1_000;
const BUTTON_TEXT_MAX: usize = 75;
const BUTTON_VALUE_MAX: usize = 2_000;
const BUTTONS_MAX: usize = 25;
/// The marker, and what buttons and footer cost beside their text.
const FURNITURE: usize = 300;

/// A drawn card.
#[derive(Debug, Clone)]
pub struct Rendered {
    pub blocks: Value,
    /// What a notification shows; nothing in it is active.
    pub text: String,
    /// Something did not fit, and so the buttons were withheld.
    pub cut: bool,
}

/// Draws a card within Slack's limits.
pub fn render(card: &Card) -> Rendered {
    let title = title(card);
    let (footer, footer_cut) = one_piece(&Mrkdwn, &card.footer, FOOTER_MAX);
    let (if_cut, _) = one_piece(&Mrkdwn, &card.if_cut, IF_CUT_MAX);
    let buttons = buttons(&card.buttons);
    let title_cost = title.as_ref().map_or(0, |it| it.cost + LIMITS.overhead);
    let buttons_cost = buttons.as_ref().map_or(0, |it| it.to_string().len());
    let reserved = FURNITURE + title_cost + units(&footer) + buttons_cost.max(units(&if_cut));
    let laid = lay(&Mrkdwn, card, LIMITS, reserved);

    let title_cut = title.as_ref().is_some_and(|it| it.cut);
    let cut = 0 < laid.cut || title_cut || footer_cut || buttons.is_none();
    let mut blocks: Vec<Value> = title.into_iter().map(|it| it.block).collect();
    blocks.extend(laid.chunks.iter().map(block));
    if 0 < laid.cut {
        blocks.push(context(&format!("[… +{} ↵]", laid.cut)));
    }
    match buttons {
        Some(buttons) if !cut && !card.buttons.is_empty() => {
            blocks.push(json!({"type": "actions", "block_id": "answers", "elements": buttons}));
        }
        _ if cut && !if_cut.is_empty() => blocks.push(section(&if_cut)),
        Some(_) | None => {}
    }
    // What a cut card asks people to look up does not stand below it.
    let replaced = cut && !if_cut.is_empty();
    if !footer.trim().is_empty() && !replaced {
        blocks.push(context(&footer));
    }
    if blocks.is_empty() {
        blocks.push(section("…"));
    }
    Rendered { blocks: Value::Array(blocks), text: fallback(card), cut }
}

struct Title {
    block: Value,
    cost: usize,
    cut: bool,
}

fn title(card: &Card) -> Option<Title> {
    if card.title.is_empty() {
        return None;
    }
    let plain = card.title.0.iter().all(|span| matches!(span, Span::Plain(_)));
    let (text, too_long) = plain_piece(&format!("{} {}", card.tone.symbol(), card.title), HEADER_MAX);
    // A header is plain text: whether it wants escapes is nowhere written, so titles that need any are sections.
    if plain && !too_long && !text.contains(['&', '<', '>', '\n', ':']) {
        let header = json!({"type": "header", "text": {"type": "plain_text", "text": text, "emoji": true}});
        return Some(Title { cost: units(&text), block: header, cut: false });
    }
    let bold = card.title.0.iter().map(|span| match span {
        Span::Plain(text) => Span::Bold(text.clone()),
        Span::Bold(_) | Span::Code(_) | Span::Link { .. } | Span::Mention(_) => span.clone(),
    });
    let (text, cut) = one_piece(&Mrkdwn, &Text(bold.collect()), TITLE_MAX);
    let text = format!("{} {text}", card.tone.symbol());
    Some(Title { cost: units(&text), block: section(&text), cut })
}

fn block(chunk: &Chunk) -> Value {
    match chunk {
        Chunk::Prose(text) => section(text),
        Chunk::Code(code) => section(&format!("```\n{code}\n```")),
        Chunk::Fields(fields) => {
            let fields: Vec<Value> =
                fields.iter().map(|(label, value)| mrkdwn(&format!("*{label}*\n{value}"))).collect();
            json!({"type": "section", "fields": fields})
        }
    }
}

/// `verbatim` keeps Slack from finding channel names and addresses of its own in outside text.
fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": mrkdwn(text)})
}

fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [mrkdwn(text)]})
}

/// `None` if any button could not be shown whole.
fn buttons(buttons: &[Button]) -> Option<Value> {
    if BUTTONS_MAX < buttons.len() {
        return None;
    }
    buttons
        .iter()
        .enumerate()
        .map(|(index, it)| button(index, it))
        .collect::<Option<Vec<Value>>>()
        .map(Value::Array)
}

fn button(index: usize, button: &Button) -> Option<Value> {
    let value = button.act.encode();
    let fits = units(&value) <= BUTTON_VALUE_MAX;
    let mut element = json!({
        "type": "button",
        "action_id": format!("answer-{index}"),
        "value": value,
        "text": plain_text(&button.label, BUTTON_TEXT_MAX)?,
    });
    match button.style {
        ButtonStyle::Plain => {}
        ButtonStyle::Good => element["style"] = json!("primary"),
        ButtonStyle::Danger => element["style"] = json!("danger"),
    }
    if let Some(confirm) = &button.confirm {
        element["confirm"] = confirmation(confirm)?;
    }
    fits.then_some(element)
}

fn confirmation(confirm: &Confirm) -> Option<Value> {
    Some(json!({
        "title": plain_text(&confirm.title, 100)?,
        "text": plain_text(&confirm.text, 300)?,
        "confirm": plain_text(&confirm.yes, 30)?,
        "deny": plain_text(&confirm.no, 30)?,
    }))
}

fn plain_text(text: &str, longest: usize) -> Option<Value> {
    let (text, cut) = plain_piece(text, longest);
    (!cut && !text.trim().is_empty()).then(|| json!({"type": "plain_text", "text": text, "emoji": true}))
}

/// The notification's words: the title, or the first lines.
fn fallback(card: &Card) -> String {
    let words = if card.title.is_empty() {
        card.to_string()
    } else {
        match card.tone {
            Tone::Neutral => card.title.to_string(),
            Tone::Working | Tone::Waiting | Tone::Good | Tone::Bad => {
                format!("{} {}", card.tone.symbol(), card.title)
            }
        }
    };
    let words = if words.trim().is_empty() { "…" } else { words.trim() };
    escape(&plain_piece(words, FALLBACK_MAX).0)
}

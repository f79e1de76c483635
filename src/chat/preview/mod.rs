//! What people see of a card, as a picture: read back from what the platform is really sent, so that a preview shows
//! what was escaped, cut or withheld. An approximation in one font, the same bytes on every machine.
//!
//! - `block_kit`, `embed`: from a platform's payload to the parts of a message;
//! - `markup`: runs of text in either platform's marks;
//! - `ink`: how wide text is, and where its lines break;
//! - `symbol`: the few signs that the font lacks;
//! - `theme`, `draw`: parts as SVG; `page`: the same in HTML.

mod block_kit;
mod draw;
mod embed;
mod ink;
mod markup;
mod page;
mod symbol;
mod theme;

use super::png::{self, PngError};
use crate::message::{Block, Card};

pub use page::page;

/// Whose drawing of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Slack,
    Discord,
}

impl Look {
    pub const ALL: [Self; 2] = [Self::Slack, Self::Discord];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            Self::Discord => "Discord",
        }
    }
}

/// Why a card cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    #[error("the chart in block {block} is no picture")]
    Chart { block: usize, source: PngError },
    #[error("the preview is no picture")]
    Preview(#[from] PngError),
}

/// How a run of text is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Face {
    #[default]
    Plain,
    Bold,
    Code,
    Link,
    Mention,
}

/// Text in one face, without line breaks of its own where it stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    text: String,
    face: Face,
}

impl Run {
    fn new(text: impl Into<String>, face: Face) -> Self {
        Self { text: text.into(), face }
    }
}

type Line = Vec<Run>;

/// How a button stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Plain,
    Good,
    Danger,
}

/// A part of a message, below the one before.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Heading(Vec<Line>),
    Prose(Vec<Line>),
    Code(String),
    /// Label and value, in columns.
    Fields(Vec<(Line, Vec<Line>)>),
    /// In small letters.
    Note(Vec<Line>),
    Buttons(Vec<(String, Weight)>),
    /// A picture that stands in the message's thread, as an SVG, its width and its height.
    Picture(String, f32, f32),
}

/// A message as it stands in a channel.
#[derive(Clone, Debug, Default, PartialEq)]
struct Message {
    /// What stands above the bar.
    above: Vec<Part>,
    /// What stands beside a coloured bar, and its colour.
    boxes: Vec<(String, Vec<Part>)>,
    below: Vec<Part>,
}

/// The messages one below the other as an SVG document, as `look` shows them.
///
/// # Errors
/// When a chart is no picture.
pub fn svg(cards: &[Card], look: Look) -> Result<String, PreviewError> {
    let mut messages = Vec::with_capacity(cards.len());
    for card in cards {
        let mut message = match look {
            Look::Slack => block_kit::message(card),
            Look::Discord => embed::message(card),
        };
        message.below.extend(pictures(card)?);
        messages.push(message);
    }
    Ok(draw::document(&messages, look))
}

/// The same as a PNG, two pixels a unit as long as the platform-independent bounds of [`png`] allow it.
///
/// # Errors
/// When a chart, or all of it, is no picture.
pub fn picture(cards: &[Card], look: Look) -> Result<Vec<u8>, PreviewError> {
    let svg = svg(cards, look)?;
    match png::from_svg(&svg, 2.0) {
        Err(PngError::Size { .. }) => Ok(png::from_svg(&svg, 1.0)?),
        drawn => Ok(drawn?),
    }
}

/// The charts of a card, which the bot posts into the message's thread.
fn pictures(card: &Card) -> Result<Vec<Part>, PreviewError> {
    let mut pictures = Vec::new();
    for (index, block) in card.blocks.iter().enumerate() {
        let Block::Chart { svg, .. } = block else { continue };
        let size = png::size(svg).map_err(|source| PreviewError::Chart { block: index + 1, source })?;
        pictures.push(Part::Picture(svg.clone(), size.0, size.1));
    }
    Ok(pictures)
}

#[cfg(test)]
mod tests;

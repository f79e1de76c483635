//! Fits a card into a platform's limits. The platform says how to write a character, a bold word or a link
//! ([`Markup`]) and how much room there is ([`Limits`]); here text is broken into chunks, only ever between two
//! written characters, so no escape, link or mention is cut in half.

use super::inert::written_out;
use crate::id::Account;
use crate::message::{Block, Card, Field, Span, Text};

/// How a platform writes text.
pub(super) trait Markup {
    /// One character of outside text, escaped.
    fn character(&self, c: char) -> String;
    /// The same inside a fixed-width block.
    fn code_character(&self, c: char) -> String;
    /// `None` where the platform cannot write it faithfully; then it is written as plain text.
    fn bold(&self, text: &str) -> Option<String>;
    fn code(&self, text: &str) -> Option<String>;
    fn link(&self, text: &str, url: &str) -> Option<String>;
    fn mention(&self, account: &Account) -> Option<String>;
}

/// How much room a platform gives, in UTF-16 code units (both platforms count characters; no emoji can then exceed).
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The longest chunk.
    pub(super) page: usize,
    /// All chunks together, their overhead included.
    pub(super) total: usize,
    pub(super) chunks: usize,
    /// What a chunk costs beside its text.
    pub(super) overhead: usize,
    pub(super) fields: usize,
    pub(super) label: usize,
    pub(super) value: usize,
}

/// A part of a drawn card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chunk {
    Prose(String),
    /// Escaped, without fences.
    Code(String),
    /// Label and value.
    Fields(Vec<(String, String)>),
}

/// A card's body, as much of it as fits.
#[derive(Debug, Default)]
pub(super) struct Laid {
    pub(super) chunks: Vec<Chunk>,
    /// Lines that did not fit. If there are any, buttons must be withheld.
    pub(super) cut: usize,
}

/// Two fences with their line breaks.
const FENCES: usize = 8;
/// A page with less room than this is not begun.
const PAGE_MIN: usize = 40;

/// UTF-16 code units.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text as written pieces that must not be split.
pub(super) fn pieces(markup: &impl Markup, text: &Text, longest: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    for span in &text.0 {
        let (whole, plain) = match span {
            Span::Plain(text) => (None, text.clone()),
            Span::Bold(text) => (markup.bold(text), text.clone()),
            Span::Code(text) => (markup.code(text), text.clone()),
            Span::Link { text, url } => (markup.link(text, url), format!("{text} ({url})")),
            Span::Mention(account) => (markup.mention(account), format!("@{}", account.user)),
        };
        match whole.filter(|it| units(it) <= longest) {
            Some(whole) => pieces.push(whole),
            None => pieces.extend(plain.chars().map(|c| write(c, |c| markup.character(c)))),
        }
    }
    pieces
}

/// The text as one string of at most `longest` units, and whether something had to go.
pub(super) fn one_piece(markup: &impl Markup, text: &Text, longest: usize) -> (String, bool) {
    let pieces = pieces(markup, text, longest);
    let whole: String = pieces.concat();
    if units(&whole) <= longest {
        return (whole, false);
    }
    (fill(&pieces, longest.saturating_sub(1)).0 + "…", true)
}

/// Outside text that stands in a plain field of the platform (no markup is read there).
pub(super) fn plain_piece(text: &str, longest: usize) -> (String, bool) {
    let pieces: Vec<String> = text.chars().map(|c| write(c, |c| c.to_string())).collect();
    let whole: String = pieces.concat();
    if units(&whole) <= longest {
        return (whole, false);
    }
    (fill(&pieces, longest.saturating_sub(1)).0 + "…", true)
}

fn write(c: char, escape: impl Fn(char) -> String) -> String {
    match written_out(c) {
        Some(visible) => visible.chars().map(escape).collect(),
        None => escape(c),
    }
}

/// As many leading pieces as fit, and how many those are.
fn fill(pieces: &[String], room: usize) -> (String, usize) {
    let mut text = String::new();
    let mut used = 0;
    for (index, piece) in pieces.iter().enumerate() {
        used += units(piece);
        if room < used {
            return (text, index);
        }
        text.push_str(piece);
    }
    (text, pieces.len())
}

/// Lays a card's blocks out; `reserved` units of the total stay free for title, footer and marker.
pub(super) fn lay(markup: &impl Markup, card: &Card, limits: Limits, reserved: usize) -> Laid {
    let mut layout =
        Layout { markup, limits, left: limits.total.saturating_sub(reserved), laid: Laid::default() };
    for block in &card.blocks {
        match block {
            Block::Text(text) => layout.prose(&pieces(markup, text, limits.page)),
            Block::Lines(lines) => layout.lines(lines),
            Block::Fields(fields) => layout.fields(fields),
            Block::Code(code) => layout.code(code),
            // Its words go with the picture; a card has a line for each metric anyway.
            Block::Chart { unicode, .. } => layout.code(unicode),
        }
    }
    layout.laid
}

struct Layout<'a, M> {
    markup: &'a M,
    limits: Limits,
    left: usize,
    laid: Laid,
}

impl<M: Markup> Layout<'_, M> {
    /// Room for the next chunk's text; zero once something was cut, so that nothing follows a gap.
    fn room(&self) -> usize {
        if 0 < self.laid.cut || self.limits.chunks <= self.laid.chunks.len() {
            return 0;
        }
        self.limits.page.min(self.left.saturating_sub(self.limits.overhead))
    }

    fn add(&mut self, chunk: Chunk, cost: usize) {
        self.left = self.left.saturating_sub(cost + self.limits.overhead);
        self.laid.chunks.push(chunk);
    }

    fn prose(&mut self, pieces: &[String]) {
        self.paginate(pieces, 0, Chunk::Prose);
    }

    fn code(&mut self, code: &str) {
        let pieces: Vec<String> = code
            .trim_end_matches('\n')
            .chars()
            .map(|c| write(c, |c| self.markup.code_character(c)))
            .collect();
        self.paginate(&pieces, FENCES, Chunk::Code);
    }

    fn paginate(&mut self, pieces: &[String], frame: usize, chunk: fn(String) -> Chunk) {
        let mut rest = pieces;
        while !rest.is_empty() {
            let room = self.room().saturating_sub(frame);
            let needed: usize = rest.iter().map(|it| units(it)).sum();
            if room < needed.min(PAGE_MIN) {
                self.laid.cut += lines(rest);
                return;
            }
            let (_, fits) = fill(rest, room);
            let at = if fits == rest.len() { fits } else { nicest_break(&rest[..fits]) };
            if at == 0 {
                self.laid.cut += lines(rest);
                return;
            }
            let (page, next) = rest.split_at(at);
            let text = page.concat();
            let cost = units(&text) + frame;
            if !text.trim().is_empty() {
                self.add(chunk(text), cost);
            }
            rest = next;
        }
    }

    fn lines(&mut self, lines: &[Text]) {
        let mut all = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            if 0 < index {
                all.push("\n".to_owned());
            }
            all.push("• ".to_owned());
            all.extend(pieces(self.markup, line, self.limits.page));
        }
        self.prose(&all);
    }

    fn fields(&mut self, fields: &[Field]) {
        let drawn: Option<Vec<(String, String)>> = fields.iter().map(|field| self.field(field)).collect();
        let Some(drawn) = drawn else {
            return self.field_lines(fields);
        };
        for (index, group) in drawn.chunks(self.limits.fields).enumerate() {
            let cost: usize = group.iter().map(|(label, value)| units(label) + units(value) + 5).sum();
            let free = self.left.saturating_sub(self.limits.overhead);
            if self.room() == 0 || free < cost {
                return self.field_lines(&fields[index * self.limits.fields..]);
            }
            self.add(Chunk::Fields(group.to_vec()), cost);
        }
    }

    fn field(&self, field: &Field) -> Option<(String, String)> {
        let (label, label_cut) = one_piece(self.markup, &Text::plain(&field.label), self.limits.label);
        let (value, value_cut) = one_piece(self.markup, &field.value, self.limits.value);
        (!label_cut && !value_cut && !label.trim().is_empty() && !value.trim().is_empty())
            .then_some((label, value))
    }

    fn field_lines(&mut self, fields: &[Field]) {
        let lines: Vec<Text> = fields
            .iter()
            .map(|field| {
                let mut line = Text::default().bold(format!("{}:", field.label)).and(" ");
                line.0.extend(field.value.0.iter().cloned());
                line
            })
            .collect();
        self.lines(&lines);
    }
}

fn lines(pieces: &[String]) -> usize {
    1 + pieces.iter().filter(|it| *it == "\n").count()
}

/// After the last line break if there is one in the second half, else anywhere.
fn nicest_break(pieces: &[String]) -> usize {
    pieces
        .iter()
        .rposition(|it| it == "\n")
        .map(|at| at + 1)
        .filter(|at| pieces.len() / 2 < *at)
        .unwrap_or(pieces.len())
}

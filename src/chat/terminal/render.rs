//! A card as rows of text no wider than the terminal. Long lines are wrapped, never cut: a terminal scrolls, so
//! everything that binds an answer is shown.

use unicode_width::UnicodeWidthChar;

use super::super::inert::written_out;
use crate::message::{Block, Button, ButtonAct, Card, Field, Span, Text};

/// No row is narrower, however small the window: below this, wrapping makes text unreadable.
const WIDTH_MIN: usize = 20;
/// Rows of prose do not become longer than this, however wide the window.
const WIDTH_MAX: usize = 140;
/// Labels of fields are padded to at most this many columns.
const LABEL_MAX: usize = 24;
const TAB: &str = "    ";

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns.
    pub width: usize,
    /// Whether bold and colours may be used. The meaning never hangs on them.
    pub ansi: bool,
}

impl Style {
    /// Text without any escape sequences.
    pub fn plain(width: usize) -> Self {
        Self { width, ansi: false }
    }

    fn columns(self) -> usize {
        self.width.clamp(WIDTH_MIN, WIDTH_MAX)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    Plain,
    Bold,
    Dim,
    Code,
    Link,
    Mention,
}

impl Paint {
    /// Select Graphic Rendition: ECMA-48 §8.3.117.
    fn codes(self) -> Option<&'static str> {
        match self {
            Paint::Plain => None,
            Paint::Bold => Some("1"),
            Paint::Dim => Some("2"),
            Paint::Code => Some("36"),
            Paint::Link => Some("4"),
            Paint::Mention => Some("1;35"),
        }
    }
}

type Run = Vec<(char, Paint)>;

/// Draws a card. No row holds a line break, and no row holds an escape sequence that is not ours.
pub fn rows(card: &Card, style: Style) -> Vec<String> {
    let mut page = Page { style, indent: 0, rows: Vec::new() };
    if !card.title.is_empty() {
        let mut title = run(&format!("{} ", card.tone.symbol()), Paint::Plain);
        let hang = width_of(&title);
        title.extend(text_run(&card.title, Paint::Bold));
        page.wrapped(&[], &title, hang);
        page.indent = hang;
    }
    for block in &card.blocks {
        page.block(block);
    }
    if !card.buttons.is_empty() {
        page.wrapped(&[], &buttons(&card.buttons), 0);
    }
    if !card.footer.is_empty() {
        page.wrapped(&[], &text_run(&card.footer, Paint::Dim), 0);
    }
    page.rows
}

/// Columns that a text takes on one endless row.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|it| it.width().unwrap_or(0)).sum()
}

struct Page {
    style: Style,
    /// Blanks before every row below the title.
    indent: usize,
    rows: Vec<String>,
}

impl Page {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Text(text) => self.wrapped(&[], &text_run(text, Paint::Plain), 0),
            Block::Lines(lines) => {
                for line in lines {
                    self.wrapped(&run("  ", Paint::Plain), &text_run(line, Paint::Plain), 2);
                }
            }
            Block::Fields(fields) => self.fields(fields),
            Block::Code(code) => self.code(code),
            Block::Chart { unicode, alt, .. } => self.chart(unicode, alt),
        }
    }

    fn fields(&mut self, fields: &[Field]) {
        let widest = fields.iter().map(|it| width_of(&run(&it.label, Paint::Dim))).max().unwrap_or(0);
        let column = widest.min(LABEL_MAX) + 2;
        for field in fields {
            let mut label = run(&field.label, Paint::Dim);
            let pad = column.saturating_sub(width_of(&label)).max(1);
            label.extend(run(&" ".repeat(pad), Paint::Plain));
            let hang = column.min(self.style.columns() / 2);
            self.wrapped(&label, &text_run(&field.value, Paint::Plain), hang);
        }
    }

    fn code(&mut self, code: &str) {
        for line in code.trim_end_matches('\n').split('\n') {
            let bar = run("│ ", Paint::Dim);
            let room = self.style.columns().saturating_sub(self.indent + width_of(&bar)).max(1);
            for part in hard_wrapped(&run(line, Paint::Plain), room) {
                let mut row = bar.clone();
                row.extend(part);
                self.push(&row);
            }
        }
    }

    /// A chart that does not fit is told in words: broken rows would draw another picture.
    fn chart(&mut self, unicode: &str, alt: &str) {
        let room = self.style.width.saturating_sub(self.indent);
        let lines: Vec<Run> =
            unicode.trim_end_matches('\n').split('\n').map(|it| run(it, Paint::Plain)).collect();
        if lines.iter().any(|it| room < width_of(it)) {
            return self.wrapped(&[], &run(alt, Paint::Plain), 0);
        }
        for line in lines {
            self.push(&line);
        }
    }

    /// `head` stands before the first row; later rows are indented by `hang`.
    fn wrapped(&mut self, head: &[(char, Paint)], body: &[(char, Paint)], hang: usize) {
        let room = self.style.columns().saturating_sub(self.indent);
        let mut lead: Run = head.to_vec();
        for paragraph in body.split(|(c, _)| *c == '\n') {
            let mut rest = paragraph;
            loop {
                let (row, next) = first_row(rest, room.saturating_sub(width_of(&lead)).max(1));
                lead.extend_from_slice(row);
                self.push(&lead);
                lead = run(&" ".repeat(hang), Paint::Plain);
                if next.is_empty() {
                    break;
                }
                rest = next;
            }
        }
    }

    fn push(&mut self, row: &[(char, Paint)]) {
        let painted = painted(row, self.style.ansi);
        let row = format!("{}{}", " ".repeat(self.indent), painted);
        self.rows.push(row.trim_end_matches(' ').to_owned());
    }
}

type Painted = (char, Paint);

/// What fits on one row, and the rest. Breaks at the last blank that fits, else in the middle of the word.
fn first_row(text: &[Painted], room: usize) -> (&[Painted], &[Painted]) {
    let mut used = 0;
    let mut blank = None;
    for (at, (c, _)) in text.iter().enumerate() {
        used += c.width().unwrap_or(0);
        if room < used && 0 < at {
            if *c == ' ' {
                return (&text[..at], trimmed(&text[at..]));
            }
            return match blank {
                Some(blank) => (&text[..blank], trimmed(&text[blank..])),
                None => text.split_at(at),
            };
        }
        if *c == ' ' && text[..at].iter().any(|(c, _)| *c != ' ') {
            blank = Some(at);
        }
    }
    (text, &[])
}

fn trimmed(text: &[(char, Paint)]) -> &[(char, Paint)] {
    let from = text.iter().position(|(c, _)| *c != ' ').unwrap_or(text.len());
    &text[from..]
}

/// Code keeps its blanks, so it is broken exactly at the edge.
fn hard_wrapped(line: &Run, room: usize) -> Vec<Run> {
    let mut parts = vec![Run::new()];
    let mut used = 0;
    for (c, paint) in line {
        let width = c.width().unwrap_or(0);
        if room < used + width && 0 < used {
            parts.push(Run::new());
            used = 0;
        }
        used += width;
        if let Some(part) = parts.last_mut() {
            part.push((*c, *paint));
        }
    }
    parts
}

/// Outside text, made harmless: what is left can only be seen.
fn run(text: &str, paint: Paint) -> Run {
    let mut run = Run::with_capacity(text.len());
    for c in text.chars() {
        match written_out(c) {
            Some(visible) => run.extend(visible.chars().map(|it| (it, paint))),
            None if c == '\t' => run.extend(TAB.chars().map(|it| (it, paint))),
            None => run.push((c, paint)),
        }
    }
    run
}

fn text_run(text: &Text, plain: Paint) -> Run {
    let mut all = Run::new();
    for span in &text.0 {
        match span {
            Span::Plain(text) => all.extend(run(text, plain)),
            Span::Bold(text) => all.extend(run(text, Paint::Bold)),
            Span::Code(text) => {
                all.extend(run("`", Paint::Dim));
                all.extend(run(text, Paint::Code));
                all.extend(run("`", Paint::Dim));
            }
            Span::Link { text, url } if text == url => all.extend(run(url, Paint::Link)),
            Span::Link { text, url } => {
                all.extend(run(&format!("{text} ("), plain));
                all.extend(run(url, Paint::Link));
                all.extend(run(")", plain));
            }
            Span::Mention(account) => all.extend(run(&format!("@{}", account.user), Paint::Mention)),
        }
    }
    all
}

/// Nothing can be clicked here: the labels, and the words that do the same. What can always be said stands below nothing.
fn buttons(buttons: &[Button]) -> Run {
    let mut all = Run::new();
    let asked = buttons.iter().filter_map(|button| match button.act {
        ButtonAct::Approve { .. } => Some((button, "!approve")),
        ButtonAct::Reject { .. } => Some((button, "!reject")),
        ButtonAct::Stop { .. } => None,
    });
    let asked: Vec<(&Button, &str)> = asked.collect();
    for (button, _) in &asked {
        all.extend(run(&format!("[{}] ", button.label), Paint::Bold));
    }
    for (_, command) in asked {
        all.extend(run(&format!(" {command}"), Paint::Code));
    }
    all
}

fn width_of(run: &[(char, Paint)]) -> usize {
    run.iter().map(|(c, _)| c.width().unwrap_or(0)).sum()
}

fn painted(row: &[(char, Paint)], ansi: bool) -> String {
    let mut text = String::new();
    let mut now = Paint::Plain;
    for (c, paint) in row {
        if ansi && *paint != now {
            text.push_str("\x1b[0m");
            if let Some(codes) = paint.codes() {
                text.push_str(&format!("\x1b[{codes}m"));
            }
            now = *paint;
        }
        text.push(*c);
    }
    if now != Paint::Plain {
        text.push_str("\x1b[0m");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Tone;

    fn drawn(card: &Card, style: Style) -> String {
        rows(card, style).join("\n")
    }

    #[test]
    fn long_text_is_wrapped_at_blanks_and_hangs_below_its_label() {
        let card = Card::titled(Tone::Working, "Release #42 of shop: running, and a title that is long")
            .fields(vec![
                ("app", Text::plain("shop")),
                ("may approve", Text::plain("1 of sre (bea, cid, dora, emil)")),
            ])
            .lines(vec![Text::plain("✔ clone · exactly at 3f2a91c4 · 120 ms")])
            .code("one\n  two with a tail that is far too long for it");
        insta::assert_snapshot!(drawn(&card, Style::plain(36)), @"
        ⏳ Release #42 of shop: running, and
           a title that is long
           app          shop
           may approve  1 of sre (bea, cid,
                        dora, emil)
             ✔ clone · exactly at 3f2a91c4 ·
             120 ms
           │ one
           │   two with a tail that is far t
           │ oo long for it
        ");
        assert!(drawn(&card, Style::plain(36)).lines().all(|it| columns(it) <= 36));
    }

    #[test]
    fn nothing_is_lost_however_narrow_the_window() {
        let text = "漢字漢字漢字漢字漢字漢字漢字 supercalifragilisticexpialidocious end";
        let letters = |it: &str| it.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        for width in [0, 1, 20, 21, 37, 80, 500] {
            let rows = rows(&Card::say(text), Style::plain(width));
            assert_eq!(letters(&rows.concat()), letters(text), "{width}");
            assert!(rows.iter().all(|it| columns(it) <= width.max(WIDTH_MIN)), "{width}: {rows:?}");
        }
    }

    #[test]
    fn outside_text_cannot_move_the_cursor_or_hide() {
        let hostile = "a\x1b[2Jb\u{202e}c\u{200b}d\r\x07e\u{9b}1m";
        let card = Card::titled(Tone::Bad, hostile)
            .text(hostile)
            .code(hostile)
            .fields(vec![(hostile, hostile.into())]);
        let text = drawn(&card, Style::plain(80));
        assert!(!text.contains(['\x1b', '\u{202e}', '\u{200b}', '\r', '\x07', '\u{9b}']), "{text:?}");
        assert!(text.contains(r"a\u{1b}[2Jb\u{202e}c\u{200b}d\u{d}\u{7}e"), "{text}");
    }

    #[test]
    fn colours_end_where_they_began_and_only_add_to_the_plain_text() {
        let card = Card::titled(Tone::Good, "Done").text(Text::plain("see ").code("!where").bold(" now"));
        let ansi = drawn(&card, Style { width: 60, ansi: true });
        assert_eq!(ansi.lines().next(), Some("✅ \x1b[0m\x1b[1mDone\x1b[0m"));
        let mut bare = ansi;
        for code in ["0", "1", "2", "36"] {
            bare = bare.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(bare, drawn(&card, Style::plain(60)));
    }

    #[test]
    fn a_chart_too_wide_is_told_in_words() {
        let chart = Block::Chart {
            unicode: "▁▂▃▄▅▆▇█▇▆▅▄▃▂▁▁▂▃▄▅▆▇█".into(),
            svg: String::new(),
            alt: "latency rises".into(),
        };
        let card = Card { blocks: vec![chart], ..Card::default() };
        assert_eq!(drawn(&card, Style::plain(30)), "▁▂▃▄▅▆▇█▇▆▅▄▃▂▁▁▂▃▄▅▆▇█");
        assert_eq!(drawn(&card, Style::plain(20)), "latency rises");
    }
}

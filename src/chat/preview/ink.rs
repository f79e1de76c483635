//! How wide text is in the fonts that the binary carries, and where its lines break.

use std::sync::LazyLock;

use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider as _, charmap::Charmap};

use super::{Face, Line, Run, symbol};

/// A font's widths, for a size of one unit.
struct Font {
    charmap: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
}

impl Font {
    fn of(bytes: &'static [u8]) -> Self {
        let font = FontRef::new(bytes).expect("the font that we carry");
        let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
        Self { charmap: font.charmap(), metrics }
    }

    /// What the font lacks is drawn as wide as a letter is high.
    fn width(&self, c: char) -> f32 {
        let glyph = self.charmap.map(c).filter(|_| !symbol::is(c));
        glyph.and_then(|it| self.metrics.advance_width(it)).unwrap_or(symbol::WIDTH)
    }
}

static REGULAR: LazyLock<Font> = LazyLock::new(|| Font::of(dejavu::sans::regular()));
static BOLD: LazyLock<Font> = LazyLock::new(|| Font::of(dejavu::sans::bold()));
static MONO: LazyLock<Font> = LazyLock::new(|| Font::of(dejavu::sans_mono::regular()));

fn char_width(c: char, face: Face) -> f32 {
    match face {
        Face::Plain | Face::Link | Face::Mention => REGULAR.width(c),
        Face::Bold => BOLD.width(c),
        Face::Code => MONO.width(c),
    }
}

/// The width of a text set at `size`.
pub(super) fn width(text: &str, face: Face, size: f32) -> f32 {
    text.chars().map(|c| char_width(c, face)).sum::<f32>() * size
}

/// Breaks lines that are wider than `room`, at spaces where there are any.
pub(super) fn wrap(lines: &[Line], size: f32, room: f32) -> Vec<Line> {
    lines.iter().flat_map(|line| wrap_line(line, size, room)).collect()
}

fn wrap_line(line: &Line, size: f32, room: f32) -> Vec<Line> {
    let mut lines = vec![Line::new()];
    let mut used = 0.0;
    for run in line {
        for word in words(&run.text) {
            let wide = width(word.trim_end(), run.face, size);
            if room < used + wide && 0.0 < used {
                lines.push(Line::new());
                used = 0.0;
            }
            for piece in pieces(word, run.face, size, room) {
                let wide = width(piece, run.face, size);
                if room < used + width(piece.trim_end(), run.face, size) && 0.0 < used {
                    lines.push(Line::new());
                    used = 0.0;
                }
                used += wide;
                push(lines.last_mut().expect("never empty"), piece, run.face);
            }
        }
    }
    lines
}

fn push(line: &mut Line, text: &str, face: Face) {
    match line.last_mut().filter(|it| it.face == face) {
        Some(run) => run.text.push_str(text),
        None => line.push(Run::new(text, face)),
    }
}

/// Words with the spaces that follow them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// A word that is wider than a line, in parts that are not.
fn pieces(word: &str, face: Face, size: f32, room: f32) -> Vec<&str> {
    let (mut parts, mut start, mut used) = (Vec::new(), 0, 0.0);
    for (at, c) in word.char_indices() {
        let wide = char_width(c, face) * size;
        if room < used + wide && start < at && c != ' ' {
            parts.push(&word[start..at]);
            (start, used) = (at, 0.0);
        }
        used += wide;
    }
    parts.push(&word[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_at_spaces_and_words_only_where_they_must() {
        let line = vec![Run::new("aaa bbb ", Face::Plain), Run::new("ccccccccc", Face::Code)];
        let room = width("aaa bbb", Face::Plain, 10.0);
        let lines = wrap(&[line], 10.0, room);
        let shown: Vec<String> =
            lines.iter().map(|it| it.iter().map(|run| run.text.as_str()).collect()).collect();
        assert_eq!(shown[0], "aaa bbb ");
        assert_eq!(shown[1..].concat(), "ccccccccc");
        assert!(1 < shown[1..].len(), "{shown:?}");
        assert!(lines[1..].iter().flatten().all(|it| width(&it.text, it.face, 10.0) <= room));
    }

    #[test]
    fn an_empty_line_stays_one() {
        assert_eq!(wrap(&[Line::new()], 10.0, 5.0), [Line::new()]);
    }
}

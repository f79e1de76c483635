//! Messages as an SVG document, from the top down.

use std::fmt::Write as _;

use super::ink::{width, wrap};
use super::theme::{self, Theme};
use super::{Face, Line, Look, Message, Part, Run, Weight, symbol};

const WIDTH: f32 = 720.0;
const MARGIN: f32 = 18.0;
/// Where a message's text begins, right of its picture.
const TEXT: f32 = 70.0;
const SIZE: f32 = 13.5;
const SMALL: f32 = 11.5;
/// From one line's foot to the next, for letters one unit high.
const LEADING: f32 = 1.5;
const GAP: f32 = 9.0;
const PAD: f32 = 12.0;

/// The messages one below the other.
pub(super) fn document(messages: &[Message], look: Look) -> String {
    let mut canvas = Canvas { out: String::new(), y: MARGIN, look, theme: theme::of(look) };
    for message in messages {
        canvas.message(message);
    }
    let (height, theme) = (canvas.y.ceil(), canvas.theme);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"DejaVu Sans\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"{}\"/>\n{}</svg>\n",
        theme.paper, canvas.out
    )
}

struct Canvas {
    out: String,
    /// The top of what comes next.
    y: f32,
    look: Look,
    theme: &'static Theme,
}

impl Canvas {
    fn message(&mut self, message: &Message) {
        let top = self.y;
        self.author(top);
        self.parts(&message.above, TEXT, WIDTH - MARGIN - TEXT);
        for (colour, parts) in &message.boxes {
            self.boxed(colour, parts);
        }
        self.parts(&message.below, TEXT, WIDTH - MARGIN - TEXT);
        self.y = self.y.max(top + 44.0) + MARGIN;
    }

    /// Who speaks: a lock gate in a square or a circle, the name, and that it is no person.
    fn author(&mut self, top: f32) {
        let corner = if self.look == Look::Slack { 6 } else { 19 };
        let _ = write!(
            self.out,
            "<g transform=\"translate({MARGIN} {top})\"><rect width=\"38\" height=\"38\" rx=\"{corner}\" fill=\"#23527c\"/>\
             <path d=\"M10 9v20M28 9v20M10 19l9-5 9 5M10 26l9-5 9 5\" stroke=\"#fff\" stroke-width=\"2.6\" fill=\"none\"/></g>"
        );
        let name = Run::new("Lockkeeper", Face::Bold);
        let after = TEXT + width(&name.text, name.face, 14.0) + 8.0;
        self.run(&name, TEXT, top + 12.0, 14.0, self.theme.ink);
        let _ = write!(
            self.out,
            "<rect x=\"{after:.1}\" y=\"{:.1}\" width=\"30\" height=\"14\" rx=\"3\" fill=\"{}\"/>",
            top + 1.0,
            if self.look == Look::Slack { "#dddddd" } else { "#5865f2" }
        );
        let ink = if self.look == Look::Slack { "#616061" } else { "#ffffff" };
        self.run(&Run::new("APP", Face::Bold), after + 4.0, top + 11.5, 9.5, ink);
        self.y = top + 22.0;
    }

    /// Parts beside a coloured bar.
    fn boxed(&mut self, colour: &str, parts: &[Part]) {
        let (top, before) = (self.y + 4.0, std::mem::take(&mut self.out));
        self.y = top + PAD - 4.0;
        let room = WIDTH - MARGIN - TEXT;
        self.parts(parts, TEXT + PAD + 4.0, room - 2.0 * PAD - 4.0);
        self.y += PAD - 4.0;
        let inside = std::mem::replace(&mut self.out, before);
        let height = self.y - top;
        let _ = writeln!(
            self.out,
            "<rect x=\"{TEXT}\" y=\"{top:.1}\" width=\"{room}\" height=\"{height:.1}\" rx=\"4\" fill=\"{}\"/>\
             <rect x=\"{TEXT}\" y=\"{top:.1}\" width=\"4\" height=\"{height:.1}\" rx=\"2\" fill=\"{colour}\"/>{inside}",
            self.theme.box_paper
        );
        self.y += 4.0;
    }

    fn parts(&mut self, parts: &[Part], x: f32, room: f32) {
        for part in parts {
            match part {
                Part::Heading(lines) => self.lines(lines, x, room, self.theme.heading, self.theme.ink),
                Part::Prose(lines) => self.lines(lines, x, room, SIZE, self.theme.ink),
                Part::Note(lines) => self.lines(lines, x, room, SMALL, self.theme.faint),
                Part::Code(code) => self.code(code, x, room),
                Part::Fields(fields) => self.fields(fields, x, room),
                Part::Buttons(buttons) => self.buttons(buttons, x, room),
                Part::Picture(svg, width, height) => self.picture(svg, *width, *height, x, room),
            }
            self.y += GAP;
        }
    }

    fn lines(&mut self, lines: &[Line], x: f32, room: f32, size: f32, ink: &str) {
        for line in wrap(lines, size, room) {
            let mut at = x;
            for run in &line {
                self.run(run, at, self.y + size * 1.08, size, ink);
                at += width(&run.text, run.face, size);
            }
            self.y += size * LEADING;
        }
    }

    fn code(&mut self, code: &str, x: f32, room: f32) {
        let lines: Vec<Line> =
            code.lines().map(|it| vec![Run::new(it.replace('\t', "    "), Face::Code)]).collect();
        let lines = wrap(&lines, SMALL, room - 2.0 * PAD);
        let height = lines.len() as f32 * SMALL * LEADING + PAD;
        let _ = write!(
            self.out,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{room:.1}\" height=\"{height:.1}\" rx=\"4\" fill=\"{}\" stroke=\"{}\"/>",
            self.y, self.theme.code_paper, self.theme.line
        );
        let bottom = self.y + height;
        self.y += PAD / 2.0;
        for line in &lines {
            let text: String = line.iter().map(|it| it.text.as_str()).collect();
            self.letters(&text, Face::Code, x + PAD, self.y + SMALL * 1.08, SMALL, self.theme.ink);
            self.y += SMALL * LEADING;
        }
        self.y = bottom;
    }

    fn fields(&mut self, fields: &[(Line, Vec<Line>)], x: f32, room: f32) {
        let columns = self.theme.columns;
        let column = room / columns as f32;
        for row in fields.chunks(columns) {
            let (top, mut bottom) = (self.y, self.y);
            for (index, (label, value)) in row.iter().enumerate() {
                self.y = top;
                let left = x + column * index as f32;
                self.lines(std::slice::from_ref(label), left, column - PAD, SIZE, self.theme.ink);
                self.lines(value, left, column - PAD, SIZE, self.theme.ink);
                bottom = bottom.max(self.y);
            }
            self.y = bottom + 5.0;
        }
        self.y -= 5.0;
    }

    fn buttons(&mut self, buttons: &[(String, Weight)], x: f32, room: f32) {
        let mut at = x;
        for (label, weight) in buttons {
            let (paper, edge, ink) = theme::button(self.look, *weight);
            let wide = width(label, Face::Bold, SIZE) + 2.0 * PAD;
            if x + room < at + wide && x < at {
                at = x;
                self.y += 38.0;
            }
            let _ = write!(
                self.out,
                "<rect x=\"{at:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"30\" rx=\"4\" fill=\"{paper}\" stroke=\"{edge}\"/>",
                self.y
            );
            self.letters(label, Face::Bold, at + PAD, self.y + 20.0, SIZE, ink);
            at += wide + 8.0;
        }
        self.y += 30.0;
    }

    /// A chart, which hangs below its message by a line, as replies do.
    fn picture(&mut self, svg: &str, wide: f32, high: f32, x: f32, room: f32) {
        let scale = ((room - PAD) / wide).min(1.0);
        let high = high * scale;
        let (left, top) = (x + PAD, self.y);
        let _ = writeln!(
            self.out,
            "<path d=\"M{x:.1} {:.1}V{:.1}\" stroke=\"{}\" stroke-width=\"2\"/>\
             <g transform=\"translate({left:.1} {top:.1}) scale({scale:.4})\">{svg}</g>",
            top - 4.0,
            top + high,
            self.theme.line
        );
        self.y += high;
    }

    fn run(&mut self, run: &Run, x: f32, y: f32, size: f32, ink: &str) {
        let paper = match run.face {
            Face::Code => Some(self.theme.code_paper),
            Face::Mention => Some(self.theme.mention_paper),
            Face::Plain | Face::Bold | Face::Link => None,
        };
        let ink = match run.face {
            Face::Plain | Face::Bold => ink,
            Face::Code => self.theme.code,
            Face::Link => self.theme.link,
            Face::Mention => self.theme.mention,
        };
        if let Some(paper) = paper {
            let wide = width(run.text.trim_end(), run.face, size) + 4.0;
            let _ = write!(
                self.out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" rx=\"3\" fill=\"{paper}\"/>",
                x - 2.0,
                y - size * 0.98,
                size * 1.3
            );
        }
        self.letters(&run.text, run.face, x, y, size, ink);
    }

    /// Text whose feet stand at `y`; the signs that the font lacks are shapes between the letters.
    fn letters(&mut self, text: &str, face: Face, x: f32, y: f32, size: f32, ink: &str) {
        let (mut at, mut letters) = (x, String::new());
        for c in text.chars() {
            let Some(shape) = symbol::shape(c) else {
                letters.push(c);
                continue;
            };
            at = self.stretch(&std::mem::take(&mut letters), face, at, y, size, ink);
            let scale = size * 1.1 / 20.0;
            let _ = write!(
                self.out,
                "<g transform=\"translate({at:.1} {:.1}) scale({scale:.4})\">{shape}</g>",
                y - size * 0.93
            );
            at += width(&c.to_string(), face, size);
        }
        self.stretch(&letters, face, at, y, size, ink);
    }

    /// Letters of one font; returns where they end.
    fn stretch(&mut self, text: &str, face: Face, x: f32, y: f32, size: f32, ink: &str) -> f32 {
        let end = x + width(text, face, size);
        if !text.trim().is_empty() {
            let font = match face {
                Face::Plain | Face::Link | Face::Mention => "",
                Face::Bold => " font-weight=\"bold\"",
                Face::Code => " font-family=\"DejaVu Sans Mono\"",
            };
            let _ = write!(
                self.out,
                "<text xml:space=\"preserve\" x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{ink}\"{font}>{}</text>",
                escape(text)
            );
        }
        end
    }
}

/// For text in XML; what XML cannot hold at all is left out.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => {}
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

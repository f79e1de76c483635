//! Runs of text, read back from what a platform was sent.

use super::{Face, Line, Run};

/// A run under way, and what was read before it.
#[derive(Default)]
struct Reader {
    lines: Vec<Line>,
    plain: String,
}

impl Reader {
    fn flush(&mut self, face: Face) {
        if self.plain.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.plain);
        self.run(&text, face);
    }

    fn run(&mut self, text: &str, face: Face) {
        self.flush(Face::Plain);
        if self.lines.is_empty() {
            self.lines.push(Line::new());
        }
        for (index, piece) in text.split('\n').enumerate() {
            if 0 < index {
                self.lines.push(Line::new());
            }
            if let (false, Some(line)) = (piece.is_empty(), self.lines.last_mut()) {
                line.push(Run::new(piece, face));
            }
        }
    }

    fn end(mut self) -> Vec<Line> {
        self.flush(Face::Plain);
        self.lines
    }
}

/// Slack's mrkdwn: `*bold*`, `` `code` ``, `<address|words>`, `<@id>`, three escapes
/// (<https://docs.slack.dev/messaging/formatting-message-text>).
pub(super) fn mrkdwn(text: &str) -> Vec<Line> {
    let mut reader = Reader::default();
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let found = match c {
            '<' => after.split_once('>').map(|(inside, rest)| (active(inside), rest)),
            '`' => span(after, '`').map(|(inside, rest)| ((unescape(inside), Face::Code), rest)),
            '*' if !before.is_alphanumeric() => {
                span(after, '*').map(|(inside, rest)| ((unescape(inside), Face::Bold), rest))
            }
            _ => None,
        };
        match found {
            Some(((text, face), after)) => {
                reader.run(&text, face);
                rest = after;
            }
            None if c == '&' => {
                let entity = ["&amp;", "&lt;", "&gt;"].into_iter().find(|it| rest.starts_with(it));
                let taken = entity.unwrap_or("&");
                reader.plain.push_str(&unescape(taken));
                rest = &rest[taken.len()..];
            }
            None => {
                reader.plain.push(c);
                rest = after;
            }
        }
        before = c;
    }
    reader.end()
}

/// What stands between `<` and `>`.
fn active(inside: &str) -> (String, Face) {
    if inside.starts_with(['@', '#', '!']) {
        return (inside.replacen('!', "@", 1), Face::Mention);
    }
    let words = inside.split_once('|').map_or(inside, |it| it.1);
    (unescape(words), Face::Link)
}

pub(super) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Discord's markdown: `**bold**`, `` `code` ``, `[words](<address>)`, `<@id>`, backslashes
/// (<https://docs.discord.com/developers/reference#message-formatting>).
pub(super) fn markdown(text: &str) -> Vec<Line> {
    let mut reader = Reader::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let found = match c {
            '*' => after
                .strip_prefix('*')
                .and_then(|it| it.split_once("**"))
                .map(|(inside, rest)| ((unslashed(inside), Face::Bold), rest)),
            '`' => span(after, '`').map(|(inside, rest)| ((inside.to_owned(), Face::Code), rest)),
            '[' => linked(after).map(|(words, rest)| ((words, Face::Link), rest)),
            '<' => after
                .strip_prefix('@')
                .and_then(|it| it.split_once('>'))
                .map(|(id, rest)| ((format!("@{id}"), Face::Mention), rest)),
            _ => None,
        };
        match (found, c) {
            (Some(((text, face), after)), _) => {
                reader.run(&text, face);
                rest = after;
            }
            (None, '\\') if after.starts_with(|it: char| it.is_ascii_punctuation()) => {
                reader.plain.push_str(&after[..1]);
                rest = &after[1..];
            }
            (None, other) => {
                reader.plain.push(other);
                rest = after;
            }
        }
    }
    reader.end()
}

/// The words of `[words](<address>)`, after its first bracket.
fn linked(after: &str) -> Option<(String, &str)> {
    let (words, rest) = after.split_once("](<")?;
    let (_, rest) = rest.split_once(">)")?;
    (!words.contains('\n')).then(|| (unslashed(words), rest))
}

fn unslashed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut slash = false;
    for c in text.chars() {
        if slash && !c.is_ascii_punctuation() {
            out.push('\\');
        }
        slash = c == '\\' && !slash;
        if !slash {
            out.push(c);
        }
    }
    out
}

/// Text up to a mark that closes it in the same line.
fn span(after: &str, mark: char) -> Option<(&str, &str)> {
    let (inside, rest) = after.split_once(mark)?;
    (!inside.is_empty() && !inside.contains('\n')).then_some((inside, rest))
}

/// A stretch of a text with fences in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stretch<'t> {
    Prose(&'t str),
    Code(&'t str),
}

/// Paragraphs and fenced blocks, in turn. Fences stand at the beginning of a line.
pub(super) fn fenced(text: &str) -> Vec<Stretch<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = opening(rest) {
        let (before, fence) = rest.split_at(at);
        let inside = fence.trim_start_matches('`').trim_start_matches('\n');
        let Some((code, after)) = inside.split_once("```") else { break };
        if !before.trim().is_empty() {
            parts.push(Stretch::Prose(before.trim_matches('\n')));
        }
        parts.push(Stretch::Code(code.trim_end_matches('\n')));
        rest = after.trim_start_matches('\n');
    }
    if !rest.is_empty() {
        parts.push(Stretch::Prose(rest));
    }
    parts
}

fn opening(text: &str) -> Option<usize> {
    if text.starts_with("```") { Some(0) } else { text.find("\n```").map(|at| at + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: Vec<Line>) -> Vec<String> {
        let run = |it: &Run| format!("{:?}:{}", it.face, it.text);
        lines.iter().map(|line| line.iter().map(run).collect::<Vec<_>>().join(" + ")).collect()
    }

    #[test]
    fn slack_marks_become_faces() {
        let text =
            "to *production* by `a&lt;b` &amp;lt; a*b*c\n<https://x/?a&amp;b|the build> for <@U1> a < b";
        assert_eq!(
            shown(mrkdwn(text)),
            [
                "Plain:to  + Bold:production + Plain: by  + Code:a<b + Plain: &lt; a*b*c",
                "Link:the build + Plain: for  + Mention:@U1 + Plain: a < b",
            ]
        );
    }

    #[test]
    fn discord_marks_become_faces() {
        let text = r"\*not\* **a\_b** `a\b` [words\]](<https://x/>) <@12> C:\dir";
        assert_eq!(
            shown(markdown(text)),
            [r"Plain:*not*  + Bold:a_b + Plain:  + Code:a\b + Plain:  + Link:words] + Plain:  + Mention:@12 + Plain:  C:\dir"
                .replace("  C", " C")]
        );
    }

    #[test]
    fn fences_part_code_from_prose() {
        assert_eq!(
            fenced("one\n```\na\n b\n```\ntwo ```x```"),
            [Stretch::Prose("one"), Stretch::Code("a\n b"), Stretch::Prose("two ```x```")]
        );
        assert_eq!(fenced("```\nopen"), [Stretch::Prose("```\nopen")]);
    }
}

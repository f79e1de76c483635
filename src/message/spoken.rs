//! Commands in a card, as people can say them where it is shown. Words spell every command with the usual prefix; who
//! configured another one reads that, and where nobody tells us of messages, as by Discord over HTTP, what stands in its
//! place.

use super::card::{Block, Card, Span, Text};

/// What words spell before a command.
pub const USUAL: &str = "!";

impl Card {
    /// The same card with each command said so: what stands in the place of its prefix.
    ///
    /// Words spell a command as code that begins with a prefix, or between backticks in plain text.
    #[must_use]
    pub fn commands_as(mut self, prefixes: &[&str], how: &str) -> Self {
        let Self { tone: _, title, blocks, buttons: _, footer, if_cut, refused: _ } = &mut self;
        let mut texts = vec![title, footer, if_cut];
        for block in blocks {
            match block {
                Block::Text(text) => texts.push(text),
                Block::Lines(lines) => texts.extend(lines),
                Block::Fields(fields) => texts.extend(fields.iter_mut().map(|it| &mut it.value)),
                Block::Code(_) | Block::Chart { .. } => {}
            }
        }
        for Text(spans) in texts {
            for span in spans {
                match span {
                    Span::Code(code) => {
                        if let Some(command) = command(code, prefixes) {
                            *code = format!("{how}{command}");
                        }
                    }
                    Span::Plain(text) => *text = quoted(text, prefixes, how),
                    Span::Bold(_) | Span::Link { .. } | Span::Mention(_) => {}
                }
            }
        }
        self
    }
}

/// A command without its prefix.
fn command<'a>(code: &'a str, prefixes: &[&str]) -> Option<&'a str> {
    let rest = prefixes.iter().filter_map(|it| code.strip_prefix(it));
    rest.filter(|it| it.starts_with(char::is_alphabetic)).min_by_key(|it| it.len())
}

/// Plain text with the commands that it quotes said so. What is quoted stands between the first backtick and the second.
fn quoted(text: &str, prefixes: &[&str], how: &str) -> String {
    let parts = text.split('`').enumerate().map(|(at, part)| match command(part, prefixes) {
        Some(command) if at % 2 == 1 => format!("{how}{command}"),
        Some(_) | None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_said_otherwise_wherever_they_stand_and_nothing_else_is() {
        let say = |prefix: &str| {
            let command = |what: &str| Text::plain("say ").code(format!("{prefix}{what}"));
            let mut card = Card::say(command("approve 1")).lines(vec![command("help")]);
            card = card.fields(vec![("so", command("where"))]);
            card.if_cut = command("approve 1 1234");
            card
        };
        assert_eq!(say("!").commands_as(&["!"], "/x text:"), say("/x text:"));
        assert_eq!(say("lk ").commands_as(&["!", "lk "], "/x text:"), say("/x text:"));
        let others = Card::say(Text::plain("!no `a` !no `b").code("!").code("! no").code("a!b")).code("!no");
        let plain = |prefix: &str| Card::say(format!("`{prefix}a 1`, then `{prefix}b`; `c`"));
        assert_eq!(plain("!").commands_as(&["!"], "lk "), plain("lk "));
        assert_eq!(plain("!!").commands_as(&["!", "!!"], "/x text:"), plain("/x text:"));
        assert_eq!(others.clone().commands_as(&["!"], "/x text:"), others);
    }
}

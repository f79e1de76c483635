//! Commands in a card, for people who cannot say them with a prefix: Discord that is heard over HTTP tells us of no
//! messages.

use super::card::{Block, Card, Span, Text};

impl Card {
    /// The same card with each command said so: what stands in the place of its prefix.
    ///
    /// Words spell a command as code that begins with a prefix.
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
                let Span::Code(code) = span else { continue };
                let command = prefixes.iter().find_map(|it| code.strip_prefix(it));
                if let Some(command) = command.filter(|it| it.starts_with(char::is_alphabetic)) {
                    *code = format!("{how}{command}");
                }
            }
        }
        self
    }
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
        let others = Card::say(Text::plain("!no").code("!").code("! no").code("a!b")).code("!no");
        assert_eq!(others.clone().commands_as(&["!"], "/x text:"), others);
    }
}

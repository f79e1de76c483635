//! What stands at the bottom of the screen, so that a card can be drawn again where it is. Pure: it turns what
//! happens into the text to print.
//!
//! Rows above the prompt are ours as long as nobody else writes to the terminal and its size stays. A block that is
//! too far up for the cursor is printed again, in its brief form if it has one, but only when its title has changed.

use crate::id::MessageId;

/// Blocks that are remembered.
const BLOCKS_KEPT: usize = 200;
/// Rows at the bottom that stay free for the prompt and what is being typed.
const PROMPT_ROWS: usize = 3;

#[derive(Debug)]
struct Placed {
    /// `None`: typed text and whispers, which are never edited.
    message: Option<MessageId>,
    title: String,
    rows: Vec<String>,
    /// It has scrolled away before; this is what was left to say of it.
    brief: bool,
}

/// The tail of the screen. Height 0 is a file or a pipe: nothing there can be drawn again.
#[derive(Debug)]
pub(super) struct Screen {
    height: usize,
    blocks: Vec<Placed>,
    /// Blocks before this one were wrapped for another width: nobody knows where they stand now.
    settled: usize,
}

impl Screen {
    pub(super) fn new(height: usize) -> Self {
        Self { height, blocks: Vec::new(), settled: 0 }
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// The window has another size.
    pub(super) fn resize(&mut self, height: usize) {
        self.height = height;
        self.settled = self.blocks.len();
    }

    /// A new block below everything else: the text to print.
    pub(super) fn post(&mut self, message: MessageId, title: String, rows: Vec<String>) -> String {
        for block in self.blocks.iter_mut().filter(|it| it.message.as_ref() == Some(&message)) {
            block.message = None;
        }
        self.place(Some(message), title, rows)
    }

    /// Something that is never edited: a whisper, a notice.
    pub(super) fn note(&mut self, rows: Vec<String>) -> String {
        self.place(None, String::new(), rows)
    }

    /// Rows that the terminal itself has echoed.
    pub(super) fn typed(&mut self, rows: Vec<String>) {
        let _ = self.place(None, String::new(), rows);
    }

    fn again(
        &mut self,
        message: &MessageId,
        title: String,
        rows: Vec<String>,
        brief: Option<Vec<String>>,
    ) -> String {
        let is_brief = brief.is_some();
        let rows = brief.filter(|_| is_brief).unwrap_or(rows);
        let text = self.post(message.clone(), title, rows);
        if let Some(block) = self.blocks.last_mut() {
            block.brief = is_brief;
        }
        text
    }

    fn place(&mut self, message: Option<MessageId>, title: String, rows: Vec<String>) -> String {
        let text = lines(&rows);
        self.blocks.push(Placed { message, title, rows, brief: false });
        if BLOCKS_KEPT < self.blocks.len() {
            self.blocks.remove(0);
            self.settled = self.settled.saturating_sub(1);
        }
        text
    }

    /// A block with other content: the text to print, if anything has to be.
    pub(super) fn edit(
        &mut self,
        message: &MessageId,
        title: String,
        rows: Vec<String>,
        brief: Option<Vec<String>>,
    ) -> Option<String> {
        let Some(at) = self.blocks.iter().position(|it| it.message.as_ref() == Some(message)) else {
            return Some(self.post(message.clone(), title, rows));
        };
        let up: usize = self.blocks[at..].iter().map(|it| it.rows.len()).sum();
        if at < self.settled || self.height < up + PROMPT_ROWS {
            let changed = self.blocks[at].title != title;
            return changed.then(|| self.again(message, title, rows, brief));
        }
        let rows = brief.filter(|_| self.blocks[at].brief).unwrap_or(rows);
        if self.blocks[at].rows == rows {
            return None;
        }
        self.blocks[at].title = title;
        self.blocks[at].rows = rows;
        let below: String = self.blocks[at..].iter().map(|it| lines(&it.rows)).collect();
        // Cursor up (CUU), to the first column, erase to the end of the display (ED): ECMA-48 §8.3.
        Some(format!("\x1b[{up}A\r\x1b[J{below}"))
    }
}

fn lines(rows: &[String]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&it| it.to_owned()).collect()
    }

    /// A terminal that knows line feed, CUU, carriage return and ED, as far as `edit` uses them.
    fn shown(printed: &[String]) -> Vec<String> {
        let mut screen: Vec<String> = Vec::new();
        for text in printed {
            let rest = match text.strip_prefix("\x1b[").and_then(|it| it.split_once("A\r\x1b[J")) {
                Some((up, rest)) => {
                    screen.truncate(screen.len() - up.parse::<usize>().unwrap());
                    rest
                }
                None => text,
            };
            screen.extend(rest.lines().map(str::to_owned));
        }
        screen
    }

    #[test]
    fn a_card_in_reach_is_drawn_again_where_it_stands() {
        let mut screen = Screen::new(24);
        let card = MessageId::from("1");
        let mut printed = vec![screen.post(card.clone(), "a".into(), rows(&["card", "  0 %"]))];
        printed.push(screen.post("2".into(), "q".into(), rows(&["gate"])));
        screen.typed(rows(&["ann> !status"]));
        printed.push("ann> !status\n".to_owned());
        printed.extend(screen.edit(&card, "a".into(), rows(&["card", "  50 %", "  more"]), None));
        assert_eq!(shown(&printed), ["card", "  50 %", "  more", "gate", "ann> !status"]);
        printed.extend(screen.edit(&card, "a".into(), rows(&["card"]), None));
        assert_eq!(shown(&printed), ["card", "gate", "ann> !status"]);
        assert_eq!(
            screen.edit(&card, "a".into(), rows(&["card"]), None),
            None,
            "nothing new, nothing printed"
        );
    }

    #[test]
    fn a_card_out_of_reach_is_printed_again_only_with_a_new_title() {
        let mut screen = Screen::new(6);
        let card = MessageId::from("1");
        screen.post(card.clone(), "running".into(), rows(&["r"]));
        screen.note(rows(&["x", "y", "z"]));
        assert_eq!(screen.edit(&card, "running".into(), rows(&["r 50 %"]), None), None);
        assert_eq!(screen.edit(&card, "done".into(), rows(&["d"]), None).unwrap(), "d\n");
        assert_eq!(
            screen.edit(&card, "done".into(), rows(&["e"]), None).unwrap(),
            "\x1b[1A\r\x1b[Je\n",
            "it stands below now"
        );
    }

    #[test]
    fn a_resized_window_and_a_pipe_are_never_drawn_over() {
        for mut screen in [Screen::new(24), Screen::new(0)] {
            let card = MessageId::from("1");
            screen.post(card.clone(), "t".into(), rows(&["r"]));
            screen.resize(screen.height);
            assert_eq!(screen.edit(&card, "t".into(), rows(&["s"]), None), None);
            assert!(!screen.edit(&card, "u".into(), rows(&["s"]), None).unwrap().contains('\x1b'));
        }
    }
}

//! Where lines come from: the line editor, a pipe, or a player in another process.
//!
//! Reading blocks for as long as nobody types, so it has a thread of its own that the runtime does not wait for.

use std::io::{BufRead, IsTerminal, stdin, stdout};
use std::path::PathBuf;
use std::sync::{Arc, mpsc as blocking};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, ExternalPrinter, Helper};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::surface::{Drawing, Out, Own, Surface, prompt};
use super::{Complete, Heard, Player};
use crate::id::UserId;
use crate::message::Delivery;

/// Lines of history that are kept.
const HISTORY_LINES: usize = 1_000;

/// What a typed line needs on its way.
pub(super) struct Typing {
    pub(super) player: Player,
    pub(super) bot: mpsc::UnboundedSender<Heard>,
    pub(super) ended: CancellationToken,
    pub(super) history: Option<PathBuf>,
    pub(super) complete: Complete,
}

/// A terminal that does not read yet.
pub(super) struct Session {
    source: Source,
    drawing: Arc<Drawing>,
    typing: Arc<Typing>,
}

enum Source {
    /// Only players speak.
    Nobody,
    Editor(Box<Editor<Completion, FileHistory>>),
    Lines,
    Wire,
}

/// Puts the terminal back into its own mode when listening ends: the editor's thread may be in the middle of a line.
pub(super) struct Reading {
    mode: Option<Termios>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(mode) = &self.mode {
            let _ = tcsetattr(stdin(), OptionalActions::Now, mode);
        }
    }
}

impl Session {
    pub(super) fn new(surface: Surface, drawing: &Arc<Drawing>, typing: &Arc<Typing>) -> Self {
        let source = match surface {
            Surface::Hidden => Source::Nobody,
            Surface::Rows(out) => {
                drawing.open(Out::Rows(out), false);
                Source::Nobody
            }
            Surface::Wire => {
                drawing.open(Out::Wire(Box::new(stdout())), false);
                Source::Wire
            }
            Surface::Person { color } => person(color, drawing, typing),
        };
        Self { source, drawing: drawing.clone(), typing: typing.clone() }
    }

    pub(super) fn start(self) -> Reading {
        let Self { source, drawing, typing } = self;
        let mut mode = None;
        match source {
            Source::Nobody => {}
            Source::Editor(editor) => {
                mode = tcgetattr(stdin()).ok();
                std::thread::spawn(move || edit_lines(*editor, &drawing, &typing));
            }
            Source::Lines => {
                std::thread::spawn(move || {
                    let lines = stdin().lock().lines().map_while(Result::ok);
                    typing.each(lines, &drawing);
                });
            }
            Source::Wire => {
                std::thread::spawn(move || {
                    for line in stdin().lock().lines().map_while(Result::ok) {
                        typing.deliver(&line);
                    }
                    typing.ended.cancel();
                });
            }
        }
        Reading { mode }
    }
}

/// The line editor where both ends are a real terminal, else plain lines.
fn person(color: bool, drawing: &Arc<Drawing>, typing: &Typing) -> Source {
    let editor =
        (stdin().is_terminal() && stdout().is_terminal()).then(|| open_editor(drawing, typing)).flatten();
    let Some((editor, mut printer)) = editor else {
        drawing.open(Out::Rows(Box::new(stdout())), false);
        return Source::Lines;
    };
    let (texts, waiting) = blocking::channel::<String>();
    // The printer waits while the editor is between two lines; nothing else must wait with it.
    std::thread::spawn(move || {
        for text in waiting {
            if printer.print(text).is_err() {
                return;
            }
        }
    });
    drawing.open(Out::Editor(texts), color);
    Source::Editor(Box::new(editor))
}

type Opened = (Editor<Completion, FileHistory>, Box<dyn ExternalPrinter + Send>);

fn open_editor(drawing: &Arc<Drawing>, typing: &Typing) -> Option<Opened> {
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true);
    let config = config.max_history_size(HISTORY_LINES).ok()?.build();
    let mut editor = Editor::with_config(config).ok()?;
    editor.set_helper(Some(Completion { drawing: drawing.clone(), complete: typing.complete.clone() }));
    if let Some(path) = &typing.history {
        // A first start has none.
        let _ = editor.load_history(path);
    }
    let printer = editor.create_external_printer().ok()?;
    Some((editor, Box::new(printer)))
}

fn edit_lines(mut editor: Editor<Completion, FileHistory>, drawing: &Drawing, typing: &Typing) {
    loop {
        match editor.readline(&prompt(&drawing.user())) {
            Ok(line) => {
                drawing.typed(&line);
                if let Some(path) = &typing.history {
                    let _ = editor.append_history(path);
                }
                if typing.take(&line, drawing) == Own::Quit {
                    break;
                }
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => break,
            Err(error) => {
                tracing::warn!(error = %error, "the terminal cannot be read any more");
                break;
            }
        }
    }
    typing.ended.cancel();
}

impl Typing {
    fn each(&self, lines: impl Iterator<Item = String>, drawing: &Drawing) {
        for line in lines {
            if self.take(&line, drawing) == Own::Quit {
                break;
            }
        }
        self.ended.cancel();
    }

    pub(super) fn take(&self, line: &str, drawing: &Drawing) -> Own {
        let line = line.trim();
        if line.is_empty() {
            return Own::Done;
        }
        if line.starts_with('/') {
            return drawing.command(line);
        }
        self.say(&drawing.user(), line);
        Own::Done
    }

    fn say(&self, user: &UserId, line: &str) {
        let (delivery, _) = self.player.said(user.as_str(), line);
        // Nobody listens any more: the terminal is about to close.
        let _ = self.bot.send(Heard { delivery, typed: true });
    }

    fn deliver(&self, line: &str) {
        match serde_json::from_str::<Delivery>(line) {
            Ok(delivery) => {
                let _ = self.bot.send(Heard { delivery, typed: true });
            }
            Err(error) => tracing::warn!(error = %error, "a line that is no delivery"),
        }
    }
}

struct Completion {
    drawing: Arc<Drawing>,
    complete: Complete,
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..pos).unwrap_or(line);
        let found =
            if typed.starts_with('/') { self.drawing.commands(typed) } else { (self.complete)(typed) };
        Ok((0, found))
    }
}

impl Hinter for Completion {
    type Hint = String;
}
impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}

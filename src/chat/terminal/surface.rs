//! Where rows go. All drawing is done under one lock, so blocks never mix and the screen's model stays true.

use std::io::Write;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::render::{self, Style, columns};
use super::screen::Screen;
use super::wire::{self, Told};
use crate::id::{MessageRef, UserId};
use crate::message::words::terminal as words;
use crate::message::{Card, Text};

/// What the terminal is.
pub enum Surface {
    /// Nothing is shown; only a [`super::Player`] sees and speaks.
    Hidden,
    /// A person at a real terminal: line editor, history, cards edited in place. `color`: bold and colours. Where
    /// standard input or output is none, lines are read and rows written plainly.
    Person { color: bool },
    /// Rows go here; nobody types.
    Rows(Box<dyn Write + Send>),
    /// A player in another process, on standard input and output (see [`super::wire`]).
    Wire,
}

/// Columns where nobody can tell.
const WIDTH: usize = 100;

pub(super) enum Out {
    Nowhere,
    Rows(Box<dyn Write + Send>),
    /// To the line editor's printer, which draws around what is being typed.
    Editor(Sender<String>),
    Wire(Box<dyn Write + Send>),
}

/// Who types, and what stands on the screen.
pub(super) struct Drawing {
    state: Mutex<State>,
    rehearsal: bool,
}

struct State {
    out: Out,
    screen: Screen,
    style: Style,
    user: UserId,
}

/// What a line that the terminal keeps to itself asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Own {
    Quit,
    Done,
}

impl Drawing {
    pub(super) fn new(user: UserId, rehearsal: bool) -> Self {
        let state = State { out: Out::Nowhere, screen: Screen::new(0), style: Style::plain(WIDTH), user };
        Self { state: Mutex::new(state), rehearsal }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self, out: Out, color: bool) {
        let mut state = self.state();
        state.style.ansi = color;
        state.out = out;
    }

    pub(super) fn user(&self) -> UserId {
        self.state().user.clone()
    }

    pub(super) fn posted(&self, message: &MessageRef, card: &Card) {
        self.state().post(message, card, None);
    }

    pub(super) fn whispered(&self, message: &MessageRef, to: &UserId, card: &Card) {
        self.state().post(message, card, Some(to));
    }

    pub(super) fn edited(&self, message: &MessageRef, card: &Card) {
        let mut state = self.state();
        state.measure();
        if let Out::Wire(out) = &mut state.out {
            return send(out, &Told::Edited { message: message.clone(), card: card.clone() });
        }
        let rows = state.rows(card, message.place.thread.is_some());
        if let Some(text) = state.screen.edit(&message.message, card.title.to_string(), rows) {
            state.print(text);
        }
    }

    /// A line of somebody who did not type it here.
    pub(super) fn said(&self, user: &UserId, text: &str) {
        let mut state = self.state();
        state.measure();
        let rows = state.line(user, text);
        let text = state.screen.note(rows);
        state.print(text);
    }

    /// A line that the terminal has echoed while it was typed.
    pub(super) fn typed(&self, text: &str) {
        let mut state = self.state();
        state.measure();
        let user = state.user.clone();
        let rows = state.line(&user, text);
        state.screen.typed(rows);
    }

    /// A line for the terminal itself, starting with a slash.
    pub(super) fn command(&self, line: &str) -> Own {
        let mut words = line.split_whitespace();
        let card = match (words.next(), words.next(), words.next()) {
            (Some("/quit" | "/exit"), None, None) => return Own::Quit,
            (Some("/help"), None, None) => words::help(self.rehearsal),
            (Some("/as"), Some(name), None) if self.rehearsal => {
                let user = UserId::from(name);
                self.state().user = user.clone();
                words::now_typing(&user)
            }
            (Some("/as"), _, _) if !self.rehearsal => words::not_here(),
            (_, _, _) => words::unknown(line),
        };
        let mut state = self.state();
        state.measure();
        let rows = state.rows(&card, false);
        let text = state.screen.note(rows);
        state.print(text);
        Own::Done
    }
}

impl State {
    fn post(&mut self, message: &MessageRef, card: &Card, whisper_to: Option<&UserId>) {
        self.measure();
        if let Out::Wire(out) = &mut self.out {
            let (message, card) = (message.clone(), card.clone());
            return send(out, &Told::Posted { message, card, whisper_to: whisper_to.cloned() });
        }
        let mut rows = self.rows(card, message.place.thread.is_some());
        let text = match whisper_to {
            Some(to) => {
                let head = Card::say(Text::plain(format!("(only to {to})")));
                rows.splice(0..0, render::rows(&head, self.style));
                self.screen.note(rows)
            }
            None => self.screen.post(message.message.clone(), card.title.to_string(), rows),
        };
        self.print(text);
    }

    /// What stands in a thread is set off by a bar. A blank row ends every block.
    fn rows(&self, card: &Card, threaded: bool) -> Vec<String> {
        let (bar, width) =
            if threaded { ("┊ ", self.style.width.saturating_sub(2)) } else { ("", self.style.width) };
        let rows = render::rows(card, Style { width, ..self.style });
        rows.into_iter().map(|row| format!("{bar}{row}")).chain([String::new()]).collect()
    }

    /// `ann> !deploy shop`, broken where the terminal breaks it.
    fn line(&self, user: &UserId, text: &str) -> Vec<String> {
        let line = super::super::inert::inert(&format!("{}{text}", prompt(user))).replace('\n', " ");
        let mut rows = vec![String::new()];
        for c in line.chars() {
            let row = rows.last().map_or(0, |it| columns(it));
            if self.style.width < row + columns(c.encode_utf8(&mut [0; 4])) {
                rows.push(String::new());
            }
            if let Some(row) = rows.last_mut() {
                row.push(c);
            }
        }
        rows
    }

    fn measure(&mut self) {
        if !matches!(self.out, Out::Editor(_)) {
            return;
        }
        let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout()) else { return };
        let width = if size.ws_col == 0 { WIDTH } else { usize::from(size.ws_col) };
        let height = usize::from(size.ws_row);
        if width != self.style.width || height != self.screen.height() {
            self.style.width = width;
            self.screen.resize(height);
        }
    }

    fn print(&mut self, text: String) {
        // A reader that went away does not stop the bot.
        match &mut self.out {
            Out::Nowhere | Out::Wire(_) => {}
            Out::Rows(out) => {
                let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            }
            Out::Editor(printer) => {
                let _ = printer.send(text);
            }
        }
    }
}

fn send(out: &mut Box<dyn Write + Send>, told: &Told) {
    let _ = out.write_all(wire::line(told).as_bytes()).and_then(|()| out.flush());
}

pub(super) fn prompt(user: &UserId) -> String {
    format!("{user}> ")
}

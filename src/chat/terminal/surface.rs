//! Where rows go. All drawing is done under one lock, so blocks never mix and the screen's model stays true.

use std::io::Write;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Rehearsal;
use super::render::{self, Style, columns};
use super::screen::Screen;
use super::wire::{self, Told};
use crate::id::{MessageRef, UserId};
use crate::message::words::terminal as words;
use crate::message::{Block, Card, Text, Tone};

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
    rehearsal: Option<Rehearsal>,
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
    pub(super) fn new(user: UserId, rehearsal: Option<Rehearsal>) -> Self {
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

    /// A delivery is durable: who sent it need not send it again. People at a terminal see that by the answer.
    pub(super) fn taken(&self, key: &str) {
        if let Out::Wire(out) = &mut self.state().out {
            send(out, &Told::Taken { key: key.to_owned() });
        }
    }

    pub(super) fn edited(&self, message: &MessageRef, card: &Card) {
        let mut state = self.state();
        state.measure();
        if let Out::Wire(out) = &mut state.out {
            return send(out, &Told::Edited { message: message.clone(), card: card.clone() });
        }
        let threaded = message.place.thread.is_some();
        let rows = state.rows(card, threaded);
        let brief = brief(card).map(|it| state.rows(&it, threaded));
        if let Some(text) = state.screen.edit(&message.message, card.title.to_string(), rows, brief) {
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
            (Some("/help"), None, None) => words::help(self.rehearsal.as_ref().map(|it| it.orders)),
            (Some("/as"), Some(name), None) if self.rehearsal.is_some() => {
                let user = UserId::from(name);
                self.state().user = user.clone();
                words::now_typing(&user)
            }
            (Some("/as"), _, _) if self.rehearsal.is_none() => words::not_here(),
            (_, _, _) if self.is_ordered(line) => return Own::Done,
            (_, _, _) => words::unknown(line),
        };
        let mut state = self.state();
        state.measure();
        let rows = state.rows(&card, false);
        let text = state.screen.note(rows);
        state.print(text);
        Own::Done
    }

    /// Hands a line to who plays, if it is one of theirs.
    fn is_ordered(&self, line: &str) -> bool {
        let Some(rehearsal) = &self.rehearsal else { return false };
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let known = rehearsal.orders.iter().any(|(order, _)| *order == line);
        known && rehearsal.player.as_ref().is_some_and(|it| it.send(line).is_ok())
    }

    /// The terminal's own lines that begin like this.
    pub(super) fn commands(&self, typed: &str) -> Vec<String> {
        let rehearsal = self.rehearsal.iter();
        let own = rehearsal.flat_map(|it| {
            let people = it.people.iter().map(|it| format!("/as {it}"));
            people.chain(it.orders.iter().map(|(order, _)| (*order).to_owned()))
        });
        let all = own.chain(["/help".to_owned(), "/quit".to_owned()]);
        all.filter(|it| it.starts_with(typed)).collect()
    }

    /// Somebody beside the bot says something: set off by a bar.
    pub(super) fn told(&self, card: &Card) {
        let mut state = self.state();
        state.measure();
        let rows = state.barred("▌ ", card);
        let text = state.screen.note(rows);
        state.print(text);
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
        self.barred(if threaded { "┊ " } else { "" }, card)
    }

    fn barred(&self, bar: &str, card: &Card) -> Vec<String> {
        let width = self.style.width.saturating_sub(columns(bar));
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

/// What is left to say of a long card that has scrolled away: without its picture and what led up to it.
fn brief(card: &Card) -> Option<Card> {
    let title = Card { tone: card.tone, title: card.title.clone(), ..Card::default() };
    if let Some(chart) = card.blocks.iter().position(|it| matches!(it, Block::Chart { .. })) {
        let said = |it: &&Block| matches!(it, Block::Text(_));
        return Some(Card { blocks: card.blocks[chart..].iter().filter(said).cloned().collect(), ..title });
    }
    // It waits for the answer to a message of its own, which says more.
    let waits = card.tone == Tone::Waiting && card.buttons.is_empty();
    waits.then_some(title)
}

fn send(out: &mut Box<dyn Write + Send>, told: &Told) {
    let _ = out.write_all(wire::line(told).as_bytes()).and_then(|()| out.flush());
}

pub(super) fn prompt(user: &UserId) -> String {
    format!("{user}> ")
}

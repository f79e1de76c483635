//! Who plays in front of a terminal without typing: says, presses, reacts, and waits for what the bot shows.
//!
//! The bot may be in this process, or a child that speaks the wire of [`super::wire`]; the player cannot tell.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::Heard;
use crate::chat::inert::inert;
use crate::id::{Account, ChannelId, MessageId, MessageRef, Place, Platform, UserId, WorkspaceId};
use crate::identity::{Standing, TERMINAL_WORKSPACE};
use crate::message::{ButtonAct, Card, Delivery, Incoming, Mark, Said};

/// Messages that are remembered.
const SHOWN_KEPT: usize = 2_000;
/// Lines of history that an error shows.
const LOG_KEPT: usize = 400;

/// One message as it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub message: MessageRef,
    pub card: Card,
    /// How often it has changed since it was posted.
    pub edits: u32,
    /// Only this account sees it.
    pub whisper_to: Option<UserId>,
}

/// What was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("nothing of the kind within {waited:?}; so far:\n{history}")]
pub struct WaitError {
    pub waited: Duration,
    pub history: String,
}

/// Everything said and shown so far. Clones share it.
#[derive(Clone)]
pub struct Player {
    shared: Arc<Shared>,
}

struct Shared {
    /// Made anew for each player, so that keys never repeat, whatever is restarted.
    session: Uuid,
    place: Place,
    shown: watch::Sender<Vec<Shown>>,
    record: Mutex<Record>,
    bot: Mutex<Option<mpsc::UnboundedSender<Heard>>>,
    /// Deliveries to a bot in another process.
    delivered: Mutex<Delivered>,
}

#[derive(Default)]
struct Delivered {
    /// In the order they were made; not acknowledged yet.
    untaken: Vec<Delivery>,
    taken: Vec<String>,
}

#[derive(Default)]
struct Record {
    lines: VecDeque<String>,
    transcript: Option<Box<dyn Write + Send>>,
    said: u64,
}

impl Player {
    /// A player in this channel; what happens is also written to `transcript`, as plain text.
    pub fn new(channel: ChannelId, transcript: Option<Box<dyn Write + Send>>) -> Self {
        let place = Place {
            platform: Platform::Terminal,
            workspace: WorkspaceId::new(TERMINAL_WORKSPACE),
            channel,
            thread: None,
        };
        let record = Mutex::new(Record { transcript, ..Record::default() });
        let (shown, _) = watch::channel(Vec::new());
        Self {
            shared: Arc::new(Shared {
                session: Uuid::now_v7(),
                place,
                shown,
                record,
                bot: Mutex::new(None),
                delivered: Mutex::default(),
            }),
        }
    }

    /// Where all this happens.
    pub fn place(&self) -> &Place {
        &self.shared.place
    }

    /// Deliveries go to this bot from now on.
    pub(super) fn attach(&self, bot: mpsc::UnboundedSender<Heard>) {
        *self.shared.bot.lock().unwrap_or_else(PoisonError::into_inner) = Some(bot);
    }

    fn delivered(&self) -> MutexGuard<'_, Delivered> {
        self.shared.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What no bot has acknowledged, oldest first.
    pub(super) fn untaken(&self) -> Vec<Delivery> {
        self.delivered().untaken.clone()
    }

    pub(super) fn delivering(&self, delivery: &Delivery) {
        self.delivered().untaken.push(delivery.clone());
    }

    pub(super) fn acknowledged(&self, key: &str) {
        let mut delivered = self.delivered();
        delivered.untaken.retain(|it| it.key != key);
        delivered.taken.push(key.to_owned());
    }

    /// The keys of all deliveries that bots in other processes have acknowledged, in that order.
    pub fn taken(&self) -> Vec<String> {
        self.delivered().taken.clone()
    }

    /// Types a line as `user`; returns the id of what was said.
    pub fn say(&self, user: &str, text: &str) -> MessageId {
        let (delivery, message) = self.said(user, text);
        self.send(delivery);
        message
    }

    /// Types a line as `user` in the thread below a message of the bot's.
    pub fn say_below(&self, user: &str, message: &MessageRef, text: &str) {
        let (mut delivery, _) = self.said(user, text);
        delivery.place.thread = Some(message.message.clone());
        self.send(delivery);
    }

    /// Records a line and makes it a delivery.
    pub(super) fn said(&self, user: &str, text: &str) -> (Delivery, MessageId) {
        let message = new_message();
        self.note(&format!("{user}> {}", inert(text)));
        // A terminal is a direct line to the bot: all that is typed is addressed.
        let said = Said { text: text.to_owned(), addressed: true, direct: false, message: message.clone() };
        (self.delivery(user, Incoming::Said(said)), message)
    }

    /// Presses a button on a message of the bot's.
    pub fn press(&self, user: &str, message: &MessageRef, act: &ButtonAct) {
        let word = match act {
            ButtonAct::Approve { .. } => "Approve",
            ButtonAct::Reject { .. } => "Reject",
            ButtonAct::Stop { .. } => "Stop",
        };
        self.note(&format!("{user}> [{word}]"));
        self.send(
            self.delivery(
                user,
                Incoming::Pressed { message: message.clone(), act: act.encode(), reason: None },
            ),
        );
    }

    /// Puts a mark under a message of the bot's, or takes it away.
    pub fn react(&self, user: &str, message: &MessageRef, mark: Mark, added: bool) {
        let sign = if added { "+" } else { "-" };
        self.note(&format!("{user}> {sign}{mark:?}"));
        self.send(self.delivery(user, Incoming::Reacted { message: message.clone(), mark, added, at: None }));
    }

    fn delivery(&self, user: &str, incoming: Incoming) -> Delivery {
        let number = {
            let mut record = self.shared.record.lock().unwrap_or_else(PoisonError::into_inner);
            record.said += 1;
            record.said
        };
        Delivery {
            key: format!("terminal:{}:{number}", self.shared.session),
            account: account(user),
            standing: Standing::Member,
            display: user.to_owned(),
            place: self.shared.place.clone(),
            at: None,
            incoming,
        }
    }

    /// A bot that has ended hears nothing, as in any chat; who waits for its answer gets the history.
    fn send(&self, delivery: Delivery) {
        let bot = self.shared.bot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let heard = bot.is_some_and(|bot| bot.send(Heard { delivery, typed: false }).is_ok());
        if !heard {
            self.note("(nobody listens)");
        }
    }

    /// Everything that the bot shows now, oldest first.
    pub fn messages(&self) -> Vec<Shown> {
        self.shared.shown.borrow().clone()
    }

    /// The first result that `wanted` finds in all messages, now or after any change.
    ///
    /// # Errors
    /// [`WaitError`] with the history after `timeout`.
    pub async fn wait_for<T>(
        &self,
        timeout: Duration,
        mut wanted: impl FnMut(&[Shown]) -> Option<T>,
    ) -> Result<T, WaitError> {
        let mut changes = self.shared.shown.subscribe();
        let found = async {
            loop {
                if let Some(found) = wanted(&changes.borrow_and_update()) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        let found = tokio::time::timeout(timeout, found).await.ok().flatten();
        found.ok_or_else(|| WaitError { waited: timeout, history: self.history() })
    }

    /// Tells of every change of [`Self::messages`].
    pub fn changes(&self) -> watch::Receiver<Vec<Shown>> {
        self.shared.shown.subscribe()
    }

    /// Somebody beside the bot said something.
    pub(super) fn told(&self, card: &Card) {
        self.note_card("rehearsal:", card);
    }

    /// What happened, as plain text; the last few hundred lines.
    pub fn history(&self) -> String {
        let record = self.shared.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.lines.iter().map(|it| format!("{it}\n")).collect()
    }

    /// Adds a line that nobody said to the record: what was done from outside.
    pub fn note(&self, line: &str) {
        let mut record = self.shared.record.lock().unwrap_or_else(PoisonError::into_inner);
        for line in line.lines() {
            if LOG_KEPT <= record.lines.len() {
                record.lines.pop_front();
            }
            record.lines.push_back(line.to_owned());
            // A full disk must not stop the play; the transcript then ends early.
            if let Some(file) = &mut record.transcript {
                let _ = writeln!(file, "{line}").and_then(|()| file.flush());
            }
        }
    }

    /// The bot posted this. A message that stands already was posted by a bot that was killed before it could note that.
    pub(super) fn posted(&self, message: &MessageRef, card: &Card, whisper_to: Option<UserId>) {
        if self.shared.shown.borrow().iter().any(|it| it.message == *message) {
            return self.edited(message, card);
        }
        let to = whisper_to.as_ref().map_or(String::new(), |it| format!(" (only to {it})"));
        self.note_card(&format!("lockkeeper{to}:"), card);
        let shown = Shown { message: message.clone(), card: card.clone(), edits: 0, whisper_to };
        self.shared.shown.send_modify(|all| {
            all.push(shown);
            if SHOWN_KEPT < all.len() {
                all.remove(0);
            }
        });
    }

    /// The bot changed this. A message from before this player sat down appears with its first change.
    pub(super) fn edited(&self, message: &MessageRef, card: &Card) {
        let same = |it: &Shown| it.message == *message;
        if self.shared.shown.borrow().iter().any(|it| same(it) && it.card == *card) {
            return;
        }
        self.note_card("lockkeeper changes:", card);
        self.shared.shown.send_modify(|all| match all.iter_mut().find(|it| same(it)) {
            Some(shown) => {
                shown.card = card.clone();
                shown.edits += 1;
            }
            None => {
                all.push(Shown { message: message.clone(), card: card.clone(), edits: 1, whisper_to: None });
            }
        });
    }

    fn note_card(&self, head: &str, card: &Card) {
        let rows = super::render::rows(card, super::Style::plain(110));
        let body: String = rows.iter().map(|row| format!("\n    {row}")).collect();
        self.note(&format!("{head}{body}"));
    }
}

/// A user of this machine, or of the play.
pub(super) fn account(user: &str) -> Account {
    Account {
        platform: Platform::Terminal,
        workspace: WorkspaceId::new(TERMINAL_WORKSPACE),
        user: UserId::new(user),
    }
}

pub(super) fn new_message() -> MessageId {
    MessageId::new(Uuid::now_v7().to_string())
}

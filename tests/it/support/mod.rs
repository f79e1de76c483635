//! What the tests share: fake platforms over real HTTP and WebSocket, and ways to await a condition.

pub mod away;
pub mod ballots;
pub mod both;
pub mod cards;
pub mod chat;
pub mod fake_discord;
pub mod fake_slack;
pub mod house;
pub mod limits;
pub mod roster;
pub mod served;
pub mod shop;
pub mod talk;
pub mod trial;
pub mod waiting;
pub mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockkeeper::chat::{Accepted, Intake, IntakeError, Memory};
use lockkeeper::id::MessageId;
use lockkeeper::message::{Delivery, Incoming, Said};
use tokio::sync::Notify;

pub use waiting::{PATIENCE, eventually, within};
pub use wire::install_tls;

/// An inbox in memory, with the rule of the real one: a key is taken once.
#[derive(Clone, Default)]
pub struct Inbox(Arc<InboxState>);

#[derive(Default)]
struct InboxState {
    rows: Mutex<Rows>,
    changed: Notify,
}

#[derive(Default)]
struct Rows {
    all: Vec<Delivery>,
    read: usize,
    duplicates: usize,
    refuse: usize,
    memory: Memory,
    returned: usize,
    stall: Option<Duration>,
    /// A word whose messages are refused.
    stuck: Option<&'static str>,
}

impl Inbox {
    fn rows<T>(&self, act: impl FnOnce(&mut Rows) -> T) -> T {
        act(&mut self.0.rows.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn intake(&self) -> Intake {
        let (inbox, remembering, welcoming) = (self.clone(), self.clone(), self.clone());
        let intake = Intake::new(move |delivery| {
            let inbox = inbox.clone();
            async move { inbox.insert(delivery).await }
        });
        let intake = intake.welcoming(move |_| {
            welcoming.rows(|it| it.returned += 1);
            welcoming.0.changed.notify_waiters();
        });
        intake.recalling(move |_, _| {
            let memory = remembering.rows(|it| it.memory.clone());
            async move { Ok(memory) }
        })
    }

    async fn insert(&self, delivery: Delivery) -> Result<Accepted, IntakeError> {
        if let Some(stall) = self.rows(|it| it.stall.take()) {
            tokio::time::sleep(stall).await;
        }
        let accepted = self.rows(|it| {
            let says = |word: &str| match &delivery.incoming {
                Incoming::Said(said) | Incoming::Missed { said, .. } => said.text.contains(word),
                Incoming::Pressed { .. }
                | Incoming::Unasked { .. }
                | Incoming::Reacted { .. }
                | Incoming::Found { .. } => false,
            };
            let stuck = it.stuck.is_some_and(says);
            if stuck || 0 < it.refuse {
                it.refuse = it.refuse.saturating_sub(1);
                return Err(IntakeError { why: "the store is down".to_owned() });
            }
            if let Some(known) = it.all.iter().find(|row| row.key == delivery.key) {
                let missed = |it: &Delivery| matches!(it.incoming, Incoming::Missed { .. });
                assert!(missed(known) || missed(&delivery) || *known == delivery, "one key, two contents");
                it.duplicates += 1;
                return Ok(Accepted::Duplicate);
            }
            it.all.push(delivery);
            Ok(Accepted::New)
        });
        self.0.changed.notify_waiters();
        accepted
    }

    /// The store refuses the next deliveries.
    pub fn refuse_next(&self, count: usize) {
        self.rows(|it| it.refuse = count);
    }

    /// The store does not take what people say with this word, until another is named or none.
    pub fn refuse_words(&self, word: Option<&'static str>) {
        self.rows(|it| it.stuck = word);
    }

    /// What an adapter is told of earlier deliveries; nothing unless this is called.
    pub fn remember(&self, memory: Memory) {
        self.rows(|it| it.memory = memory);
    }

    /// The store takes this long for the next delivery.
    pub fn stall_next(&self, stall: Duration) {
        self.rows(|it| it.stall = Some(stall));
    }

    /// How often a platform was heard again.
    pub fn returned(&self) -> usize {
        self.rows(|it| it.returned)
    }

    pub fn duplicates(&self) -> usize {
        self.rows(|it| it.duplicates)
    }

    /// The next delivery that nobody has read yet.
    pub async fn next(&self) -> Delivery {
        let next = || self.rows(|it| it.all.get(it.read).cloned().inspect(|_| it.read += 1));
        match eventually(&self.0.changed, next).await {
            Some(delivery) => delivery,
            None => panic!("no delivery came; all so far: {:#?}", self.rows(|it| it.all.clone())),
        }
    }

    /// Waits until the condition holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let reached = eventually(&self.0.changed, || holds(self).then_some(())).await;
        assert!(reached.is_some(), "never: {what}");
    }

    /// Nothing may be left unread.
    pub fn finish(&self) {
        let left = self.rows(|it| it.all[it.read..].to_vec());
        assert!(left.is_empty(), "unread deliveries: {left:#?}");
    }
}

/// A message as an adapter delivers it.
pub fn said(text: &str, addressed: bool, message: &str) -> Incoming {
    let message = MessageId::from(message);
    Incoming::Said(Said { text: text.to_owned(), addressed, direct: false, message })
}

/// The same where nobody else reads it.
pub fn direct(text: &str, message: &str) -> Incoming {
    let message = MessageId::from(message);
    Incoming::Said(Said { text: text.to_owned(), addressed: true, direct: true, message })
}

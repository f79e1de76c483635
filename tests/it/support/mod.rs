//! What the tests share: fake platforms over real HTTP and WebSocket, and ways to await a condition.

pub mod away;
pub mod ballots;
pub mod both;
pub mod cards;
pub mod chat;
pub mod fake_discord;
pub mod fake_slack;
pub mod house;
pub mod roster;
pub mod served;
pub mod shop;
pub mod talk;
pub mod trial;
pub mod wire;

use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use lockkeeper::chat::{Accepted, Intake, IntakeError, Memory};
use lockkeeper::id::MessageId;
use lockkeeper::message::{Delivery, Incoming, Said};
use tokio::sync::Notify;

/// How long a test waits for something that ought to happen.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Boot installs the TLS provider in the program; tests do it here.
pub fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

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
            if 0 < it.refuse {
                it.refuse -= 1;
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

/// Tries after every change until there is an answer; `None` if there is none within [`PATIENCE`].
pub async fn eventually<T>(changed: &Notify, attempt: impl FnMut() -> Option<T>) -> Option<T> {
    within(PATIENCE, changed, attempt).await
}

/// The same with a patience of one's own.
pub async fn within<T>(
    patience: Duration,
    changed: &Notify,
    mut attempt: impl FnMut() -> Option<T>,
) -> Option<T> {
    let waiting = async {
        loop {
            let next = changed.notified();
            tokio::pin!(next);
            next.as_mut().enable();
            if let Some(found) = attempt() {
                return found;
            }
            next.await;
        }
    };
    tokio::time::timeout(patience, waiting).await.ok()
}

//! The command line as a chat: every call has a channel of its own, and whatever is posted there goes to the caller.
//! When the caller has left, nobody reads it, and nothing waits.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    chat::{Attachment, ChatAdapter, ChatError, Intake, ListenError, Lost},
    clock::SharedClock,
    id::{Account, ChannelId, MessageId, MessageRef, Place, Platform, WorkspaceId},
    identity::{Standing, TERMINAL_WORKSPACE},
    message::{Card, Mark},
};

/// Something to show.
#[derive(Clone, Debug)]
pub struct Shown {
    pub message: MessageId,
    pub card: Card,
}

/// All callers.
pub struct Desk {
    callers: Mutex<HashMap<ChannelId, mpsc::UnboundedSender<Shown>>>,
    clock: SharedClock,
}

/// One caller's channel; it closes with this.
pub struct Caller<'d> {
    desk: &'d Desk,
    pub place: Place,
    pub shown: mpsc::UnboundedReceiver<Shown>,
}

impl Desk {
    pub fn new(clock: SharedClock) -> Self {
        Self { callers: Mutex::default(), clock }
    }

    fn callers(&self) -> MutexGuard<'_, HashMap<ChannelId, mpsc::UnboundedSender<Shown>>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A channel for one call.
    pub fn open(&self) -> Caller<'_> {
        let place = place();
        let (sender, shown) = mpsc::unbounded_channel();
        self.callers().insert(place.channel.clone(), sender);
        Caller { desk: self, place, shown }
    }

    fn show(&self, message: &MessageRef, card: &Card) {
        let shown = Shown { message: message.message.clone(), card: card.clone() };
        if let Some(caller) = self.callers().get(&message.place.channel) {
            // The caller may have left at this very moment.
            drop(caller.send(shown));
        }
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.desk.callers().remove(&self.place.channel);
    }
}

/// A fresh channel of the command line.
pub(super) fn place() -> Place {
    Place {
        platform: Platform::Terminal,
        workspace: WorkspaceId::from(TERMINAL_WORKSPACE),
        channel: ChannelId::new(format!("call-{}", Uuid::now_v7())),
        thread: None,
    }
}

#[async_trait]
impl ChatAdapter for Desk {
    fn platform(&self) -> Platform {
        Platform::Terminal
    }

    async fn post(&self, place: &Place, card: &Card, _nonce: &str) -> Result<MessageRef, ChatError> {
        let message = MessageId::new(Uuid::now_v7().to_string());
        let message = MessageRef { place: place.clone(), message };
        self.show(&message, card);
        Ok(message)
    }

    fn shows_all(&self, _card: &Card) -> bool {
        true
    }

    /// A post here never ends unclear.
    async fn find(&self, _place: &Place, _lost: &Lost<'_>) -> Result<Option<MessageRef>, ChatError> {
        Ok(None)
    }

    async fn edit(&self, message: &MessageRef, card: &Card) -> Result<(), ChatError> {
        self.show(message, card);
        Ok(())
    }

    async fn whisper(&self, place: &Place, _to: &Account, card: &Card) -> Result<(), ChatError> {
        self.post(place, card, "").await.map(drop)
    }

    /// There is nothing to click.
    async fn react(&self, _message: &MessageRef, _mark: Mark) -> Result<(), ChatError> {
        Ok(())
    }

    /// What is uploaded stands in the card as text too.
    async fn upload(&self, _place: &Place, _file: &Attachment) -> Result<(), ChatError> {
        Ok(())
    }

    /// Whoever the kernel vouches for has an account on this machine.
    async fn standing(&self, account: &Account) -> Result<(Standing, String), ChatError> {
        Ok((Standing::Member, account.user.to_string()))
    }

    /// Callers come over the socket.
    async fn listen(&self, _intake: Intake, stop: CancellationToken) -> Result<(), ListenError> {
        stop.cancelled().await;
        Ok(())
    }

    fn heard_at(&self) -> Option<Timestamp> {
        Some(self.clock.now())
    }
}

//! A chat whose administrators do things: the bot's own adapter, but for what it says of people and what fits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use lockkeeper::chat::{Attachment, ChatAdapter, ChatError, Intake, ListenError, Lost};
use lockkeeper::id::{Account, MessageRef, Place, Platform};
use lockkeeper::identity::Standing;
use lockkeeper::message::{Card, Mark};
use tokio_util::sync::CancellationToken;

/// What the chat does from now on. Clones are one.
#[derive(Clone, Default)]
pub struct Roster {
    standings: Arc<Mutex<BTreeMap<String, Option<Standing>>>>,
    too_small: Arc<AtomicBool>,
}

impl Roster {
    /// `None`: the platform does not say.
    pub fn set(&self, user: &str, standing: Option<Standing>) {
        self.standings.lock().unwrap().insert(user.to_owned(), standing);
    }

    /// No card fits whole any more.
    pub fn shrink(&self) {
        self.too_small.store(true, Ordering::SeqCst);
    }

    pub fn before(&self, inner: Arc<dyn ChatAdapter>) -> Arc<dyn ChatAdapter> {
        Arc::new(Door { roster: self.clone(), inner })
    }
}

struct Door {
    roster: Roster,
    inner: Arc<dyn ChatAdapter>,
}

#[async_trait]
impl ChatAdapter for Door {
    fn platform(&self) -> Platform {
        self.inner.platform()
    }

    async fn post(&self, place: &Place, card: &Card, nonce: &str) -> Result<MessageRef, ChatError> {
        self.inner.post(place, card, nonce).await
    }

    fn shows_all(&self, card: &Card) -> bool {
        !self.roster.too_small.load(Ordering::SeqCst) && self.inner.shows_all(card)
    }

    async fn find(&self, place: &Place, lost: &Lost<'_>) -> Result<Option<MessageRef>, ChatError> {
        self.inner.find(place, lost).await
    }

    async fn edit(&self, message: &MessageRef, card: &Card) -> Result<(), ChatError> {
        self.inner.edit(message, card).await
    }

    async fn whisper(&self, place: &Place, to: &Account, card: &Card) -> Result<(), ChatError> {
        self.inner.whisper(place, to, card).await
    }

    async fn react(&self, message: &MessageRef, mark: Mark) -> Result<(), ChatError> {
        self.inner.react(message, mark).await
    }

    async fn upload(&self, place: &Place, file: &Attachment) -> Result<(), ChatError> {
        self.inner.upload(place, file).await
    }

    async fn standing(&self, account: &Account) -> Result<(Standing, String), ChatError> {
        let set = self.roster.standings.lock().unwrap().get(account.user.as_str()).copied();
        match set {
            Some(Some(standing)) => Ok((standing, account.user.to_string())),
            Some(None) => Err(ChatError::Unreachable { why: "it is away".to_owned() }),
            None => self.inner.standing(account).await,
        }
    }

    async fn listen(&self, intake: Intake, stop: CancellationToken) -> Result<(), ListenError> {
        self.inner.listen(intake, stop).await
    }

    fn heard_at(&self) -> Option<Timestamp> {
        self.inner.heard_at()
    }
}

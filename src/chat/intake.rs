//! The door from an adapter to the inbox: a delivery is a row before it is acknowledged, and nothing else happens before.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{Guide, guide::NoGuide};
use crate::id::{ChannelId, MessageId, MessageRef, Platform, WorkspaceId};
use crate::message::Delivery;

/// What became of a delivery. Both are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    New,
    /// A delivery with this key was stored before.
    Duplicate,
}

/// The delivery could not be stored: do not acknowledge it, so that the platform sends it again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the inbox did not take the delivery: {why}")]
pub struct IntakeError {
    pub why: String,
}

/// A channel that people speak to us in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    pub channel: ChannelId,
    /// The last message from there that stands in the inbox.
    pub last: Option<MessageId>,
}

/// What the inbox knows of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// When something from there was last stored; `None`: never.
    pub heard_at: Option<Timestamp>,
    pub spots: Vec<Spot>,
    /// Questions that wait for an answer: people answer below them however old they are.
    pub questions: Vec<MessageRef>,
}

type Insert = dyn Fn(Delivery) -> BoxFuture<'static, Result<Accepted, IntakeError>> + Send + Sync;

type Recall = dyn Fn(Platform, WorkspaceId) -> BoxFuture<'static, Result<Memory, IntakeError>> + Send + Sync;

type Returned = dyn Fn(Platform) + Send + Sync;

/// Inserts a delivery into the inbox and returns; knows what was inserted, and whom to ask before.
#[derive(Clone)]
pub struct Intake {
    insert: Arc<Insert>,
    recall: Arc<Recall>,
    returned: Arc<Returned>,
    guide: Arc<dyn Guide>,
}

impl Intake {
    /// `insert` must only make the delivery durable; work is done later by whoever reads the inbox.
    pub fn new<F, Fut>(insert: F) -> Self
    where
        F: Fn(Delivery) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Accepted, IntakeError>> + Send + 'static,
    {
        Self {
            insert: Arc::new(move |delivery| Box::pin(insert(delivery))),
            recall: Arc::new(|_, _| Box::pin(async { Ok(Memory::default()) })),
            returned: Arc::new(|_| {}),
            guide: Arc::new(NoGuide),
        }
    }

    /// With what `recall` knows of earlier deliveries; without it nothing is known of any.
    #[must_use]
    pub fn recalling<F, Fut>(self, recall: F) -> Self
    where
        F: Fn(Platform, WorkspaceId) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Memory, IntakeError>> + Send + 'static,
    {
        let recall = Arc::new(move |platform, workspace| {
            let it: BoxFuture<'static, Result<Memory, IntakeError>> = Box::pin(recall(platform, workspace));
            it
        });
        Self { recall, ..self }
    }

    /// With somebody who wants to know when a platform is heard again.
    #[must_use]
    pub fn welcoming<F>(self, returned: F) -> Self
    where
        F: Fn(Platform) + Send + Sync + 'static,
    {
        Self { returned: Arc::new(returned), ..self }
    }

    /// This platform is heard, for the first time or again after a while in which things may have happened that nobody
    /// will tell of.
    pub fn returned(&self, platform: Platform) {
        (self.returned)(platform);
    }

    /// With somebody to ask before a press counts and while a command is typed.
    #[must_use]
    pub fn guided(self, guide: Arc<dyn Guide>) -> Self {
        Self { guide, ..self }
    }

    pub fn guide(&self) -> &dyn Guide {
        &*self.guide
    }

    /// Where people have spoken to us, and until when we have heard them.
    ///
    /// # Errors
    /// When the inbox cannot be read.
    pub async fn memory(&self, platform: Platform, workspace: WorkspaceId) -> Result<Memory, IntakeError> {
        (self.recall)(platform, workspace).await
    }

    /// Resolves once the delivery is durable.
    ///
    /// # Errors
    /// When it is not; then it must not be acknowledged.
    pub async fn accept(&self, delivery: Delivery) -> Result<Accepted, IntakeError> {
        (self.insert)(delivery).await
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Intake")
    }
}

//! What every chat platform can do for us.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Intake;
use crate::id::{Account, MessageId, MessageRef, Place, Platform};
use crate::identity::Standing;
use crate::message::{Card, Mark};
use crate::pace::Bucket;

/// Why the platform did not do what was asked, as far as the outbox has to know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// Too fast. Nothing was done; ask again after this long.
    #[error("rate limited for {retry_after:?}")]
    RateLimited { retry_after: Duration },
    /// The request never reached the platform, or the platform said that it did nothing: safe to repeat.
    #[error("unreachable: {why}")]
    Unreachable { why: String },
    /// The request left and no clear answer came: it may have been accepted. Look before you post again.
    #[error("the answer is unclear: {why}")]
    Unclear { why: String },
    /// The message, channel or thread does not exist any more.
    #[error("it is gone")]
    Gone,
    /// The platform will never do this as things are; `code` is its own word, `fix` what a person can change.
    #[error("refused with `{code}`: {fix}")]
    Refused { code: String, fix: String },
    /// The platform answered something that this adapter does not understand.
    #[error("unexpected answer: {why}")]
    Broken { why: String },
}

impl ChatError {
    /// Whether the same may go well a while later.
    pub fn passes(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unreachable { .. } | Self::Unclear { .. } => true,
            Self::Gone | Self::Refused { .. } | Self::Broken { .. } => false,
        }
    }
}

/// Why listening ended although nobody asked for it. Anything that a new connection can heal is healed inside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// A new attempt would end the same way (wrong token, missing permission).
    #[error("cannot listen: `{code}`: {fix}")]
    Fatal { code: String, fix: String },
}

/// Something that an operator should put right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Listening has ended and does not begin again by itself.
    #[error("deaf: `{code}`: {fix}")]
    Deaf { code: String, fix: String },
    /// Discord delivers messages without their text: the privileged MESSAGE CONTENT intent is off.
    #[error("messages come without their text: turn the MESSAGE CONTENT intent on")]
    NoMessageContent,
    /// Nothing can be said or asked any more until somebody puts this right and starts the bot again.
    #[error("mute: `{code}`: {fix}")]
    Mute { code: String, fix: String },
    /// Slack refuses our sockets: other programs hold as many with the same token as it allows, and are told some of what
    /// was meant for us.
    #[error("Slack refuses our sockets: other programs hold all that it allows with this app token")]
    TooManySockets,
    /// Slack slows our event subscriptions down (`app_rate_limited`).
    #[error("Slack slows our events down: more than 30,000 came in an hour")]
    EventsLimited,
}

/// A file to be shown in chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub name: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
    /// What the file shows, for who cannot see it.
    pub alt: String,
}

/// Stands for the id of a message that only one person sees: nobody can find it again.
pub const PRIVATE: &str = "private";

/// A mark that stands under a message, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marked {
    pub account: Account,
    pub mark: Mark,
}

/// A message of which nobody knows whether it was posted.
#[derive(Debug, Clone, Copy)]
pub struct Lost<'a> {
    pub nonce: &'a str,
    /// As it would be posted now.
    pub card: &'a Card,
    /// It was not posted before this.
    pub since: Timestamp,
}

/// What the outbox asks of a platform, as far as platforms count these apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Post,
    Edit,
    Whisper,
    React,
    Upload,
    /// Reading how a message of ours stands.
    Look,
}

/// One connection to one workspace of one platform. It never repeats what it says: the outbox above does.
#[async_trait]
pub trait ChatAdapter: Send + Sync {
    fn platform(&self) -> Platform;

    /// What a call in this place counts in, the narrowest first: as much as is known before it is made. Whoever calls
    /// keeps to it, and to every [`ChatError::RateLimited`]. Nothing where nobody counts.
    fn buckets(&self, _place: &Place, _call: Call) -> Vec<Bucket<String>> {
        Vec::new()
    }

    /// Posts a new message. The same `nonce` (at most 25 characters) posts once where the platform can tell
    /// (Discord, for some minutes); Slack cannot.
    async fn post(&self, place: &Place, card: &Card, nonce: &str) -> Result<MessageRef, ChatError>;

    /// Whether this platform can show all of the card. If not, its buttons are withheld in [`Self::post`] and
    /// [`Self::edit`], and reactions must neither be offered nor counted.
    fn shows_all(&self, card: &Card) -> bool;

    /// The recent message of ours that [`Self::post`] made of this: the look after an `Unclear`. `None` if there is none.
    async fn find(&self, place: &Place, lost: &Lost<'_>) -> Result<Option<MessageRef>, ChatError>;

    /// Makes a message of ours show this card. Repeating it changes nothing.
    async fn edit(&self, message: &MessageRef, card: &Card) -> Result<(), ChatError>;

    /// Whether the message of ours shows this card still. [`ChatError::Gone`] if it does not stand there any more. A
    /// platform that loses nothing need not look.
    async fn stands(&self, _message: &MessageRef, _card: &Card) -> Result<bool, ChatError> {
        Ok(true)
    }

    /// Whether people's marks are told of, the way this platform is listened to. If not, none is offered or spoken of.
    fn hears_marks(&self) -> bool {
        true
    }

    /// What stands before a command where people cannot say it in a message, the way this platform is listened to;
    /// `None` where they can.
    fn command_lead(&self) -> Option<&'static str> {
        None
    }

    /// The marks that people have under a message now, ours left out. `None` where this platform does not tell of
    /// marks ([`Self::hears_marks`]): then none of them counts.
    async fn marks(&self, _message: &MessageRef) -> Result<Option<BTreeSet<Marked>>, ChatError> {
        Ok(None)
    }

    /// Says something that only this account sees; it may not outlive a reload of the person's client.
    async fn whisper(&self, place: &Place, to: &Account, card: &Card) -> Result<(), ChatError>;

    /// Puts our own mark under a message, so that people can click it. Repeating it changes nothing.
    async fn react(&self, message: &MessageRef, mark: Mark) -> Result<(), ChatError>;

    /// Shows a file. Not repeatable: `Unclear` means it may be there.
    async fn upload(&self, place: &Place, file: &Attachment) -> Result<(), ChatError>;

    /// What the platform says about an account now, and what people call it.
    async fn standing(&self, account: &Account) -> Result<(Standing, String), ChatError>;

    /// Hears people until `stop`: connects, hands each delivery to `intake`, acknowledges it once it is durable,
    /// and connects again with a growing, jittered pause when the line is lost.
    ///
    /// # Errors
    /// Only what a new connection cannot heal.
    async fn listen(&self, intake: Intake, stop: CancellationToken) -> Result<(), ListenError>;

    /// Since when nothing has been heard although it should; `None` while all is well.
    fn deaf_since(&self) -> Option<Timestamp> {
        None
    }

    /// A moment of the platform's clock by ours, as far as this adapter knows how the two stand to each other.
    fn ours(&self, at: Timestamp) -> Timestamp {
        at
    }

    /// When a message was posted, by the platform's own clock; `None` where its id does not say.
    fn posted_at(&self, _message: &MessageId) -> Option<Timestamp> {
        None
    }

    /// When the platform was last heard over the listening connection: the measure of being alive.
    fn heard_at(&self) -> Option<Timestamp>;

    /// What an operator should put right although the adapter runs.
    fn trouble(&self) -> Option<Trouble> {
        None
    }
}

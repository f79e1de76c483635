//! What people did in chat, as adapters hand it to the inbox.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{Account, MessageId, MessageRef, Place},
    identity::Standing,
};

/// The two marks that vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// ✅
    Approve,
    /// ⛔
    Reject,
}

/// A message from a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// As typed, with the platform's escapes undone and curly quotes straightened.
    pub text: String,
    /// True in a direct message and after a mention (which is cut off): no prefix is needed.
    pub addressed: bool,
    /// True only in a direct message: nobody but the bot reads it.
    #[serde(default)]
    pub direct: bool,
    pub message: MessageId,
}

/// One thing a person did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Incoming {
    Said(Said),
    /// Said while nobody listened, and fetched later.
    Missed {
        said: Said,
        /// By the platform's clock.
        at: Timestamp,
    },
    /// `act` is what [`super::ButtonAct::encode`] made; `reason` what a form asked for.
    Pressed {
        message: MessageRef,
        act: String,
        reason: Option<String>,
    },
    /// A press that asks for a reason, whose form could not be shown: it counts for nothing.
    Unasked {
        message: MessageRef,
        act: String,
    },
    Reacted {
        message: MessageRef,
        mark: Mark,
        added: bool,
        /// By the platform's clock, where it says so.
        #[serde(default)]
        at: Option<Timestamp>,
    },
    /// Reacted while nobody listened, and seen by a look at the message. When it was done, nobody tells.
    Found {
        message: MessageRef,
        mark: Mark,
        added: bool,
        /// Before this look, by our clock.
        by: Timestamp,
    },
}

/// One delivery from a platform, with everything that authority needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Unique per thing done, the same on redelivery (`reliability/protocols.md`): `slack:event:Ev123`.
    pub key: String,
    pub account: Account,
    /// What the platform says about the account.
    pub standing: Standing,
    /// What people call the account; only ever shown, never compared.
    pub display: String,
    pub place: Place,
    /// When it was said or pressed, by the platform's clock, where it says so. What was fetched, and marks, say it
    /// themselves.
    #[serde(default)]
    pub at: Option<Timestamp>,
    pub incoming: Incoming,
}

impl Delivery {
    /// What may be kept of words that were not for us: where and when somebody spoke, not what.
    #[must_use]
    pub fn without_words(&self) -> Self {
        let hushed = |said: &Said| Said { text: String::new(), ..said.clone() };
        let incoming = match &self.incoming {
            Incoming::Said(said) => Incoming::Said(hushed(said)),
            Incoming::Missed { said, at } => Incoming::Missed { said: hushed(said), at: *at },
            other @ (Incoming::Pressed { .. }
            | Incoming::Unasked { .. }
            | Incoming::Reacted { .. }
            | Incoming::Found { .. }) => other.clone(),
        };
        Self { display: String::new(), incoming, ..self.clone() }
    }
}

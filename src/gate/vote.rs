//! One person's answer.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gate::Reason;
use crate::id::{Account, PersonName, Seal};
use crate::identity::Actor;

/// What somebody says at a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    Approve {
        reason: Option<Reason>,
    },
    Reject {
        reason: Option<Reason>,
    },
    /// Takes an earlier approval back, as removing the reaction does.
    Withdraw,
}

impl Act {
    pub fn as_str(&self) -> &'static str {
        match self {
            Act::Approve { .. } => "approve",
            Act::Reject { .. } => "reject",
            Act::Withdraw => "withdraw",
        }
    }
}

/// The way an answer came in. All end in the same function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The button on the gate's message.
    Button,
    /// ✅ or ⛔ on the gate's message.
    Reaction,
    /// `approve` in the thread of the gate's message.
    Thread,
    /// `!approve 42` in chat.
    Command,
    /// `lockkeeper approve 42`.
    CommandLine,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Via::Button => "button",
            Via::Reaction => "reaction",
            Via::Thread => "thread",
            Via::Command => "command",
            Via::CommandLine => "command line",
        })
    }
}

/// What somebody says they looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The message they answered on was posted for this seal.
    Message(Seal),
    /// They typed the first digits of a seal.
    Prefix(String),
    /// Neither: `!approve 42`.
    Bare,
    /// The same, said before the message about the current seal was posted: by the platform's clock, which stamps both.
    Earlier,
}

/// An answer as an edge hands it in: not yet known whose it is or whether it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    pub actor: Actor,
    pub act: Act,
    pub via: Via,
    pub claim: Claim,
    /// When we received it, by our clock.
    pub at: Timestamp,
}

/// How a voter knew the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// Answered on the seal's own message.
    Message,
    /// Typed its first digits.
    Prefix,
    /// Named only the gate, after the seal was made.
    Gate,
}

/// An answer with the evidence of whose it is and what it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    pub person: PersonName,
    pub account: Account,
    #[serde(flatten)]
    pub act: Act,
    pub seal: Seal,
    pub via: Via,
    pub sight: Sight,
    pub at: Timestamp,
}

//! What a platform says about an account, as an adapter found out for this very event.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::Account;

/// What the platform says about an account. Only a `Member` may act on anything guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A full member of the workspace that our configuration names.
    Member,
    /// A guest: Slack's `is_restricted` or `is_ultra_restricted`, Discord's pending members.
    Guest,
    /// Somebody of another organisation in a shared channel: the user's team is not ours.
    External,
    /// A bot or app user.
    Bot,
    /// The author of a webhook message, who may carry any name at all.
    Webhook,
    /// An account that was switched off.
    Deactivated,
    /// The platform could not be asked. Not knowing is no.
    Unresolved,
}

impl Standing {
    pub fn may_act(self) -> bool {
        match self {
            Standing::Member => true,
            Standing::Guest
            | Standing::External
            | Standing::Bot
            | Standing::Webhook
            | Standing::Deactivated
            | Standing::Unresolved => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Member => "member",
            Standing::Guest => "guest",
            Standing::External => "external",
            Standing::Bot => "bot",
            Standing::Webhook => "webhook",
            Standing::Deactivated => "deactivated",
            Standing::Unresolved => "unresolved",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who acts: an account and what its platform says of it. Carries no name, as names grant nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    pub account: Account,
    pub standing: Standing,
}

impl Actor {
    pub fn new(account: Account, standing: Standing) -> Self {
        Self { account, standing }
    }
}

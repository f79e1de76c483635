use serde::{Deserialize, Serialize};

/// What a platform says about an account. Only a member may ever act on something guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Member,
    /// Slack's single- and multi-channel guests.
    Guest,
    /// Slack Connect: a person of another company.
    External,
    Bot,
    /// A Discord webhook, a Slack incoming webhook.
    Webhook,
    Deactivated,
    /// The platform could not be asked: deny.
    Unresolved,
}

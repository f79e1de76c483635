//! Names and ids, each a type of its own: a raw string never crosses a room's wall as an id.
//!
//! People's names for things (`AppName`, `HostName`) are text from configuration; ids (`ExecutionId`, `GateId`)
//! are UUIDv7, so that they sort by time. `CommitSha` and `Digest` can only hold what their names say.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a validated id refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    pub text: String,
    pub expected: &'static str,
}

macro_rules! text_name {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    )*};
}

text_name! {
    /// An app as `config/apps/<app>.yaml` names it.
    AppName;
    /// An environment such as `staging` or `production`.
    EnvironmentName;
    /// Which of an environment's hosts: `canary`, `app`.
    RoleName;
    /// A host as the inventory names it.
    HostName;
    /// A person's key in `config/people.yaml`.
    PersonName;
    /// A group of persons.
    GroupName;
    /// A pack: a folder of content.
    PackName;
    /// A full action reference, `pack.action`.
    ActionRef;
    /// A task of a workflow.
    TaskName;
    /// A chat workspace (Slack team, Discord guild), as the platform's immutable id.
    WorkspaceId;
    /// A chat channel, as the platform's immutable id.
    ChannelId;
    /// A chat user, as the platform's immutable id. Never a display name.
    UserId;
    /// A chat message within its channel (Slack `ts`, Discord snowflake).
    MessageId;
}

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh UUIDv7. For the edges and services; the pure floor gets ids as values.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            pub fn parse(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_| IdError { text: text.to_owned(), expected: concat!("a UUID for ", stringify!($name)) })
            }

            /// An id made of a plain number, for tables of cases.
            pub const fn from_number(number: u128) -> Self {
                Self(Uuid::from_u128(number))
            }

            /// The id as a plain number.
            pub const fn as_number(self) -> u128 {
                self.0.as_u128()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

uuid_id! {
    /// One execution of an action: a whole workflow or one visit of a task.
    ExecutionId;
    /// One try of an execution that has an effect outside.
    AttemptId;
    /// One (app, commit, artifact) on its way through environments.
    ReleaseId;
    /// One question "may this release enter this environment?".
    GateId;
    /// An immutable snapshot of what voters are shown.
    EvidenceId;
    /// The permission that enough votes made.
    GrantId;
    /// One code that links two accounts, and the link that it makes.
    LinkId;
    /// One row of the inbox.
    InboxId;
    /// One row of the outbox.
    OutboxId;
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $min:literal ..= $max:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let fits = ($min..=$max).contains(&text.len());
                if fits && text.bytes().all(|it| it.is_ascii_hexdigit() && !it.is_ascii_uppercase()) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { text: text.to_owned(), expected: $expected })
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first digits, enough for people.
            pub fn short(&self) -> &str {
                &self.0[..8]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

hex_id! {
    /// A full commit id: 40 hex digits, or 64 in a SHA-256 repository.
    CommitSha, 40 ..= 64, "a full commit id of 40 or 64 lower-case hex digits"
}

impl CommitSha {
    /// No commit that we know of, as git spells it where there is none: all zeros
    /// (<https://git-scm.com/docs/githooks#_post_checkout> and others call it the null object name).
    pub fn unknown() -> Self {
        Self("0".repeat(40))
    }

    pub fn is_known(&self) -> bool {
        self.0.bytes().any(|it| it != b'0')
    }
}

hex_id! {
    /// The SHA-256 of some bytes: an artifact, a content file, a policy.
    Digest, 64 ..= 64, "a SHA-256 of 64 lower-case hex digits"
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(hex::encode(sha2::Sha256::digest(bytes)))
    }
}

hex_id! {
    /// The hash of all that an answer at a gate covers.
    Seal, 64 ..= 64, "a seal of 64 lower-case hex digits"
}

impl From<Digest> for Seal {
    fn from(digest: Digest) -> Self {
        Self(digest.0)
    }
}

/// Where people talk to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    Slack,
    Discord,
    Terminal,
}

impl Platform {
    pub fn as_str(self) -> &'static str {
        match self {
            Platform::Slack => "slack",
            Platform::Discord => "discord",
            Platform::Terminal => "terminal",
        }
    }

    pub fn parse(text: &str) -> Result<Self, IdError> {
        match text {
            "slack" => Ok(Platform::Slack),
            "discord" => Ok(Platform::Discord),
            "terminal" => Ok(Platform::Terminal),
            other => Err(IdError { text: other.to_owned(), expected: "one of slack, discord, terminal" }),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A chat account: what a platform says about who acted. Authority hangs on nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    pub platform: Platform,
    pub workspace: WorkspaceId,
    pub user: UserId,
}

/// A place where messages stand: a channel, or a thread in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub platform: Platform,
    pub workspace: WorkspaceId,
    pub channel: ChannelId,
    /// The message (Slack) or channel (Discord) that the thread hangs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<MessageId>,
}

impl Place {
    /// The channel itself, outside any thread.
    pub fn channel(&self) -> Place {
        Place { thread: None, ..self.clone() }
    }

    pub fn in_thread(&self, thread: MessageId) -> Place {
        Place { thread: Some(thread), ..self.clone() }
    }
}

/// One message that stands somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageRef {
    pub place: Place,
    pub message: MessageId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_holds_nothing_but_a_sha256() {
        let digest = Digest::of(b"");
        assert_eq!(digest.as_str(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(digest.short(), "e3b0c442");
        assert!(Digest::parse("E3B0").is_err());
        assert!(serde_json::from_str::<Digest>("\"latest\"").is_err());
    }

    #[test]
    fn a_tag_is_not_a_commit() {
        assert!(CommitSha::parse("v1.4").is_err());
        assert!(CommitSha::parse(&"a".repeat(40)).is_ok_and(|it| it.is_known()));
        assert!(!CommitSha::unknown().is_known());
    }
}

//! What goes over the socket: one [`Request`] as a line of JSON, then [`Reply`]s, a line each, until `done`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    id::{ActionRef, ExecutionId, MessageId, PersonName},
    message::Card,
    secret::MASK,
    status::Status,
};

/// Longest request, in bytes: a value of the datastore, as long as one may be, in JSON.
pub const REQUEST_MAX: u64 = 4 << 20;
/// Longest reply line, in bytes; whoever asks reads no more.
pub const REPLY_MAX: u64 = 16 << 20;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Is somebody there?
    Hello,
    /// A command as in chat, without its prefix; `wait`: until what it started has ended.
    Say {
        text: String,
        wait: bool,
    },
    Executions {
        most: u32,
    },
    Execution {
        id: String,
    },
    /// The output of an execution; `follow`: until it has ended.
    Tail {
        id: String,
        follow: bool,
    },
    Cancel {
        id: String,
    },
    Pause {
        id: String,
    },
    Resume {
        id: String,
    },
    /// Run an ended execution again; `wait`: until the new one has ended.
    Rerun {
        id: String,
        tasks: Vec<String>,
        no_reset: Vec<String>,
        wait: bool,
    },
    Vote {
        number: i64,
        approve: bool,
        seal: Option<String>,
        reason: Option<String>,
    },
    Actions,
    Action {
        reference: ActionRef,
    },
    RunAction {
        reference: ActionRef,
        parameters: Map<String, Value>,
        wait: bool,
    },
    Keys(KeyRequest),
}

/// What is asked of the datastore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRequest {
    /// All of them are written, or none.
    Put {
        puts: Vec<WirePut>,
    },
    Get {
        key: WireKey,
        decrypt: bool,
    },
    /// Without a scope, or `all`: the system's, and the asker's own.
    List {
        scope: Option<String>,
        user: Option<PersonName>,
        prefix: String,
        decrypt: bool,
    },
    Delete {
        key: WireKey,
    },
}

/// A key as it is asked for: `scope` is `system` or `user`; without a `user` it is the asker's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireKey {
    pub scope: String,
    pub user: Option<PersonName>,
    pub name: String,
}

/// A value to write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WirePut {
    pub key: WireKey,
    pub value: Covered,
    pub secret: bool,
    pub ttl_ms: Option<u64>,
}

/// A text that no log shows: its `Debug` is the mask.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Covered(String);

impl Covered {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for Covered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Hello {
        version: String,
        pid: u32,
        /// The account that the bot takes the asker for.
        user: String,
        person: Option<String>,
        /// Secrets of the configuration that have another value than the one that the bot uses.
        #[serde(default)]
        stale: Vec<String>,
    },
    /// Something to show. The same `message` again: it looks like this now.
    Card {
        message: Option<MessageId>,
        card: Card,
    },
    Executions(Vec<ExecutionRow>),
    /// The visits of an execution, in the order dispatched.
    Visits(Vec<ExecutionRow>),
    /// A piece of output; `of` names whose it is where that changes.
    Output {
        of: Option<String>,
        text: String,
    },
    Actions(Vec<ActionRow>),
    Action(Value),
    /// A key of the datastore, as StackStorm's interface shows it.
    Key(Value),
    /// What was started, and how it stands.
    Ended {
        id: ExecutionId,
        status: Status,
    },
    /// It was not done; the card says why.
    Refused {
        card: Card,
    },
    /// The last line.
    Done,
}

/// One execution, for a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecutionRow {
    pub id: ExecutionId,
    /// The release's number, the app, the task: what people know it by.
    pub name: String,
    pub action: ActionRef,
    pub status: Status,
    pub by: String,
    /// RFC 3339.
    pub created_at: String,
    /// Milliseconds, until now if it still runs.
    pub took: u64,
}

/// One action, for a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionRow {
    pub reference: ActionRef,
    pub runner: String,
    pub description: String,
}

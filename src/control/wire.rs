//! What goes over the socket: one [`Request`] as a line of JSON, then [`Reply`]s, a line each, until `done`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    id::{ActionRef, ExecutionId, MessageId},
    message::Card,
    status::Status,
};

/// Longest request, in bytes.
pub const REQUEST_MAX: u64 = 256 << 10;
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

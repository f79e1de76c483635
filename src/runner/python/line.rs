//! The line between an action or a sensor and the bot: a socket that is the process's standard input when it starts. One JSON object
//! a line. We say what to run; the action may ask, one question at a time, and says at last what came of it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixStream, unix::OwnedWriteHalf},
};

/// The most that a process may say at once, and so the largest result.
pub(super) const SAID_BYTES: u64 = 4 << 20;

/// Answers a question, or says in a line why it cannot.
pub type Datastore = Arc<dyn Fn(Question) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

/// What an action asks of the datastore. Names are complete: a local one has its `<pack>.<Class>:` already.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum Question {
    /// Answered with the value, or null.
    Get { name: String, scope: String, decrypt: bool },
    /// Answered with null. `ttl` in seconds.
    Set { name: String, scope: String, value: String, ttl: Option<u64>, encrypt: bool },
    /// Answered with whether there was one.
    Delete { name: String, scope: String },
    /// Answered with `[{name, value, scope, secret, ttl}]` of the system scope, sorted by name.
    List { prefix: String, limit: Option<u64>, offset: u64 },
}

/// What a sensor says has happened.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Dispatched {
    /// The type of the trigger: `pack.name`.
    pub trigger: String,
    /// Which trigger of that type: what the rule that listens gives it.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    #[serde(default)]
    pub payload: Value,
}

/// Keeps what happened, or says in a line why it cannot. Once this returned, nothing of it is lost.
pub type Dispatch = Arc<dyn Fn(Dispatched) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// For a bot that has no datastore.
pub fn no_datastore() -> Datastore {
    Arc::new(|_| Box::pin(async { Err("this Lockkeeper has no datastore".to_owned()) }))
}

/// What a process said of itself.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// What it returned; `None` if it ended without a word.
    pub(super) returned: Option<Returned>,
    /// Why it was not listened to any more.
    pub(super) fault: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Returned {
    /// `None` if the action only gave data.
    pub(super) status: Option<bool>,
    pub(super) result: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    End { end: Returned },
    Dispatch { dispatch: Dispatched },
    Ask(Question),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Value(Value),
    Error(String),
}

impl Answer {
    fn of(answer: Result<Value, String>) -> Self {
        match answer {
            Ok(value) => Self::Value(value),
            Err(error) => Self::Error(error),
        }
    }
}

/// Our end of a new line, and the one that becomes a process's standard input.
pub(super) fn pair() -> std::io::Result<(UnixStream, std::os::unix::net::UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let theirs = theirs.into_std()?;
    theirs.set_nonblocking(false)?;
    Ok((ours, theirs))
}

/// Says what to run and answers until the other end closes or has said its last. Faults of the line are the process's
/// own affair: it is seen by its end.
pub(super) async fn talk(
    line: UnixStream,
    order: &Value,
    datastore: &Datastore,
    dispatch: Option<&Dispatch>,
) -> Said {
    let (read, mut write) = line.into_split();
    if tell(&mut write, order).await.is_err() {
        return Said::default();
    }
    let mut read = BufReader::new(read);
    loop {
        let mut text = Vec::new();
        match (&mut read).take(SAID_BYTES).read_until(b'\n', &mut text).await {
            Ok(0) | Err(_) => return Said::default(),
            Ok(_) => {}
        }
        if text.last() != Some(&b'\n') && SAID_BYTES <= text.len() as u64 {
            let fault = format!("it said more than {} MiB at once", SAID_BYTES >> 20);
            return Said { returned: None, fault: Some(fault) };
        }
        let answer = match serde_json::from_slice(&text) {
            Ok(Line::End { end }) => return Said { returned: Some(end), fault: None },
            Ok(Line::Ask(question)) => Answer::of(datastore(question).await),
            Ok(Line::Dispatch { dispatch: happened }) => match dispatch {
                Some(dispatch) => Answer::of(dispatch(happened).await.map(|()| Value::Null)),
                None => Answer::Error("only sensors tell what happens".to_owned()),
            },
            Err(_) => Answer::Error("that was no question".to_owned()),
        };
        let answer = serde_json::to_value(answer).unwrap_or_else(|error| json!({"error": error.to_string()}));
        if tell(&mut write, &answer).await.is_err() {
            return Said::default();
        }
    }
}

async fn tell(write: &mut OwnedWriteHalf, value: &Value) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    write.write_all(&line).await
}

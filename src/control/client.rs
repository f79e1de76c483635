//! Asking a running bot.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use super::{
    socket,
    wire::{REPLY_MAX, REQUEST_MAX, Reply, Request},
};

/// Why there is no answer, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("no bot answers at {}", path.display())]
    NotRunning { path: PathBuf, source: io::Error },
    /// A socket without a listener.
    #[error("a bot was at {} and went without a word", path.display())]
    Died { path: PathBuf, source: io::Error },
    #[error("you may not call the bot at {}", path.display())]
    NotAllowed { path: PathBuf, source: io::Error },
    #[error("the bot at {} cannot be called", path.display())]
    Failed { path: PathBuf, source: io::Error },
    #[error(
        "the bot ended before its answer was complete; what it had recorded goes on when it is started again, and \
         `lockkeeper executions list` shows it then"
    )]
    Lost(#[from] io::Error),
    #[error("this is {0} bytes, and the bot takes {REQUEST_MAX} at once; do it in several parts")]
    TooLong(usize),
    #[error(
        "the bot answered something that this lockkeeper does not understand; are both the same version?"
    )]
    Strange(#[from] serde_json::Error),
}

/// The replies to one request, in order, without the last `done`.
pub struct Call {
    lines: BufReader<UnixStream>,
    done: bool,
}

/// Asks the bot that runs on this data folder.
///
/// # Errors
/// Nobody is there, or not for the caller.
pub fn call(data: &Path, request: &Request) -> Result<Call, CallError> {
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    if u64::try_from(line.len()).is_ok_and(|length| length > REQUEST_MAX) {
        return Err(CallError::TooLong(line.len()));
    }
    let mut stream = socket::connect(data).map_err(|error| unreachable(data, error))?;
    stream.write_all(&line)?;
    Ok(Call { lines: BufReader::new(stream), done: false })
}

fn unreachable(data: &Path, source: io::Error) -> CallError {
    let path = socket::socket_path(data);
    match source.kind() {
        io::ErrorKind::NotFound => CallError::NotRunning { path, source },
        io::ErrorKind::ConnectionRefused => CallError::Died { path, source },
        io::ErrorKind::PermissionDenied => CallError::NotAllowed { path, source },
        _ => CallError::Failed { path, source },
    }
}

impl Call {
    fn read(&mut self) -> Result<Reply, CallError> {
        let mut line = Vec::new();
        self.lines.by_ref().take(REPLY_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err(CallError::Lost(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(serde_json::from_slice(&line)?)
    }
}

impl Iterator for Call {
    type Item = Result<Reply, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let reply = self.read();
        self.done = !matches!(&reply, Ok(it) if *it != Reply::Done);
        Some(reply).filter(|it| !matches!(it, Ok(Reply::Done)))
    }
}

//! A terminal whose player sits in another process: one JSON object a line. The bot tells what it shows on its
//! output and hears [`crate::message::Delivery`]s on its input; the rehearsal kills and starts such a bot while the play goes on.

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Heard, Player};
use crate::id::{MessageRef, UserId};
use crate::message::Card;

/// What the bot tells.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Told {
    Posted { message: MessageRef, card: Card, whisper_to: Option<UserId> },
    Edited { message: MessageRef, card: Card },
}

/// Both directions of a player's line to a bot in another process.
#[derive(Debug)]
#[must_use = "dropping it hangs up"]
pub struct Line {
    reading: JoinHandle<()>,
    writing: JoinHandle<()>,
}

impl Player {
    /// Plays to a bot in another process: `told` is its output, `heard` its input. An earlier bot hears nothing more.
    pub fn connect(
        &self,
        told: impl AsyncRead + Send + Unpin + 'static,
        mut heard: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Line {
        let (deliveries, mut outgoing) = mpsc::unbounded_channel::<Heard>();
        self.attach(deliveries);
        let writing = tokio::spawn(async move {
            while let Some(Heard { delivery, .. }) = outgoing.recv().await {
                let Ok(mut line) = serde_json::to_vec(&delivery) else { continue };
                line.push(b'\n');
                if heard.write_all(&line).await.is_err() || heard.flush().await.is_err() {
                    return;
                }
            }
        });
        let player = self.clone();
        let reading = tokio::spawn(async move {
            let mut lines = BufReader::new(told).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                match serde_json::from_str(&line) {
                    Ok(Told::Posted { message, card, whisper_to }) => {
                        player.posted(&message, &card, whisper_to)
                    }
                    Ok(Told::Edited { message, card }) => player.edited(&message, &card),
                    Err(_) => player.note(&format!("bot: {}", crate::chat::inert::inert(&line))),
                }
            }
        });
        Line { reading, writing }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.reading.abort();
        self.writing.abort();
    }
}

/// One line of what the bot tells.
pub(super) fn line(told: &Told) -> String {
    // Cards hold nothing that JSON cannot; an empty line is skipped by the reader as unreadable.
    serde_json::to_string(told).unwrap_or_default() + "\n"
}

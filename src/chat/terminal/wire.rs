//! A terminal whose player sits in another process: one JSON object a line. The bot tells what it shows on its
//! output and hears [`crate::message::Delivery`]s on its input; the rehearsal kills and starts such a bot while the play
//! goes on. As on any platform, a delivery that the bot did not acknowledge is delivered again to the next one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Heard, Player};
use crate::id::{MessageRef, UserId};
use crate::message::{Card, Delivery};

/// What the bot tells.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Told {
    Posted {
        message: MessageRef,
        card: Card,
        whisper_to: Option<UserId>,
    },
    Edited {
        message: MessageRef,
        card: Card,
    },
    /// The delivery with this key is acknowledged.
    Taken {
        key: String,
    },
}

/// How long what an ended bot told may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Both directions of a player's line to a bot in another process.
#[derive(Debug)]
#[must_use = "dropping it hangs up"]
pub struct Line {
    reading: JoinHandle<()>,
    writing: JoinHandle<()>,
}

impl Line {
    /// Hangs up on a bot that has ended, once all that it told is read.
    pub async fn told_all(mut self) {
        // Who holds the other end open although the bot has ended has nothing to tell.
        let _ = tokio::time::timeout(LAST_WORDS, &mut self.reading).await;
    }
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
        let again = self.untaken();
        let player = self.clone();
        let writing = tokio::spawn(async move {
            for delivery in again {
                if !write(&mut heard, &delivery).await {
                    return;
                }
            }
            while let Some(Heard { delivery, .. }) = outgoing.recv().await {
                player.delivering(&delivery);
                if !write(&mut heard, &delivery).await {
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
                    Ok(Told::Taken { key }) => player.acknowledged(&key),
                    Err(_) => player.note(&format!("bot: {}", crate::chat::inert::inert(&line))),
                }
            }
        });
        Line { reading, writing }
    }
}

/// False if nobody hears any more.
async fn write(heard: &mut (impl AsyncWrite + Unpin), delivery: &Delivery) -> bool {
    let Ok(mut line) = serde_json::to_vec(delivery) else { return true };
    line.push(b'\n');
    heard.write_all(&line).await.is_ok() && heard.flush().await.is_ok()
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

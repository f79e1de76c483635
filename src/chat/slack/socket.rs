//! Socket Mode (<https://docs.slack.dev/apis/events-api/using-socket-mode>).
//!
//! The loop is our own: slack-morphism's acknowledges only in order and after its handler, drops payloads that its
//! models do not know, closes the old socket before it opens the next, and waits a flat time between tries.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::super::ChatError;
use super::ears::Ears;
use super::method::Method;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Deliveries being stored at once per socket; more wait in the socket.
const IN_FLIGHT_MAX: usize = 64;
/// An old socket is read this long after Slack announced its end.
const DRAIN: Duration = Duration::from_secs(30);
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Why a socket needs a successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Loss {
    /// Slack will close it soon.
    Refresh,
    /// Slack has as many of us as it wants, from other programs too: another at once would be refused again.
    TooMany,
    /// It could not be opened.
    Failed(ChatError),
    /// It stood, and is gone.
    Lost,
}

/// Opens a socket and reads it until it ends. Tells `losses` once, as soon as a successor is needed.
pub(super) async fn run(ears: &Arc<Ears>, losses: &UnboundedSender<Loss>) {
    let socket = match open(ears).await {
        Ok(socket) => socket,
        Err(error) => {
            // The receiver is gone only when nobody listens any more.
            let _ = losses.send(Loss::Failed(error));
            return;
        }
    };
    let refreshed = read(ears, losses, socket).await;
    if !refreshed {
        let _ = losses.send(Loss::Lost);
    }
}

async fn open(ears: &Ears) -> Result<Socket, ChatError> {
    let opened = ears.api.post(Method::OpenConnection, &json!({})).await?;
    let Some(url) = opened["url"].as_str() else {
        return Err(ChatError::Broken { why: "`apps.connections.open` gave no address".to_owned() });
    };
    // Without delay: an acknowledgement must not wait until the one before it has arrived.
    let opening = tokio_tungstenite::connect_async_with_config(url, None, true);
    match tokio::time::timeout(CONNECT_MAX, opening).await {
        Ok(Ok((socket, _))) => Ok(socket),
        // The address holds a ticket: it is not repeated here.
        Ok(Err(error)) => Err(ChatError::Unreachable { why: format!("the socket did not open: {error}") }),
        Err(_) => Err(ChatError::Unreachable { why: format!("the socket did not open in {CONNECT_MAX:?}") }),
    }
}

/// Whether a successor has already been asked for.
async fn read(ears: &Arc<Ears>, losses: &UnboundedSender<Loss>, mut socket: Socket) -> bool {
    let mut storing = FuturesUnordered::new();
    let mut ping = tokio::time::interval(ears.timing.ping);
    ping.reset();
    let mut heard = Instant::now();
    let mut drain: Option<Instant> = None;
    // Slack says hello to a socket that is one too many as well, and then that it is: only what comes else shows life.
    let mut stands = false;
    loop {
        let until = drain.unwrap_or_else(|| heard + ears.timing.ping * 2);
        tokio::select! {
            frame = socket.next(), if storing.len() < IN_FLIGHT_MAX => {
                let Some(Ok(frame)) = frame else { break };
                heard = Instant::now();
                let envelope = Envelope::of(frame);
                if envelope.shows_life() && drain.is_none() && !std::mem::replace(&mut stands, true) {
                    ears.connected();
                }
                if stands {
                    ears.hear();
                }
                match envelope {
                    Envelope::Hello => ping.reset_immediately(),
                    Envelope::Disconnect(reason) => {
                        tracing::info!(slack.reason = reason, "slack announced the end of a socket");
                        if drain.is_none() {
                            let loss = loss(&reason);
                            drain = Some(Instant::now() + stay(&loss, storing.is_empty(), ears.timing.intake));
                            let _ = losses.send(loss);
                        }
                    }
                    Envelope::Delivery { id, body } => storing.push(store(ears, id, body)),
                    Envelope::Noise => tracing::warn!("a frame from slack was not understood"),
                    Envelope::Beat => {}
                    Envelope::End => break,
                }
            }
            Some(ack) = storing.next() => {
                let Some(ack): Option<String> = ack else { continue };
                if socket.send(Message::text(ack)).await.is_err() {
                    break;
                }
            }
            _ = ping.tick() => {
                if socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                    break;
                }
            }
            () = tokio::time::sleep_until(until) => break,
        }
    }
    // Half-open lines must not hold the successor up.
    let _ = tokio::time::timeout(Duration::from_secs(1), socket.close(None)).await;
    drain.is_some()
}

/// How long a socket is read after its end was announced.
fn stay(loss: &Loss, idle: bool, intake: Duration) -> Duration {
    match loss {
        // It keeps a place from the next as long as it stands.
        Loss::TooMany if idle => Duration::ZERO,
        Loss::TooMany => intake,
        Loss::Refresh | Loss::Failed(_) | Loss::Lost => DRAIN,
    }
}

fn loss(reason: &str) -> Loss {
    match reason {
        "too_many_websockets" => Loss::TooMany,
        "link_disabled" => Loss::Failed(ChatError::Refused {
            code: reason.to_owned(),
            fix: "turn Socket Mode on in the app's settings".to_owned(),
        }),
        // `warning` some seconds before, `refresh_requested`, and what else may come to be.
        _ => Loss::Refresh,
    }
}

enum Envelope {
    Hello,
    Disconnect(String),
    Delivery {
        id: String,
        body: Value,
    },
    Noise,
    /// Of the line itself.
    Beat,
    End,
}

impl Envelope {
    fn of(frame: Message) -> Self {
        match frame {
            Message::Text(text) => Self::read(text.as_str()),
            Message::Close(_) => Self::End,
            Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => Self::Beat,
        }
    }

    fn shows_life(&self) -> bool {
        match self {
            Self::Hello | Self::Disconnect(_) | Self::End => false,
            Self::Delivery { .. } | Self::Noise | Self::Beat => true,
        }
    }

    fn read(text: &str) -> Self {
        let Ok(body) = serde_json::from_str::<Value>(text) else { return Self::Noise };
        match (body["type"].as_str(), body["envelope_id"].as_str()) {
            (Some("hello"), _) => Self::Hello,
            (Some("disconnect"), _) => {
                Self::Disconnect(body["reason"].as_str().unwrap_or("unknown").to_owned())
            }
            (_, Some(id)) => Self::Delivery { id: id.to_owned(), body },
            (_, None) => Self::Noise,
        }
    }
}

/// Stores what the envelope delivers; gives the acknowledgement once all of it is durable, and none otherwise: then
/// Slack sends it again.
async fn store(ears: &Arc<Ears>, id: String, body: Value) -> Option<String> {
    let reply = ears.take(body["type"].as_str().unwrap_or_default(), &body["payload"]).await.ok()?;
    let mut ack = json!({"envelope_id": id});
    if !reply.is_null() {
        ack["payload"] = reply;
    }
    Some(ack.to_string())
}

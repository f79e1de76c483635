//! The gateway (<https://docs.discord.com/developers/events/gateway>).
//!
//! A loop of our own, for two rules that serenity's cannot keep: the sequence number from which Discord replays after
//! a lost line moves on only once everything before it is durable, and a reaction, which has no id, is keyed by that
//! number. Besides, serenity ignores `resume_gateway_url` and drops fields and events that its models do not know.

use std::time::Duration;

use futures_util::stream::FuturesOrdered;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

use super::super::backoff::chance;
use super::super::{Intake, ListenError};
use super::Ears;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// GUILDS (which channels are threads), GUILD_MESSAGES, GUILD_MESSAGE_REACTIONS, DIRECT_MESSAGES,
/// DIRECT_MESSAGE_REACTIONS, MESSAGE_CONTENT (privileged).
pub(super) const INTENTS: u64 = 1 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 15;

/// Dispatches being stored at once; more wait in the socket.
const IN_FLIGHT_MAX: usize = 64;
const HELLO_MAX: Duration = Duration::from_secs(10);
const CONNECT_MAX: Duration = Duration::from_secs(10);
const HEARTBEAT_MAX: Duration = Duration::from_secs(120);
/// Any code but 1000 and 1001 leaves the session open for a resume.
const CLOSE_RESUMABLE: u16 = 4_000;

/// What a lost line can be taken up with.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) address: Option<String>,
    /// Everything up to here is durable.
    pub(super) sequence: u64,
}

/// How a line ended.
#[derive(Debug)]
pub(super) enum End {
    Stopped,
    /// Take the session up again, if there is one.
    Lost,
    /// The session is void: events may be lost.
    Void,
    Fatal(ListenError),
}

/// Holds one line until it ends. `session` is taken up if there is one, and is up to date afterwards.
pub(super) async fn hold(
    ears: &Ears,
    intake: &Intake,
    stop: &CancellationToken,
    address: &str,
    session: &mut Option<Session>,
) -> End {
    let url = format!("{}/?v=10&encoding=json", address.trim_end_matches('/'));
    let opened = tokio::time::timeout(CONNECT_MAX, tokio_tungstenite::connect_async(url)).await;
    let mut socket = match opened {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(error)) => {
            tracing::warn!(error = %error, "the discord gateway did not open");
            return End::Lost;
        }
        Err(_) => return End::Lost,
    };
    let Some(interval) = greet(ears, &mut socket, session.as_ref()).await else { return End::Lost };
    let mut line = Line { ears, intake, socket, session, storing: FuturesOrdered::new(), answered: true };
    let end = line.run(stop, interval).await;
    line.close().await;
    end
}

/// Waits for Hello and says who we are. Gives the heartbeat's interval.
async fn greet(ears: &Ears, socket: &mut Socket, session: Option<&Session>) -> Option<Duration> {
    let hello = tokio::time::timeout(HELLO_MAX, socket.next()).await.ok()??.ok()?;
    let hello: Value = serde_json::from_str(hello.to_text().ok()?).ok()?;
    let interval =
        Duration::from_millis(hello["d"]["heartbeat_interval"].as_u64().filter(|_| hello["op"] == 10)?);
    let token = ears.rest.token();
    let greeting = match session {
        Some(session) => json!({"op": 6, "d": {
            "token": token, "session_id": session.id, "seq": session.sequence,
        }}),
        None => json!({"op": 2, "d": {
            "token": token,
            "intents": INTENTS,
            "properties": {"os": std::env::consts::OS, "browser": "lockkeeper", "device": "lockkeeper"},
        }}),
    };
    socket.send(Message::text(greeting.to_string())).await.ok()?;
    Some(interval.clamp(Duration::from_millis(10), HEARTBEAT_MAX))
}

/// A dispatch was stored, or it was not and has to come again.
type Stored = Result<u64, ()>;

struct Line<'a, 'f> {
    ears: &'a Ears,
    intake: &'a Intake,
    socket: Socket,
    session: &'a mut Option<Session>,
    storing: FuturesOrdered<futures_util::future::BoxFuture<'f, Stored>>,
    /// The last heartbeat was answered.
    answered: bool,
}

impl<'a> Line<'a, 'a> {
    async fn run(&mut self, stop: &CancellationToken, interval: Duration) -> End {
        let mut beat = Instant::now() + interval.mul_f64(chance());
        loop {
            tokio::select! {
                () = stop.cancelled() => return End::Stopped,
                frame = self.socket.next(), if self.storing.len() < IN_FLIGHT_MAX => {
                    let Some(Ok(frame)) = frame else { return End::Lost };
                    self.ears.hear();
                    let ended = match frame {
                        Message::Text(text) => self.frame(text.as_str()).await,
                        Message::Close(close) => Some(closed(close.as_ref().map(|it| u16::from(it.code)))),
                        Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => None,
                    };
                    if let Some(end) = ended {
                        return end;
                    }
                }
                Some(stored) = self.storing.next() => match (stored, self.session.as_mut()) {
                    (Ok(sequence), Some(session)) => session.sequence = sequence,
                    (Ok(_), None) => {}
                    // Discord sends it again when we resume from before it.
                    (Err(()), _) => return End::Lost,
                },
                () = tokio::time::sleep_until(beat) => {
                    if !self.answered || !self.heartbeat().await {
                        return End::Lost;
                    }
                    beat = Instant::now() + interval;
                }
            }
        }
    }

    async fn heartbeat(&mut self) -> bool {
        self.answered = false;
        let sequence = self.session.as_ref().map(|it| it.sequence);
        self.socket.send(Message::text(json!({"op": 1, "d": sequence}).to_string())).await.is_ok()
    }

    /// `Some` ends the line.
    async fn frame(&mut self, text: &str) -> Option<End> {
        let Ok(frame) = serde_json::from_str::<Value>(text) else {
            tracing::warn!("a frame from discord was not understood");
            return None;
        };
        match frame["op"].as_u64() {
            Some(0) => {
                self.dispatch(frame);
                None
            }
            Some(1) => (!self.heartbeat().await).then_some(End::Lost),
            Some(7) => Some(End::Lost),
            Some(9) if frame["d"] == true => Some(End::Lost),
            Some(9) => Some(End::Void),
            Some(11) => {
                self.answered = true;
                None
            }
            Some(_) | None => None,
        }
    }

    fn dispatch(&mut self, frame: Value) {
        let Some(sequence) = frame["s"].as_u64() else { return };
        let data = &frame["d"];
        match frame["t"].as_str() {
            Some("READY") => {
                let text = |key: &str| data[key].as_str().map(str::to_owned);
                self.ears.ready(data);
                *self.session = text("session_id").map(|id| Session {
                    id,
                    address: text("resume_gateway_url"),
                    sequence: 0,
                });
            }
            Some("RESUMED") => self.ears.connected(),
            Some(_) | None => {}
        }
        let (ears, intake) = (self.ears, self.intake);
        let session = self.session.as_ref().map(|it| it.id.clone()).unwrap_or_default();
        self.storing.push_back(Box::pin(async move {
            ears.store(intake, &session, sequence, frame).await.map(|()| sequence)
        }));
    }

    async fn close(&mut self) {
        let frame = CloseFrame { code: CLOSE_RESUMABLE.into(), reason: "".into() };
        // A half-open line must not hold the next one up.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.socket.close(Some(frame))).await;
    }
}

/// <https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>
fn closed(code: Option<u16>) -> End {
    let fix = match code {
        Some(4004) => "put a valid bot token into the configuration",
        Some(4010 | 4011) => "this bot is in too many servers for one connection",
        Some(4012) => "update lockkeeper: Discord no longer speaks this version of its gateway",
        Some(4013 | 4014) => "turn the MESSAGE CONTENT intent on in Discord's developer portal",
        Some(4007 | 4009) => return End::Void,
        Some(_) | None => return End::Lost,
    };
    let code = code.map(|it| it.to_string()).unwrap_or_default();
    End::Fatal(ListenError::Fatal { code, fix: fix.to_owned() })
}

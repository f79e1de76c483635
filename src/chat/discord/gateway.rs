//! The gateway (<https://docs.discord.com/developers/events/gateway>): one line, from hello to its end.
//!
//! The loop is our own, as Slack's is; REST, routes and builders are serenity's. serenity's moves its sequence number on
//! before an event is stored, cannot be given a session of an earlier process and ignores the address to resume at, goes
//! on after close codes that no new line can heal, begins sessions without asking how many are left, drops what its
//! models do not know (whether a member is a guest), hands events out in no order, and notices a half-open line after
//! two heartbeats, which are 82 seconds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use serenity::model::gateway::GatewayIntents;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as WireError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

use super::super::ListenError;
use super::super::backoff::chance;
use super::session::{Session, Sessions};
use super::{Ears, Intake, events, missed};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Until the line stands, and until Discord has said hello on it.
const OPEN_MAX: Duration = Duration::from_secs(10);
/// 1000 and 1001 would end the session (<https://docs.discord.com/developers/events/gateway#initiating-a-disconnect>).
const CLOSE: u16 = 4_000;

/// `MESSAGE_CONTENT` is privileged; `GUILDS` tells which channels are threads.
pub(super) fn intents() -> GatewayIntents {
    GatewayIntents::GUILDS
        | GatewayIntents::GUILD_MESSAGES
        | GatewayIntents::GUILD_MESSAGE_REACTIONS
        | GatewayIntents::DIRECT_MESSAGES
        | GatewayIntents::DIRECT_MESSAGE_REACTIONS
        | GatewayIntents::MESSAGE_CONTENT
}

/// One event: its kind and its data, as Discord spells them.
pub(super) struct Heard {
    pub(super) kind: String,
    pub(super) data: Value,
    /// Which it was in which session: the name of what has no other.
    pub(super) session: String,
    pub(super) seq: u64,
    /// It happened while nobody listened.
    pub(super) replayed: bool,
}

/// How a line ended.
#[derive(Debug)]
pub(super) enum End {
    Stopped,
    /// The line is gone, the session is not.
    Lost,
    /// It did not even open.
    Shut,
    /// The session is gone too.
    Forgotten,
    Fatal(ListenError),
}

/// What every line takes.
pub(super) struct Lines<'a> {
    ears: &'a Arc<Ears>,
    sessions: &'a Sessions,
    token: &'a SecretString,
    /// What was heard, for whoever stores it.
    queue: mpsc::Sender<Heard>,
    intake: &'a Intake,
    stop: &'a CancellationToken,
    /// Until when somebody listened, if something may have been said to nobody since.
    gap: Mutex<Option<Option<Timestamp>>>,
}

/// One line.
struct Line<'a> {
    of: &'a Lines<'a>,
    /// The session's name; empty before READY.
    session: String,
    /// The last event's number.
    seq: u64,
    /// A resumed line's events are old until Discord says that they end.
    replaying: bool,
    /// READY or RESUMED was said.
    stands: bool,
    /// The last heartbeat was answered.
    answered: bool,
}

/// What a frame means for the line.
enum Next {
    Go,
    /// A heartbeat is asked for.
    Beat,
    End(End),
}

impl<'a> Lines<'a> {
    pub(super) fn new(
        ears: &'a Arc<Ears>,
        sessions: &'a Sessions,
        token: &'a SecretString,
        (queue, intake): (mpsc::Sender<Heard>, &'a Intake),
        stop: &'a CancellationToken,
    ) -> Self {
        // Before the first line, too, something may have been said: nobody knows since when.
        Self { ears, sessions, token, queue, intake, stop, gap: Mutex::new(Some(None)) }
    }

    /// Until when somebody listened, if a session that tells of all since then does not stand yet.
    fn gap(&self) -> MutexGuard<'_, Option<Option<Timestamp>>> {
        self.gap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a line at this address and reads it until it ends: resumes the session if there is one, else begins one.
    pub(super) async fn hold(&self, url: &str, resumed: Option<Session>) -> End {
        let opened = tokio::select! {
            () = self.stop.cancelled() => return End::Stopped,
            opened = open(url) => opened,
        };
        let Some((mut socket, interval)) = opened else { return End::Shut };
        let heard_at = self.ears.life.heard_at();
        self.gap().get_or_insert(heard_at);
        let mut line = Line {
            of: self,
            session: resumed.as_ref().map(|it| it.id.clone()).unwrap_or_default(),
            seq: resumed.as_ref().map_or(0, |it| it.seq),
            replaying: resumed.is_some(),
            stands: false,
            answered: true,
        };
        let hello = match &resumed {
            Some(session) => resume(session, self.token),
            None => {
                self.sessions.begin(self.ears.clock.now());
                identify(self.token)
            }
        };
        let end = match socket.send(Message::text(hello.to_string())).await {
            Ok(()) => line.read(&mut socket, interval).await,
            Err(_) => End::Lost,
        };
        let frame = CloseFrame { code: CLOSE.into(), reason: "".into() };
        // A half-open line must not hold its successor up.
        let _ = tokio::time::timeout(Duration::from_secs(1), socket.close(Some(frame))).await;
        end
    }
}

/// The line's next frame, once there is room for it.
async fn next(queue: &mpsc::Sender<Heard>, socket: &mut Socket) -> Option<Result<Message, WireError>> {
    // It is closed only when nobody reads the line any more either.
    let _ = queue.reserve().await;
    socket.next().await
}

/// The line, once Discord has said hello, and how often it wants to hear from us.
async fn open(url: &str) -> Option<(Socket, Duration)> {
    let address = format!("{}/?v=10&encoding=json", url.trim_end_matches('/'));
    let opening = async {
        let (mut socket, _) = tokio_tungstenite::connect_async_with_config(address, None, true)
            .await
            .inspect_err(|error| tracing::warn!(%error, "discord's gateway did not open"))
            .ok()?;
        while let Some(Ok(frame)) = socket.next().await {
            let Message::Text(text) = frame else { continue };
            let frame: Value = serde_json::from_str(text.as_str()).unwrap_or_default();
            if frame["op"] == 10 {
                let millis = frame["d"]["heartbeat_interval"].as_u64().filter(|it| 0 < *it)?;
                return Some((socket, Duration::from_millis(millis)));
            }
        }
        None
    };
    tokio::time::timeout(OPEN_MAX, opening).await.ok().flatten()
}

fn identify(token: &SecretString) -> Value {
    json!({"op": 2, "d": {
        "token": token.expose_secret(),
        "intents": intents().bits(),
        "properties": {"os": std::env::consts::OS, "browser": "lockkeeper", "device": "lockkeeper"},
    }})
}

fn resume(session: &Session, token: &SecretString) -> Value {
    json!({"op": 6, "d": {"token": token.expose_secret(), "session_id": session.id, "seq": session.seq}})
}

impl Line<'_> {
    async fn read(&mut self, socket: &mut Socket, interval: Duration) -> End {
        let stop = self.of.stop;
        let mut beat = Instant::now() + interval.mul_f64(chance());
        let (mut heard, mut asked) = (Instant::now(), false);
        loop {
            let ping = self.of.ears.timing.ping;
            let patience = if asked { ping * 2 } else { ping };
            let sent = tokio::select! {
                () = stop.cancelled() => return End::Stopped,
                // What the store has no room for waits in the line.
                frame = next(&self.of.queue, socket) => {
                    let Some(Ok(frame)) = frame else { return End::Lost };
                    (heard, asked) = (Instant::now(), false);
                    match self.take(frame) {
                        Next::Go => continue,
                        Next::Beat => self.send_beat(socket).await,
                        Next::End(end) => return end,
                    }
                }
                () = tokio::time::sleep_until(beat) => {
                    if !self.answered {
                        tracing::warn!("discord does not answer heartbeats; the line is given up");
                        return End::Lost;
                    }
                    beat += interval;
                    self.answered = false;
                    self.send_beat(socket).await
                }
                // A line that is only quiet answers both of these.
                () = tokio::time::sleep_until(heard + patience) => {
                    if asked {
                        tracing::warn!("nothing comes from discord; the line is given up");
                        return End::Lost;
                    }
                    asked = true;
                    match socket.send(Message::Ping(Vec::new().into())).await {
                        Ok(()) => self.send_beat(socket).await,
                        Err(_) => Err(()),
                    }
                }
            };
            if sent.is_err() {
                return End::Lost;
            }
        }
    }

    async fn send_beat(&self, socket: &mut Socket) -> Result<(), ()> {
        let seq = if self.seq == 0 { Value::Null } else { json!(self.seq) };
        socket.send(Message::text(json!({"op": 1, "d": seq}).to_string())).await.map_err(drop)
    }

    fn take(&mut self, frame: Message) -> Next {
        let text = match frame {
            Message::Text(text) => text,
            Message::Close(frame) => return Next::End(closed(frame.map_or(0, |it| it.code.into()))),
            Message::Ping(_) | Message::Pong(_) => {
                self.hear();
                return Next::Go;
            }
            Message::Binary(_) | Message::Frame(_) => return Next::Go,
        };
        let Ok(mut frame) = serde_json::from_str::<Value>(text.as_str()) else {
            tracing::warn!("a frame from discord was not understood");
            return Next::Go;
        };
        self.hear();
        match frame["op"].as_u64() {
            Some(0) => self.dispatch(&mut frame),
            Some(1) => return Next::Beat,
            Some(7) => return Next::End(End::Lost),
            Some(9) => return Next::End(if frame["d"] == true { End::Lost } else { End::Forgotten }),
            Some(11) => self.answered = true,
            Some(_) | None => {}
        }
        Next::Go
    }

    /// Until it stands, a line that says hello and nothing more is no sign of life.
    fn hear(&self) {
        if self.stands {
            self.of.ears.hear();
        }
    }

    fn dispatch(&mut self, frame: &mut Value) {
        let Some(kind) = frame["t"].as_str().map(str::to_owned) else { return };
        let data = frame["d"].take();
        self.seq = frame["s"].as_u64().unwrap_or(self.seq);
        match kind.as_str() {
            "READY" => self.ready(&data),
            "RESUMED" => {
                self.replaying = false;
                self.stands = true;
                // All of it was just told.
                *self.of.gap() = None;
                self.of.ears.connected();
            }
            _ => {}
        }
        self.of.ears.hear();
        let heard =
            Heard { kind, data, session: self.session.clone(), seq: self.seq, replayed: self.replaying };
        // There is room: nobody else fills it.
        if self.of.queue.try_send(heard).is_err() {
            tracing::error!("an event from discord finds no room");
        }
    }

    fn ready(&mut self, data: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let session = Session {
            id: text(&data["session_id"]),
            url: text(&data["resume_gateway_url"]),
            seq: 0,
            user: text(&data["user"]["id"]),
            application: text(&data["application"]["id"]),
            guild: events::first_guild(&data["guilds"]),
        };
        self.session.clone_from(&session.id);
        self.stands = true;
        self.of.ears.know(&session);
        self.of.ears.connected();
        self.of.sessions.enter(session);
        if let Some(heard_at) = self.of.gap().take() {
            let fetching = missed::fetch(self.of.ears.clone(), self.of.intake.clone(), heard_at);
            let stop = self.of.stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(fetching).await });
        }
    }
}

/// <https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>
fn closed(code: u16) -> End {
    const CONTENT: &str = "turn the MESSAGE CONTENT intent on in Discord's developer portal";
    let fix = match code {
        4004 => "put a valid bot token into the configuration",
        4010 | 4011 => "take the bot out of servers: it serves one, over one connection",
        4012 => "update Lockkeeper: Discord does not speak this version of its gateway any more",
        4013 | 4014 => CONTENT,
        // Not authenticated, an invalid number, a session that timed out.
        4003 | 4007 | 4009 => return End::Forgotten,
        other => {
            tracing::info!(code = other, "discord closed the line");
            return End::Lost;
        }
    };
    End::Fatal(ListenError::Fatal { code: code.to_string(), fix: fix.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_new_line_heals_ends_listening() {
        for code in [4004, 4010, 4011, 4012, 4013, 4014] {
            assert!(
                matches!(closed(code), End::Fatal(ListenError::Fatal { code: said, .. }) if said == code.to_string())
            );
        }
        for code in [4007, 4009] {
            assert!(matches!(closed(code), End::Forgotten));
        }
        for code in [0, 1000, 1001, 1006, 4000, 4001, 4002, 4005, 4008] {
            assert!(matches!(closed(code), End::Lost), "{code}");
        }
    }
}

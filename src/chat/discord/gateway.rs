//! The gateway (<https://docs.discord.com/developers/events/gateway>), spoken by serenity.
//!
//! serenity gives every event to a task of its own, so their order would be lost among several threads. Its client
//! therefore lives on a thread of its own with a runtime that runs tasks in the order in which they were spawned, and
//! all that its handler does is to put the event into a queue, which is stored in that order outside.
//!
//! What serenity does differently from what one could wish, and what we make of it:
//!
//! - It moves its sequence number on before we have stored an event, so Discord does not replay what the store refused:
//!   the event waits in the queue and is tried again. What the queue holds when the process dies is lost, like all that
//!   is said while the bot is away.
//! - After a line that went silent, or two failed attempts at a resume, it begins a new session, and what happened
//!   meanwhile is lost too.
//! - An event that its models cannot read reaches us as raw JSON, and one that they can is made JSON again; [`plain`]
//!   puts back what the models drop.
//! - It ends for close codes 4004, 4013 and 4014 only, and begins sessions without asking how many are left:
//!   [`Pulse`] ends a client that does not get anywhere, and the loop around it asks first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use serenity::Error;
use serenity::async_trait;
use serenity::client::{ClientBuilder, Context, RawEventHandler};
use serenity::gateway::{GatewayError, ShardManager};
use serenity::model::event::Event;
use serenity::model::gateway::GatewayIntents;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::{Intake, ListenError};
use super::Ears;
use super::rest::client;

/// Events that wait for the store; Discord's largest guilds aside this is hours.
const QUEUE: usize = 10_000;
/// Until the first session stands; serenity tries every 5 s.
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// Heartbeats are answered every 41 s.
const SILENCE_MAX: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_secs(1);
/// Sessions that one client may begin before the budget is looked at again.
const SESSIONS_MAX: usize = 5;

/// `MESSAGE_CONTENT` is privileged; `GUILDS` tells which channels are threads.
fn intents() -> GatewayIntents {
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
}

/// How a client ended.
#[derive(Debug)]
pub(super) enum End {
    Stopped,
    /// It got nowhere; a new one may.
    Worn,
    Fatal(ListenError),
}

/// Where and as whom to listen.
pub(super) struct Address {
    pub(super) token: SecretString,
    pub(super) api_url: Option<String>,
    /// What `gateway/bot` answered.
    pub(super) gateway: String,
}

/// Listens with one client until it ends, and stores all that it heard.
pub(super) async fn hold(
    ears: &Arc<Ears>,
    intake: &Intake,
    stop: &CancellationToken,
    address: Address,
) -> End {
    let (heard, mut hearing) = mpsc::channel(QUEUE);
    let (ended, ending) = oneshot::channel();
    let hang_up = stop.child_token();
    let _with_us = hang_up.clone().drop_guard();
    let line = Line { address, heard, ears: ears.clone(), hang_up };
    let thread = std::thread::Builder::new().name("discord".to_owned()).spawn(move || {
        let _ = ended.send(line.drive());
    });
    if let Err(error) = thread {
        tracing::error!(error = %error, "no thread for discord");
        return End::Worn;
    }
    let storing = async {
        while let Some(heard) = hearing.recv().await {
            ears.store(intake, heard).await;
        }
    };
    tokio::select! {
        () = storing => ending.await.unwrap_or(End::Worn),
        // What was heard before the stop is still stored, if the store takes it.
        () = async { stop.cancelled().await; tokio::time::sleep(ears.intake_max).await } => End::Stopped,
    }
}

struct Line {
    address: Address,
    heard: mpsc::Sender<Heard>,
    ears: Arc<Ears>,
    hang_up: CancellationToken,
}

impl Line {
    /// On a thread of its own. Dropping the runtime drops all of serenity's tasks.
    fn drive(self) -> End {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let end = runtime.block_on(self.run());
                runtime.shutdown_background();
                end
            }
            Err(error) => {
                tracing::error!(error = %error, "no runtime for discord");
                End::Worn
            }
        }
    }

    async fn run(self) -> End {
        let http = client(self.address.api_url.as_deref(), &self.address.token);
        let sessions = Arc::new(AtomicUsize::new(0));
        let handler = Handler { heard: self.heard, ears: self.ears.clone(), sessions: sessions.clone() };
        let built = ClientBuilder::new_with_http(http, intents()).raw_event_handler(handler).await;
        let mut client = match built {
            Ok(client) => client,
            Err(error) => {
                tracing::warn!(error = %error, "no client for discord");
                return End::Worn;
            }
        };
        // Without an answer to its own question serenity would go to Discord, whatever our configuration says.
        *client.ws_url.lock().await = self.address.gateway.clone();
        let pulse = Pulse { ears: self.ears, manager: client.shard_manager.clone(), sessions };
        tokio::select! {
            () = self.hang_up.cancelled() => End::Stopped,
            () = pulse.gone() => End::Worn,
            ended = client.start() => match ended {
                Err(error) => ended_with(&error),
                Ok(()) => End::Worn,
            },
        }
    }
}

/// <https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>
fn ended_with(error: &Error) -> End {
    const CONTENT: &str = "turn the MESSAGE CONTENT intent on in Discord's developer portal";
    let (code, fix) = match error {
        Error::Gateway(GatewayError::InvalidAuthentication) => {
            ("4004", "put a valid bot token into the configuration")
        }
        Error::Gateway(GatewayError::InvalidGatewayIntents) => ("4013", CONTENT),
        Error::Gateway(GatewayError::DisallowedGatewayIntents) => ("4014", CONTENT),
        other => {
            tracing::warn!(error = %other, "discord's gateway ended");
            return End::Worn;
        }
    };
    End::Fatal(ListenError::Fatal { code: code.to_owned(), fix: fix.to_owned() })
}

struct Handler {
    heard: mpsc::Sender<Heard>,
    ears: Arc<Ears>,
    sessions: Arc<AtomicUsize>,
}

#[async_trait]
impl RawEventHandler for Handler {
    /// Must not wait before the event is in the queue: its order would be lost.
    async fn raw_event(&self, _: Context, event: Event) {
        self.ears.hear();
        let Some(heard) = plain(event) else { return };
        match heard.kind.as_str() {
            "READY" => {
                self.sessions.fetch_add(1, Ordering::Relaxed);
                self.ears.ready(&heard.data);
            }
            "RESUMED" => self.ears.connected(),
            _ => {}
        }
        if let Err(error) = self.heard.try_send(heard) {
            tracing::error!(error = %error, "an event from discord is lost: too many wait for the store");
        }
    }
}

/// The event as Discord sent it, as far as serenity kept it.
fn plain(event: Event) -> Option<Heard> {
    if let Event::Unknown(unknown) = event {
        return Some(Heard { kind: unknown.kind, data: unknown.value });
    }
    let interaction = match &event {
        Event::InteractionCreate(it) => Some(u8::from(it.interaction.kind())),
        _ => None,
    };
    let mut frame = match serde_json::to_value(&event) {
        Ok(frame) => frame,
        Err(error) => {
            tracing::error!(error = %error, "an event from discord is lost: serenity cannot write it");
            return None;
        }
    };
    let kind = frame["t"].as_str()?.to_owned();
    let mut data = frame["d"].take();
    if let Some(number) = interaction {
        data["type"] = json!(number);
    }
    Some(Heard { kind, data })
}

/// Whether a client is alive: events, and answers to heartbeats, which serenity shows as a new latency only.
struct Pulse {
    ears: Arc<Ears>,
    manager: Arc<ShardManager>,
    sessions: Arc<AtomicUsize>,
}

impl Pulse {
    /// Resolves when the client gets nowhere.
    async fn gone(&self) {
        let (mut latency, mut heard) = (None, self.ears.heard_at());
        let mut alive = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.manager.runners.lock().await.values().find_map(|it| it.latency);
            if now.is_some() && now != latency {
                self.ears.hear();
            }
            latency = now;
            if self.ears.heard_at() != heard {
                heard = self.ears.heard_at();
                alive = Instant::now();
            }
            let sessions = self.sessions.load(Ordering::Relaxed);
            let patience = if sessions == 0 { CONNECT_MAX } else { SILENCE_MAX };
            if SESSIONS_MAX < sessions || patience < alive.elapsed() {
                tracing::warn!(sessions, "a discord client got nowhere and is replaced");
                return;
            }
        }
    }
}

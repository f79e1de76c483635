//! Discord, through serenity: REST for what we say, the gateway for what people do.
//!
//! - `rest`: calls and how they fail;
//! - `gateway`: serenity's client, on a thread of its own;
//! - `events`: its events as deliveries; `ears`: storing them;
//! - [`render`]: cards as embeds and buttons; `text`: markdown.

mod ears;
mod events;
mod gateway;
pub mod render;
mod rest;
mod text;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use serenity::builder::{CreateAttachment, CreateMessage, CreateThread};
use serenity::http::Route;
use serenity::model::channel::{AutoArchiveDuration, ReactionType};
use tokio_util::sync::CancellationToken;

use self::ears::Ears;
use self::gateway::{Address, End, hold};
use self::rest::{Rest, id};
use super::backoff::Backoff;
use super::{Attachment, ChatAdapter, ChatError, Intake, ListenError, Trouble};
use crate::clock::{SharedClock, between};
use crate::id::{Account, Digest, MessageId, MessageRef, Place, Platform, UserId};
use crate::identity::Standing;
use crate::message::{Card, Mark};

/// How to reach a guild.
pub struct DiscordSettings {
    pub token: SecretString,
    /// The one guild whose members may be somebody; `None`: the first that the bot was invited to.
    pub guild: Option<String>,
    /// Another address than `https://discord.com`.
    pub api_url: Option<String>,
    pub timing: DiscordTiming,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct DiscordTiming {
    /// Storing a delivery. Discord waits 3 s for the answer to a press.
    pub intake: Duration,
    /// The first pause before a new connection, and the longest.
    pub pause_first: Duration,
    pub pause_longest: Duration,
    /// How long a person's standing is believed.
    pub standing: Duration,
}

impl Default for DiscordTiming {
    fn default() -> Self {
        Self {
            intake: Duration::from_secs(2),
            pause_first: Duration::from_secs(1),
            pause_longest: Duration::from_secs(60),
            standing: Duration::from_secs(60),
        }
    }
}

/// With fewer starts left for the day, new sessions are begun slowly: at none left Discord resets the token.
const STARTS_SCARCE: u64 = 100;
/// serenity may begin some before it is stopped.
const STARTS_SPARED: u64 = 30;
/// `nonce` may have this many characters.
const NONCE_MAX: usize = 25;
const THREAD_NAME_MAX: usize = 100;
const ALT_MAX: usize = 1_000;

/// One Discord guild.
pub struct Discord {
    rest: Arc<Rest>,
    ears: Arc<Ears>,
    clock: SharedClock,
    token: SecretString,
    api_url: Option<String>,
    timing: DiscordTiming,
    standings: Mutex<HashMap<UserId, (Timestamp, Standing, String)>>,
}

impl Discord {
    /// An adapter that has not said or heard anything yet.
    ///
    /// # Errors
    /// When the token cannot stand in a header.
    pub fn new(settings: DiscordSettings, clock: SharedClock) -> anyhow::Result<Self> {
        let printable = settings.token.expose_secret().bytes().all(|it| it.is_ascii_graphic() || it == b' ');
        anyhow::ensure!(printable, "the token has characters that no token has");
        let rest = Arc::new(Rest::new(settings.api_url.as_deref(), &settings.token));
        let ears = Ears::new(rest.clone(), clock.clone(), settings.guild, settings.timing);
        Ok(Self {
            rest,
            ears: Arc::new(ears),
            clock,
            token: settings.token,
            api_url: settings.api_url,
            timing: settings.timing,
            standings: Mutex::default(),
        })
    }

    /// Where to connect, and when a session may be begun there.
    async fn gateway(&self) -> Result<Start, ChatError> {
        let answer = self.rest.get(Route::GatewayBot).await?;
        let Some(url) = answer["url"].as_str() else {
            return Err(ChatError::Broken { why: "`gateway/bot` gave no address".to_owned() });
        };
        let budget = &answer["session_start_limit"];
        let reset = Duration::from_millis(budget["reset_after"].as_u64().unwrap_or(0));
        match budget["remaining"].as_u64() {
            Some(left) if left < STARTS_SPARED => Ok(Start::In(reset)),
            Some(left) if left < STARTS_SCARCE => {
                let spread = reset.div_f64(100.0).min(self.timing.pause_longest);
                Ok(Start::At { address: url.to_owned(), after: spread })
            }
            Some(_) | None => Ok(Start::At { address: url.to_owned(), after: Duration::ZERO }),
        }
    }

    /// The thread hangs on the message whose id it bears; if nobody has made it yet, we do.
    async fn open_thread(&self, place: &Place, card: &Card) -> Result<(), ChatError> {
        let Some(message) = &place.thread else { return Err(ChatError::Gone) };
        let title = card.to_string();
        let first = title.lines().next().unwrap_or_default().trim();
        let name: String =
            if first.is_empty() { "…" } else { first }.chars().take(THREAD_NAME_MAX - 1).collect();
        let route = Route::ChannelMessageThreads {
            channel_id: id(place.channel.as_str())?,
            message_id: id(message.as_str())?,
        };
        let thread = CreateThread::new(name).auto_archive_duration(AutoArchiveDuration::OneDay);
        match self.rest.post(route, &thread).await {
            Ok(_) => {
                self.ears.learn(message.as_str(), Some(place.channel.as_str()));
                Ok(())
            }
            // Somebody was faster.
            Err(ChatError::Refused { code, .. }) if code == "160004" => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn create(&self, place: &Place, sending: &Sending<'_>) -> Result<Value, ChatError> {
        match self.send(standing_place(place), sending).await {
            Err(ChatError::Gone) if place.thread.is_some() => {
                self.open_thread(place, sending.card).await?;
                self.send(standing_place(place), sending).await
            }
            sent => sent,
        }
    }

    async fn send(&self, channel: &str, sending: &Sending<'_>) -> Result<Value, ChatError> {
        let route = Route::ChannelMessages { channel_id: id(channel)? };
        match sending.file.clone() {
            Some(file) => self.rest.upload(route, sending.message.clone(), file).await,
            None => self.rest.post(route, &sending.message).await,
        }
    }

    async fn direct_channel(&self, to: &Account) -> Result<String, ChatError> {
        let recipient = json!({"recipient_id": to.user.as_str()});
        let opened = self.rest.post(Route::UserMeDmChannels, &recipient).await?;
        match opened["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(ChatError::Broken { why: "`users/@me/channels` gave no channel".to_owned() }),
        }
    }

    /// One client after another: each takes its lines up again by itself, until it gets nowhere.
    async fn hold_clients(&self, intake: &Intake, stop: &CancellationToken) -> Result<(), ListenError> {
        let mut backoff = Backoff::new(self.timing.pause_first, self.timing.pause_longest);
        loop {
            let pause = match self.gateway().await {
                Ok(Start::At { address, after }) => {
                    if !rest_unless_stopped(stop, after).await {
                        return Ok(());
                    }
                    let address = Address {
                        token: self.token.clone(),
                        api_url: self.api_url.clone(),
                        gateway: address,
                    };
                    match hold(&self.ears, intake, stop, address).await {
                        End::Stopped => return Ok(()),
                        End::Fatal(error) => return Err(error),
                        End::Worn => {
                            if self.ears.was_connected() {
                                backoff.reset();
                            }
                            backoff.pause()
                        }
                    }
                }
                Ok(Start::In(wait)) => wait.max(backoff.pause()),
                Err(ChatError::Refused { code, fix }) if code == "401" => {
                    return Err(ListenError::Fatal { code, fix });
                }
                Err(ChatError::RateLimited { retry_after }) => retry_after.max(backoff.pause()),
                Err(error) => {
                    tracing::warn!(error = %error, "discord names no gateway");
                    backoff.pause()
                }
            };
            if !rest_unless_stopped(stop, pause).await {
                return Ok(());
            }
        }
    }
}

/// When a session may be begun, and where.
enum Start {
    At {
        address: String,
        after: Duration,
    },
    /// Too few are left today.
    In(Duration),
}

/// False if `stop` came first.
async fn rest_unless_stopped(stop: &CancellationToken, pause: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

/// What is sent to a channel.
struct Sending<'a> {
    card: &'a Card,
    message: CreateMessage,
    file: Option<CreateAttachment>,
}

/// The channel that a place's messages stand in: Discord's threads are channels.
fn standing_place(place: &Place) -> &str {
    place.thread.as_ref().map_or(place.channel.as_str(), MessageId::as_str)
}

fn emoji(mark: Mark) -> ReactionType {
    let emoji = match mark {
        Mark::Approve => "✅",
        Mark::Reject => "⛔",
    };
    ReactionType::Unicode(emoji.to_owned())
}

fn fitting_nonce(nonce: &str) -> String {
    if nonce.chars().count() <= NONCE_MAX {
        return nonce.to_owned();
    }
    Digest::of(nonce.as_bytes()).as_str()[..NONCE_MAX].to_owned()
}

fn attachment(file: &Attachment) -> CreateAttachment {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = file.name.chars().map(plain).collect();
    let alt: String = file.alt.chars().take(ALT_MAX).collect();
    CreateAttachment::bytes(file.bytes.clone(), name).description(alt)
}

#[async_trait]
impl ChatAdapter for Discord {
    fn platform(&self) -> Platform {
        Platform::Discord
    }

    fn shows_all(&self, card: &Card) -> bool {
        !render::render(card).cut
    }

    async fn post(&self, place: &Place, card: &Card, nonce: &str) -> Result<MessageRef, ChatError> {
        let message = render::render(card).message_once(fitting_nonce(nonce));
        let posted = self.create(place, &Sending { card, message, file: None }).await?;
        match posted["id"].as_str() {
            Some(id) => Ok(MessageRef { place: place.clone(), message: MessageId::from(id) }),
            None => Err(ChatError::Unclear { why: "the new message has no id".to_owned() }),
        }
    }

    async fn find(&self, _place: &Place, _nonce: &str) -> Result<Option<MessageRef>, ChatError> {
        Ok(None)
    }

    async fn edit(&self, message: &MessageRef, card: &Card) -> Result<(), ChatError> {
        let route = Route::ChannelMessage {
            channel_id: id(standing_place(&message.place))?,
            message_id: id(message.message.as_str())?,
        };
        self.rest.patch(route, &render::render(card).edit()).await.map(drop)
    }

    async fn whisper(&self, place: &Place, to: &Account, card: &Card) -> Result<(), ChatError> {
        let rendered = render::render(card);
        if let Some((application_id, token)) = self.ears.follow_up(standing_place(place), to) {
            let route = Route::WebhookFollowupMessages { application_id, token: &token };
            match self.rest.post(route, &rendered.follow_up()).await {
                Err(ChatError::Gone | ChatError::Refused { .. }) => {}
                sent => return sent.map(drop),
            }
        }
        let channel = self.direct_channel(to).await?;
        let sending = Sending { card, message: rendered.message(), file: None };
        self.send(&channel, &sending).await.map(drop)
    }

    async fn react(&self, message: &MessageRef, mark: Mark) -> Result<(), ChatError> {
        let route = Route::ChannelMessageReactionMe {
            channel_id: id(standing_place(&message.place))?,
            message_id: id(message.message.as_str())?,
            reaction: &emoji(mark).as_data(),
        };
        self.rest.put(route).await.map(drop)
    }

    async fn upload(&self, place: &Place, file: &Attachment) -> Result<(), ChatError> {
        // If a thread has to be made for it, that bears the first sentence of what the file shows.
        let shows = file.alt.split_inclusive(". ").next().unwrap_or(&file.name);
        let card = Card::say(shows.trim_end_matches(['.', ' ']));
        let message = CreateMessage::new().allowed_mentions(render::ringing(&[]));
        self.create(place, &Sending { card: &card, message, file: Some(attachment(file)) }).await.map(drop)
    }

    async fn standing(&self, account: &Account) -> Result<(Standing, String), ChatError> {
        let user = account.user.as_str();
        let guild = self.ears.guild().await?;
        let ours = account.platform == Platform::Discord && account.workspace.as_str() == guild;
        if !ours || !text::is_snowflake(user) {
            return Ok((Standing::External, user.to_owned()));
        }
        let now = self.clock.now();
        {
            let known = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, standing, display)) = known.get(&account.user)
                && between(*at, now) < self.timing.standing
            {
                return Ok((*standing, display.clone()));
            }
        }
        let route = Route::GuildMember { guild_id: id(&guild)?, user_id: id(user)? };
        let (standing, display) = match self.rest.get(route).await {
            Ok(member) if member["user"]["id"] != user => {
                return Err(ChatError::Broken {
                    why: "the member asked for is not the one answered".to_owned(),
                });
            }
            Ok(member) if member["user"]["bot"] == true => {
                (Standing::Bot, events::display(&member, &member["user"]))
            }
            Ok(member) => (events::member(&member), events::display(&member, &member["user"])),
            // 10007 is an unknown member, 10013 an unknown user.
            Err(ChatError::Refused { code, .. }) if code == "10007" || code == "10013" => {
                (Standing::External, user.to_owned())
            }
            Err(error) => return Err(error),
        };
        let mut known = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (at, ..)| between(*at, now) < self.timing.standing);
        known.insert(account.user.clone(), (now, standing, display.clone()));
        Ok((standing, display))
    }

    async fn listen(&self, intake: Intake, stop: CancellationToken) -> Result<(), ListenError> {
        self.hold_clients(&intake, &stop).await
    }

    fn heard_at(&self) -> Option<Timestamp> {
        self.ears.heard_at()
    }

    fn trouble(&self) -> Option<Trouble> {
        self.ears.emptied().then_some(Trouble::NoMessageContent)
    }
}

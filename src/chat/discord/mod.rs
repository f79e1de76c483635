//! Discord: REST through serenity for what we say, the gateway or signed posts for what people do.
//!
//! - `rest`: calls and how they fail; `limit`: how many;
//! - `gateway`: one listening line; `listen`: one after another; `queue`: what they heard, until it is stored; `session`: what of it outlives the process; `missed`:
//!   what no session brought;
//! - `reread`: how a message of ours stands, and what people put under it;
//! - `events`: events as deliveries; `ears`: storing them;
//! - `door`: interactions over HTTP; `signature`: who posts there;
//! - [`commands()`]: our commands as Discord is to have them; `register`: giving it them, and how to invite the bot;
//!   `permission`: what the bot has to be allowed, and what a channel leaves it;
//! - `interact`: presses, forms and commands; `form`: what is asked back; `token`: answers that one person sees;
//! - [`render`]: cards as embeds and buttons; `text`: markdown.

mod commands;
mod door;
mod ears;
mod events;
mod form;
mod gateway;
mod interact;
mod limit;
mod listen;
mod missed;
mod permission;
mod queue;
mod register;
pub mod render;
mod reread;
mod rest;
mod session;
mod signature;
mod text;
mod token;

pub use commands::commands;
pub use door::{Arrival, Refused};
pub use register::{Found, Registered, invitation};
pub use signature::{KeyError, PublicKey, SignatureError};

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
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
use self::rest::{Rest, id};
use self::session::Sessions;
use super::backoff::{Backoff, chance};
use super::{Attachment, Call, ChatAdapter, ChatError, Intake, ListenError, Lost, Marked, PRIVATE, Trouble};
use crate::clock::{SharedClock, between};
use crate::id::{Account, Digest, MessageId, MessageRef, Place, Platform, UserId};
use crate::identity::Standing;
use crate::message::{Card, Mark, words};
use crate::pace::Bucket;

/// How to reach a guild.
pub struct DiscordSettings {
    pub token: SecretString,
    /// The one guild whose members may be somebody; `None`: the first that the bot was invited to.
    pub guild: Option<String>,
    /// Another address than `https://discord.com`.
    pub api_url: Option<String>,
    pub hearing: DiscordHearing,
    /// The file that the session outlives the process in; `None`: it does not.
    pub sessions: Option<PathBuf>,
    pub timing: DiscordTiming,
}

/// How we hear of what people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscordHearing {
    /// Over a line that we open.
    Gateway,
    /// Discord posts commands and presses to us; this verifies them.
    Http { public_key: PublicKey },
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
    /// A line that brings nothing for this long is asked for a sign of life; as long again and it counts as dead.
    pub ping: Duration,
    /// Without a sign of life for this long we are deaf.
    pub deaf: Duration,
    /// Between two round trips where Discord posts to us and may have nothing to post.
    pub ask: Duration,
}

impl Default for DiscordTiming {
    fn default() -> Self {
        Self {
            intake: Duration::from_secs(2),
            pause_first: Duration::from_secs(1),
            pause_longest: Duration::from_secs(60),
            standing: Duration::from_secs(60),
            ping: Duration::from_secs(10),
            deaf: Duration::from_secs(28),
            ask: Duration::from_secs(12),
        }
    }
}

/// `nonce` may have this many characters.
const NONCE_MAX: usize = 25;
const THREAD_NAME_MAX: usize = 100;
const ALT_MAX: usize = 1_000;
/// Missing access, missing permissions.
const OUTSIDE: [&str; 2] = ["50001", "50013"];

/// One Discord guild.
pub struct Discord {
    rest: Arc<Rest>,
    ears: Arc<Ears>,
    clock: SharedClock,
    token: SecretString,
    hearing: DiscordHearing,
    sessions: Sessions,
    timing: DiscordTiming,
    standings: Mutex<HashMap<UserId, (Timestamp, Standing, String)>>,
}

impl Discord {
    /// An adapter that has not said or heard anything yet.
    ///
    /// # Errors
    /// When the token cannot stand in a header, or there is no TLS to be had.
    pub fn new(settings: DiscordSettings, clock: SharedClock) -> anyhow::Result<Self> {
        let printable = settings.token.expose_secret().bytes().all(|it| it.is_ascii_graphic() || it == b' ');
        anyhow::ensure!(printable, "the token has characters that no token has");
        let rest = Arc::new(Rest::new(settings.api_url.as_deref(), &settings.token, clock.clone())?);
        let ears = Ears::new(rest.clone(), clock.clone(), settings.guild, settings.timing);
        Ok(Self {
            rest,
            ears: Arc::new(ears),
            clock,
            token: settings.token,
            hearing: settings.hearing,
            sessions: Sessions::open(settings.sessions),
            timing: settings.timing,
            standings: Mutex::default(),
        })
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

    /// Says something that only one person sees, with the token of what they did here last; `None` without one.
    async fn say_aside(
        &self,
        place: &Place,
        to: Option<&Account>,
        rendered: &render::Rendered,
    ) -> Option<Result<(), ChatError>> {
        let user = to.map(|it| it.user.as_str());
        let token = self.ears.tokens.find(standing_place(place), user, self.clock.now()).await?;
        let application_id = id(&self.ears.application()).ok()?;
        let route = Route::WebhookFollowupMessages { application_id, token: &token };
        Some(self.rest.post(route, &rendered.follow_up()).await.map(drop))
    }

    /// A command also comes from channels that we may not speak in: its answer goes to its author then, with what to do.
    async fn answer_privately(
        &self,
        place: &Place,
        card: &Card,
        error: ChatError,
    ) -> Result<MessageRef, ChatError> {
        let outside = matches!(&error, ChatError::Refused { code, .. } if OUTSIDE.contains(&code.as_str()));
        if !outside {
            return Err(error);
        }
        let rendered = render::render(&words::chat::barred(card.clone()));
        match self.say_aside(place, None, &rendered).await {
            Some(Ok(())) => Ok(MessageRef { place: place.clone(), message: MessageId::from(PRIVATE) }),
            Some(Err(_)) | None => Err(error),
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

    /// By channel; how many, Discord says with each answer.
    fn buckets(&self, place: &Place, call: Call) -> Vec<Bucket<String>> {
        vec![Bucket::untold(format!("discord/{}/{call:?}", standing_place(place)))]
    }

    fn shows_all(&self, card: &Card) -> bool {
        !render::render(card).cut
    }

    async fn post(&self, place: &Place, card: &Card, nonce: &str) -> Result<MessageRef, ChatError> {
        let rendered = render::render(card);
        let message = rendered.message_once(fitting_nonce(nonce));
        let posted = match self.create(place, &Sending { card, message, file: None }).await {
            Ok(posted) => posted,
            Err(error) => return self.answer_privately(place, card, error).await,
        };
        match posted["id"].as_str() {
            Some(id) => Ok(MessageRef { place: place.clone(), message: MessageId::from(id) }),
            None => Err(ChatError::Unclear { why: "the new message has no id".to_owned() }),
        }
    }

    async fn find(&self, place: &Place, lost: &Lost<'_>) -> Result<Option<MessageRef>, ChatError> {
        self.find_lost(place, lost).await
    }

    async fn edit(&self, message: &MessageRef, card: &Card) -> Result<(), ChatError> {
        // Nobody can find a private answer again: a card that changes is tried in the channel.
        if message.message.as_str() == PRIVATE {
            return Err(ChatError::Gone);
        }
        let route = Route::ChannelMessage {
            channel_id: id(standing_place(&message.place))?,
            message_id: id(message.message.as_str())?,
        };
        self.rest.patch(route, &render::render(card).edit()).await.map(drop)
    }

    async fn stands(&self, message: &MessageRef, card: &Card) -> Result<bool, ChatError> {
        self.shows(message, card).await
    }

    fn hears_marks(&self) -> bool {
        match self.hearing {
            DiscordHearing::Gateway => true,
            DiscordHearing::Http { .. } => false,
        }
    }

    fn command_lead(&self) -> Option<&'static str> {
        match self.hearing {
            DiscordHearing::Gateway => None,
            DiscordHearing::Http { .. } => Some(interact::ANY_LEAD),
        }
    }

    async fn marks(&self, message: &MessageRef) -> Result<Option<BTreeSet<Marked>>, ChatError> {
        // Where nobody tells of a mark none counts, however it is come by.
        if self.hears_marks() { self.read_marks(message).await.map(Some) } else { Ok(None) }
    }

    async fn whisper(&self, place: &Place, to: &Account, card: &Card) -> Result<(), ChatError> {
        let rendered = render::render(card);
        match self.say_aside(place, Some(to), &rendered).await {
            None | Some(Err(ChatError::Gone | ChatError::Refused { .. })) => {}
            Some(sent) => return sent,
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
        self.ears.life.begin(self.clock.now());
        let ended = match self.hearing {
            DiscordHearing::Gateway => self.hear_people(&intake, &stop).await,
            DiscordHearing::Http { .. } => self.keep_asking(&intake, &stop).await,
        };
        self.ears.life.end(ended.clone().err());
        ended
    }

    fn ours(&self, at: Timestamp) -> Timestamp {
        self.rest.skew().ours(at)
    }

    fn posted_at(&self, message: &MessageId) -> Option<Timestamp> {
        events::made_at(message.as_str())
    }

    fn heard_at(&self) -> Option<Timestamp> {
        self.ears.life.heard_at()
    }

    fn deaf_since(&self) -> Option<Timestamp> {
        self.ears.life.deaf_since(self.clock.now(), self.timing.deaf)
    }

    fn trouble(&self) -> Option<Trouble> {
        let emptied = self.ears.emptied().then_some(Trouble::NoMessageContent);
        self.ears.life.trouble().or_else(|| self.rest.trouble()).or(emptied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_died_is_noticed_within_half_a_minute() {
        let it = DiscordTiming::default();
        assert!(it.ping * 2 < it.deaf && it.deaf < Duration::from_secs(30));
        // Where Discord posts to us, one round trip that fails does not make us deaf.
        assert!(it.ask * 2 < it.deaf);
        assert!(it.intake + Duration::from_millis(500) < Duration::from_secs(3), "Discord waits 3 s");
    }
}

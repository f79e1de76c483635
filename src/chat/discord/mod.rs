//! Discord: REST for what we say, the gateway for what people do.
//!
//! - `rest`: calls and how they fail;
//! - `gateway`: the listening connection;
//! - `events`: dispatches as deliveries; `ears`: storing them;
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
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::ears::Ears;
use self::gateway::{End, Session, hold};
use self::rest::Rest;
use super::backoff::{Backoff, chance};
use super::{Attachment, ChatAdapter, ChatError, Intake, ListenError, Trouble};
use crate::clock::{SharedClock, between};
use crate::id::{Account, Digest, MessageId, MessageRef, Place, Platform, UserId};
use crate::identity::Standing;
use crate::message::{Card, Mark};

/// How to reach a guild.
pub struct DiscordSettings {
    pub token: SecretString,
    /// The one guild whose members may be somebody.
    pub guild: String,
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
    /// The pause after a session became void; Discord asks for 1 to 5 s.
    pub pause_void: Duration,
    /// How long a person's standing is believed.
    pub standing: Duration,
}

impl Default for DiscordTiming {
    fn default() -> Self {
        Self {
            intake: Duration::from_secs(2),
            pause_first: Duration::from_secs(1),
            pause_longest: Duration::from_secs(60),
            pause_void: Duration::from_secs(5),
            standing: Duration::from_secs(60),
        }
    }
}

/// With fewer starts left for the day, new sessions are begun slowly: at none left Discord resets the token.
const STARTS_SCARCE: u64 = 100;
/// `nonce` may have this many characters.
const NONCE_MAX: usize = 25;
const THREAD_NAME_MAX: usize = 100;
const ARCHIVE_MINUTES: u32 = 1_440;

/// One Discord guild.
pub struct Discord {
    rest: Arc<Rest>,
    ears: Ears,
    clock: SharedClock,
    guild: String,
    timing: DiscordTiming,
    standings: Mutex<HashMap<UserId, (Timestamp, Standing, String)>>,
}

impl Discord {
    /// An adapter that has not said or heard anything yet.
    ///
    /// # Errors
    /// When no HTTP client can be made (no TLS provider installed).
    pub fn new(settings: DiscordSettings, clock: SharedClock) -> anyhow::Result<Self> {
        let rest = Arc::new(Rest::new(settings.api_url.as_deref(), settings.token)?);
        let ears = Ears::new(rest.clone(), clock.clone(), settings.guild.clone(), settings.timing.intake);
        Ok(Self {
            rest,
            ears,
            clock,
            guild: settings.guild,
            timing: settings.timing,
            standings: Mutex::default(),
        })
    }

    /// Where to connect, and when a session may be begun there.
    async fn gateway(&self) -> Result<Start, ChatError> {
        let answer = self.rest.get("gateway/bot").await?;
        let Some(url) = answer["url"].as_str() else {
            return Err(ChatError::Broken { why: "`gateway/bot` gave no address".to_owned() });
        };
        let budget = &answer["session_start_limit"];
        let reset = Duration::from_millis(budget["reset_after"].as_u64().unwrap_or(0));
        match budget["remaining"].as_u64() {
            Some(0) => Ok(Start::In(reset)),
            Some(left) if left < STARTS_SCARCE => {
                let spread = reset.div_f64(100.0).min(self.timing.pause_longest);
                Ok(Start::At { address: url.to_owned(), after: spread })
            }
            Some(_) | None => Ok(Start::At { address: url.to_owned(), after: Duration::ZERO }),
        }
    }

    async fn start(&self, session: Option<&Session>) -> Result<Start, ChatError> {
        match session.and_then(|it| it.address.clone()) {
            Some(address) => Ok(Start::At { address, after: Duration::ZERO }),
            None => self.gateway().await,
        }
    }

    /// The thread hangs on the message whose id it bears; if nobody has made it yet, we do.
    async fn open_thread(&self, place: &Place, card: &Card) -> Result<(), ChatError> {
        let Some(message) = &place.thread else { return Err(ChatError::Gone) };
        let title = card.to_string();
        let first = title.lines().next().unwrap_or_default().trim();
        let name: String =
            if first.is_empty() { "…" } else { first }.chars().take(THREAD_NAME_MAX - 1).collect();
        let path = format!("channels/{}/messages/{message}/threads", place.channel);
        match self.rest.post(&path, &json!({"name": name, "auto_archive_duration": ARCHIVE_MINUTES})).await {
            Ok(_) => {
                self.ears.learn(message.as_str(), Some(place.channel.as_str()));
                Ok(())
            }
            // Somebody was faster.
            Err(ChatError::Refused { code, .. }) if code == "160004" => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn create(&self, place: &Place, path_end: &str, send: Sending<'_>) -> Result<Value, ChatError> {
        let path = format!("channels/{}/{path_end}", standing_place(place));
        let sent = self.send(&path, &send).await;
        match sent {
            Err(ChatError::Gone) if place.thread.is_some() => {
                self.open_thread(place, send.card).await?;
                self.send(&path, &send).await
            }
            sent => sent,
        }
    }

    async fn send(&self, path: &str, send: &Sending<'_>) -> Result<Value, ChatError> {
        match &send.encoded {
            Some((media_type, bytes)) => self.rest.post_raw(path, media_type, bytes.clone()).await,
            None => self.rest.post(path, &send.body).await,
        }
    }

    async fn direct_channel(&self, to: &Account) -> Result<String, ChatError> {
        let opened = self.rest.post("users/@me/channels", &json!({"recipient_id": to.user.as_str()})).await?;
        match opened["id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(ChatError::Broken { why: "`users/@me/channels` gave no channel".to_owned() }),
        }
    }

    /// One line after another, the session taken up whenever that is possible.
    async fn hold_lines(&self, intake: &Intake, stop: &CancellationToken) -> Result<(), ListenError> {
        let mut session: Option<Session> = None;
        let mut backoff = Backoff::new(self.timing.pause_first, self.timing.pause_longest);
        loop {
            let pause = match self.start(session.as_ref()).await {
                Ok(Start::At { address, after }) => {
                    if !rest_unless_stopped(stop, after).await {
                        return Ok(());
                    }
                    match hold(&self.ears, intake, stop, &address, &mut session).await {
                        End::Stopped => return Ok(()),
                        End::Fatal(error) => return Err(error),
                        end @ (End::Lost | End::Void) => self.pause_after(&end, &mut session, &mut backoff),
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

    fn pause_after(&self, end: &End, session: &mut Option<Session>, backoff: &mut Backoff) -> Duration {
        if self.ears.was_connected() {
            backoff.reset();
        } else if let Some(session) = session {
            // The session's own address may be what does not answer.
            session.address = None;
        }
        if matches!(end, End::Void) {
            *session = None;
            return self.timing.pause_void.mul_f64(0.2 + 0.8 * chance()).max(backoff.pause());
        }
        backoff.pause()
    }
}

/// When a session may be begun, and where.
enum Start {
    At {
        address: String,
        after: Duration,
    },
    /// None is left today.
    In(Duration),
}

/// False if `stop` came first.
async fn rest_unless_stopped(stop: &CancellationToken, pause: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

/// What is sent to a channel: a body, or one already encoded with a file.
struct Sending<'a> {
    card: &'a Card,
    body: Value,
    encoded: Option<(String, Vec<u8>)>,
}

/// The channel that a place's messages stand in: Discord's threads are channels.
fn standing_place(place: &Place) -> &str {
    place.thread.as_ref().map_or(place.channel.as_str(), MessageId::as_str)
}

fn message_path(message: &MessageRef) -> String {
    format!("channels/{}/messages/{}", standing_place(&message.place), message.message)
}

/// Percent-encoded ✅ and ⛔.
fn emoji(mark: Mark) -> &'static str {
    match mark {
        Mark::Approve => "%E2%9C%85",
        Mark::Reject => "%E2%9B%94",
    }
}

fn fitting_nonce(nonce: &str) -> String {
    if nonce.chars().count() <= NONCE_MAX {
        return nonce.to_owned();
    }
    Digest::of(nonce.as_bytes()).as_str()[..NONCE_MAX].to_owned()
}

/// A form with the message and one file (<https://docs.discord.com/developers/reference#uploading-files>).
fn form(file: &Attachment) -> (String, Vec<u8>) {
    let boundary = format!("lockkeeper-{}", &Digest::of(&file.bytes).as_str()[..32]);
    let name: String = file
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect();
    let alt: String = file.alt.chars().take(1_000).collect();
    let message = json!({
        "attachments": [{"id": 0, "filename": name, "description": alt}],
        "allowed_mentions": {"parse": []},
    });
    let media_type: String = file.media_type.chars().filter(|it| it.is_ascii_graphic()).collect();
    let mut body = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"payload_json\"\r\n\
         content-type: application/json\r\n\r\n{message}\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"files[0]\"; filename=\"{name}\"\r\n\
         content-type: {media_type}\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(&file.bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
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
        let mut body = render::render(card).body;
        body["nonce"] = json!(fitting_nonce(nonce));
        body["enforce_nonce"] = json!(true);
        let posted = self.create(place, "messages", Sending { card, body, encoded: None }).await?;
        match posted["id"].as_str() {
            Some(id) => Ok(MessageRef { place: place.clone(), message: MessageId::from(id) }),
            None => Err(ChatError::Unclear { why: "the new message has no id".to_owned() }),
        }
    }

    async fn find(&self, _place: &Place, _nonce: &str) -> Result<Option<MessageRef>, ChatError> {
        Ok(None)
    }

    async fn edit(&self, message: &MessageRef, card: &Card) -> Result<(), ChatError> {
        self.rest.patch(&message_path(message), &render::render(card).body).await.map(drop)
    }

    async fn whisper(&self, place: &Place, to: &Account, card: &Card) -> Result<(), ChatError> {
        let mut body = render::render(card).body;
        if let Some(path) = self.ears.follow_up(standing_place(place), to) {
            body["flags"] = json!(64);
            match self.rest.post(&path, &body).await {
                Err(ChatError::Gone | ChatError::Refused { .. }) => {}
                sent => return sent.map(drop),
            }
            body["flags"] = json!(0);
        }
        let channel = self.direct_channel(to).await?;
        self.rest.post(&format!("channels/{channel}/messages"), &body).await.map(drop)
    }

    async fn react(&self, message: &MessageRef, mark: Mark) -> Result<(), ChatError> {
        self.rest.put(&format!("{}/reactions/{}/@me", message_path(message), emoji(mark))).await.map(drop)
    }

    async fn upload(&self, place: &Place, file: &Attachment) -> Result<(), ChatError> {
        let card = Card::say(file.name.as_str());
        let send = Sending { card: &card, body: Value::Null, encoded: Some(form(file)) };
        self.create(place, "messages", send).await.map(drop)
    }

    async fn standing(&self, account: &Account) -> Result<(Standing, String), ChatError> {
        let user = account.user.as_str();
        let ours = account.platform == Platform::Discord && account.workspace.as_str() == self.guild;
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
        let (standing, display) = match self.rest.get(&format!("guilds/{}/members/{user}", self.guild)).await
        {
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
        self.hold_lines(&intake, &stop).await
    }

    fn heard_at(&self) -> Option<Timestamp> {
        self.ears.heard_at()
    }

    fn trouble(&self) -> Option<Trouble> {
        self.ears.emptied().then_some(Trouble::NoMessageContent)
    }
}

//! Slack: the Web API for what we say, Socket Mode or signed posts for what people do.
//!
//! - `api`: calls and how they fail; `pace`: how many; `method`: which, and what they take; [`manifest()`]: the app as Slack is to have it;
//! - `socket`: the listening connection;
//! - [`door`]: the same over HTTP; `signature`: who posts there;
//! - `ears`: storing what was delivered; `events`: payloads as deliveries; `form`: modals;
//! - `missed`: what was said while nobody listened;
//! - `reread`: how a message of ours stands, and what people put under it;
//! - `look`: what `doctor` asks;
//! - `outlet`: where commands are answered from outside a channel;
//! - [`render`]: cards as Block Kit; `text`: mrkdwn.

mod api;
mod door;
mod ears;
mod events;
mod form;
mod look;
mod manifest;
mod method;
mod missed;
mod outlet;
mod pace;
pub mod render;
mod reread;
mod signature;
mod socket;
mod text;

pub use door::{Answer, Arrival, Kind, Refused};
pub use look::Finding;
pub use manifest::manifest;
pub use signature::SignatureError;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::api::{Api, is_fatal, is_outside};
use self::ears::{Ears, Signs};
use self::events::Own;
use self::method::Method;
use self::outlet::Outlets;
use self::socket::Loss;
use super::backoff::{Backoff, chance};
use super::skew::Skew;
use super::{Attachment, Call, ChatAdapter, ChatError, Intake, ListenError, Lost, Marked, PRIVATE, Trouble};
use crate::clock::{SharedClock, after, between, to_millis};
use crate::id::{Account, MessageId, MessageRef, Place, Platform, UserId};
use crate::identity::Standing;
use crate::message::{Card, Mark, words};
use crate::pace::Bucket;
use crate::secret::Secret;

/// How to reach a workspace.
pub struct SlackSettings {
    /// `xoxb-…`
    pub bot_token: SecretString,
    pub hearing: Hearing,
    /// Another address than `https://slack.com/api`, without a slash at its end; plain http only ever for tests.
    pub api_url: Option<String>,
    pub timing: SlackTiming,
}

/// How we hear of what people do.
pub enum Hearing {
    /// Over sockets that we open.
    Socket {
        /// `xapp-…` with `connections:write`.
        app_token: SecretString,
        /// Sockets held at once. Two, so that one can be lost without missing anything.
        connections: usize,
    },
    /// Slack posts to us, and signs with this.
    Http { signing_secret: Secret },
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct SlackTiming {
    /// Storing a delivery. Slack waits 3 s for an acknowledgement.
    pub intake: Duration,
    /// Between pings; twice this long without any frame and the line counts as dead.
    pub ping: Duration,
    /// The first pause before a new connection, and the longest.
    pub pause_first: Duration,
    pub pause_longest: Duration,
    /// How long a person's standing is believed.
    pub standing: Duration,
    /// Without a sign of life for this long we are deaf. A line is given up after two pings.
    pub deaf: Duration,
    /// Between two round trips where Slack posts to us and may have nothing to post.
    pub ask: Duration,
    /// Between two looks for what Slack may have posted to a proxy that was away: nothing else shows that.
    pub look: Duration,
    /// What is younger than this may be on its way to us still, and no such look takes it for missed.
    pub margin: Duration,
}

impl Default for SlackTiming {
    fn default() -> Self {
        Self {
            intake: Duration::from_secs(2),
            ping: Duration::from_secs(10),
            pause_first: Duration::from_secs(1),
            pause_longest: Duration::from_secs(60),
            standing: Duration::from_secs(60),
            deaf: Duration::from_secs(28),
            ask: Duration::from_secs(12),
            look: Duration::from_secs(300),
            margin: Duration::from_secs(60),
        }
    }
}

/// One Slack workspace.
pub struct Slack {
    api: Arc<Api>,
    clock: SharedClock,
    /// Sockets held at once; none if Slack posts to us.
    connections: usize,
    signing_secret: Option<Secret>,
    timing: SlackTiming,
    own: OnceCell<Own>,
    signs: Arc<Signs>,
    outlets: Arc<Outlets>,
    skew: Arc<Skew>,
    standings: Mutex<HashMap<UserId, (Timestamp, Standing, String)>>,
    /// Nobody may be looked up before this.
    lookups_from: Mutex<Option<Timestamp>>,
}

impl Slack {
    /// An adapter that has not said or heard anything yet.
    ///
    /// # Errors
    /// When the machine's root certificates cannot be read.
    pub fn new(settings: SlackSettings, clock: SharedClock) -> std::io::Result<Self> {
        let (app_token, connections, signing_secret) = match settings.hearing {
            Hearing::Socket { app_token, connections } => (app_token, connections.max(1), None),
            Hearing::Http { signing_secret } => (SecretString::default(), 0, Some(signing_secret)),
        };
        let api = Api::new(settings.api_url.as_deref(), &settings.bot_token, &app_token)?;
        Ok(Self {
            api: Arc::new(api),
            clock,
            connections,
            signing_secret,
            timing: settings.timing,
            own: OnceCell::new(),
            signs: Arc::default(),
            outlets: Arc::default(),
            skew: Arc::default(),
            standings: Mutex::default(),
            lookups_from: Mutex::default(),
        })
    }

    async fn own(&self) -> Result<&Own, ChatError> {
        self.own
            .get_or_try_init(|| async {
                let me = self.api.post(Method::Test, &json!({})).await?;
                let text = |key: &str| me[key].as_str().map(str::to_owned);
                let (Some(team), Some(user)) = (text("team_id"), text("user_id")) else {
                    return Err(ChatError::Broken { why: "`auth.test` names no team or user".to_owned() });
                };
                Ok(Own { team, enterprise: text("enterprise_id"), user, bot: text("bot_id") })
            })
            .await
    }

    fn ears(&self, own: Own, intake: Intake) -> Arc<Ears> {
        Arc::new(Ears {
            api: self.api.clone(),
            own,
            timing: self.timing,
            clock: self.clock.clone(),
            signs: self.signs.clone(),
            intake,
            outlets: self.outlets.clone(),
            skew: self.skew.clone(),
        })
    }

    async fn hear_people(&self, intake: Intake, stop: CancellationToken) -> Result<(), ListenError> {
        let mut backoff = Backoff::new(self.timing.pause_first, self.timing.pause_longest);
        let own = loop {
            let error = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                own = self.own() => match own {
                    Ok(own) => break own.clone(),
                    Err(error) => error,
                },
            };
            let pause = healed_by_waiting(error, &mut backoff)?;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        };
        // Before anything is heard: what people do is stamped by Slack's clock.
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = self.compare_soon() => {}
        }
        let ears = self.ears(own, intake);
        tokio::select! {
            ended = self.hear(&ears, stop) => ended,
            never = self.keep_comparing() => match never {},
        }
    }

    async fn hear(&self, ears: &Arc<Ears>, stop: CancellationToken) -> Result<(), ListenError> {
        if self.signing_secret.is_none() {
            return self.hold_sockets(ears, stop).await;
        }
        tokio::select! {
            ended = self.keep_asking(ears, stop) => ended,
            never = missed::keep_looking(ears) => match never {},
        }
    }

    /// Sockets, each replaced as soon as it announces its end.
    async fn hold_sockets(&self, ears: &Arc<Ears>, stop: CancellationToken) -> Result<(), ListenError> {
        let (losses, mut lost) = mpsc::unbounded_channel();
        let mut sockets = JoinSet::new();
        let open = |sockets: &mut JoinSet<()>, pause: Duration| {
            let (ears, losses) = (ears.clone(), losses.clone());
            sockets.spawn(async move {
                tokio::time::sleep(pause).await;
                socket::run(&ears, &losses).await;
            });
        };
        let mut backoff = Backoff::new(self.timing.pause_first, self.timing.pause_longest);
        for number in 0..self.connections {
            // Not all at once, so that they are not refreshed all at once.
            let pause = self.timing.pause_first.saturating_mul(5 * u32::try_from(number).unwrap_or(0));
            open(&mut sockets, pause);
        }
        // Before the first socket stands, and after each one that was lost, something may have been said to nobody.
        let mut gap: Option<Option<Timestamp>> = Some(None);
        loop {
            let loss = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = ears.signs.hello.notified(), if gap.is_some() => {
                    drop(sockets.spawn(missed::fetch(ears.clone(), gap.take().flatten())));
                    continue;
                }
                Some(loss) = lost.recv() => loss,
                Some(Err(error)) = sockets.join_next() => {
                    tracing::error!(error = %error, "a slack socket's task broke");
                    Loss::Lost
                }
            };
            if loss == Loss::TooMany {
                self.signs.turn_away();
            }
            if self.signs.connected.swap(false, Ordering::Relaxed) && loss != Loss::TooMany {
                backoff.reset();
            }
            if loss != Loss::Refresh && gap.is_none() {
                gap = Some(self.signs.life.heard_at());
                // One that stood before the loss heals nothing.
                let _ = ears.signs.hello.notified().now_or_never();
            }
            let pause = self.pause_after(loss, &mut backoff)?;
            open(&mut sockets, pause);
        }
    }

    /// A slash command also comes from channels that we are not in: its answer goes to its author then, with what to do.
    async fn answer_privately(
        &self,
        place: &Place,
        to: Option<&Account>,
        card: &Card,
        error: ChatError,
    ) -> Result<MessageRef, ChatError> {
        let outside = matches!(&error, ChatError::Refused { code, .. } if is_outside(code));
        let user = to.map(|it| &it.user);
        let outlet = outside.then(|| self.outlets.take(&place.channel, user, self.clock.now())).flatten();
        let Some(outlet) = outlet else { return Err(error) };
        let own = self.own().await?;
        let me = own.account(&own.user);
        let mut body = drawn(&words::chat::outside(card.clone(), me));
        body["response_type"] = json!("ephemeral");
        self.api.respond(&outlet.address, &body).await?;
        Ok(MessageRef { place: place.clone(), message: MessageId::from(PRIVATE) })
    }

    /// Slack counts lookups of everybody together: who asks meanwhile is told at once how long that takes.
    async fn look_up(&self, account: &Account, now: Timestamp) -> Result<Value, ChatError> {
        let from = *self.lookups_from.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(from) = from.filter(|it| now < *it) {
            return Err(ChatError::RateLimited { retry_after: between(now, from) });
        }
        let answer = self.api.get(Method::UserInfo, &[("user", account.user.to_string())]).await;
        if let Err(ChatError::RateLimited { retry_after }) = &answer {
            let from = after(self.clock.now(), *retry_after);
            *self.lookups_from.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
        }
        answer
    }

    fn pause_after(&self, loss: Loss, backoff: &mut Backoff) -> Result<Duration, ListenError> {
        match loss {
            Loss::Refresh => Ok(self.timing.pause_first.mul_f64(chance())),
            Loss::Lost | Loss::TooMany => Ok(backoff.pause()),
            Loss::Failed(ChatError::Refused { code, fix }) if is_fatal(&code) => {
                Err(ListenError::Fatal { code, fix })
            }
            Loss::Failed(ChatError::RateLimited { retry_after }) => Ok(retry_after.max(backoff.pause())),
            Loss::Failed(error) => {
                tracing::warn!(error = %error, "a slack socket did not open");
                Ok(backoff.pause())
            }
        }
    }
}

/// What [`Slack::listen`] does about a call that failed.
fn healed_by_waiting(error: ChatError, backoff: &mut Backoff) -> Result<Duration, ListenError> {
    match error {
        ChatError::Refused { code, fix } if is_fatal(&code) => Err(ListenError::Fatal { code, fix }),
        ChatError::RateLimited { retry_after } => Ok(retry_after),
        other => {
            tracing::warn!(error = %other, "slack does not say who we are");
            Ok(backoff.pause())
        }
    }
}

/// The channel a message goes to, and the thread if it has one.
fn addressed(place: &Place, mut body: Value) -> Value {
    body["channel"] = json!(place.channel.as_str());
    if let Some(thread) = &place.thread {
        body["thread_ts"] = json!(thread.as_str());
    }
    body
}

/// A card as a message's body. Nothing in it is unfurled, and only what we marked as active is.
fn drawn(card: &Card) -> Value {
    let mut rendered = render::render(card);
    reread::imprint(&mut rendered);
    json!({
        "blocks": rendered.blocks,
        "text": rendered.text,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn emoji(mark: Mark) -> &'static str {
    match mark {
        Mark::Approve => "white_check_mark",
        Mark::Reject => "no_entry",
    }
}

/// Marks our messages, so that one whose answer got lost can be found again.
const METADATA: &str = "lockkeeper";
const FIND_MAX: u32 = 200;
/// A look goes this far back: the outbox looks soon after it posted.
const FIND_BACK: Duration = Duration::from_secs(3_600);

#[async_trait]
impl ChatAdapter for Slack {
    fn platform(&self) -> Platform {
        Platform::Slack
    }

    fn buckets(&self, place: &Place, call: Call) -> Vec<Bucket<String>> {
        pace::buckets(place, call)
    }

    fn shows_all(&self, card: &Card) -> bool {
        !render::render(card).cut
    }

    async fn post(&self, place: &Place, card: &Card, nonce: &str) -> Result<MessageRef, ChatError> {
        let mut body = addressed(place, drawn(card));
        body["metadata"] = json!({"event_type": METADATA, "event_payload": {"nonce": nonce}});
        let asked = self.clock.now();
        let posted = match self.api.post(Method::Post, &body).await {
            Ok(posted) => posted,
            Err(error) => return self.answer_privately(place, None, card, error).await,
        };
        match posted["ts"].as_str() {
            Some(ts) => {
                if let Some(said) = missed::said_at(ts) {
                    self.skew.learn(asked, said, self.clock.now());
                }
                Ok(MessageRef { place: place.clone(), message: MessageId::from(ts) })
            }
            None => Err(ChatError::Unclear { why: "`chat.postMessage` gave no `ts`".to_owned() }),
        }
    }

    async fn find(&self, place: &Place, lost: &Lost<'_>) -> Result<Option<MessageRef>, ChatError> {
        let own = self.own().await?;
        // Threads are listed from their beginning: without `oldest` a long one would end before our message.
        let oldest = to_millis(self.clock.now()) / 1_000 - i64::try_from(FIND_BACK.as_secs()).unwrap_or(0);
        let mut params = vec![
            ("channel", place.channel.to_string()),
            ("oldest", format!("{}.000000", oldest.max(0))),
            ("limit", FIND_MAX.to_string()),
            ("include_all_metadata", "true".to_owned()),
        ];
        let method = match &place.thread {
            Some(thread) => {
                params.push(("ts", thread.to_string()));
                Method::Replies
            }
            None => Method::History,
        };
        let found = self.api.get(method, &params).await?;
        let messages = found["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ours = messages.iter().find(|it| {
            let by_us =
                it["user"] == own.user.as_str() || own.bot.as_deref().is_some_and(|bot| it["bot_id"] == bot);
            by_us
                && it["metadata"]["event_type"] == METADATA
                && it["metadata"]["event_payload"]["nonce"] == lost.nonce
        });
        let ts = ours.and_then(|it| it["ts"].as_str());
        Ok(ts.map(|ts| MessageRef { place: place.clone(), message: MessageId::from(ts) }))
    }

    async fn edit(&self, message: &MessageRef, card: &Card) -> Result<(), ChatError> {
        // Nobody can find a private answer again: a card that changes is tried in the channel.
        if message.message.as_str() == PRIVATE {
            return Err(ChatError::Gone);
        }
        let mut body = drawn(card);
        body["channel"] = json!(message.place.channel.as_str());
        body["ts"] = json!(message.message.as_str());
        self.api.post(Method::Edit, &body).await.map(drop)
    }

    async fn stands(&self, message: &MessageRef, card: &Card) -> Result<bool, ChatError> {
        self.shows(message, card).await
    }

    async fn marks(&self, message: &MessageRef) -> Result<Option<BTreeSet<Marked>>, ChatError> {
        self.read_marks(message).await.map(Some)
    }

    async fn whisper(&self, place: &Place, to: &Account, card: &Card) -> Result<(), ChatError> {
        let mut body = addressed(place, drawn(card));
        body["user"] = json!(to.user.as_str());
        match self.api.post(Method::Whisper, &body).await {
            Ok(_) => Ok(()),
            Err(error) => self.answer_privately(place, Some(to), card, error).await.map(drop),
        }
    }

    async fn react(&self, message: &MessageRef, mark: Mark) -> Result<(), ChatError> {
        let body = json!({
            "channel": message.place.channel.as_str(),
            "timestamp": message.message.as_str(),
            "name": emoji(mark),
        });
        match self.api.post(Method::React, &body).await {
            Err(ChatError::Refused { code, .. }) if code == "already_reacted" => Ok(()),
            other => other.map(drop),
        }
    }

    async fn upload(&self, place: &Place, file: &Attachment) -> Result<(), ChatError> {
        let params = [
            ("filename", file.name.clone()),
            ("length", file.bytes.len().to_string()),
            ("alt_txt", file.alt.chars().take(1_000).collect()),
        ];
        let slot = self.api.get(Method::AnnounceUpload, &params).await?;
        let (Some(address), Some(id)) = (slot["upload_url"].as_str(), slot["file_id"].as_str()) else {
            return Err(ChatError::Broken { why: "`files.getUploadURLExternal` gave no address".to_owned() });
        };
        self.api.put_bytes(address, &file.media_type, &file.bytes).await?;
        let mut body = json!({
            "files": [{"id": id, "title": file.name}],
            "channel_id": place.channel.as_str(),
        });
        if let Some(thread) = &place.thread {
            body["thread_ts"] = json!(thread.as_str());
        }
        self.api.post(Method::CompleteUpload, &body).await.map(drop)
    }

    async fn standing(&self, account: &Account) -> Result<(Standing, String), ChatError> {
        let own = self.own().await?;
        if account.platform != Platform::Slack || account.workspace.as_str() != own.team {
            return Ok((Standing::External, account.user.to_string()));
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
        let answer = self.look_up(account, now).await?;
        let (standing, display) = events::standing(&answer["user"], own);
        let mut known = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (at, ..)| between(*at, now) < self.timing.standing);
        known.insert(account.user.clone(), (now, standing, display.clone()));
        Ok((standing, display))
    }

    async fn listen(&self, intake: Intake, stop: CancellationToken) -> Result<(), ListenError> {
        self.signs.life.begin(self.clock.now());
        let ended = self.hear_people(intake, stop).await;
        self.signs.life.end(ended.clone().err());
        ended
    }

    fn ours(&self, at: Timestamp) -> Timestamp {
        self.skew.ours(at)
    }

    fn posted_at(&self, message: &MessageId) -> Option<Timestamp> {
        missed::said_at(message.as_str())
    }

    fn heard_at(&self) -> Option<Timestamp> {
        self.signs.life.heard_at()
    }

    fn deaf_since(&self) -> Option<Timestamp> {
        self.signs.life.deaf_since(self.clock.now(), self.timing.deaf)
    }

    fn trouble(&self) -> Option<Trouble> {
        let turned_away = self.signs.are_turned_away().then_some(Trouble::TooManySockets);
        let slowed = self.signs.are_slowed(self.clock.now()).then_some(Trouble::EventsLimited);
        self.signs.life.trouble().or_else(|| self.api.trouble()).or(turned_away).or(slowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_died_is_noticed_within_half_a_minute() {
        let it = SlackTiming::default();
        assert!(it.ping * 2 < it.deaf && it.deaf < Duration::from_secs(30));
        // Where Slack posts to us, a round trip may take as long as any call, and we are not deaf for it.
        assert!(it.ask + api::CALL_MAX < it.deaf);
        assert!(it.intake + Duration::from_millis(500) < Duration::from_secs(3), "Slack waits 3 s");
    }
}

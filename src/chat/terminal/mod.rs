//! A terminal as a chat platform of one channel: what people type are messages, and cards are drawn as text.
//!
//! - [`player`]: says, presses and waits without typing: tests and the rehearsal;
//! - [`render`]: cards as rows; `screen`: drawing a card again where it stands;
//! - `surface`: where rows go; `input`: where lines come from; [`wire`]: both through pipes to another process.

mod input;
pub mod player;
pub mod render;
mod screen;
mod surface;
pub mod wire;

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::player::{Player, Shown, WaitError};
pub use self::render::Style;
pub use self::surface::Surface;
pub use self::wire::Line;

use self::input::{Session, Typing};
use self::surface::{Drawing, Own};
use super::{Attachment, ChatAdapter, ChatError, Intake, ListenError, Lost};
use crate::clock::{SharedClock, from_millis, to_millis};
use crate::id::{Account, MessageId, MessageRef, Place, Platform, UserId};
use crate::identity::Standing;
use crate::message::words::terminal as words;
use crate::message::{Card, Delivery, Incoming, Mark};

/// Between two tries to store a delivery that the inbox did not take.
const INTAKE_PAUSE: Duration = Duration::from_millis(200);

/// Proposes whole lines for what has been typed so far.
pub type Complete = Arc<dyn Fn(&str) -> Vec<String> + Send + Sync>;

/// What only the terminal of a rehearsal can do: `/as NAME` changes who types, and who plays takes orders of its own.
#[derive(Default)]
pub struct Rehearsal {
    /// Who `/as` proposes.
    pub people: Vec<UserId>,
    /// Lines with a slash that mean something to who plays, each with what it does.
    pub orders: &'static [(&'static str, &'static str)],
    /// Where such lines go.
    pub player: Option<mpsc::UnboundedSender<String>>,
}

/// How people sit at this terminal.
pub struct TerminalSettings {
    pub surface: Surface,
    /// Who types.
    pub user: UserId,
    /// Only ever in the rehearsal.
    pub rehearsal: Option<Rehearsal>,
    /// Where typed lines are remembered.
    pub history: Option<PathBuf>,
    /// Where uploads are laid.
    pub files: PathBuf,
    pub complete: Complete,
}

/// One delivery on its way to the inbox.
struct Heard {
    delivery: Delivery,
    /// The terminal has shown it already, because somebody typed it there.
    typed: bool,
}

/// The terminal's one channel.
pub struct Terminal {
    player: Player,
    drawing: Arc<Drawing>,
    typing: Arc<Typing>,
    session: Mutex<Option<Session>>,
    heard: tokio::sync::Mutex<mpsc::UnboundedReceiver<Heard>>,
    /// Nobody can type any more.
    ended: CancellationToken,
    files: PathBuf,
    clock: SharedClock,
    heard_at: AtomicI64,
}

impl Terminal {
    /// A terminal that shows and records to `player`, and hears what the player says.
    pub fn new(settings: TerminalSettings, player: Player, clock: SharedClock) -> Self {
        let (bot, heard) = mpsc::unbounded_channel();
        let ended = CancellationToken::new();
        let drawing = Arc::new(Drawing::new(settings.user, settings.rehearsal));
        let typing = Arc::new(Typing {
            player: player.clone(),
            bot: bot.clone(),
            ended: ended.clone(),
            history: settings.history,
            complete: settings.complete,
        });
        let session = Session::new(settings.surface, &drawing, &typing);
        player.attach(bot);
        Self {
            player,
            drawing,
            typing,
            session: Mutex::new(Some(session)),
            heard: tokio::sync::Mutex::new(heard),
            ended,
            files: settings.files,
            clock,
            heard_at: AtomicI64::new(0),
        }
    }

    /// Who plays here without typing. Clones share the history.
    pub fn player(&self) -> &Player {
        &self.player
    }

    /// Fires when nobody can type any more: the end of input, `/quit`.
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Does what a line does that somebody types here, and shows it: for lines that come from elsewhere.
    pub fn enter(&self, line: &str) {
        self.drawing.said(&self.drawing.user(), line);
        if self.typing.take(line, &self.drawing) == Own::Quit {
            self.ended.cancel();
        }
    }

    /// Shows what somebody beside the bot has to say, set off by a bar: who plays a rehearsal. It is never edited.
    pub fn tell(&self, card: &Card) {
        self.drawing.told(card);
        self.player.told(card);
    }

    /// Writes a file beside the others, never over one.
    async fn lay(&self, name: &str, bytes: &[u8]) -> std::io::Result<PathBuf> {
        tokio::fs::create_dir_all(&self.files).await?;
        let plain = self.files.join(name);
        let path = if name.is_empty() || tokio::fs::try_exists(&plain).await? {
            self.files.join(format!("{}-{name}", player::new_message()))
        } else {
            plain
        };
        tokio::fs::write(&path, bytes).await?;
        Ok(path)
    }

    /// Hands a delivery to the inbox until it is taken: nobody would send it again.
    async fn take(&self, heard: Heard, intake: &Intake, stop: &CancellationToken) {
        self.heard_at.store(to_millis(self.clock.now()), Ordering::Relaxed);
        if let (false, Incoming::Said(said)) = (heard.typed, &heard.delivery.incoming) {
            self.drawing.said(&heard.delivery.account.user, &said.text);
        }
        while let Err(error) = intake.accept(heard.delivery.clone()).await {
            tracing::warn!(error = %error, "the inbox did not take what was typed; trying again");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(INTAKE_PAUSE) => {}
            }
        }
        self.drawing.taken(&heard.delivery.key);
    }
}

#[async_trait]
impl ChatAdapter for Terminal {
    fn platform(&self) -> Platform {
        Platform::Terminal
    }

    /// The nonce is the message's name, so the same post after a crash is the same message.
    async fn post(&self, place: &Place, card: &Card, nonce: &str) -> Result<MessageRef, ChatError> {
        let name = if nonce.is_empty() { player::new_message() } else { MessageId::new(nonce) };
        let message = MessageRef { place: place.clone(), message: name };
        self.drawing.posted(&message, card);
        self.player.posted(&message, card, None);
        Ok(message)
    }

    /// A terminal scrolls: whatever does not fit is wrapped, not cut.
    fn shows_all(&self, _card: &Card) -> bool {
        true
    }

    /// A post here never ends unclear.
    async fn find(&self, _place: &Place, _lost: &Lost<'_>) -> Result<Option<MessageRef>, ChatError> {
        Ok(None)
    }

    async fn edit(&self, message: &MessageRef, card: &Card) -> Result<(), ChatError> {
        self.drawing.edited(message, card);
        self.player.edited(message, card);
        Ok(())
    }

    async fn whisper(&self, place: &Place, to: &Account, card: &Card) -> Result<(), ChatError> {
        let message = MessageRef { place: place.clone(), message: player::new_message() };
        self.drawing.whispered(&message, &to.user, card);
        self.player.posted(&message, card, Some(to.user.clone()));
        Ok(())
    }

    /// There is nothing to click.
    async fn react(&self, _message: &MessageRef, _mark: Mark) -> Result<(), ChatError> {
        Ok(())
    }

    async fn upload(&self, place: &Place, file: &Attachment) -> Result<(), ChatError> {
        let path = self
            .lay(&file_name(&file.name), &file.bytes)
            .await
            .map_err(|error| ChatError::Unreachable { why: format!("{}: {error}", self.files.display()) })?;
        self.post(place, &words::uploaded(&path), "").await.map(|_| ())
    }

    async fn standing(&self, account: &Account) -> Result<(Standing, String), ChatError> {
        Ok((Standing::Member, account.user.to_string()))
    }

    async fn listen(&self, intake: Intake, stop: CancellationToken) -> Result<(), ListenError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        let typing = session.map(Session::start);
        let mut heard = self.heard.lock().await;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(it) = heard.recv() => self.take(it, &intake, &stop).await,
                () = self.ended.cancelled() => break,
            }
        }
        drop(typing);
        Ok(())
    }

    fn heard_at(&self) -> Option<Timestamp> {
        let at = self.heard_at.load(Ordering::Relaxed);
        (at != 0).then(|| from_millis(at))
    }
}

/// Only what is harmless in a path.
fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    text.chars().map(plain).collect::<String>().trim_start_matches('.').to_owned()
}

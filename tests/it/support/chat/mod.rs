//! A chat, as far as conversations go: people say, press and react, and read what stands there. Three real ones: the
//! terminal, and Slack and Discord as fakes that the vendors' own clients speak to.

mod discord;
mod slack;
mod terminal;

use std::path::Path;
use std::time::{Duration, Instant};

use lockkeeper::chat::Call;
use lockkeeper::message::Mark;
use serde_json::Value;

use super::house::Bot;
use super::wire::Upload;

pub use discord::DiscordChat;
pub use slack::SlackChat;
pub use terminal::TerminalChat;

pub use super::PATIENCE;

/// Who takes part. Their groups stand in the rehearsal's `people.yaml`; Zed is a member of the chat and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Person {
    Ann,
    Bea,
    Cid,
    Dora,
    Emil,
    Zed,
}

impl Person {
    pub const ALL: [Person; 6] =
        [Person::Ann, Person::Bea, Person::Cid, Person::Dora, Person::Emil, Person::Zed];

    pub fn name(self) -> &'static str {
        match self {
            Person::Ann => "ann",
            Person::Bea => "bea",
            Person::Cid => "cid",
            Person::Dora => "dora",
            Person::Emil => "emil",
            Person::Zed => "zed",
        }
    }

    /// The one with this account, in a list of accounts and names.
    fn with(user: &str, members: &[(&str, &str)]) -> Option<Person> {
        let (_, name) = members.iter().find(|(id, _)| *id == user)?;
        Self::ALL.into_iter().find(|it| it.name() == *name)
    }

    /// The account in such a list.
    pub fn account(self, members: &[(&'static str, &str)]) -> &'static str {
        members.iter().find(|(_, name)| *name == self.name()).expect("everybody has an account").0
    }
}

/// A message of the bot's as somebody sees it: the same words on every platform, whatever marks it writes them with.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub id: String,
    /// The message whose thread it stands in.
    pub thread: Option<String>,
    pub words: String,
    /// Label, and what the platform knows the button by.
    pub buttons: Vec<(String, Value)>,
    /// Nobody else sees it.
    pub only_for: Option<Person>,
    /// Whose bell it rings.
    pub rings: Vec<Person>,
    /// Our own marks under it, to be clicked.
    pub marks: usize,
    /// How often it was changed since it was posted.
    pub edits: usize,
}

impl Seen {
    /// The first line.
    pub fn head(&self) -> &str {
        self.words.lines().next().unwrap_or_default()
    }

    pub fn labels(&self) -> Vec<&str> {
        self.buttons.iter().map(|(label, _)| label.as_str()).collect()
    }

    fn button(&self, label: &str) -> &Value {
        let found = self.buttons.iter().find(|(it, _)| it == label);
        &found.unwrap_or_else(|| panic!("no button `{label}` under\n{}", self.words)).1
    }
}

/// One chat platform with one channel where everybody is.
pub trait Chat: Sized {
    /// It has marks under messages, and words beside pictures; a terminal has not.
    const IS_PLATFORM: bool = true;

    /// The bot's own account.
    const BOT: &str;

    /// An empty channel.
    async fn start() -> Self;

    /// Makes a bot's configuration one that listens here: accounts of people, channel of the app, tokens.
    fn configure(&self, settings: &Path);

    /// Starts a bot and waits until it hears.
    async fn connect(&self, config: &Path) -> Bot;

    /// Says something in the channel, or in the thread below a message.
    fn say(&self, who: Person, text: &str, below: Option<&Seen>);

    /// Presses a button that this message has, or had when the person last looked.
    fn press(&self, who: Person, message: &Seen, label: &str);

    /// Puts a mark under a message, or takes it away.
    fn react(&self, who: Person, message: &Seen, mark: Mark, added: bool);

    /// All messages of the bot's as they stand now, oldest first.
    fn shown(&self) -> Vec<Seen>;

    /// Files that the bot showed.
    fn uploads(&self) -> Vec<Upload>;

    /// Tries after every change until there is an answer.
    async fn find<T>(&self, attempt: impl FnMut() -> Option<T>) -> Option<T>;

    /// All that happened, for who waited in vain.
    fn history(&self) -> String;

    /// Nothing was said or asked that the platform would refuse.
    async fn finish(self);
}

/// What can happen on a platform, and not at a terminal.
pub trait Platform: Chat {
    /// Somebody who may removes a message, and no event tells of it.
    fn remove(&self, message: &Seen);

    /// Somebody, and another bot, post the very words of a message of ours; what there is to react to and to reply below.
    fn imitate(&self, who: Person, like: &Seen) -> Vec<Seen>;

    /// Makes a message of the bot's show something else, as a bot would that was put back to an older state.
    fn garble(&self, message: &Seen);

    /// The platform knows no post by its nonce any more.
    fn forget_nonces(&self);

    /// Puts a mark under a message or takes it away, and no event tells of it.
    fn mark_unheard(&self, who: Person, message: &Seen, mark: Mark, added: bool);

    /// Whether the bot may speak in the channel; it hears all the same.
    fn admit(&self, admitted: bool);

    /// From now on this person is a guest there.
    fn demote(&self, who: Person);

    /// From now on the bot hears so many seconds late of what people say and press.
    fn lag(&self, seconds: i64);

    /// From now on the platform's clock is so many seconds behind the bot's.
    fn skew(&self, seconds: u64);

    /// Nothing that happens is told until this ends.
    fn hold(&self);

    /// Tells of it in another order, as far as the platform may.
    fn release(&self, seed: u64);

    /// Whether the bot has acknowledged all that it was told, where it does.
    fn all_told(&self) -> bool;

    /// Somebody changes an old message to these words, and another bot says them.
    fn pretend(&self, who: Person, text: &str);

    /// The next thing that happens is told twice.
    fn tell_twice(&self);

    /// The bot's line breaks, and nothing that happens until it has another is told.
    fn cut(&self);

    /// From now on the platform takes no more calls than it is known to take, and holds whoever was told to wait to it.
    fn strict_limits(&self);

    /// The next call of this kind is one too many; the pause is in seconds.
    fn limit_next(&self, call: Call, pause: &str);

    /// Whatever would show something is one too many for this long.
    fn silence(&self, pause: Duration);

    /// Calls that were one too many, those that were planned left out.
    fn refused(&self) -> usize;

    /// Edits as they were asked for: the message, and when.
    fn edits(&self) -> Vec<(String, Instant)>;
}

/// Lets a bot listen on one platform too, whose name and section are these: people keep their accounts at the terminal.
fn join(settings: &Path, platform: &str, section: &str, account: impl Fn(Person) -> String) {
    change(&settings.join("lockkeeper.yaml"), |text| format!("{text}{section}\n"));
    change(&settings.join("people.yaml"), |mut text| {
        for person in Person::ALL {
            let terminal = format!("terminal: [{}]", person.name());
            text = text.replace(&terminal, &format!("{terminal}, {platform}: [\"{}\"]", account(person)));
        }
        text
    });
}

/// Has the app's news in this channel.
fn move_to(settings: &Path, channel: &str) {
    let app = settings.join("apps/shop.yaml");
    if app.exists() {
        change(&app, |text| text.replace("terminal/main", channel));
    }
}

fn change(path: &Path, edit: impl FnOnce(String) -> String) {
    let text = std::fs::read_to_string(path).expect("a settings file");
    std::fs::write(path, edit(text)).expect("a settings file");
}

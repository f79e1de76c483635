//! A conversation, written once and had on every chat: a bot in a world, what people do there, and what they read.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use lockkeeper::demo::{Terms, World};
use lockkeeper::message::Mark;
use regex::Regex;
use tempfile::TempDir;

use super::chat::{Chat, PATIENCE, Person, Seen};
use super::house::{Bot, House};
use super::shop;
use super::wire::Upload;

/// One conversation as a test for each of these chats; it takes a `&mut Talk` of any of them.
macro_rules! each_of {
    ($conversation:ident, $open:expr, $($test:ident: $chat:ident),+) => {
        mod $conversation {
            use super::*;

            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let mut talk: Talk<crate::support::chat::$chat> = $open.await;
                super::$conversation(&mut talk).await;
                talk.end().await;
            })+
        }
    };
}

/// On every chat: `each_chat!(conversation, Talk::release(short_watch()))`.
macro_rules! each_chat {
    ($conversation:ident, $open:expr) => {
        $crate::support::talk::each_of!(
            $conversation, $open, on_the_terminal: TerminalChat, in_slack: SlackChat, in_discord: DiscordChat
        );
    };
}

/// The same without the terminal: what only platforms lose and forget.
macro_rules! each_platform {
    ($conversation:ident, $open:expr) => {
        $crate::support::talk::each_of!($conversation, $open, in_slack: SlackChat, in_discord: DiscordChat);
    };
}

/// What a message reads, as a snapshot: the same on every chat.
macro_rules! reads {
    ($seen:expr, @$words:literal) => {{
        let seen = $seen.to_string();
        insta::allow_duplicates! { insta::assert_snapshot!(seen, @$words) }
    }};
}

pub(crate) use {each_chat, each_of, each_platform, reads};

/// Somebody's words to the bot and what came of them, on one chat.
pub struct Talk<C> {
    chat: C,
    bot: Option<Bot>,
    config: PathBuf,
    world: Option<World>,
    /// Messages that the conversation has read, each with its first line as it was then: that says how things stand.
    read: BTreeMap<String, String>,
    /// Files that it has looked at, and charts of questions that it has read.
    looked_at: BTreeSet<String>,
    _dirs: (Option<House>, Option<TempDir>),
}

impl<C: Chat> Talk<C> {
    /// A bot that knows people and has nothing to release.
    pub async fn empty() -> Self {
        Self::of(House::new()).await
    }

    /// A bot in this house.
    pub async fn of(house: House) -> Self {
        let config = house.path("config/lockkeeper.yaml");
        Self::open(config, None, (Some(house), None)).await
    }

    /// A bot in the rehearsal's world, with version 1 on all hosts.
    pub async fn release(terms: Terms) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let world = shop::world(dir.path(), &terms).await;
        Self::open(world.config(), Some(world), (None, Some(dir))).await
    }

    /// The same where each push goes as far as its gate ([`shop::push`]).
    pub async fn pushed(terms: Terms) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let world = shop::world(dir.path(), &terms).await;
        shop::take_pushes(&world);
        Self::open(world.config(), Some(world), (None, Some(dir))).await
    }

    async fn open(config: PathBuf, world: Option<World>, dirs: (Option<House>, Option<TempDir>)) -> Self {
        let chat = C::start().await;
        chat.configure(config.parent().expect("a folder"));
        let bot = Some(chat.connect(&config).await);
        let (read, looked_at) = (BTreeMap::new(), BTreeSet::new());
        Self { chat, bot, config, world, read, looked_at, _dirs: dirs }
    }

    // What people do.

    pub fn says(&self, who: Person, text: &str) {
        self.chat.say(who, text, None);
    }

    /// In the thread below the message.
    pub fn replies(&self, who: Person, below: &Seen, text: &str) {
        self.chat.say(who, text, Some(below));
    }

    /// The button as it was when the message was read.
    pub fn presses(&self, who: Person, message: &Seen, label: &str) {
        self.chat.press(who, message, label);
    }

    pub fn reacts(&self, who: Person, message: &Seen, mark: Mark) {
        self.chat.react(who, message, mark, true);
    }

    pub fn unreacts(&self, who: Person, message: &Seen, mark: Mark) {
        self.chat.react(who, message, mark, false);
    }

    // What they read.

    /// A message for all that was not read yet and holds this, now or soon.
    pub async fn sees(&mut self, part: &str) -> Seen {
        self.next(part, None).await
    }

    /// The same, for one pair of eyes only.
    pub async fn sees_alone(&mut self, who: Person, part: &str) -> Seen {
        self.next(part, Some(who)).await
    }

    /// What answers this person, be it for all or for them alone.
    pub async fn hears(&mut self, who: Person, part: &str) -> Seen {
        let is_for = |it: &Seen| it.only_for.is_none() || it.only_for == Some(who);
        let new = |it: &Seen| !self.read.contains_key(&it.id) && is_for(it) && it.words.contains(part);
        let found = self.find(&format!("an answer “{part}” for {who:?}"), new).await;
        self.note(&found);
        found
    }

    async fn next(&mut self, part: &str, only_for: Option<Person>) -> Seen {
        let new =
            |it: &Seen| !self.read.contains_key(&it.id) && it.only_for == only_for && it.words.contains(part);
        let found = self.find(&format!("a message “{part}” for {only_for:?}"), new).await;
        self.note(&found);
        found
    }

    fn note(&mut self, seen: &Seen) {
        self.read.insert(seen.id.clone(), seen.head().to_owned());
        self.looked_at.extend(CHART.captures(&seen.words).map(|it| format!("{}-{}.png", &it[1], &it[2])));
    }

    /// Whatever else stands there that holds this: for what comes again and again.
    pub fn skims(&mut self, part: &str) {
        let all = self.chat.shown();
        let new = |it: &&Seen| !self.read.contains_key(&it.id) && it.words.contains(part);
        let new: Vec<Seen> = all.iter().filter(new).cloned().collect();
        new.iter().for_each(|it| self.note(it));
    }

    /// A message that was read before, once it holds this.
    pub async fn becomes(&mut self, message: &Seen, part: &str) -> Seen {
        let what = format!("a change of a message to “{part}”");
        let found = self.find(&what, |it| it.id == message.id && it.words.contains(part)).await;
        self.note(&found);
        found
    }

    /// A card that was read before, once what it is about has ended.
    pub async fn ends_as(&mut self, card: &Seen) -> Seen {
        let ended = |it: &Seen| ["done", "failed", "stopped"].iter().any(|end| it.head().ends_with(end));
        let found = self.find("the end", |it| it.id == card.id && ended(it)).await;
        self.note(&found);
        found
    }

    /// A message that was read before, once it is written anew.
    pub async fn becomes_edited(&mut self, message: &Seen) -> Seen {
        let found = self.find("an edit", |it| it.id == message.id && message.edits < it.edits).await;
        self.note(&found);
        found
    }

    /// A message that was read before, once so many marks of ours stand below it.
    pub async fn becomes_marked(&self, message: &Seen, marks: usize) -> Seen {
        self.find("our marks", |it| it.id == message.id && it.marks == marks).await
    }

    async fn find(&self, what: &str, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let found = self.chat.find(|| self.chat.shown().into_iter().find(|it| wanted(it))).await;
        found.unwrap_or_else(|| panic!("{what} did not come in {PATIENCE:?}. {}", self.chat.history()))
    }

    /// The file with this in its name, once it is shown.
    pub async fn file(&mut self, named: &str) -> Upload {
        let find = || self.chat.uploads().into_iter().find(|it| it.name.contains(named));
        let found = self.chat.find(find).await;
        let found = found.unwrap_or_else(|| panic!("no file …{named}… came. {}", self.chat.history()));
        self.looked_at.insert(found.name.clone());
        found
    }

    /// Whether it has marks under messages, and words beside pictures.
    pub fn is_platform(&self) -> bool {
        C::IS_PLATFORM
    }

    // The world.

    pub fn world(&self) -> &World {
        self.world.as_ref().expect("a world")
    }

    pub fn world_mut(&mut self) -> &mut World {
        self.world.as_mut().expect("a world")
    }

    /// Changes the app's settings, and waits until the bot goes by them.
    pub async fn resets(&self, from: &str, to: &str) {
        let path = self.config.with_file_name("apps/shop.yaml");
        let before = std::fs::read_to_string(&path).expect("the app's settings");
        assert!(before.contains(from), "{before}");
        let was = self.bot().engine.live().settings.clone();
        let draft = path.with_extension("draft");
        std::fs::write(&draft, before.replace(from, to)).expect("a draft");
        std::fs::rename(&draft, &path).expect("the app's settings");
        let read = async || (!Arc::ptr_eq(&was, &self.bot().engine.live().settings)).then_some(());
        self.world().until(PATIENCE, read).await.expect("the settings are read again");
    }

    /// The chat itself, for what only one kind of it can do.
    pub fn chat(&self) -> &C {
        &self.chat
    }

    pub fn bot(&self) -> &Bot {
        self.bot.as_ref().expect("a bot")
    }

    /// Stops the bot as SIGTERM does, and starts it on what is there.
    pub async fn restarts(&mut self) {
        self.ends().await;
        self.begins().await;
    }

    /// The same with more in its configuration.
    pub async fn configures(&mut self, more: &str) {
        self.ends().await;
        let before = std::fs::read_to_string(&self.config).expect("a configuration");
        std::fs::write(&self.config, format!("{before}{more}")).expect("a configuration");
        self.begins().await;
    }

    /// All messages as they stand.
    pub fn shown(&self) -> Vec<Seen> {
        self.chat.shown()
    }

    /// Stops the bot; the chat goes on.
    pub async fn ends(&mut self) {
        self.bot.take().expect("a bot").stop().await;
    }

    pub async fn begins(&mut self) {
        self.bot = Some(self.chat.connect(&self.config).await);
    }

    /// Nothing is left that nobody read, be it a message, what one came to, or a file; the bot listened to people only,
    /// and the platform has nothing to object to.
    pub async fn end(mut self) {
        self.heard_others_only().await;
        self.bot.take().expect("a bot").stop().await;
        let unread = self.chat.shown().into_iter().filter_map(|it| match self.read.get(&it.id) {
            None => Some(format!("for {:?}: {it}", it.only_for)),
            Some(head) => (head != it.head()).then(|| format!("“{head}” has become “{}”", it.head())),
        });
        let files = self.chat.uploads().into_iter().map(|it| it.name);
        // A terminal lays the second file of a name beside the first, under a longer one.
        let is_read = |it: &String| self.looked_at.iter().any(|read| it.ends_with(read.as_str()));
        let files = files.filter(|it| !is_read(it)).map(|it| format!("the file {it}"));
        let unread: Vec<String> = unread.chain(files).collect();
        assert!(unread.is_empty(), "nobody read:\n{}\n{}", unread.join("\n\n"), self.chat.history());
        self.chat.finish().await;
        if let Some(world) = self.world {
            world.end().await.expect("the world ends");
        }
    }
}

impl<C: Chat> Talk<C> {
    /// Platforms tell a bot of its own messages, edits and marks, too: none of it may come as far as the inbox.
    async fn heard_others_only(&self) {
        let heard = self.bot().engine.store().latest_deliveries("chat", 10_000).await.expect("deliveries");
        let own: Vec<_> = heard.iter().filter(|(_, it)| it["account"]["user"] == C::BOT).collect();
        assert!(own.is_empty(), "the bot heard itself: {own:#?}");
    }
}

/// The number of a release and of the seal that its question is about.
static CHART: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)#(\d+) .* message (\d+) of this gate").expect("a pattern"));

/// What differs from play to play, and what stands for it.
static VARIABLE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        // A backtick in code, where it could end the code.
        ("ˋ", "`"),
        (r"(?s)```\n[^`]*canary[^`]*baseline[^`]*```", "```\n<chart>\n```"),
        (r"(?m)^(• . \w+): canary .*", "$1: <measured>"),
        (r"canary: \d+ of \d+ requests", "canary: <some> requests"),
        (r"\b[0-9a-f]{64}\b", "<digest>"),
        (r"\b[0-9a-f]{12}\b", "<id>"),
        (r"\b[0-9a-f]{8}\b", "<hash>"),
        (r"\b\d+(\.\d)? (ms|s|min)( \d+ s)?\b", "<time>"),
        (r"\d\d:\d\d:\d\d UTC", "<clock>"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
        (r"(health failed: )[^\n]*", "$1<why>"),
    ];
    rules.map(|(pattern, word)| (Regex::new(pattern).expect("a pattern"), word)).into()
});

/// The words without ids, times and measurements, then the buttons.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = VARIABLE.iter().fold(Cow::Borrowed(self.words.as_str()), |words, (pattern, word)| {
            Cow::Owned(pattern.replace_all(&words, *word).into_owned())
        });
        writeln!(f, "{words}")?;
        let labels: Vec<String> = self.labels().into_iter().map(|it| format!("[{it}]")).collect();
        write!(f, "{}", labels.join(" "))
    }
}

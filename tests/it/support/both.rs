//! One bot in a Slack workspace and in a Discord guild: for what is between the two. Everybody is in both; whom the bot
//! knows there, the test says.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lockkeeper::demo::{Terms, World};
use tempfile::TempDir;

use super::chat::{PATIENCE, Person};
use super::fake_discord::{self, FakeDiscord};
use super::fake_slack::{self, FakeSlack};
use super::house::{Bot, House};
use super::shop;

/// Where something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Slack,
    Discord,
}

pub struct Both {
    pub slack: FakeSlack,
    pub discord: FakeDiscord,
    bot: Option<Bot>,
    config: PathBuf,
    world: Option<World>,
    read: BTreeSet<String>,
    _dirs: (Option<House>, Option<TempDir>),
}

/// A message of the bot's, wherever it stands.
struct Line {
    on: On,
    channel: String,
    id: String,
    words: String,
    only_for: Option<String>,
}

impl Both {
    /// A bot that knows these people and has nothing to release.
    pub async fn empty(people: &str) -> Self {
        let house = House::new();
        let config = house.path("config/lockkeeper.yaml");
        Self::open(config, people, None, (Some(house), None)).await
    }

    /// A bot in the rehearsal's world; the app's channel is in Slack.
    pub async fn release(people: &str, terms: &Terms) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let world = shop::world(dir.path(), terms).await;
        let app = world.dir().join("config/apps/shop.yaml");
        let channel = format!("slack/{}/{}", fake_slack::TEAM, fake_slack::GENERAL);
        let text = std::fs::read_to_string(&app).expect("the app's file");
        std::fs::write(&app, text.replace("terminal/main", &channel)).expect("the app's file");
        Self::open(world.config(), people, Some(world), (None, Some(dir))).await
    }

    async fn open(
        config: PathBuf,
        people: &str,
        world: Option<World>,
        dirs: (Option<House>, Option<TempDir>),
    ) -> Self {
        let (slack, discord) = (FakeSlack::start().await, FakeDiscord::start().await);
        let folder = config.parent().expect("a folder");
        for (name, token) in [
            ("slack-bot", fake_slack::BOT_TOKEN),
            ("slack-app", fake_slack::APP_TOKEN),
            ("discord", fake_discord::TOKEN),
        ] {
            std::fs::write(folder.join(name), token).expect("a token's file");
        }
        let sections = format!(
            "slack: {{bot_token: file:slack-bot, app_token: file:slack-app, api_url: \"{}\"}}\n\
             discord: {{token: file:discord, api_url: \"{}\"}}\n",
            slack.url(),
            discord.url()
        );
        let settings = std::fs::read_to_string(&config).expect("a configuration");
        std::fs::write(&config, settings + &sections).expect("a configuration");
        let mut both = Self { slack, discord, bot: None, config, world, read: BTreeSet::new(), _dirs: dirs };
        both.knows(people);
        both.start().await;
        both
    }

    async fn start(&mut self) {
        let (opened, begun) = (self.slack.opened(), self.discord.begun());
        self.bot = Some(House::start_at(&self.config).await);
        self.slack.until("the bot is connected", |it| opened < it.opened()).await;
        self.discord.until("the bot is connected", |it| begun < it.begun() && it.lines() == 1).await;
    }

    /// Writes `people.yaml`; `<slack ann>` and `<discord ann>` stand for the accounts.
    pub fn knows(&self, people: &str) {
        let mut text = people.to_owned();
        for person in Person::ALL {
            let name = person.name();
            text = text
                .replace(
                    &format!("<slack {name}>"),
                    &format!("{}/{}", fake_slack::TEAM, Self::user(person, On::Slack)),
                )
                .replace(
                    &format!("<discord {name}>"),
                    &format!("\"{}/{}\"", fake_discord::GUILD, Self::user(person, On::Discord)),
                );
        }
        let path = self.config.with_file_name("people.yaml");
        let draft = path.with_extension("draft");
        std::fs::write(&draft, text).expect("a draft");
        std::fs::rename(&draft, &path).expect("the people");
    }

    pub fn bot(&self) -> &Bot {
        self.bot.as_ref().expect("a bot")
    }

    pub fn world(&self) -> &World {
        self.world.as_ref().expect("a world")
    }

    pub async fn restarts(&mut self) {
        self.bot.take().expect("a bot").stop().await;
        self.start().await;
    }

    /// The person's account there.
    pub fn user(who: Person, on: On) -> &'static str {
        match on {
            On::Slack => who.account(&fake_slack::MEMBERS),
            On::Discord => who.account(&fake_discord::MEMBERS),
        }
    }

    fn direct(&self, who: Person, on: On) -> String {
        match on {
            On::Slack => format!("D0{}", who.name().to_uppercase()),
            On::Discord => self.discord.direct_with(Self::user(who, on)),
        }
    }

    /// In a direct message.
    pub fn says(&self, who: Person, on: On, text: &str) {
        let channel = self.direct(who, on);
        match on {
            On::Slack => drop(self.slack.say(Self::user(who, on), &channel, text)),
            On::Discord => drop(self.discord.say(Self::user(who, on), &channel, text)),
        }
    }

    /// In the channel where everybody is.
    pub fn says_to_all(&self, who: Person, on: On, text: &str) {
        match on {
            On::Slack => drop(self.slack.say(Self::user(who, on), fake_slack::GENERAL, text)),
            On::Discord => drop(self.discord.say(Self::user(who, on), fake_discord::GENERAL, text)),
        }
    }

    /// A message that was not read yet, in this person's direct messages.
    pub async fn reads(&mut self, who: Person, on: On, part: &str) -> String {
        let channel = self.direct(who, on);
        self.reads_in(on, &channel, part).await
    }

    /// The same in anybody's.
    pub async fn reads_in(&mut self, on: On, channel: &str, part: &str) -> String {
        self.next(&format!("“{part}” in {channel} on {on:?}"), |it| {
            it.on == on && it.channel == channel && it.words.contains(part)
        })
        .await
    }

    /// A message for all that was not read yet, in the channel in Slack.
    pub async fn sees(&mut self, part: &str) -> String {
        self.next(&format!("“{part}” in Slack"), |it| {
            it.channel == fake_slack::GENERAL && it.only_for.is_none() && it.words.contains(part)
        })
        .await
    }

    /// The same in the channel of either, for one pair of eyes only.
    pub async fn sees_alone(&mut self, who: Person, on: On, part: &str) -> String {
        let user = Self::user(who, on);
        self.next(&format!("“{part}” for {who:?} alone on {on:?}"), |it| {
            it.on == on && it.only_for.as_deref() == Some(user) && it.words.contains(part)
        })
        .await
    }

    async fn next(&mut self, what: &str, wanted: impl Fn(&Line) -> bool) -> String {
        let look = || self.lines().into_iter().find(|it| !self.read.contains(&it.id) && wanted(it));
        let waiting = async {
            loop {
                let (slack, discord) = (self.slack.changed().notified(), self.discord.changed().notified());
                tokio::pin!(slack, discord);
                slack.as_mut().enable();
                discord.as_mut().enable();
                if let Some(found) = look() {
                    return found;
                }
                tokio::select! { () = slack => {} () = discord => {} }
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => {
                self.read.insert(found.id);
                found.words
            }
            Err(_) => panic!(
                "{what} did not come in {PATIENCE:?}.\n{}\n{}",
                self.slack.history(),
                self.discord.history()
            ),
        }
    }

    fn lines(&self) -> Vec<Line> {
        let slack =
            self.slack.all_messages().into_iter().filter(|it| it.user == fake_slack::BOT).map(|it| Line {
                on: On::Slack,
                words: it.words().replace('*', ""),
                channel: it.channel,
                id: it.ts,
                only_for: it.only_for,
            });
        let discord = self.discord.all_messages().into_iter().filter(|it| it.author == fake_discord::BOT);
        let discord = discord.map(|it| Line {
            on: On::Discord,
            words: it.words().replace('*', ""),
            channel: it.channel,
            id: it.id,
            only_for: it.only_for,
        });
        slack.chain(discord).collect()
    }

    /// Nothing is left that nobody read, and neither platform has anything to object to.
    pub async fn end(mut self) {
        self.bot.take().expect("a bot").stop().await;
        let unread: Vec<String> = self
            .lines()
            .into_iter()
            .filter(|it| !self.read.contains(&it.id))
            .map(|it| format!("{:?} {}: {}", it.on, it.channel, it.words))
            .collect();
        assert!(unread.is_empty(), "nobody read:\n{}", unread.join("\n\n"));
        self.finish().await;
    }

    /// Of a release of which only some messages matter; neither platform has anything to object to.
    pub async fn leave(mut self) {
        self.bot.take().expect("a bot").stop().await;
        self.finish().await;
    }

    async fn finish(self) {
        self.slack.skip_messages();
        self.slack.finish().await;
        self.discord.skip_messages();
        self.discord.finish().await;
        if let Some(world) = self.world {
            world.end().await.expect("the world ends");
        }
    }
}

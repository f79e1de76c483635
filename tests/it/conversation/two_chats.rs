//! One bot in Slack and in Discord: the same card and the same question stand in both, and either answers it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use lockkeeper::demo::{Terms, World};
use lockkeeper::message::Mark;
use tempfile::TempDir;

use crate::support::chat::{Chat, DiscordChat, PATIENCE, Person, Person::*, Seen, SlackChat};
use crate::support::house::Bot;
use crate::support::shop::{self, short_watch};

struct Both {
    slack: SlackChat,
    discord: DiscordChat,
    bot: Bot,
    world: World,
    /// What somebody has read, with its first line as it was then.
    read: RefCell<BTreeMap<String, String>>,
    _dir: TempDir,
}

impl Both {
    /// The app's channels are one in Slack and one in Discord; people have accounts in both.
    async fn open(terms: Terms) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let world = shop::world(dir.path(), &terms).await;
        let (slack, discord) = (SlackChat::start().await, DiscordChat::start().await);
        let settings = world.config().parent().expect("a folder").to_owned();
        slack.configure(&settings);
        let app = settings.join("apps/shop.yaml");
        let text = std::fs::read_to_string(&app).expect("the app's settings");
        std::fs::write(&app, text.replace("channels: [", "channels: [terminal/main, "))
            .expect("the app's settings");
        discord.configure(&settings);
        let bot = slack.connect(&world.config()).await;
        discord.0.until("the bot is connected", |it| it.lines() == 1).await;
        Self { slack, discord, bot, world, read: RefCell::default(), _dir: dir }
    }

    /// The last message that holds all of this, now or soon, for everybody or for one.
    async fn sees(&self, chat: &impl Chat, only_for: Option<Person>, parts: &[&str]) -> Seen {
        let is_it = |it: &Seen| it.only_for == only_for && parts.iter().all(|part| it.words.contains(part));
        let found = chat.find(|| chat.shown().into_iter().rev().find(is_it)).await;
        let found =
            found.unwrap_or_else(|| panic!("{parts:?} did not come in {PATIENCE:?}. {}", chat.history()));
        self.read.borrow_mut().insert(found.id.clone(), found.head().to_owned());
        found
    }

    /// Nothing is left that nobody read, in either chat.
    async fn end(self) {
        self.bot.stop().await;
        let read = self.read.into_inner();
        let shown = self.slack.shown().into_iter().chain(self.discord.shown());
        let unread: Vec<String> = shown
            .filter(|it| read.get(&it.id).map(String::as_str) != Some(it.head()))
            .map(|it| it.to_string())
            .collect();
        assert!(unread.is_empty(), "nobody read:\n{}", unread.join("\n\n"));
        self.slack.finish().await;
        self.discord.finish().await;
        self.world.end().await.expect("the world ends");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_in_slack_is_answered_in_discord() {
    let both = Both::open(Terms { approvals: 2, ..short_watch() }).await;
    both.world.commit_good(2).await.unwrap();
    both.slack.say(Ann, "!deploy shop", None);
    let here = both.sees(&both.slack, None, &["May #1 shop to production?"]).await;
    let there = both.sees(&both.discord, None, &["May #1 shop to production?"]).await;
    assert_eq!(here.labels(), there.labels());

    // A person is one person, wherever they answer.
    both.discord.press(Bea, &there, "Approve");
    both.sees(&both.discord, Some(Bea), &["Counted. #1 still needs 1 of sre"]).await;
    both.sees(&both.slack, None, &["May #1 shop to production?", "approved\nbea"]).await;
    both.sees(&both.discord, None, &["May #1 shop to production?", "approved\nbea"]).await;
    both.slack.react(Bea, &here, Mark::Approve, true);
    both.sees(&both.slack, Some(Bea), &["Your answer counts already."]).await;
    // The requester is the requester there, too.
    both.discord.react(Ann, &there, Mark::Approve, true);
    both.sees(&both.discord, Some(Ann), &["Somebody else has to look at it."]).await;
    both.slack.react(Cid, &here, Mark::Approve, true);
    for decided in [
        "#1 shop to production: approved by bea and cid",
        "✅ Release #1 of shop: done",
        "ann: Release #1 of shop: done.",
    ] {
        both.sees(&both.slack, None, &[decided]).await;
        both.sees(&both.discord, None, &[decided]).await;
    }
    let (here, there) = (both.slack.shown(), both.discord.shown());
    let rung = |all: &[Seen]| {
        all.iter().find(|it| it.words.contains("ann: Release #1")).expect("told").rings.clone()
    };
    assert_eq!((rung(&here), rung(&there)), (vec![Ann], Vec::new()), "rung where she asked");
    let card = |all: &[Seen]| {
        all.iter().find(|it| it.words.contains("✅ Release #1 of shop: done")).cloned().unwrap()
    };
    assert_eq!(card(&here).to_string(), card(&there).to_string(), "who, when and what are the same");
    assert_eq!(both.world.versions("app").await, [Some(2); 3]);
    both.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_being_away_holds_up_nobody_in_discord() {
    let both = Both::open(Terms { approvals: 1, ..short_watch() }).await;
    both.world.commit_good(2).await.unwrap();
    both.discord.say(Ann, "!deploy shop", None);
    let there = both.sees(&both.discord, None, &["May #1 shop to production?"]).await;
    let here = both.sees(&both.slack, None, &["May #1 shop to production?"]).await;
    both.slack.0.go_away();
    both.discord.press(Bea, &there, "Approve");
    both.sees(&both.discord, None, &["#1 shop to production: approved by bea"]).await;
    for told in ["✅ Release #1 of shop: done", "ann: Release #1 of shop: done."] {
        both.sees(&both.discord, None, &[told]).await;
    }
    let stale = both.slack.shown().into_iter().find(|it| it.id == here.id).expect("it stands");
    assert!(stale.words.contains("May #1 shop to production?"), "Slack knows nothing yet: {stale}");

    both.slack.0.come_back();
    let question = both.sees(&both.slack, None, &["#1 shop to production: approved by bea"]).await;
    assert_eq!((question.id.as_str(), question.labels().len()), (here.id.as_str(), 0));
    for told in ["✅ Release #1 of shop: done", "ann: Release #1 of shop: done."] {
        both.sees(&both.slack, None, &[told]).await;
    }
    both.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_away_holds_up_no_other_and_is_right_when_it_is_back() {
    let both = Both::open(Terms { approvals: 1, ..short_watch() }).await;
    both.world.commit_good(2).await.unwrap();
    both.slack.say(Ann, "!deploy shop", None);
    let there = both.sees(&both.discord, None, &["May #1 shop to production?"]).await;
    let here = both.sees(&both.slack, None, &["May #1 shop to production?"]).await;
    both.discord.0.go_away();
    both.slack.press(Bea, &here, "Approve");
    both.sees(&both.slack, None, &["#1 shop to production: approved by bea"]).await;
    for told in ["✅ Release #1 of shop: done", "ann: Release #1 of shop: done."] {
        both.sees(&both.slack, None, &[told]).await;
    }
    let stale = both.discord.shown().into_iter().find(|it| it.id == there.id).expect("it stands");
    assert!(stale.words.contains("May #1 shop to production?"), "Discord knows nothing yet: {stale}");

    both.discord.0.come_back();
    let question = both.sees(&both.discord, None, &["#1 shop to production: approved by bea"]).await;
    assert_eq!((question.id.as_str(), question.labels().len()), (there.id.as_str(), 0));
    for told in ["✅ Release #1 of shop: done", "ann: Release #1 of shop: done."] {
        both.sees(&both.discord, None, &[told]).await;
    }
    both.end().await;
}

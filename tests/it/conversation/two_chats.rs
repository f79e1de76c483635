//! One bot in Slack and in Discord: the same card and the same question stand in both, and either answers it.

use lockkeeper::demo::{Program, Terms, World};
use lockkeeper::message::Mark;
use tempfile::TempDir;

use crate::support::chat::{Chat, DiscordChat, PATIENCE, Person, Person::*, Seen, SlackChat};
use crate::support::house::Bot;
use crate::support::shop::short_watch;

struct Both {
    slack: SlackChat,
    discord: DiscordChat,
    bot: Bot,
    world: World,
    _dir: TempDir,
}

impl Both {
    /// The app's channels are one in Slack and one in Discord; people have accounts in both.
    async fn open(terms: Terms) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"));
        let mut world = World::create(&dir.path().join("world"), program, &terms).await.expect("a world");
        world.start_supervisor().await.expect("hosts");
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
        Self { slack, discord, bot, world, _dir: dir }
    }

    async fn end(self) {
        self.bot.stop().await;
        self.slack.finish().await;
        self.discord.finish().await;
        self.world.end().await.expect("the world ends");
    }
}

/// The last message that holds all of this, now or soon, for everybody or for one.
async fn sees(chat: &impl Chat, only_for: Option<Person>, parts: &[&str]) -> Seen {
    let is_it = |it: &Seen| it.only_for == only_for && parts.iter().all(|part| it.words.contains(part));
    let found = chat.find(|| chat.shown().into_iter().rev().find(is_it)).await;
    found.unwrap_or_else(|| panic!("{parts:?} did not come in {PATIENCE:?}. {}", chat.history()))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_in_slack_is_answered_in_discord() {
    let both = Both::open(Terms { approvals: 2, ..short_watch() }).await;
    both.world.commit_good(2).await.unwrap();
    both.slack.say(Ann, "!deploy shop", None);
    let here = sees(&both.slack, None, &["May #1 shop to production?"]).await;
    let there = sees(&both.discord, None, &["May #1 shop to production?"]).await;
    assert_eq!(here.labels(), there.labels());

    // A person is one person, wherever they answer.
    both.discord.press(Bea, &there, "Approve");
    sees(&both.discord, Some(Bea), &["Counted. #1 still needs 1 of sre"]).await;
    sees(&both.slack, None, &["May #1 shop to production?", "approved\nbea"]).await;
    sees(&both.discord, None, &["May #1 shop to production?", "approved\nbea"]).await;
    both.slack.react(Bea, &here, Mark::Approve, true);
    sees(&both.slack, Some(Bea), &["Your answer counts already."]).await;
    // The requester is the requester there, too.
    both.discord.react(Ann, &there, Mark::Approve, true);
    sees(&both.discord, Some(Ann), &["Somebody else has to look at it."]).await;
    both.slack.react(Cid, &here, Mark::Approve, true);
    for decided in ["#1 shop to production: approved by bea and cid", "Release #1 of shop: done"] {
        sees(&both.slack, None, &[decided]).await;
        sees(&both.discord, None, &[decided]).await;
    }
    let (here, there) = (both.slack.shown(), both.discord.shown());
    let card =
        |all: &[Seen]| all.iter().find(|it| it.words.contains("Release #1 of shop: done")).cloned().unwrap();
    assert_eq!(card(&here).to_string(), card(&there).to_string(), "who, when and what are the same");
    assert_eq!(both.world.versions("app").await, [Some(2); 3]);
    both.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_away_holds_up_no_other_and_is_right_when_it_is_back() {
    let both = Both::open(Terms { approvals: 1, ..short_watch() }).await;
    both.world.commit_good(2).await.unwrap();
    both.slack.say(Ann, "!deploy shop", None);
    let there = sees(&both.discord, None, &["May #1 shop to production?"]).await;
    let here = sees(&both.slack, None, &["May #1 shop to production?"]).await;
    both.discord.0.go_away();
    both.slack.press(Bea, &here, "Approve");
    sees(&both.slack, None, &["#1 shop to production: approved by bea"]).await;
    sees(&both.slack, None, &["Release #1 of shop: done"]).await;
    let stale = both.discord.shown().into_iter().find(|it| it.id == there.id).expect("it stands");
    assert!(stale.words.contains("May #1 shop to production?"), "Discord knows nothing yet: {stale}");

    both.discord.0.come_back();
    let question = sees(&both.discord, None, &["#1 shop to production: approved by bea"]).await;
    assert_eq!((question.id.as_str(), question.labels().len()), (there.id.as_str(), 0));
    sees(&both.discord, None, &["Release #1 of shop: done"]).await;
    both.end().await;
}

//! A chat that an operator has to put right says so in the other one: once, and when it is over.

use crate::support::chat::{DiscordChat, Person::*, SlackChat};
use crate::support::fake_discord::{self, FakeDiscord};
use crate::support::fake_slack::{self, FakeSlack};
use crate::support::house::{Bot, House};
use crate::support::wire::Fault;

/// Where operators read, in Slack.
const OPS: &str = "C0OPS";

/// A bot in both chats, and where it tells of trouble.
struct Both {
    slack: FakeSlack,
    discord: FakeDiscord,
    house: House,
}

impl Both {
    async fn new(fallback: &str) -> Self {
        let (slack, discord, house) = (FakeSlack::start().await, FakeDiscord::start().await, House::new());
        let settings = house.path("config");
        SlackChat(slack.clone()).join(&settings);
        DiscordChat(discord.clone()).join(&settings);
        house.also("config/lockkeeper.yaml", &format!("fallback_channel: {fallback}\n"));
        Self { slack, discord, house }
    }

    async fn start(&self) -> Bot {
        let (opened, begun) = (self.slack.opened(), self.discord.begun());
        let bot = self.house.start().await;
        self.slack.until("the bot is connected", |it| opened < it.opened()).await;
        self.discord.until("the bot is connected", |it| begun < it.begun() && it.lines() == 1).await;
        bot
    }

    async fn finish(self, bot: Bot) {
        bot.stop().await;
        self.slack.finish().await;
        self.discord.finish().await;
    }
}

/// Without the marks of bold letters.
fn plain(words: &str) -> String {
    words.replace('*', "")
}

fn without_length(words: &str) -> String {
    let words = plain(words);
    let (before, after) = words.split_once("Over after ").expect("it is over");
    let (_, what) = after.split_once(':').expect("what is over");
    format!("{before}Over:{what}")
}

/// Slack's token is revoked; the next start has a good one.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_told_in_the_other_chat_and_that_it_is_replaced() {
    let both = Both::new(&format!("discord/{}/{}", fake_discord::GUILD, fake_discord::GENERAL)).await;
    let bot = both.start().await;
    both.slack.fail_next("apps.connections.open", Fault::Code("token_revoked".to_owned()));
    both.slack.drop_sockets();
    let told = both.discord.next_message(fake_discord::GENERAL).await;
    insta::assert_snapshot!(plain(&told.words()), @r"
    ❌ I hear nothing any more in Slack
    `token_revoked`: put a valid token into the configuration, and start me again.
    ");
    bot.stop().await;

    let bot = both.start().await;
    let over = both.discord.next_edit(fake_discord::GENERAL).await;
    assert_eq!(over.id, told.id);
    assert_eq!(without_length(&over.words()), "✅ Over: I hear nothing any more in Slack");
    both.finish(bot).await;
}

/// A token that does not count makes the bot mute, and then deaf: one message tells of both, and that both are over.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_makes_mute_and_deaf_is_told_once() {
    let both = Both::new(&format!("discord/{}/{}", fake_discord::GUILD, fake_discord::GENERAL)).await;
    let bot = both.start().await;
    both.slack.revoke("token_revoked");
    both.slack.say(fake_slack::ANN, fake_slack::GENERAL, "!whoami");
    let told = both.discord.next_message(fake_discord::GENERAL).await;
    assert!(plain(&told.words()).contains("I can say nothing any more in Slack"), "{told:?}");
    both.slack.fail_next("apps.connections.open", Fault::Code("token_revoked".to_owned()));
    both.slack.drop_sockets();
    both.slack.until("no socket is to be had", |it| it.calls("apps.connections.open") == 2).await;
    bot.stop().await;

    both.slack.recognise();
    let bot = both.start().await;
    let over = both.discord.next_edit(fake_discord::GENERAL).await;
    assert_eq!(over.id, told.id);
    assert_eq!(without_length(&over.words()), "✅ Over: I can say nothing any more in Slack");
    both.slack.next_message(fake_slack::GENERAL).await;
    both.finish(bot).await;
}

/// What Slack lets nobody hear, and what it lets us not say.
#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_others_hold_and_a_token_that_lets_us_say_nothing_are_told_in_the_other_chat() {
    let both = Both::new(&format!("discord/{}/{}", fake_discord::GUILD, fake_discord::GENERAL)).await;
    let bot = both.start().await;
    both.slack.refuse_sockets(usize::MAX);
    both.slack.announce_disconnect("too_many_websockets");
    let told = both.discord.next_message(fake_discord::GENERAL).await;
    insta::assert_snapshot!(plain(&told.words()), @r"
    ❌ Slack lets me open no connection
    Other programs hold as many connections with my app token as are allowed, and are told some of what you say to me. Stop what else runs with it, an old copy of me perhaps; I go on trying.
    ");
    both.slack.refuse_sockets(0);
    let over = both.discord.next_edit(fake_discord::GENERAL).await;
    assert_eq!(without_length(&over.words()), "✅ Over: Slack lets me open no connection");

    both.slack.revoke("token_revoked");
    both.slack.say(fake_slack::ANN, fake_slack::GENERAL, "!whoami");
    // Once for all channels: its answer waits.
    let told = both.discord.next_message(fake_discord::GENERAL).await;
    insta::assert_snapshot!(plain(&told.words()), @r"
    ❌ I can say nothing any more in Slack
    `token_revoked`: put a valid token into the configuration, and start me again.
    ");
    both.finish(bot).await;
}

/// Discord closes the line for good; then its messages come empty, and full again.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_closed_for_good_and_messages_without_words_are_told_in_the_other_chat() {
    let both = Both::new(&format!("slack/{}/{OPS}", fake_slack::TEAM)).await;
    let bot = both.start().await;
    both.discord.refuse_next_identify(4014);
    both.discord.forget_sessions();
    both.discord.drop_all_lines();
    let told = both.slack.next_message(OPS).await;
    insta::assert_snapshot!(plain(&told.words()), @r"
    ❌ I hear nothing any more in Discord
    `4014`: turn the MESSAGE CONTENT intent on in Discord's developer portal, and start me again.
    ");
    bot.stop().await;
    // Nothing has changed: it was told.
    both.discord.refuse_next_identify(4014);
    let begun = both.slack.opened();
    let bot = both.house.start().await;
    both.slack.until("the bot is connected", |it| begun < it.opened()).await;
    both.slack.say(fake_slack::ANN, fake_slack::GENERAL, "!whoami");
    both.slack.next_message(fake_slack::GENERAL).await;
    bot.stop().await;

    let bot = both.start().await;
    let over = both.slack.next_edit(OPS).await;
    assert_eq!(without_length(&over.words()), "✅ Over: I hear nothing any more in Discord");
    let ann = Ann.account(&fake_discord::MEMBERS);
    both.discord.withhold_content(true);
    both.discord.say(ann, fake_discord::GENERAL, "hello");
    let told = both.slack.next_message(OPS).await;
    assert!(
        plain(&told.words()).starts_with("❌ Messages in Discord come to me without their words\n"),
        "{told:?}"
    );
    both.discord.withhold_content(false);
    both.discord.say(ann, fake_discord::GENERAL, "hello");
    let over = both.slack.next_edit(OPS).await;
    assert_eq!(over.ts, told.ts);
    both.finish(bot).await;
}

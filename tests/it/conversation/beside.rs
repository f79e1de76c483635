//! Two connections to one workspace, as when an old copy of the bot is ending: what both are told happens once.

use std::sync::Arc;

use lockkeeper::chat::discord::{Discord, DiscordHearing, DiscordSettings, DiscordTiming};
use lockkeeper::chat::slack::{Hearing, Slack, SlackSettings, SlackTiming};
use lockkeeper::clock::SystemClock;

use crate::support::chat::{Chat as _, DiscordChat, Person::*, SlackChat};
use crate::support::house::House;
use crate::support::{fake_discord, fake_slack};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_two_adapters_of_one_slack_workspace_hear_is_answered_once() {
    let (chat, house) = (SlackChat::start().await, House::new());
    chat.join(&house.path("config"));
    let fake = chat.0.clone();
    let hearing = Hearing::Socket { app_token: fake_slack::APP_TOKEN.into(), connections: 1 };
    let (bot_token, api_url) = (fake_slack::BOT_TOKEN.into(), Some(fake.url()));
    let settings = SlackSettings { bot_token, hearing, api_url, timing: SlackTiming::default() };
    let second = Slack::new(settings, Arc::new(SystemClock)).expect("an adapter");
    let bot = house.start_beside(Arc::new(second)).await;
    fake.until("both listen", |it| 2 <= it.sockets()).await;
    let (ann, general) = (Ann.account(&fake_slack::MEMBERS), fake_slack::GENERAL);
    fake.duplicate_next_event();
    fake.say(ann, general, "!whoami");
    assert!(fake.next_message(general).await.words().starts_with("You are ann"));
    fake.until("both have taken it", |it| it.acknowledged() == 2).await;
    // A second answer would stand before this one.
    fake.say(ann, general, "!help");
    assert!(fake.next_message(general).await.words().contains("What you may run here"));
    bot.stop().await;
    fake.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_two_adapters_of_one_discord_server_hear_is_answered_once() {
    let (chat, house) = (DiscordChat::start().await, House::new());
    chat.join(&house.path("config"));
    let fake = chat.0.clone();
    fake.allow_several_sessions();
    let settings = DiscordSettings {
        token: fake_discord::TOKEN.into(),
        guild: Some(fake_discord::GUILD.to_owned()),
        api_url: Some(fake.url()),
        hearing: DiscordHearing::Gateway,
        sessions: None,
        timing: DiscordTiming::default(),
    };
    let second = Discord::new(settings, Arc::new(SystemClock)).expect("an adapter");
    let bot = house.start_beside(Arc::new(second)).await;
    fake.until("both listen", |it| it.lines() == 2).await;
    let (ann, general) = (Ann.account(&fake_discord::MEMBERS), fake_discord::GENERAL);
    fake.say(ann, general, "!deplyo");
    assert!(fake.next_message(general).await.words().contains("did not understand"));
    fake.say(ann, general, "!help");
    assert!(fake.next_message(general).await.words().contains("What you may run here"));
    bot.stop().await;
    fake.finish().await;
}

//! A whole bot in a Slack workspace.

use crate::support::fake_slack::{ANN, APP_TOKEN, BEA, BOT_TOKEN, FakeSlack, GENERAL, TEAM};
use crate::support::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_a_slack_channel_is_answered_there_once() {
    let fake = FakeSlack::start().await;
    let house = House::new();
    let tokens = "bot_token: file:bot, app_token: file:app";
    house.also("config/lockkeeper.yaml", &format!("slack: {{{tokens}, api_url: \"{}\"}}\n", fake.url()));
    house.write("config/bot", BOT_TOKEN).write("config/app", APP_TOKEN);
    house.write(
        "config/people.yaml",
        &format!("people: {{ann: {{slack: [\"{TEAM}/{ANN}\"], groups: [sre]}}}}\n"),
    );
    let bot = house.start().await;
    fake.until("the bot is connected", |it| 1 <= it.sockets()).await;

    fake.say(ANN, GENERAL, "!whoami");
    insta::assert_snapshot!(fake.next_message(GENERAL).await.words(), @r"
    You are ann, in sre.
    *account*
    `slack/T0HOME/U0ANN`
    ");
    fake.say(ANN, GENERAL, "!deplyo shop");
    insta::assert_snapshot!(fake.next_message(GENERAL).await.words(), @"I did not understand that; nothing was run. Did you mean `!deploy APP[@VERSION] [to] [STAGE]`? `!help` lists what you may run.");
    fake.say(BEA, GENERAL, "!status");
    insta::assert_snapshot!(fake.next_message(GENERAL).await.words(), @"I do not know this account. Ask for it to be added to `config/people.yaml`; `!whoami` shows the ids.");
    bot.stop().await;
    fake.finish().await;
}

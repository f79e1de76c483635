//! A whole bot in a Discord server.

use crate::support::fake_discord::{ANN, BEA, DIRECT, FakeDiscord, GENERAL, GUILD, TOKEN};
use crate::support::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_a_discord_channel_is_answered_there_once() {
    let fake = FakeDiscord::start().await;
    let house = House::new();
    house.also(
        "config/lockkeeper.yaml",
        &format!("discord: {{token: file:token, api_url: \"{}\"}}\n", fake.url()),
    );
    house.write("config/token", TOKEN);
    house.write(
        "config/people.yaml",
        &format!("people: {{ann: {{discord: [\"{GUILD}/{ANN}\"], groups: [sre]}}}}\n"),
    );
    let bot = house.start().await;
    fake.until("the bot is connected", |it| it.lines() == 1).await;

    // The fake has one direct channel for all.
    fake.say(ANN, GENERAL, "!whoami");
    insta::assert_snapshot!(fake.next_message(DIRECT).await.words(), @r"
    You are ann, in sre.
    account
    `discord/100000000000000001/100000000000000011`
    ");
    fake.say(ANN, GENERAL, "!deplyo shop");
    insta::assert_snapshot!(fake.next_message(GENERAL).await.words(), @"I did not understand that; nothing was run. Did you mean `!deploy APP[@VERSION] [to] [STAGE]`? `!help` lists what you may run.");
    fake.say(BEA, GENERAL, "!status");
    insta::assert_snapshot!(fake.next_message(DIRECT).await.words(), @"I do not know this account. Ask for it to be added to `config/people.yaml`; `!whoami` shows the ids.");
    bot.stop().await;
    fake.finish().await;
}

//! Every addressed message gets exactly one answer.

use crate::support::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_command_is_answered_with_what_was_meant_and_nothing_runs() {
    let house = House::new();
    let bot = house.start().await;
    let answer = bot.ask("ann", "!deplyo shop", |_| true).await;
    insta::assert_snapshot!(answer, @"I did not understand that; nothing was run. Did you mean `!deploy APP[@VERSION] [to] [STAGE]`? `!help` lists what you may run.");
    assert_eq!(bot.engine.store().recent_executions(10).await.unwrap().len(), 0);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_app_is_answered_with_the_known_ones() {
    let house = House::new();
    let bot = house.start().await;
    let answer = bot.ask("ann", "!deploy shopp canary", |_| true).await;
    insta::assert_snapshot!(answer, @"I know no app `shopp`. There is no app yet.");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_learns_how_to_become_known_and_nothing_else() {
    let house = House::new();
    let bot = house.start().await;
    let answer = bot.ask("zed", "!whoami", |_| true).await;
    insta::assert_snapshot!(answer, @r"
    I do not know you; an administrator can add this account to config/people.yaml.
      account  `terminal/terminal/zed`
    ");
    let answer = bot.ask("zed", "!status", |_| true).await;
    insta::assert_snapshot!(answer, @"I do not know this account. Ask for it to be added to `config/people.yaml`; `!whoami` shows the ids.");
    bot.stop().await;
}

//! What a channel is told of pushes that nobody there asked about.

use super::world::{NOTHING, World, roots};
use crate::support::house::Bot;
use crate::support::trial::until;

const GOOD: &str = "echo built";
const BAD: &str = "echo compiling; exit 7";

/// What stands in the channel once all is said.
async fn shown(bot: &Bot, ended: usize) -> Vec<String> {
    until("all builds have ended", async || {
        let roots = roots(bot).await;
        (roots.len() == ended && roots.iter().all(|it| it.status.is_ended())).then_some(())
    })
    .await;
    until("all is said", async || {
        let now = bot.engine.clock().now();
        let waiting = bot.engine.store().waiting_letters::<serde_json::Value>(now, 10).await.ok()?;
        waiting.is_empty().then_some(())
    })
    .await;
    bot.player.messages().iter().map(|it| it.card.to_string()).collect()
}

fn count(shown: &[String], part: &str) -> usize {
    shown.iter().filter(|it| it.contains(part)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_failures_sees_what_broke_and_that_it_is_over() {
    let world = World::new("");
    let first = world.commit("ann", "Open the shop", GOOD);
    let bot = world.house.start().await;
    bot.ask("ann", "!notify failures only", |it| it.contains("I tell failures only")).await;
    world.push(&bot, "ann-codes", NOTHING, &first).await;
    let seen = shown(&bot, 1).await;
    assert_eq!(count(&seen, "Build of shop"), 0, "{seen:?}");

    let second = world.commit("dora", "Break it", BAD);
    world.push(&bot, "dora-codes", &first, &second).await;
    let seen = shown(&bot, 2).await;
    assert_eq!(count(&seen, "Build of shop: failed"), 1, "{seen:?}");
    assert_eq!(count(&seen, "@dora: your commit"), 1, "{seen:?}");

    let third = world.commit("dora", "Mend it", GOOD);
    world.push(&bot, "dora-codes", &second, &third).await;
    let seen = shown(&bot, 3).await;
    assert_eq!(count(&seen, "shop: builds again"), 1, "{seen:?}");
    assert_eq!(count(&seen, "Build of shop: done"), 0, "{seen:?}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_nothing_sees_nothing_even_after_a_restart() {
    let world = World::new("");
    let first = world.commit("ann", "Open the shop", BAD);
    let bot = world.house.start().await;
    bot.ask("ann", "!notify nothing", |it| it.contains("I tell nothing here unasked")).await;
    bot.stop().await;
    let bot = world.house.start().await;
    world.push(&bot, "ann-codes", NOTHING, &first).await;
    let seen = shown(&bot, 1).await;
    assert!(seen.is_empty(), "{seen:?}");

    // All is told again once somebody wants it; that it is over is not, where nobody was told that it began.
    bot.ask("ann", "!notify all", |it| it.contains("I tell all here")).await;
    let second = world.commit("dora", "Mend it", GOOD);
    world.push(&bot, "dora-codes", &first, &second).await;
    let seen = shown(&bot, 2).await;
    assert_eq!(count(&seen, "Build of shop: done"), 1, "{seen:?}");
    assert_eq!(count(&seen, "builds again"), 0, "{seen:?}");
    bot.stop().await;
}

/// It breaks unheard, and breaks again in the same way once somebody wants to hear of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_the_second_time_is_told_to_be_over() {
    let world = World::new("");
    let first = world.commit("ann", "Open the shop", BAD);
    let bot = world.house.start().await;
    bot.ask("ann", "!notify nothing", |it| it.contains("I tell nothing here unasked")).await;
    world.push(&bot, "ann-codes", NOTHING, &first).await;
    shown(&bot, 1).await;
    bot.ask("ann", "!notify failures only", |it| it.contains("I tell failures only")).await;
    let second = world.commit("dora", "Do not mend it", BAD);
    world.push(&bot, "dora-codes", &first, &second).await;
    let seen = shown(&bot, 2).await;
    assert_eq!(count(&seen, "Build of shop: failed"), 1, "{seen:?}");
    assert_eq!(count(&seen, "builds again"), 0, "{seen:?}");
    let third = world.commit("dora", "Mend it", GOOD);
    world.push(&bot, "dora-codes", &second, &third).await;
    let seen = shown(&bot, 3).await;
    assert_eq!(count(&seen, "shop: builds again"), 1, "{seen:?}");
    bot.stop().await;
}

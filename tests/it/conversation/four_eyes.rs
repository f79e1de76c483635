//! Four eyes: whoever had a hand in a release does not approve it, by whatever way it comes to its gate.

use crate::support::shop::open;

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_makes_nobody_a_stranger() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open(dir.path()).await;
    world.commit_good(2).await.unwrap();
    bot.ask("cid", "!deploy shop", |text| text.contains("May #1 shop")).await;
    bot.ask("cid", "!approve 1", |text| text.contains("You asked for this release")).await;
    bot.ask("bea", "!reject 1 not today", |text| text.contains("rejected by bea")).await;
    bot.shows(0, |text| text.contains("Release #1 of shop: rejected")).await;

    let again = bot.ask("emil", "!promote 1", |text| text.contains("May #1 shop")).await;
    assert!(again.contains("cid, again by emil"), "{again}");
    bot.ask("cid", "!approve 1", |text| text.contains("You asked for this release")).await;
    bot.ask("emil", "!approve 1", |text| text.contains("You ran this release again")).await;
    bot.ask("bea", "!reject 1 still not", |text| text.contains("rejected by bea")).await;

    // The third time, those of the first two are still known.
    bot.ask("ann", "!promote 1", |text| text.contains("cid, again by ann and emil")).await;
    bot.ask("emil", "!approve 1", |text| text.contains("You ran this release again")).await;
    bot.ask("cid", "!approve 1", |text| text.contains("You asked for this release")).await;
    bot.stop().await;
    world.end().await.unwrap();
}

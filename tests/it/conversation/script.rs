//! The three scripts of a repository, and what is said where one is missing.

use lockkeeper::demo::Terms;

use crate::support::shop::{commit_edited, open_on};

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_install_script_is_said_before_any_host_is_touched() {
    let dir = tempfile::TempDir::new().unwrap();
    let (world, bot) = open_on(dir.path(), &Terms::default()).await;
    commit_edited(&world, |path| std::fs::remove_file(path.join("script/post-inst")).unwrap());
    let failed = |text: &str| text.contains("❌ Release #1 of shop: failed");
    let card = bot.ask("ann", "!deploy shop", failed).await;
    assert!(
        card.contains("package failed: the package has no script/post-inst, which installs it"),
        "{card}"
    );
    assert_eq!(world.versions("canary").await, [Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}

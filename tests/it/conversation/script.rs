//! The three scripts of a repository, and what is said where one is missing.

use lockkeeper::demo::{Program, Terms, World};

use crate::support::house::House;
use crate::support::shop::commit_edited;

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_install_script_is_said_before_any_host_is_touched() {
    let dir = tempfile::TempDir::new().unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"));
    let mut world = World::create(&dir.path().join("world"), program, &Terms::default()).await.unwrap();
    world.start_supervisor().await.unwrap();
    commit_edited(&world, |path| std::fs::remove_file(path.join("script/post-inst")).unwrap());
    let bot = House::start_at(&world.config()).await;
    let failed = |text: &str| text.contains("Release #1 of shop: failed");
    let card = bot.ask("ann", "!deploy shop", failed).await;
    assert!(
        card.contains("package failed: the package has no script/post-inst, which installs it"),
        "{card}"
    );
    assert_eq!(world.versions("canary").await, [Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}

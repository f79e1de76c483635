//! The main job: a release from a chat message to production.

use lockkeeper::demo::{Program, Terms, World};

use crate::support::house::{Bot, House};
use crate::support::shop::commit_edited;

async fn world(dir: &std::path::Path) -> World {
    let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"));
    let mut world = World::create(&dir.join("world"), program, &Terms::default()).await.expect("a world");
    world.start_supervisor().await.expect("hosts");
    world
}

fn begins(start: &str) -> impl Fn(&str) -> bool {
    let start = start.to_owned();
    move |text| text.contains(&start)
}

async fn bot(world: &World) -> Bot {
    House::start_at(&world.config()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_waits_for_a_second_person_and_then_reaches_every_host() {
    let dir = tempfile::TempDir::new().unwrap();
    let world = world(dir.path()).await;
    world.commit_good(2).await.unwrap();
    let bot = bot(&world).await;

    let question = bot.ask("ann", "!deploy shop canary", begins("May #1 shop to production?")).await;
    assert!(question.contains("Canary: pass"), "{question}");
    assert_eq!(world.versions("canary").await, [Some(2)]);
    assert_eq!(world.versions("app").await, [Some(1), Some(1), Some(1)]);

    let refusal = bot.ask("ann", "!approve", begins("You asked for this release")).await;
    assert!(refusal.contains("Somebody else has to look at it."), "{refusal}");

    bot.ask("bea", "!approve", begins("#1: approved")).await;
    let card = bot.shows(0, begins("Release #1 of shop: done")).await;
    assert!(card.contains("new: web-1, web-2 and web-3"), "{card}");
    assert_eq!(world.versions("app").await, [Some(2), Some(2), Some(2)]);
    bot.stop().await;
    world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_install_script_is_said_before_any_host_is_touched() {
    let dir = tempfile::TempDir::new().unwrap();
    let world = world(dir.path()).await;
    commit_edited(&world, |path| std::fs::remove_file(path.join("script/post-inst")).unwrap());
    let bot = bot(&world).await;
    let card = bot.ask("ann", "!deploy shop", begins("Release #1 of shop: failed")).await;
    assert!(
        card.contains("package failed: the package has no script/post-inst, which installs it"),
        "{card}"
    );
    assert_eq!(world.versions("canary").await, [Some(1)]);
    bot.stop().await;
    world.end().await.unwrap();
}

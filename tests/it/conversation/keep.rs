//! What releases leave behind: it goes once nothing refers to it, and never before.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lockkeeper::clock::{Clock as _, SystemClock};
use lockkeeper::demo::World;
use lockkeeper::engine::keep::Swept;
use lockkeeper::id::{Digest, ExecutionId};

use crate::runner::bench::eventually;
use crate::support::house::{Bot, House};
use crate::support::shop::{self, short_watch};

const WAITING: &str = "
version: 1.0
tasks:
  wait:
    action: core.local cmd=\"echo hello; while [ ! -e go ]; do sleep 0.02; done; test ! -e bad\"
";

async fn swept(bot: &Bot) -> Swept {
    bot.engine.sweep().await.expect("a sweep")
}

/// Starts `!go` and gives its root once it prints into its working folder.
async fn begin(house: &House, bot: &Bot) -> (ExecutionId, PathBuf) {
    let before = bot.player.messages().len();
    bot.player.say("ann", "!go");
    bot.shows(before, |_| true).await;
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0).id;
    let folder = house.path("data/work").join(root.to_string());
    eventually("it prints", || folder.is_dir() && !logs(house).is_empty()).await;
    (root, folder)
}

fn logs(house: &House) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(house.path("data/logs")) else { return Vec::new() };
    entries.map(|it| it.unwrap().path()).collect()
}

/// Lets it end, and waits until it has.
async fn end(bot: &Bot, root: ExecutionId, folder: &Path, word: &str) {
    let before = bot.player.messages().len().saturating_sub(1);
    fs::write(folder.join("go"), "").unwrap();
    bot.shows(before, |text| text.contains(word)).await;
    assert!(bot.engine.store().load_execution(root).await.unwrap().ended_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_and_logs_go_after_their_execution_and_not_while_it_runs() {
    let house = House::new();
    house.workflow(WAITING, "{}").also("config/lockkeeper.yaml", "keep: {failed_checkouts: 1h, logs: 0s}\n");
    house.write("data/work/notes/by-hand", "x").write("data/logs/notes", "x");
    let bot = house.start().await;

    let (root, folder) = begin(&house, &bot).await;
    assert_eq!(swept(&bot).await, Swept::default());
    end(&bot, root, &folder, "done").await;
    let gone = swept(&bot).await;
    assert_eq!((gone.checkouts, gone.logs, gone.stuck), (1, 1, 0), "{gone:?}");
    assert!(!folder.exists());
    assert_eq!(logs(&house), [house.path("data/logs/notes")]);
    assert_eq!(swept(&bot).await, Swept::default());

    // A failed one stays for a look; a bot that starts again with another rule goes by that one.
    fs::remove_file(house.path("data/logs/notes")).unwrap();
    let (root, folder) = begin(&house, &bot).await;
    fs::write(folder.join("bad"), "").unwrap();
    end(&bot, root, &folder, "failed").await;
    assert_eq!(swept(&bot).await.checkouts, 0);
    bot.stop().await;
    let config = fs::read_to_string(house.path("config/lockkeeper.yaml")).unwrap();
    house.write("config/lockkeeper.yaml", &config.replace("1h", "0s"));
    let bot = house.start().await;
    eventually("the first sweep removes it", || !folder.exists()).await;
    assert!(house.path("data/work/notes/by-hand").exists());
    bot.stop().await;
}

fn artifact(world: &World, digest: &Digest) -> PathBuf {
    world.dir().join("data/artifacts").join(format!("{digest}.tar.gz"))
}

/// A file that was written days ago.
fn age(path: &Path, days: u64) {
    let file = File::options().create(true).append(true).open(path).unwrap();
    file.set_modified(SystemTime::from(SystemClock.now()) - Duration::from_secs(days * 86_400)).unwrap();
}

async fn made(bot: &Bot, number: i64) -> Digest {
    bot.engine.store().find_release_number(number).await.unwrap().unwrap().artifact.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_stays_while_people_decide_and_goes_when_they_said_no() {
    let dir = tempfile::TempDir::new().unwrap();
    let world = shop::world(dir.path(), &short_watch()).await;
    let config = fs::read_to_string(world.config()).unwrap();
    fs::write(world.config(), format!("{config}keep: {{artifacts: 0}}\n")).unwrap();
    let bot = House::start_at(&world.config()).await;
    let begins = |start: &'static str| move |text: &str| text.contains(start);

    world.commit_good(2).await.unwrap();
    bot.ask("ann", "!deploy shop canary", begins("May #1 shop to production?")).await;
    let (first, second) = (world.first().0.clone(), made(&bot, 1).await);
    let (stray, fresh) = (Digest::of(b"stray"), Digest::of(b"fresh"));
    for digest in [&first, &second, &stray] {
        age(&artifact(&world, digest), 8);
    }
    age(&artifact(&world, &fresh), 0);
    assert_eq!(swept(&bot).await.artifacts, 1);
    let there = |digest: &Digest| artifact(&world, digest).exists();
    assert_eq!([&first, &second, &stray, &fresh].map(there), [true, true, false, true]);

    bot.player.say("bea", "!reject 1 not today");
    bot.shows(0, begins("Release #1 of shop: rejected")).await;
    assert_eq!(swept(&bot).await.artifacts, 1);
    assert_eq!([&first, &second].map(there), [true, false]);
    let refused = bot.ask("ann", "!promote 1", begins("The artifact of #1 was removed")).await;
    assert!(refused.contains("Build it again with `!deploy shop@"), "{refused}");
    bot.stop().await;
    world.end().await.unwrap();
}

//! Killed at any moment, started again: effects are counted outside the process. The kills at every commit are in
//! `tests/crash`.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lockkeeper::demo::Program;
use lockkeeper::status::Status;

use crate::support::house::{House, PATIENCE};
use crate::support::trial::{self, Outcome, Trial};

/// Tasks of the workflow; each leaves a line outside.
const TASKS: usize = 5;
/// When it is killed after the order was taken, in milliseconds: before, within and between effects.
const KILLS: [u64; 6] = [0, 60, 130, 220, 330, 480];

fn house() -> House {
    let house = House::new();
    let user = Command::new("id").arg("-un").output().expect("who runs this test");
    let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
    house.write("config/people.yaml", &format!("people:\n  me: {{terminal: [{user}, ann]}}\n"));
    let chain: String = (1..=TASKS)
        .map(|at| {
            let next = if at < TASKS {
                format!("    next: [{{when: <% succeeded() %>, do: t{}}}]\n", at + 1)
            } else {
                String::new()
            };
            format!("  t{at}:\n    action: trial.effect name=\"t{at}\"\n{next}")
        })
        .collect();
    house.workflow(&format!("version: 1.0\ntasks:\n{chain}"), "{}");
    house.write(
        "commands/trial/actions/effect.yaml",
        "name: effect\nrunner_type: local-shell-script\ndescription: Leaves a line.\nentry_point: effect.sh\n\
         parameters: {name: {type: string, required: true, position: 0}}\n",
    );
    let script = format!("#!/bin/sh\necho \"$1\" >> '{}'\nsleep 0.05\n", house.path("effects").display());
    house.write("commands/trial/actions/effect.sh", &script);
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(house.path("commands/trial/actions/effect.sh"), mode)
        .expect("an executable script");
    house
}

fn lockkeeper(house: &House, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockkeeper"));
    command.args(arguments).arg("--config").arg(house.path("config/lockkeeper.yaml"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A bot that took the order `!go`.
fn ordered(house: &House) -> Child {
    let bot = lockkeeper(house, &["serve"]).spawn().expect("a bot");
    let started = Instant::now();
    while !lockkeeper(house, &["run", "!go"]).status().expect("a command line").success() {
        assert!(started.elapsed() < PATIENCE, "the bot takes no orders");
        std::thread::sleep(Duration::from_millis(20));
    }
    bot
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_bot_goes_on_and_no_effect_happens_twice() {
    for kill_after in KILLS {
        let house = house();
        let mut bot = ordered(&house);
        std::thread::sleep(Duration::from_millis(kill_after));
        bot.kill().expect("SIGKILL");
        bot.wait().expect("an end");

        let bot = house.start().await;
        let again = Instant::now();
        let root = loop {
            let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
            if root.ended_at.is_some() {
                break root;
            }
            assert!(again.elapsed() < PATIENCE, "killed after {kill_after} ms it never ends: {root:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let effects = std::fs::read_to_string(house.path("effects")).unwrap_or_default();
        let mut seen: Vec<&str> = effects.lines().collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count, "killed after {kill_after} ms an effect happened twice: {effects}");
        let visits = bot.engine.store().children(root.id).await.unwrap();
        let unknown = visits.iter().filter(|it| it.status == Status::Unknown).count();
        match root.status {
            Status::Succeeded => assert_eq!((count, unknown), (TASKS, 0)),
            Status::Failed => assert_eq!(unknown, 1, "it stopped for something else: {visits:?}"),
            other => panic!("killed after {kill_after} ms it ended as {other}"),
        }
        bot.stop().await;
    }
}

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_lockkeeper"))
}

/// A release during which the bot is killed in the middle of an installation on `host`.
async fn killed_while_installing(host: &'static str) -> trial::Played {
    let trial = Trial::set(program()).await.unwrap();
    let before = trial.stage.world.first().0.clone();
    let (dir, bot) = (trial.stage.world.dir().to_owned(), trial.stage.bot_pid().unwrap());
    trial::hold_installation(&dir, host);
    let killing = async {
        trial::until_held(&dir, host).await;
        trial::kill(bot);
        trial::hold_no_more(&dir, host);
    };
    let (played, ()) = tokio::join!(trial.play(), killing);
    let played = played.unwrap();
    let went_back = played.orders.iter().any(|it| it == "!rollback shop");
    assert_eq!(played.artifact == before, went_back, "{:?}", played.orders);
    played
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_the_canary_deployment_it_goes_back_and_says_so() {
    let played = killed_while_installing("canary-1").await;
    assert_eq!((played.outcome, played.deaths), (Outcome::Unseen, 1), "{}", played.first);
    assert!(played.first.contains("install: nobody saw how it ended"), "{}", played.first);
    assert!(played.first.contains("start again with `!deploy shop@"), "{}", played.first);
    assert!(!played.first.contains("new:"), "production was not touched: {}", played.first);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_the_watch_it_watches_on() {
    let trial = Trial::set(program()).await.unwrap();
    let (dir, bot) = (trial.stage.world.dir().to_owned(), trial.stage.bot_pid().unwrap());
    let killing = async {
        trial::until("two looks are taken", async || {
            let mut history = trial::history(&dir).await.ok()?;
            let sql = "SELECT COUNT(*) FROM look";
            let looks: i64 = sqlx::query_scalar(sql).fetch_one(&mut history).await.ok()?;
            (2 <= looks).then_some(())
        })
        .await;
        trial::kill(bot);
    };
    let (played, ()) = tokio::join!(trial.play(), killing);
    let played = played.unwrap();
    assert_eq!((played.outcome, played.deaths), (Outcome::Done, 1), "{}", played.first);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_second_of_three_hosts_is_installed_it_stops_and_tells_the_truth() {
    let played = killed_while_installing("web-2").await;
    assert_eq!((played.outcome, played.deaths), (Outcome::Unseen, 1), "{}", played.first);
    for said in ["install: nobody saw how it ended", "new: web-1", "old: web-3", "`!rollback shop`"] {
        assert!(played.first.contains(said), "it does not say {said}:\n{}", played.first);
    }
    // The installation was held until the kill; it may be through before the next bot ends what is left of it, and then
    // the host itself says so.
    let truths = ["unknown: web-2", "new: web-1 and web-2"];
    assert!(truths.iter().any(|it| played.first.contains(it)), "where is web-2?\n{}", played.first);
}

/// No host shows the new artifact yet; still, what it came from is the release that runs, not the one before that.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_first_host_is_installed_it_goes_back_to_what_all_hosts_ran() {
    let played = killed_while_installing("web-1").await;
    assert_eq!(played.orders, ["!deploy shop", "!rollback shop"], "{}", played.first);
    assert!(played.first.contains("old: web-2 and web-3"), "{}", played.first);
    // As above: held until the kill, it may still come through.
    let truths = ["unknown: web-1", "new: web-1"];
    assert!(truths.iter().any(|it| played.first.contains(it)), "where is web-1?\n{}", played.first);
}

//! Killed at any moment, started again: effects are counted outside the process.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lockkeeper::status::Status;

use crate::support::house::{House, PATIENCE};

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

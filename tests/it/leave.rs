//! What processes leave behind that leave their attempt for good, under the program itself: while it runs, and after
//! it was killed.

use std::fs;

use crate::runner::bench::{eventually, lives, pid_in, write_script};
use crate::runner::leavers::BRANDED;
use crate::support::house::House;
use crate::support::served::{Served, said};

/// A script whose child sheds its parent, group, session and environment; then it does what it is told.
const LEAVE: &str = "#!/bin/sh
until BRANDED; do sleep 0.01; done
(SHED setsid env -i /bin/sh -c 'echo $$ >FILE; exec sleep 600' </dev/null >/dev/null 2>&1 &)
while [ ! -s 'FILE' ]; do sleep 0.01; done
exec $1 $2
";

fn house(shed: &str) -> House {
    let house = House::new();
    house.workflow("version: 1.0\ntasks: {a: {action: core.noop}}\n", "{}");
    let script = LEAVE
        .replace("BRANDED", BRANDED)
        .replace("SHED", shed)
        .replace("FILE", &house.path("pid").display().to_string());
    write_script(&house.path("commands/trial/actions/leave.sh"), &script);
    for (name, arguments) in [("leave", "sleep 0"), ("stay", "sleep 600")] {
        let (command, argument) = arguments.split_once(' ').unwrap();
        let action = format!(
            "name: {name}\nrunner_type: local-shell-script\nentry_point: leave.sh\ndescription: Leaves.\nparameters:\n  \
             command: {{type: string, default: \"{command}\", position: 0, immutable: true}}\n  \
             argument: {{type: string, default: \"{argument}\", position: 1, immutable: true}}\n"
        );
        house.write(&format!("commands/trial/actions/{name}.yaml"), &action);
    }
    house
}

/// Dead children that a process has not waited for.
fn zombies_of(parent: u32) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let stats = all.filter_map(|it| fs::read_to_string(it.path().join("stat")).ok());
    let is_zombie = |stat: &String| {
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_ascii_whitespace().collect::<Vec<_>>());
        fields.is_some_and(|it| it[0] == "Z" && it[1] == parent.to_string())
    };
    stats.filter(is_zombie).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_its_attempt_ends_with_it_and_is_waited_for() {
    let bot = Served::start(house(""));
    let ran = bot.ask(&["action", "run", "trial.leave", "--wait"]);
    assert!(ran.status.success(), "{}", said(&ran));
    let pid = pid_in(&bot.house.path("pid")).await;
    eventually("it is gone", || !lives(pid)).await;
    eventually("nobody lies unburied", || zombies_of(bot.pid()).is_empty()).await;
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shed_even_its_brand_ends_when_no_attempt_goes_on() {
    // A lower limit may be set by anybody.
    let bot = Served::start(house("prlimit --locks=5:5 --"));
    let ran = bot.ask(&["action", "run", "trial.leave", "--wait"]);
    assert!(ran.status.success(), "{}", said(&ran));
    let pid = pid_in(&bot.house.path("pid")).await;
    eventually("it is gone", || !lives(pid)).await;
    eventually("it was told", || bot.log().contains("had shed every mark")).await;
    eventually("nobody lies unburied", || zombies_of(bot.pid()).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_bot_left_is_ended_by_the_next_start() {
    let mut bot = Served::start(house(""));
    let ran = bot.ask(&["action", "run", "trial.stay"]);
    assert!(ran.status.success(), "{}", said(&ran));
    let pid = pid_in(&bot.house.path("pid")).await;
    bot.kill();
    assert!(lives(pid), "nobody is there to end it");
    bot.restart();
    eventually("it is gone", || !lives(pid)).await;
}

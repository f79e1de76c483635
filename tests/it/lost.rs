//! The connection to a host breaks while something runs there: nobody saw its end. Effects are counted outside.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use lockkeeper::status::Status;
use lockkeeper::store::Store;

use crate::support::house::{House, PATIENCE};

/// An `ssh` that begins, leaves an effect and loses its connection; from the third time on it holds.
const SSH: &str = "#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
        -E) log=$2; shift;;
        --) break;;
    esac
    shift
done
echo began >>'EFFECTS'
[ \"$(wc -l <'EFFECTS')\" -ge 3 ] && exit 0
echo 'client_loop: send disconnect: Broken pipe' >\"$log\"
exit 255
";

struct Bot {
    house: House,
    child: Child,
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bot {
    /// A bot whose `ssh` is ours, with one action that may run twice and one that may not.
    fn start() -> Self {
        let house = House::new();
        let user = Command::new("id").arg("-un").output().expect("who runs this test");
        let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
        house.write("config/people.yaml", &format!("people:\n  me: {{terminal: [{user}]}}\n"));
        house.write(
            "config/environments.yaml",
            "environments: {staging: {protected: false, roles: {app: {hosts: [web-1]}}}}\nhosts: {web-1: {}}\n",
        );
        house.workflow("version: 1.0\ntasks: {a: {action: core.noop}}\n", "{}");
        for (name, tags) in [("once", "[]"), ("again", "[{name: idempotent, value: \"true\"}]")] {
            let action = format!(
                "name: {name}\nrunner_type: remote-shell-cmd\ndescription: Leaves a line.\ntags: {tags}\n\
                 parameters:\n  cmd: {{default: 'true', immutable: true}}\n  hosts: {{default: web-1, immutable: true}}\n"
            );
            house.write(&format!("commands/trial/actions/{name}.yaml"), &action);
        }
        house.write("bin/ssh", &SSH.replace("EFFECTS", &house.path("effects").display().to_string()));
        fs::set_permissions(house.path("bin/ssh"), fs::Permissions::from_mode(0o755)).expect("a program");
        let child =
            command(&house, &["serve"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a bot");
        let bot = Self { house, child };
        let started = Instant::now();
        while !bot.ask(&["executions", "list"]).status.success() {
            assert!(started.elapsed() < PATIENCE, "the bot takes no orders");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        bot
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        command(&self.house, arguments).output().expect("it ends")
    }

    fn effects(&self) -> usize {
        fs::read_to_string(self.house.path("effects")).unwrap_or_default().lines().count()
    }

    /// How the latest execution and its attempts ended.
    async fn ended(mut self) -> (Status, Vec<Status>, House) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let house = std::mem::replace(&mut self.house, House::new());
        let url = format!("sqlite:{}", house.path("data/lockkeeper.db").display());
        let store = Store::open(&url).await.unwrap();
        let execution = store.recent_executions(1).await.unwrap().remove(0);
        let attempts = store.attempts(execution.id).await.unwrap();
        (execution.status, attempts.into_iter().map(|it| it.status).collect(), house)
    }
}

fn command(house: &House, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockkeeper"));
    let path = format!("{}:{}", house.path("bin").display(), env_path());
    command.args(arguments).arg("--config").arg(house.path("config/lockkeeper.yaml"));
    command.env("PATH", path).stdin(Stdio::null());
    command
}

fn env_path() -> String {
    std::env::vars().find(|(name, _)| name == "PATH").map_or_else(String::new, |(_, value)| value)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_run_twice_is_left_for_a_person_to_decide() {
    let bot = Bot::start();
    let ran = bot.ask(&["action", "run", "trial.once", "--wait"]);
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        !ran.status.success() && told.contains("unknown"),
        "{told}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert_eq!(bot.effects(), 1);
    let (status, attempts, _house) = bot.ended().await;
    assert_eq!((status, attempts), (Status::Unknown, vec![Status::Unknown]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_no_harm_twice_is_tried_again() {
    let bot = Bot::start();
    let ran = bot.ask(&["action", "run", "trial.again", "--wait"]);
    assert!(
        ran.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    assert_eq!(bot.effects(), 3);
    let (status, attempts, _house) = bot.ended().await;
    assert_eq!(status, Status::Succeeded);
    assert_eq!(attempts, [Status::Abandoned, Status::Abandoned, Status::Succeeded]);
}

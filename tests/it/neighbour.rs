//! Another user of the same machine and the command line of a bot that is not theirs: let through to the socket, known
//! by the kernel's word, and nowhere else. Becoming somebody else takes root; without it these tests say so and look at
//! the permission bits alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::house::House;
use crate::support::served::{Served, lockkeeper, patiently, said};

/// `nobody` and `nogroup` of Debian; other systems give them other numbers, so names are looked up.
const NEIGHBOUR: &str = "nobody";

struct Neighbour {
    uid: String,
    gid: String,
}

impl Neighbour {
    fn find() -> Option<Self> {
        let id = |what: &str| {
            let output = Command::new("id").args([what, NEIGHBOUR]).output().ok()?;
            let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
            (output.status.success() && !text.is_empty()).then_some(text)
        };
        let root = Command::new("id").arg("-u").output().is_ok_and(|it| it.stdout == b"0\n");
        if !root {
            eprintln!("not root: nobody else's calls are tried, only who could make them");
            return None;
        }
        Some(Self { uid: id("-u")?, gid: id("-g")? })
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &self.uid, "--regid", &self.gid, "--clear-groups", "--"]);
        command.arg(program).args(arguments).stdin(Stdio::null()).output().expect("setpriv of util-linux")
    }

    /// The program on this bot's configuration.
    fn asks(&self, house: &House, arguments: &[&str]) -> Output {
        let config = house.path("config/lockkeeper.yaml").display().to_string();
        let all: Vec<&str> = arguments.iter().copied().chain(["--config", &config]).collect();
        self.run(Path::new(env!("CARGO_BIN_EXE_lockkeeper")), &all)
    }
}

/// A folder that everybody may pass through, with a bot whose socket is open to these.
fn house(open_to: &str) -> House {
    let house = House::new();
    fs::set_permissions(house.dir.path(), Permissions::from_mode(0o755)).unwrap();
    let more =
        if open_to.is_empty() { String::new() } else { format!("control: {{open_to: \"{open_to}\"}}\n") };
    house.also("config/lockkeeper.yaml", &more);
    house
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_neighbour_calls_as_whoever_people_yaml_says_and_sees_no_file() {
    let bot = Served::start(house(""));
    let data = bot.house.path("data");
    assert_eq!((mode(&data), mode(&data.join("control.sock"))), (0o711, 0o666));
    let inside: Vec<_> = fs::read_dir(&data).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(inside.len() > 6, "{inside:?}");
    for it in inside.iter().filter(|it| !it.ends_with("control.sock")) {
        assert_eq!(mode(it) & 0o077, 0, "{} is not private", it.display());
    }
    let Some(neighbour) = Neighbour::find() else { return };

    let stranger = neighbour.asks(&bot.house, &["executions", "list"]);
    assert_eq!(stranger.status.code(), Some(1));
    let told = said(&stranger);
    assert!(told.contains("I do not know the user `nobody` of this machine. Nothing was done."), "{told}");
    assert!(told.contains("terminal: [nobody]"), "{told}");
    let told = said(&neighbour.asks(&bot.house, &["run", "help"]));
    assert!(told.contains("I do not know the user `nobody`"), "{told}");
    for file in ["lockkeeper.db", "lockkeeper.lock", "logs", "work"] {
        let path = data.join(file);
        let seen = neighbour.run(Path::new("ls"), &[&format!("{}/.", path.display())]);
        let read = neighbour.run(Path::new("cat"), &[&path.display().to_string()]);
        assert!(!seen.status.success() && !read.status.success(), "{file}");
    }

    bot.house.write("config/people.yaml", &format!("people:\n  nell: {{terminal: [{NEIGHBOUR}]}}\n"));
    let known = patiently(|| {
        let it = neighbour.asks(&bot.house, &["executions", "list"]);
        it.status.success().then_some(it)
    });
    assert!(known.is_some(), "the settings are read again\n{}", bot.log());
    let whoami = said(&neighbour.asks(&bot.house, &["run", "whoami"]));
    assert!(whoami.contains("You are nell"), "{whoami}");
}

#[test]
fn a_socket_that_is_its_owners_says_so_to_others() {
    let bot = Served::start(house("owner"));
    assert_eq!(mode(&bot.house.path("data/control.sock")), 0o600);
    let Some(neighbour) = Neighbour::find() else { return };
    let refused = neighbour.asks(&bot.house, &["executions", "list"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = said(&refused);
    assert!(
        told.contains("this user is not let through to it") && told.contains("control.open_to"),
        "{told}"
    );
    assert!(told.contains("you may not call the bot at") && !told.contains("start the bot"), "{told}");
}

#[test]
fn a_socket_of_a_group_is_for_its_members() {
    let Some(neighbour) = Neighbour::find() else { return };
    let name = |gid: &str| {
        let output = Command::new("getent").args(["group", gid]).output().expect("getent");
        String::from_utf8_lossy(&output.stdout).split(':').next().unwrap_or_default().to_owned()
    };
    let bot = Served::start(house(&format!("group:{}", name(&neighbour.gid))));
    assert_eq!(mode(&bot.house.path("data/control.sock")), 0o660);
    let told = said(&neighbour.asks(&bot.house, &["executions", "list"]));
    assert!(told.contains("I do not know the user `nobody`"), "a member is let through: {told}");
    let outsider = Neighbour { gid: "1".to_owned(), ..neighbour };
    let told = said(&outsider.asks(&bot.house, &["executions", "list"]));
    assert!(told.contains("this user is not let through to it"), "{told}");
}

#[test]
fn a_bot_that_never_was_and_one_that_was_killed_are_told_apart() {
    let never = House::new();
    let told = said(&lockkeeper(&never, &["executions", "list"]).output().unwrap());
    assert!(told.contains("start the bot first: `lockkeeper serve --config "), "{told}");
    let mut bot = Served::start(house(""));
    bot.kill();
    let told = said(&bot.ask(&["executions", "list"]));
    assert!(
        told.contains("the bot was killed or crashed: look at its log")
            && told.contains("went without a word"),
        "{told}"
    );
}

//! How the command line ends: 0 if it was done, 1 if not.

use super::{Place, stderr, stdout};

#[test]
fn what_is_refused_ends_with_one_and_what_is_answered_with_none() {
    let place = Place::new();
    let _bot = place.serve();
    let ends = |text: &str| {
        let output = place.ask(&["run", text]);
        (output.status.code(), format!("{}{}", stdout(&output), stderr(&output)))
    };
    for done in ["whoami", "help", "status", "where"] {
        let (code, shown) = ends(done);
        assert_eq!(code, Some(0), "{done}: {shown}");
    }
    for (refused, why) in [
        ("deplyo shop", "did not understand"),
        ("deploy", "Something is missing"),
        ("deploy shop", "I know no app"),
        ("approve 42", "has no gate"),
        ("approve", "No gate is open here"),
        ("cancel 42", "I know no release"),
        ("promote shop", "There is no release"),
        ("extend 42 never", "length"),
        ("answer 1234 yes", "No question"),
    ] {
        let (code, shown) = ends(refused);
        assert!(code == Some(1) && shown.contains(why), "{refused}: {code:?} {shown}");
    }
}

#[test]
fn what_does_not_succeed_ends_with_one_if_it_is_waited_for() {
    let place = Place::new();
    let write = |path: &str, text: &str| {
        let path = place.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    };
    write("commands/good.yaml", "say: good\nhelp: Goes well.\nrun: [echo, went well]\n");
    write("commands/bad.yaml", "say: bad\nhelp: Goes ill.\nrun: ['false']\n");
    let _bot = place.serve();
    let good = place.ask(&["run", "--wait", "good"]);
    assert_eq!(good.status.code(), Some(0), "{}{}", stdout(&good), stderr(&good));
    assert!(stdout(&good).contains("went well"), "{}", stdout(&good));
    let bad = place.ask(&["run", "--wait", "bad"]);
    assert_eq!(bad.status.code(), Some(1), "{}{}", stdout(&bad), stderr(&bad));
    let started = place.ask(&["run", "bad"]);
    assert_eq!(started.status.code(), Some(0), "{}{}", stdout(&started), stderr(&started));
}

#[test]
fn what_a_full_disk_did_not_take_is_said_to_be_undone() {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let place = Place::new();
    let bot = place.serve();
    let pid = Pid::from_raw(i32::try_from(bot.child.id()).expect("a pid"));
    let ours = getrlimit(Resource::Fsize);
    let allow = |current| {
        let limit = Rlimit { current, maximum: ours.maximum };
        prlimit(pid, Resource::Fsize, limit).expect("a limit");
    };
    allow(Some(0));
    let full = place.ask(&["run", "whoami"]);
    let shown = format!("{}{}", stdout(&full), stderr(&full));
    assert_eq!(full.status.code(), Some(1), "{shown}");
    assert!(shown.contains("I could not record that") && shown.contains("lockkeeper doctor"), "{shown}");
    allow(ours.current);
    let again = place.ask(&["run", "whoami"]);
    assert!(stdout(&again).contains("You are ann"), "{}{}", stdout(&again), stderr(&again));
}

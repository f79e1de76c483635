//! A process that leaves all that it could be known by: its parent, its group, its session and its environment.

use std::{fs, time::Duration};

use lockkeeper::runner::{End, sweep};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, eventually, lives, pid_in};

/// True of a process that is branded. Who leaves before that, in the first moment of its life, is not found by it.
pub const BRANDED: &str = "grep -q '^Max file locks  *[2-4][0-9]\\{18\\} ' /proc/self/limits";

/// Starts the leaver, and goes on once it has left.
fn leave(bench: &Bench, name: &str, then: &str) -> String {
    let file = bench.path(name);
    let file = file.display();
    format!(
        "until {BRANDED}; do sleep 0.01; done
         (setsid env -i /bin/sh -c 'echo $$ >{file}; exec sleep 600' </dev/null >/dev/null 2>&1 &)
         while [ ! -s {file} ]; do sleep 0.01; done; {then}"
    )
}

/// The leaver's number, once it has nothing of the attempt's any more.
async fn left(bench: &Bench, name: &str) -> u32 {
    let pid = pid_in(&bench.path(name)).await;
    let text = |of: &str| fs::read_to_string(format!("/proc/{pid}/{of}")).unwrap_or_default();
    if lives(pid) {
        assert!(!text("environ").contains("LOCKKEEPER"));
        let stat = text("stat");
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
        assert_eq!(fields[3], pid.to_string(), "a session of its own");
    }
    pid
}

#[tokio::test]
async fn it_does_not_outlive_an_attempt_that_ends_well() {
    let bench = Bench::new();
    let outcome = bench.sh(&leave(&bench, "pid", "true")).await;
    assert_eq!(outcome.end, End::Succeeded);
    let pid = left(&bench, "pid").await;
    eventually("it is gone", || !lives(pid)).await;
}

#[tokio::test]
async fn it_does_not_outlive_a_timeout() {
    let bench = Bench::new();
    let command = leave(&bench, "pid", "sleep 600");
    let mut request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": command}));
    request.timeout = Duration::from_secs(1);
    assert_eq!(bench.run(request).await.end, End::Timeout);
    let pid = left(&bench, "pid").await;
    eventually("it is gone", || !lives(pid)).await;
}

#[tokio::test]
async fn it_does_not_outlive_a_cancel() {
    let bench = Bench::new();
    let command = leave(&bench, "pid", "sleep 600");
    let request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": command}));
    let cancel = CancellationToken::new();
    let canceling = async {
        let pid = left(&bench, "pid").await;
        assert!(lives(pid));
        cancel.cancel();
        pid
    };
    let (outcome, pid) = tokio::join!(bench.run_until(request, cancel.clone()), canceling);
    assert_eq!(outcome.end, End::Canceled);
    eventually("it is gone", || !lives(pid)).await;
}

#[tokio::test]
async fn it_does_not_outlive_an_attempt_that_nobody_awaits_any_more() {
    let bench = Bench::new();
    let command = leave(&bench, "pid", "sleep 600");
    let request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": command}));
    let pid = tokio::select! {
        _ = bench.run(request) => panic!("it sleeps"),
        pid = left(&bench, "pid") => pid,
    };
    eventually("it is gone", || !lives(pid)).await;
}

#[tokio::test]
async fn it_is_not_taken_for_that_of_another_attempt() {
    let bench = Bench::new();
    let going = leave(&bench, "going", "sleep 600");
    let going = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": going}));
    let cancel = CancellationToken::new();
    let meanwhile = async {
        let stays = left(&bench, "going").await;
        bench.sh(&leave(&bench, "ended", "true")).await;
        let goes = left(&bench, "ended").await;
        eventually("it is gone", || !lives(goes)).await;
        assert!(lives(stays), "its attempt goes on");
        cancel.cancel();
        stays
    };
    let (_, stays) = tokio::join!(bench.run_until(going, cancel.clone()), meanwhile);
    eventually("it is gone", || !lives(stays)).await;
}

#[tokio::test]
async fn a_boot_finds_it_by_the_attempt_alone() {
    let bench = Bench::new();
    let command = leave(&bench, "pid", "sleep 600");
    let request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": command}));
    let attempt = request.attempt;
    let other = lockkeeper::id::AttemptId::generate();
    tokio::select! {
        _ = bench.run(request) => {}
        () = async {
            let pid = left(&bench, "pid").await;
            assert_eq!(sweep(&[], &[other]), 0);
            assert!(lives(pid));
            assert!(sweep(&[], &[attempt]) > 0);
            eventually("it is gone", || !lives(pid)).await;
        } => {}
    }
}

//! Nothing of an attempt survives it.

use std::{fs, sync::Arc, time::Duration};

use lockkeeper::runner::{End, ProcessMark, sweep};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, eventually, lives, pid_in};

#[tokio::test]
async fn a_timeout_kills_a_child_that_ignores_sigterm() {
    let bench = Bench::new();
    let command = "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done";
    let mut request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": command}));
    request.timeout = Duration::from_secs(1);
    let outcome = bench.run(request).await;
    assert_eq!(outcome.end, End::Timeout);
    assert_eq!(outcome.result["error"], "Action failed to complete in 1 seconds");
    assert_eq!(outcome.result["return_code"], -9);
    assert!(!lives(pid_in(&bench.path("work/pid")).await));
}

#[tokio::test]
async fn a_polite_child_may_clean_up_when_it_is_canceled() {
    let bench = Bench::new();
    let command = "trap 'echo cleaned; exit 0' TERM; echo $$ > pid; while :; do sleep 0.05; done";
    let request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": command}));
    let cancel = CancellationToken::new();
    let canceling = async {
        pid_in(&bench.path("work/pid")).await;
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(bench.run_until(request, cancel.clone()), canceling);
    assert_eq!(outcome.end, End::Canceled);
    assert_eq!(outcome.result["stdout"], "cleaned");
}

#[tokio::test]
async fn an_attempt_that_is_canceled_before_it_starts_starts_nothing() {
    let bench = Bench::new();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": "touch started"}));
    assert_eq!(bench.run_until(request, cancel).await.end, End::Canceled);
    assert!(!bench.path("work/started").exists());
}

#[tokio::test]
async fn grandchildren_end_with_the_attempt_even_in_a_session_of_their_own() {
    let bench = Bench::new();
    let command = "(sleep 600 & echo $! > same) & (setsid sleep 600 >/dev/null 2>&1 & echo $! > other) & wait; \
                   while [ ! -s same ] || [ ! -s other ]; do sleep 0.02; done";
    let outcome = bench.sh(command).await;
    assert_eq!(outcome.end, End::Succeeded);
    for name in ["work/same", "work/other"] {
        let pid = pid_in(&bench.path(name)).await;
        eventually("the grandchild is gone", || !lives(pid)).await;
    }
}

#[tokio::test]
async fn a_child_that_keeps_the_pipe_open_does_not_keep_the_attempt_open() {
    let bench = Bench::new();
    let started = Instant::now();
    let outcome = bench.sh("echo before; sleep 600 & exit 0").await;
    assert_eq!((outcome.end, &outcome.result["stdout"]), (End::Succeeded, &json!("before")));
    assert!(started.elapsed() < Duration::from_secs(120), "less than the child sleeps");
}

#[tokio::test]
async fn a_child_that_dies_by_a_signal_says_which() {
    let bench = Bench::new();
    let killed = bench.sh("kill -KILL $$").await;
    assert_eq!((killed.end, &killed.result["return_code"]), (End::Failed, &json!(-9)));
    assert!(killed.error().unwrap().contains("signal 9"));
    assert_eq!(bench.sh("kill -TERM $$").await.end, End::Abandoned);
}

#[tokio::test]
async fn a_dropped_attempt_takes_its_processes_along() {
    let bench = Bench::new();
    let command = "setsid sleep 600 >/dev/null 2>&1 & echo $! > other; echo $$ > pid; sleep 600";
    let request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": command}));
    tokio::select! {
        _ = bench.run(request) => panic!("it sleeps"),
        _ = async { pid_in(&bench.path("work/pid")).await } => {}
    }
    for name in ["work/pid", "work/other"] {
        let pid = pid_in(&bench.path(name)).await;
        eventually("it is gone", || !lives(pid)).await;
    }
}

#[tokio::test]
async fn a_started_process_is_recorded_so_that_a_boot_can_end_what_is_left() {
    let bench = Bench::new();
    let (sender, mut marks) = mpsc::unbounded_channel();
    let mut request = bench.request("local-shell-cmd", "", json!({}), json!({"cmd": "sleep 0.1"}));
    request.on_spawn = Some(Arc::new(move |mark| {
        sender.send(mark).unwrap();
        Box::pin(std::future::ready(()))
    }));
    bench.run(request).await;
    let mark = marks.recv().await.unwrap();
    assert!(mark.pid > 1 && mark.start_time > 0);

    // A leftover: a process of a group of its own whose parent knows nothing of it any more.
    use std::os::unix::process::CommandExt;
    let mut left = std::process::Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", left.id())).unwrap();
    let start_time =
        stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap().parse().unwrap();
    let other = ProcessMark { pid: left.id(), start_time: start_time + 1 };
    assert_eq!(sweep(&[mark, other], &[]), 0, "a pid that was given to somebody else is left alone");
    assert!(left.try_wait().unwrap().is_none());
    assert_eq!(sweep(&[ProcessMark { pid: left.id(), start_time }], &[]), 1);
    assert!(!left.wait().unwrap().success());
}

//! Remote runners over the local connection: the same script that ssh carries.

use lockkeeper::runner::End;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, eventually, lives, pid_in};

fn two_hosts() -> (Bench, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let host = |name: &str| json!({"connection": "local", "dir": folder.path().join(name)});
    (Bench::with_hosts(json!({"hosts": {"a": host("a"), "b": host("b")}})), folder)
}

#[tokio::test]
async fn every_host_reports_for_itself() {
    let (bench, folder) = two_hosts();
    std::fs::create_dir_all(folder.path().join("b")).unwrap();
    std::fs::write(folder.path().join("b/marker"), "").unwrap();
    let command = "pwd; printf '%s' \"$1\" >&2; test -e marker";
    let parameters = json!({"cmd": {"of_runner": true}, "hosts": {"of_runner": true}, "x": {"position": 0}});
    let hostile = "it's $(id)\n\"`x`\"";
    let values = json!({"cmd": command, "hosts": "a, b", "x": hostile});
    let outcome = bench.run(bench.request("remote-shell-cmd", "", parameters, values)).await;
    assert_eq!(outcome.end, End::Failed);
    assert_eq!(outcome.result["a"]["return_code"], 1, "{outcome:?}");
    assert_eq!(outcome.result["b"]["succeeded"], true);
    assert_eq!(outcome.result["b"]["stderr"], hostile);
    let here = std::fs::canonicalize(folder.path().join("a")).unwrap();
    assert_eq!(outcome.result["a"]["stdout"], here.display().to_string());
}

#[tokio::test]
async fn a_script_keeps_its_interpreter_and_gets_its_arguments() {
    let (bench, _folder) = two_hosts();
    bench.script("show", "#!/usr/bin/env bash\nprintf '<%s>' \"$@\"; echo \"${BASH_VERSION:+bash} $MINE\"\n");
    let parameters =
        json!({"hosts": {"of_runner": true}, "env": {"of_runner": true}, "name": {"kind": "string"}});
    let values = json!({"hosts": ["a"], "name": "x 'y'", "env": {"MINE": "a'b"}});
    let outcome = bench.run(bench.request("remote-shell-script", "show", parameters, values)).await;
    assert_eq!(outcome.result["a"]["stdout"], "<--name=x 'y'>bash a'b", "{outcome:?}");
}

#[tokio::test]
async fn canceling_ends_what_runs_on_the_host() {
    let (bench, folder) = two_hosts();
    let values = json!({"hosts": "a", "cmd": "echo $$ > pid; exec sleep 600"});
    let request = bench.request("remote-shell-cmd", "", json!({}), values);
    let cancel = CancellationToken::new();
    let canceling = async {
        let pid = pid_in(&folder.path().join("a/pid")).await;
        cancel.cancel();
        pid
    };
    let (outcome, pid) = tokio::join!(bench.run_until(request, cancel.clone()), canceling);
    assert_eq!(outcome.end, End::Canceled);
    eventually("the host's process is gone", || !lives(pid)).await;
}

#[tokio::test]
async fn a_host_that_is_not_listed_is_refused_before_any_is_touched() {
    let (bench, folder) = two_hosts();
    let values = json!({"hosts": "a,elsewhere", "cmd": "touch touched"});
    let outcome = bench.run(bench.request("remote-shell-cmd", "", json!({}), values)).await;
    assert!(outcome.error().unwrap().contains("`elsewhere`"), "{outcome:?}");
    assert!(!folder.path().join("a/touched").exists());
}

//! Hosts over a real `ssh` and `sshd` on loopback, with keys made for the test. Runs with `--features sshd-tests`;
//! needs `sshd` and `ssh-keygen`.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on is a failed test")]

#[path = "it/runner/bench.rs"]
mod bench;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use lockkeeper::runner::End;
use lockkeeper::secret::Secret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use bench::{Bench, eventually, lives, pid_in, write_script};

/// An sshd of our own: its folder, its port, its client's options.
struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    server: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn key(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen is installed").success());
}

impl Sshd {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        key(&at("host"));
        key(&at("client"));
        fs::copy(at("client.pub"), at("authorized")).unwrap();
        fs::create_dir_all("/run/sshd").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let shown = |name: &str| at(name).display().to_string();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\n",
            shown("host"),
            shown("authorized")
        );
        fs::write(at("config"), config).unwrap();
        let mut server = Command::new("/usr/sbin/sshd");
        server.args(["-D", "-e", "-f"]).arg(at("config")).stderr(fs::File::create(at("log")).unwrap());
        let server = server.stdin(Stdio::null()).spawn().expect("sshd is installed");
        let it = Self { folder, port, server };
        it.trust(&it.path("host.pub"));
        eventually("sshd listens", || TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The client's known_hosts holds this key and no other.
    fn trust(&self, public: &Path) {
        let public = fs::read_to_string(public).unwrap();
        fs::write(self.path("known"), format!("[127.0.0.1]:{} {public}", self.port)).unwrap();
    }

    fn bench(&self) -> Bench {
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap().trim().to_owned();
        let dir = self.path("srv");
        let host = |port: u16| json!({"address": "127.0.0.1", "port": port, "user": user, "dir": dir});
        let options = [
            "-F".to_owned(),
            "none".to_owned(),
            "-i".to_owned(),
            self.path("client").display().to_string(),
            "-o".to_owned(),
            format!("UserKnownHostsFile={}", self.path("known").display()),
        ];
        Bench::build(json!({"hosts": {"web1": host(self.port), "dead": host(1)}}), options.to_vec())
    }
}

#[tokio::test]
async fn commands_run_over_ssh_with_arguments_environment_and_codes_intact() {
    let sshd = Sshd::start().await;
    let bench = sshd.bench();
    let hostile = "-x it's $(id) \"`x`\"\n\\ *";
    let parameters = json!({"cmd": {"of_runner": true}, "hosts": {"of_runner": true}, "x": {"position": 0}});
    let command = "printf '%s|%s' \"$1\" \"$TOKEN\"; tr '\\0' ' ' </proc/$PPID/cmdline >&2; exit 255";
    let values = json!({"cmd": command, "hosts": "web1", "x": hostile});
    let mut request = bench.request("remote-shell-cmd", "", parameters, values);
    request.secrets.insert("TOKEN".to_owned(), Secret::new("correct horse battery"));
    let outcome = bench.run(request).await;
    let web1 = &outcome.result["web1"];
    assert_eq!(web1["stdout"], format!("{hostile}|correct horse battery"), "{outcome:?}");
    assert_eq!((outcome.end, &web1["return_code"]), (End::Failed, &json!(255)));
    assert_eq!(web1.get("unreachable"), None);
    assert!(!web1["stderr"].as_str().unwrap().contains("horse"), "a secret is in argv: {outcome:?}");
}

#[tokio::test]
async fn canceling_and_dying_end_what_runs_on_the_host() {
    let sshd = Sshd::start().await;
    let bench = sshd.bench();
    let folder = sshd.path("remote");
    fs::create_dir_all(&folder).unwrap();
    let request = |name: &str| {
        let command = format!("trap '' HUP; (trap '' HUP; exec sleep 600) & echo $! > {name}; wait");
        bench.request(
            "remote-shell-cmd",
            "",
            json!({}),
            json!({"hosts": "web1", "cmd": command, "cwd": folder}),
        )
    };
    let cancel = CancellationToken::new();
    let canceling = async {
        let pid = pid_in(&folder.join("one")).await;
        cancel.cancel();
        pid
    };
    let (outcome, pid) = tokio::join!(bench.run_until(request("one"), cancel.clone()), canceling);
    assert_eq!(outcome.end, End::Canceled);
    eventually("the host's process is gone", || !lives(pid)).await;

    let two = folder.join("two");
    let pid = tokio::select! {
        _ = bench.run(request("two")) => panic!("it sleeps"),
        pid = pid_in(&two) => pid,
    };
    eventually("the host's process is gone after the drop", || !lives(pid)).await;
    let left = || fs::read_dir(&folder).unwrap().flatten().any(|it| it.file_type().unwrap().is_dir());
    eventually("no script is left behind", || !left()).await;
}

#[tokio::test]
async fn an_unreachable_host_and_a_changed_key_say_what_was_tried() {
    let sshd = Sshd::start().await;
    let bench = sshd.bench();
    let values = json!({"hosts": "dead,web1", "cmd": "echo here"});
    let outcome = bench.run(bench.request("remote-shell-cmd", "", json!({}), values)).await;
    assert_eq!(outcome.end, End::Failed);
    assert_eq!(outcome.result["web1"]["stdout"], "here", "{outcome:?}");
    assert_eq!(outcome.result["dead"]["unreachable"], true, "{outcome:?}");
    let error = outcome.result["dead"]["error"].as_str().unwrap();
    assert!(error.contains("127.0.0.1 port 1") && error.contains("tried for"), "{error}");

    key(&sshd.path("other"));
    sshd.trust(&sshd.path("other.pub"));
    let values = json!({"hosts": "web1", "cmd": "touch ran"});
    let outcome = bench.run(bench.request("remote-shell-cmd", "", json!({}), values)).await;
    let error = outcome.result["web1"]["error"].as_str().unwrap();
    assert_eq!(outcome.result["web1"]["unreachable"], true);
    assert!(error.contains("Host key verification failed"), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_from_one_that_never_stood() {
    let sshd = Sshd::start().await;
    let bench = sshd.bench();
    // Ends the session's own sshd: all in the chain of parents that is called sshd, but the listener.
    let command = "p=$PPID; while [ \"$p\" -gt 1 ]; do \
                   n=$(ps -o comm= -p $p); q=$(ps -o ppid= -p $p | tr -d ' '); \
                   case $n in sshd*) kill -KILL $p; exit;; esac; p=$q; done";
    let outcome = bench
        .run(bench.request("remote-shell-cmd", "", json!({}), json!({"hosts": "web1", "cmd": command})))
        .await;
    assert_eq!(outcome.result["web1"]["lost"], true, "{outcome:?}");
    assert_eq!(outcome.end, End::Unknown, "nobody saw its end");
}

#[tokio::test]
async fn a_step_of_a_release_whose_connection_breaks_has_an_unknown_end() {
    let sshd = Sshd::start().await;
    let bench = sshd.bench();
    // Says that it is there, then waits until the connection is gone; its effect is never undone.
    let post_inst = format!("#!/bin/sh\necho $$ >{}\nsleep 600\n", sshd.path("installing").display());
    write_script(&bench.path("app/script/post-inst"), &post_inst);
    let act = |name: &str, values: Value| bench.run(bench.request("native", name, json!({}), values));
    let made = act("package", json!({"dir": bench.path("app")})).await;
    let values = json!({"host": "web1", "app": "shop", "digest": made.result["digest"]});
    assert_eq!(act("upload", values.clone()).await.end, End::Succeeded);
    let breaking = async {
        let pid = pid_in(&sshd.path("installing")).await;
        end_session_above(pid);
    };
    let (installed, ()) = tokio::join!(act("install", values), breaking);
    assert_eq!(installed.end, End::Unknown, "{installed:?}");
    assert_eq!(installed.result["lost"], true, "{installed:?}");
    let error = installed.error().unwrap();
    assert!(error.contains("the connection to host web1 broke"), "{error}");
}

/// Kills the sshd processes of the one session that this process runs in, not the listener.
fn end_session_above(pid: u32) {
    let session = format!(
        "p={pid}; while [ \"$p\" -gt 1 ]; do \
         n=$(ps -o comm= -p $p); q=$(ps -o ppid= -p $p | tr -d ' '); \
         case $n in sshd*) kill -KILL $p; exit;; esac; p=$q; done"
    );
    assert!(Command::new("sh").args(["-c", &session]).status().unwrap().success());
}

#[tokio::test]
async fn an_artifact_is_uploaded_and_installed_over_ssh() {
    let sshd = Sshd::start().await;
    let bench = sshd.bench();
    let post_inst = "#!/bin/sh\necho \"$1 $LOCKKEEPER_HOST\" >\"$LOCKKEEPER_DIR/log\"; cat big | wc -c\n";
    write_script(&bench.path("app/script/post-inst"), post_inst);
    fs::set_permissions(bench.path("app/script/post-inst"), fs::Permissions::from_mode(0o755)).unwrap();
    let big: Vec<u8> = (0..3_000_000u32).map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(bench.path("app/big"), &big).unwrap();
    let act = |name: &str, values: Value| bench.run(bench.request("native", name, json!({}), values));
    let made = act("package", json!({"dir": bench.path("app")})).await;
    let digest = made.result["digest"].as_str().unwrap();
    let values = json!({"host": "web1", "app": "shop", "digest": digest});
    let uploaded = act("upload", values.clone()).await;
    assert_eq!(uploaded.end, End::Succeeded, "{uploaded:?}");
    let installed = act("install", values).await;
    assert_eq!(installed.end, End::Succeeded, "{installed:?}");
    assert_eq!(installed.result["script"], "succeeded");
    let dir = sshd.path("srv/shop");
    assert_eq!(fs::read_to_string(dir.join("log")).unwrap(), "shop web1\n");
    assert_eq!(fs::read(dir.join("current/big")).unwrap(), big);
    assert!(installed.output.head.contains("3000000"), "{installed:?}");
}

//! The built-in acts of a release, on this machine.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use lockkeeper::clock::{Clock as _, SystemClock};
use lockkeeper::id::Digest;
use lockkeeper::metric::Probe;
use lockkeeper::release::HostPlan;
use lockkeeper::runner::{End, Outcome};
use serde_json::{Value, json};

use super::bench::{Bench, write_script};

fn local_host() -> (Bench, tempfile::TempDir) {
    let host = tempfile::tempdir().unwrap();
    let bench = Bench::with_hosts(json!({"hosts": {"web1": {"connection": "local", "dir": host.path()}}}));
    (bench, host)
}

async fn act(bench: &Bench, name: &str, values: Value) -> Outcome {
    bench.run(bench.request("native", name, json!({}), values)).await
}

fn app(folder: &Path, mode: u32) {
    for (name, text) in
        [("bin/run", "#!/bin/sh\n"), ("a.txt", "hello"), (".git/config", "x"), ("b/.git/y", "x")]
    {
        write_script(&folder.join(name), text);
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    write_script(&folder.join("script/post-inst"), POST_INST);
    symlink("../a.txt", folder.join("bin/link")).unwrap();
}

const POST_INST: &str = "#!/bin/sh\necho \"$1 $2 $LOCKKEEPER_HOST $(readlink \"$LOCKKEEPER_DIR/current\") $(pwd)\" \
                         >>\"$LOCKKEEPER_DIR/log\"\ntest ! -e \"$LOCKKEEPER_DIR/broken\"\n";

/// Every host would miss it later, and its health would be all that anybody sees.
#[tokio::test]
async fn a_package_without_the_script_that_installs_it_is_not_made() {
    let bench = Bench::new();
    app(&bench.path("one"), 0o640);
    let made = act(&bench, "package", json!({"dir": bench.path("one"), "script": "script/post-inst"})).await;
    assert_eq!(made.end, End::Succeeded, "{made:?}");
    fs::set_permissions(bench.path("one/script/post-inst"), fs::Permissions::from_mode(0o644)).unwrap();
    let refusals = [
        (
            json!({"dir": bench.path("one"), "script": "script/other"}),
            "the package has no script/other, which installs it",
        ),
        (
            json!({"dir": bench.path("one"), "script": "./script/post-inst", "exclude": ["script"]}),
            "the package has no script/post-inst",
        ),
        (
            json!({"dir": bench.path("one"), "script": "script/post-inst"}),
            "script/post-inst is not executable",
        ),
    ];
    for (values, why) in refusals {
        let refused = act(&bench, "package", values).await;
        assert_eq!(refused.end, End::Failed, "{refused:?}");
        assert!(refused.result["error"].as_str().unwrap().contains(why), "{refused:?}");
    }
}

#[tokio::test]
async fn a_package_has_the_same_bytes_wherever_and_whenever_it_is_made() {
    let bench = Bench::new();
    app(&bench.path("one"), 0o640);
    app(&bench.path("else/where/two"), 0o604);
    let one = act(&bench, "package", json!({"dir": bench.path("one")})).await;
    assert_eq!(one.end, End::Succeeded, "{one:?}");
    let bytes = fs::read(one.result["path"].as_str().unwrap()).unwrap();
    assert_eq!(one.result["digest"], Digest::of(&bytes).as_str());
    assert_eq!(
        (one.result["files"].as_u64(), one.result["bytes"].as_u64()),
        (Some(4), Some(bytes.len() as u64))
    );
    let two = act(&bench, "package", json!({"dir": bench.path("else/where/two")})).await;
    assert_eq!(two.result["digest"], one.result["digest"]);

    fs::write(bench.path("one/a.txt"), "changed").unwrap();
    let changed = act(&bench, "package", json!({"dir": bench.path("one")})).await;
    assert_ne!(changed.result["digest"], one.result["digest"]);
}

#[tokio::test]
async fn a_package_refuses_links_that_leave_it_and_emptiness() {
    let bench = Bench::new();
    app(&bench.path("one"), 0o644);
    symlink("../../etc/passwd", bench.path("one/bin/out")).unwrap();
    let refused = act(&bench, "package", json!({"dir": bench.path("one")})).await;
    assert!(refused.error().unwrap().contains("outside the packaged folder"), "{refused:?}");
    let excluded =
        act(&bench, "package", json!({"dir": bench.path("one"), "exclude": ["out", ".git"]})).await;
    assert_eq!(excluded.end, End::Succeeded);
    let nothing = act(&bench, "package", json!({"dir": bench.path("one"), "include": ["none/"]})).await;
    assert!(nothing.error().unwrap().contains("no file"), "{nothing:?}");
}

#[tokio::test]
async fn an_artifact_is_uploaded_installed_and_gone_back_from() {
    let (bench, host) = local_host();
    let mut digests = Vec::new();
    for text in ["first", "second"] {
        let _ = fs::remove_dir_all(bench.path("app"));
        app(&bench.path("app"), 0o644);
        fs::write(bench.path("app/a.txt"), text).unwrap();
        let made = act(&bench, "package", json!({"dir": bench.path("app")})).await;
        let digest = made.result["digest"].as_str().unwrap().to_owned();
        let values = json!({"host": "web1", "app": "shop", "digest": digest});
        let uploaded = act(&bench, "upload", values.clone()).await;
        assert_eq!(uploaded.end, End::Succeeded, "{uploaded:?}");
        let installed = act(&bench, "install", values).await;
        assert_eq!(installed.end, End::Succeeded, "{installed:?}");
        assert_eq!(installed.result["previous"], json!(digests.last()));
        assert_eq!(installed.result["script"], "succeeded");
        digests.push(digest);
    }
    let dir = host.path().join("shop");
    assert_eq!(fs::read_to_string(dir.join("current/a.txt")).unwrap(), "second");
    assert_eq!(fs::read_to_string(dir.join("current/DIGEST")).unwrap().trim(), digests[1]);

    let back = act(&bench, "install", json!({"host": "web1", "app": "shop", "digest": digests[0]})).await;
    assert_eq!(back.result["previous"], digests[1].as_str());
    assert_eq!(fs::read_to_string(dir.join("current/a.txt")).unwrap(), "first");
    let log = fs::read_to_string(dir.join("log")).unwrap();
    let real = fs::canonicalize(&dir).unwrap();
    let (digest, real) = (&digests[0], real.display());
    assert_eq!(log.lines().count(), 3);
    assert_eq!(
        log.lines().last().unwrap(),
        format!("shop {digest} web1 releases/{digest} {real}/releases/{digest}")
    );

    fs::write(dir.join("broken"), "").unwrap();
    let failed = act(&bench, "install", json!({"host": "web1", "app": "shop", "digest": digests[1]})).await;
    assert_eq!(failed.end, End::Failed);
    assert_eq!((&failed.result["switched"], &failed.result["script"]), (&json!(true), &json!("failed")));
    assert_eq!(failed.result["previous"], digests[0].as_str());
}

/// Packs this text as a version of the app and brings it to the host.
async fn bring(bench: &Bench, text: &str) -> (String, Outcome) {
    let _ = fs::remove_dir_all(bench.path("app"));
    app(&bench.path("app"), 0o644);
    fs::write(bench.path("app/a.txt"), text).unwrap();
    let made = act(bench, "package", json!({"dir": bench.path("app")})).await;
    let digest = made.result["digest"].as_str().unwrap().to_owned();
    let values = json!({"host": "web1", "app": "shop", "digest": digest});
    assert_eq!(act(bench, "upload", values.clone()).await.end, End::Succeeded);
    let installed = act(bench, "install", values).await;
    (digest, installed)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_host_keeps_its_last_releases_and_always_a_way_back() {
    let (bench, host) = local_host();
    let dir = host.path().join("shop");
    let mut digests = Vec::new();
    for number in 0..7 {
        let (digest, installed) = bring(&bench, &number.to_string()).await;
        assert_eq!((installed.end, &installed.result["script"]), (End::Succeeded, &json!("succeeded")));
        assert_eq!(installed.result["removed"], json!(u64::from(number >= 5)), "{installed:?}");
        digests.push(digest);
    }
    let sorted = |digests: &[String]| {
        let mut sorted = digests.to_vec();
        sorted.sort();
        sorted
    };
    assert_eq!(names(&dir.join("releases")), sorted(&digests[2..]));
    let archives: Vec<String> = sorted(&digests[2..]).iter().map(|it| format!("{it}.tar.gz")).collect();
    assert_eq!(names(&dir.join("artifacts")), archives);

    // Installations that fail remove nothing, and do not push out what ran well.
    fs::write(dir.join("broken"), "").unwrap();
    for number in 10..16 {
        let (_, installed) = bring(&bench, &number.to_string()).await;
        assert_eq!((installed.end, &installed.result["script"]), (End::Failed, &json!("failed")));
        assert_eq!(names(&dir.join("releases")).len(), 6 + number - 10);
    }
    let (last, _) = bring(&bench, "16").await;
    fs::remove_file(dir.join("broken")).unwrap();
    fs::create_dir(dir.join("releases/by-hand")).unwrap();
    fs::write(dir.join("artifacts/.draft-of-a-killed-upload"), "").unwrap();
    let now = std::time::SystemTime::from(SystemClock.now());
    let old = now - std::time::Duration::from_secs(3 * 86_400);
    let draft =
        fs::File::options().write(true).open(dir.join("artifacts/.draft-of-a-killed-upload")).unwrap();
    draft.set_modified(old).unwrap();
    let (good, installed) = bring(&bench, "17").await;
    assert_eq!((installed.end, &installed.result["previous"]), (End::Succeeded, &json!(last)));
    let mut kept = digests[3..].to_vec();
    kept.extend([good, last, "by-hand".to_owned()]);
    assert_eq!(names(&dir.join("releases")), sorted(&kept));
    assert_eq!(names(&dir.join("artifacts")).len(), 6);
}

#[tokio::test]
async fn what_is_missing_or_damaged_is_said() {
    let (bench, host) = local_host();
    let digest = Digest::of(b"x");
    let values = json!({"host": "web1", "app": "shop", "digest": digest});
    assert!(act(&bench, "upload", values.clone()).await.error().unwrap().contains("build it again"));
    fs::create_dir_all(host.path().join("shop/artifacts")).unwrap();
    let absent = act(&bench, "install", values.clone()).await;
    assert!(absent.error().unwrap().contains("upload it first"), "{absent:?}");
    fs::write(host.path().join(format!("shop/artifacts/{digest}.tar.gz")), "y").unwrap();
    let damaged = act(&bench, "install", values).await;
    assert!(damaged.error().unwrap().contains("has digest"), "{damaged:?}");
    assert!(!host.path().join("shop/current").exists());
    let unknown = act(&bench, "upload", json!({"host": "web2", "app": "shop", "digest": digest})).await;
    assert!(unknown.error().unwrap().contains("did you mean `web1`"), "{unknown:?}");
    let other = act(&bench, "teleport", json!({})).await;
    assert!(other.error().unwrap().contains("no built-in is called `teleport`"));
}

/// Answers every request with the next of these bodies, the last one for ever.
fn serve(bodies: Vec<(u16, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let (status, body) = &bodies[at.min(bodies.len() - 1)];
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all((head + body).as_bytes());
        }
    });
    url
}

#[tokio::test]
async fn health_needs_answers_in_a_row_that_name_the_new_digest() {
    let bench = Bench::new();
    let (new, old) = (Digest::of(b"new"), Digest::of(b"old"));
    let says = |digest: &Digest| (200, json!({"build": {"digest": digest}}).to_string());
    let flapping =
        vec![says(&old), says(&new), says(&new), (503, String::new()), says(&new), says(&old), says(&new)];
    let values = |url: String| {
        json!({"host": "w", "url": url, "digest": new, "digest_field": "build.digest", "consecutive": 3,
               "interval": 0.01, "timeout": 20})
    };
    let healthy = act(&bench, "health", values(serve(flapping))).await;
    assert_eq!(healthy.end, End::Succeeded, "{healthy:?}");
    assert_eq!((&healthy.result["checks"], &healthy.result["observed_digest"]), (&json!(9), &json!(new)));

    let mut stale = values(serve(vec![says(&old)]));
    stale["timeout"] = json!(0.5);
    let outcome = act(&bench, "health", stale).await;
    assert_eq!(outcome.end, End::Failed);
    assert_eq!(
        (&outcome.result["healthy"], &outcome.result["observed_digest"]),
        (&json!(false), &json!(old))
    );
    assert!(outcome.error().unwrap().contains(old.as_str()), "{outcome:?}");

    // What cannot be reached is named once.
    let mut gone = values("http://127.0.0.1:1/version".to_owned());
    gone["timeout"] = json!(0.5);
    let outcome = act(&bench, "health", gone).await;
    assert_eq!(outcome.error().unwrap().matches("http://").count(), 1, "{outcome:?}");
}

#[tokio::test]
async fn observing_claims_nothing_that_a_host_did_not_say() {
    let bench = Bench::new();
    let digest = Digest::of(b"new");
    let hosts = json!([
        {"host": "good", "url": serve(vec![(200, json!({"digest": digest}).to_string())])},
        {"host": "silent", "url": serve(vec![(200, "{}".to_owned())])},
        {"host": "gone", "url": "http://127.0.0.1:1/"},
    ]);
    let seen = act(&bench, "observe", json!({"hosts": hosts, "digest_field": "digest"})).await;
    assert_eq!(seen.end, End::Succeeded);
    assert_eq!(seen.result["hosts"], json!({"good": digest, "silent": null, "gone": null}));
    assert!(seen.result["errors"]["silent"].as_str().unwrap().contains("without the field `digest`"));
}

#[tokio::test]
async fn a_survey_reads_an_answer_as_the_health_check_does() {
    Bench::new();
    let digest = Digest::of(b"new");
    let says = |status| serve(vec![(status, json!({"build": {"digest": digest}}).to_string())]);
    let host = |url: String| -> HostPlan {
        let health = json!({"url": url, "digest_field": "build.digest", "consecutive": 1, "interval": 1.0, "timeout": 1});
        let noop = json!({"action": "core.noop", "parameters": {}});
        serde_json::from_value(json!({"name": "w", "health": health, "pool_out": noop, "pool_in": noop}))
            .unwrap()
    };
    let probe = Probe::new(reqwest::Client::new());
    assert_eq!(probe.survey(&[host(says(200)), host(says(200))]).await.as_ref(), Some(&digest));
    assert_eq!(probe.survey(&[host(says(200)), host(says(500))]).await, None);
    assert_eq!(probe.survey(&[]).await, None);
}

fn git(dir: &Path, args: &[&str]) -> String {
    let identity =
        ["-c", "user.name=Ada", "-c", "user.email=ada@example.net", "-c", "init.defaultBranch=main"];
    let done = Command::new("git").args(identity).args(args).current_dir(dir).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_checkout_is_exactly_one_commit_and_its_script_runs() {
    let bench = Bench::new();
    let source = bench.path("source");
    write_script(&source.join("script/cibuild"), "#!/bin/sh\necho built \"$1\"; cat version\n");
    git(&source, &["init", "-q"]);
    for version in ["1", "2"] {
        fs::write(source.join("version"), version).unwrap();
        git(&source, &["add", "-A"]);
        git(&source, &["commit", "-qm", &format!("Version {version}")]);
        git(&source, &["tag", &format!("v{version}")]);
    }
    let (first, second) = (git(&source, &["rev-parse", "v1"]), git(&source, &["rev-parse", "v2"]));
    git(&source, &["update-ref", "refs/pull/7/head", &first]);

    let url = source.display().to_string();
    let values = json!({"url": url, "commit": first, "dir": "tree"});
    let outcome = act(&bench, "checkout", values.clone()).await;
    assert_eq!(outcome.end, End::Succeeded, "{outcome:?}");
    assert_eq!(git(&bench.path("work/tree"), &["rev-parse", "HEAD"]), first);
    assert_eq!(act(&bench, "checkout", values).await.end, End::Succeeded, "a second time");
    let run =
        act(&bench, "run_script", json!({"dir": "tree", "script": "script/cibuild", "args": ["a b"]})).await;
    assert_eq!(run.result["stdout"], "built a b\n1", "{run:?}");
    let none = act(&bench, "run_script", json!({"dir": "tree", "script": "script/cisetup"})).await;
    assert!(none.error().unwrap().contains("script/cisetup"), "{none:?}");
    let gone = act(&bench, "checkout", json!({"url": url, "commit": "a".repeat(40), "dir": "t"})).await;
    assert!(gone.error().unwrap().contains("is not in"), "{gone:?}");

    for bad in ["ext::sh -c id", "-x", "http://plain/x", "ssh://-oProxyCommand=x/y"] {
        let refused = act(&bench, "checkout", json!({"url": bad, "commit": second, "dir": "t"})).await;
        assert!(refused.error().unwrap().contains("no repository address"), "{refused:?}");
    }
    let away =
        act(&bench, "checkout", json!({"url": format!("{url}-away"), "commit": second, "dir": "t"})).await;
    assert!(away.error().unwrap().contains("tried for"), "{away:?}");
}

#[tokio::test]
async fn a_checkout_has_the_bytes_of_its_commit_whatever_the_users_settings() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(".gitconfig"), "[core]\n\tautocrlf = true\n\teol = crlf\n").unwrap();
    let bench = Bench::build_for(json!({}), Vec::new(), Some(home.path()));
    let source = bench.path("source");
    write_script(&source.join("script/cibuild"), "#!/bin/sh\necho built\n");
    git(&source, &["init", "-q"]);
    git(&source, &["-c", "core.autocrlf=false", "add", "-A"]);
    git(&source, &["commit", "-qm", "One"]);
    let commit = git(&source, &["rev-parse", "HEAD"]);
    let values = json!({"url": source.display().to_string(), "commit": commit, "dir": "tree"});
    assert_eq!(act(&bench, "checkout", values).await.end, End::Succeeded);
    let script = fs::read_to_string(bench.path("work/tree/script/cibuild")).unwrap();
    assert_eq!(script, "#!/bin/sh\necho built\n");
    let run = act(&bench, "run_script", json!({"dir": "tree", "script": "script/cibuild"})).await;
    assert_eq!(run.result["stdout"], "built", "{run:?}");
}

/// The client is the bot itself, so a refusal is the server's fault; and what both sides refuse measures nothing.
#[tokio::test]
async fn a_probe_that_is_refused_is_an_error_of_the_canary_and_no_data_of_the_baseline() {
    use lockkeeper::release::{Watch, WatchedHost};
    use lockkeeper::rollout::{Measured, MetricKind, MetricPlan, WatchPlan, judge};
    Bench::new();
    let host =
        |status| WatchedHost { name: "w".into(), url: serve(vec![(status, "{}".to_owned())]), health: None };
    let look = async |canary, baseline| {
        let watch = Watch {
            metrics: WatchPlan::new(vec![MetricPlan::new("errors", MetricKind::Counts)]),
            canary: vec![host(canary)],
            baseline: vec![host(baseline)],
            requests: 5,
            interval_ms: 1,
            artifact: None,
        };
        let look = Probe::new(reqwest::Client::new()).look(&watch, SystemClock.now()).await;
        let words =
            lockkeeper::message::words::measure::lines(&judge(&watch.metrics, std::slice::from_ref(&look)));
        (look.metrics["errors"].clone(), words.join("\n"))
    };
    let (measured, words) = look(404, 200).await;
    assert_eq!(measured, Measured::counts((5, 5), (0, 5)));
    assert!(
        words.contains("canary: 5 of 5 requests were answered 404: nothing is served where the probe asks"),
        "{words}"
    );
    let (measured, words) = look(200, 401).await;
    assert!(matches!(measured, Measured::Missing { .. }), "{measured:?}");
    assert!(
        words.contains("baseline: 5 of 5 requests were answered 401; let `canary.probe.path`"),
        "{words}"
    );
    assert_eq!(look(200, 500).await.0, Measured::counts((0, 5), (5, 5)));
    assert_eq!(look(301, 200).await.0, Measured::counts((0, 5), (0, 5)));
}

//! The rehearsal's world, seen from outside: processes, ports, files, git.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lockkeeper::demo::repository::{ANN, DORA};
use lockkeeper::demo::{Program, Release, Repository, Terms, Version, World};
use lockkeeper::id::Digest;

use crate::runner::bench::lives;

const SOON: Duration = Duration::from_secs(120);

async fn world(dir: &Path) -> World {
    let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"));
    World::create(&dir.join("world"), program, &Terms::default()).await.unwrap()
}

/// Processes that have not ended; one that nobody has reaped has ended.
fn alive(pids: &[u32]) -> Vec<u32> {
    pids.iter().copied().filter(|it| lives(*it)).collect()
}

async fn pids(world: &World) -> Vec<u32> {
    world.fleet().await.unwrap().hosts.iter().filter_map(|it| it.pid).collect()
}

async fn all_end(pids: &[u32]) {
    let ended = async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while !alive(pids).is_empty() {
            tick.tick().await;
        }
    };
    tokio::time::timeout(SOON, ended).await.unwrap_or_else(|_| panic!("still there: {:?}", alive(pids)));
}

/// What an installation does to a host, with the files of the repository as they are.
fn install(world: &World, host: &str, digest: &Digest) {
    let app = world.dir().join("hosts").join(host).join("shop");
    let release = app.join("releases").join(digest.as_str());
    fs::create_dir_all(release.join("script")).unwrap();
    for file in ["shop.json", "script/post-inst"] {
        fs::copy(world.repository().path().join(file), release.join(file)).unwrap();
    }
    fs::write(release.join("DIGEST"), format!("{digest}\n")).unwrap();
    symlink(Path::new("releases").join(digest.as_str()), app.join(".next")).unwrap();
    fs::rename(app.join(".next"), app.join("current")).unwrap();
    let script = Command::new(release.join("script/post-inst")).env("LOCKKEEPER_DIR", &app).status().unwrap();
    assert!(script.success());
}

#[tokio::test]
async fn every_host_runs_version_1_and_users_see_no_errors() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    world.start_supervisor().await.unwrap();
    let (digest, commit) = world.first();
    for host in ["canary-1", "web-1", "web-2", "web-3"] {
        let expected = Version { version: 1, digest: digest.clone() };
        assert_eq!(world.host_version(host).await.unwrap(), expected, "{host}");
    }
    let artifact = fs::read(world.dir().join(format!("data/artifacts/{digest}.tar.gz"))).unwrap();
    assert_eq!(&Digest::of(&artifact), digest);
    assert_eq!(&world.repository().head().await.unwrap(), commit);
    let served =
        |it: &lockkeeper::demo::supervisor::Fleet| 10 <= it.requests && it.hosts.iter().all(|it| it.in_pool);
    let fleet = world.until(SOON, async || world.fleet().await.ok().filter(served)).await.unwrap();
    assert_eq!(fleet.errors, 0);
    assert!(fleet.hosts.iter().all(|it| it.installed.as_deref() == Some(digest.as_str())));
    world.end().await.unwrap();
}

#[tokio::test]
async fn a_host_runs_what_was_installed_and_dies_and_revives_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    world.start_supervisor().await.unwrap();
    world.commit_with_errors(2, 1.0).await.unwrap();
    let digest = Digest::of(b"two");

    install(&world, "web-1", &digest);
    let expected = Version { version: 2, digest: digest.clone() };
    world
        .until(SOON, async || (world.host_version("web-1").await.ok()? == expected).then_some(()))
        .await
        .unwrap();
    assert_eq!(world.versions("app").await, [Some(2), Some(1), Some(1)]);
    world.until(SOON, async || (0 < world.fleet().await.ok()?.errors).then_some(())).await.unwrap();

    world.doom_host("web-2").await.unwrap();
    assert_eq!(world.host_version("web-2").await.unwrap().version, 1, "doomed, but not yet");
    install(&world, "web-2", &digest);
    world.until(SOON, async || world.host_version("web-2").await.is_err().then_some(())).await.unwrap();
    assert_eq!(world.versions("app").await, [Some(2), None, Some(1)]);
    world.revive_host("web-2").await.unwrap();
    world.until(SOON, async || world.host_version("web-2").await.ok()).await.unwrap();
    assert_eq!(world.host_version("web-2").await.unwrap(), expected, "its disk has kept what was installed");

    world.kill_host("web-3").await.unwrap();
    world.until(SOON, async || world.host_version("web-3").await.is_err().then_some(())).await.unwrap();
    assert!(world.kill_host("web-9").await.is_err());
}

#[tokio::test]
async fn a_host_out_of_the_pool_gets_no_users() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    world.start_supervisor().await.unwrap();
    let port = world.fleet_port();
    // The same request that the rehearsal's configuration makes of core.http.
    let put = |host: &str, state: &str| {
        let request = format!(
            "PUT /pool/{host} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{state}",
            state.len()
        );
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        std::io::read_to_string(stream).unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(put("web-1", r#"{"state": "out"}"#), "200");
    assert_eq!(put("web-1", "out"), "400");
    assert_eq!(put("web-9", r#"{"state": "out"}"#), "404");
    world.kill_host("web-1").await.unwrap();
    let before = world.fleet().await.unwrap();
    let later = async || world.fleet().await.ok().filter(|it| before.requests + 8 <= it.requests);
    let after = world.until(SOON, later).await.unwrap();
    assert_eq!(after.errors, before.errors, "nobody was sent to the dead host");
    assert_eq!(put("web-1", r#"{"state": "in"}"#), "200");
    world
        .until(SOON, async || (after.errors < world.fleet().await.ok()?.errors).then_some(()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_host_can_join_while_people_decide() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = world(dir.path()).await;
    world.start_supervisor().await.unwrap();
    world.add_host("web-4").await.unwrap();
    assert_eq!(world.versions("app").await, [Some(1); 4]);
    let file = fs::read_to_string(world.dir().join("config/environments.yaml")).unwrap();
    assert!(file.contains("app: {hosts: [web-1, web-2, web-3, web-4]}"), "{file}");
}

#[tokio::test]
async fn nothing_outlives_the_rehearsal_however_it_ends() {
    for kill in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut world = world(dir.path()).await;
        world.start_supervisor().await.unwrap();
        let pids = pids(&world).await;
        assert_eq!(alive(&pids).len(), 4);
        if kill {
            // The supervisor gets a SIGKILL, so nobody is left to end its shops.
            drop(world);
        } else {
            world.end().await.unwrap();
        }
        all_end(&pids).await;
    }
}

#[tokio::test]
async fn commits_have_their_authors_and_a_broken_one_does_not_build() {
    let dir = tempfile::tempdir().unwrap();
    let repository = Repository::create(dir.path()).await.unwrap();
    let first = repository.commit(ANN, "Open the shop", Release::good(1)).await.unwrap();
    let build = || {
        let output = Command::new("script/cibuild").current_dir(dir.path()).output().unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stderr).unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (good, _, said) = build();
    assert!(good && said.ends_with("built version 1\n"), "{said}");
    let broken = Release { broken: true, ..Release::good(2) };
    let second = repository.commit(DORA, "Tidy the checkout", broken).await.unwrap();
    let (good, said, _) = build();
    assert!(!good && said.ends_with("error: the shop does not build: 1 fault in checkout\n"), "{said}");
    let log = Command::new("git")
        .current_dir(dir.path())
        .args(["log", "--format=%H %an <%ae> %s"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(log.stdout).unwrap(),
        format!(
            "{second} Dora <dora@shop.example> Tidy the checkout\n{first} Ann <ann@shop.example> Open the shop\n"
        )
    );
    let again = tempfile::tempdir().unwrap();
    let again = Repository::create(again.path()).await.unwrap();
    assert_eq!(
        again.commit(ANN, "Open the shop", Release::good(1)).await.unwrap(),
        first,
        "the same everywhere"
    );
}

#[tokio::test]
async fn the_bot_reads_its_configuration_without_a_complaint() {
    let dir = tempfile::tempdir().unwrap();
    let terms = Terms { expires_after: "4s".into(), ..Terms::default() };
    let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"));
    let world = World::create(&dir.path().join("a \"quoted\" world: #1"), program, &terms).await.unwrap();
    let config = lockkeeper::config::load(&world.config()).unwrap();
    assert_eq!(config.data, world.dir().join("data"));
    let files = lockkeeper::library::settings_files(&world.dir().join("config"));
    let (settings, diagnostics) = lockkeeper::content::settings::load(&files, None);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let app = settings.app(&"shop".into()).unwrap();
    assert_eq!(Path::new(&app.repository.url), world.repository().path());
    let production = &app.environments[0];
    assert_eq!(production.gate.expires_after.to_string().replace(' ', ""), "4s");
    assert_eq!(app.pool.out.as_ref().unwrap().parameters["body"], r#"{"state": "out"}"#);
    assert_eq!(app.canary.watch_plan().looks_planned, 10);
    let hosts = settings.environments.hosts_of(&"production".into(), &"app".into());
    assert_eq!(hosts, ["web-1".into(), "web-2".into(), "web-3".into()]);
    assert!(!settings.environments.environments[0].is_guarded(&"canary".into()));
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine"), "").unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"));
    let error = World::create(dir.path(), program, &Terms::default()).await.err().unwrap();
    assert!(error.to_string().ends_with("is not empty"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

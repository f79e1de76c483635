//! `lockkeeper pack`: packs come from folders and repositories, change only when somebody says so, and go.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{Place, lockkeeper, stderr, stdout};

#[track_caller]
fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    stdout(output)
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", stdout(output));
    stderr(output)
}

/// Writes files below a folder; those that end in `.sh` may be executed.
fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, text).expect("written");
        if name.ends_with(".sh") {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&path, mode).expect("a mode");
        }
    }
}

const METADATA: &str =
    "ref: demo\nname: Demo\ndescription: Says things.\nversion: 1.0.0\nauthor: me\nemail: a@b.c\n";
const SAY: &str = "name: say\nrunner_type: local-shell-script\nentry_point: say.sh\nparameters:\n  to: {type: string, required: true, position: 0}\n";
const ALIAS: &str = "name: say\naction_ref: demo.say\nformats: ['say {{to}}']\n";

/// A pack in a folder of any name, beside the installation.
fn pack(place: &Place) -> PathBuf {
    let folder = place.path().join("elsewhere/stackstorm-demo");
    let files = [
        ("pack.yaml", METADATA),
        ("actions/say.yaml", SAY),
        ("actions/say.sh", "#!/bin/sh\necho \"said to $1\"\n"),
        ("aliases/say.yaml", ALIAS),
        (".github/workflows/ci.yaml", "on: push\n"),
    ];
    write(&folder, &files);
    folder
}

fn install(place: &Place, source: &str) -> Output {
    place.ask(&["pack", "install", source, "--yes"])
}

/// Installs with an answer to the question.
fn answered(place: &Place, source: &str, answer: &str) -> Output {
    let config = place.config();
    let mut command = lockkeeper(&["pack", "install", source, "--config", &config]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("piped").write_all(answer.as_bytes()).expect("written");
    child.wait_with_output().expect("it ends")
}

fn lock(place: &Place) -> String {
    fs::read_to_string(place.path().join("packs.lock")).unwrap_or_default()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"];
    let output = Command::new("git")
        .args(identity)
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git");
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    stdout(&output).trim().to_owned()
}

#[test]
fn a_folder_becomes_a_pack_that_runs_and_goes_again() {
    let place = Place::new();
    let source = pack(&place);
    let told = good(&place.ask(&["pack", "install", &source.display().to_string()]));
    assert!(told.contains("demo 1.0.0 from ") && told.contains("restart it"), "{told}");
    assert!(told.contains("actions          1        0         0"), "{told}");
    let lines = lock(&place);
    assert!(lines.contains("version: \"1.0.0\"") && lines.contains("elsewhere/stackstorm-demo"), "{lines}");
    assert!(!place.path().join("packs/demo/.github").exists(), "what nobody reads is not taken");
    assert!(good(&install(&place, &source.display().to_string())).contains("nothing was changed"));

    let listed = good(&place.ask(&["pack", "list"]));
    assert!(listed.contains("demo  1.0.0    as installed  "), "{listed}");
    let shown = good(&place.ask(&["pack", "show", "demo"]));
    assert!(shown.contains("  action say: loads") && shown.contains("  alias say: loads"), "{shown}");
    assert!(
        refused(&place.ask(&["pack", "show", "demmo"])).contains("there is no pack `demmo`; there are demo")
    );
    {
        let _bot = place.serve();
        let ran = good(&place.ask(&["action", "run", "demo.say", "to=ann", "--wait"]));
        assert!(ran.contains("said to ann"), "{ran}");
    }
    let removed = good(&place.ask(&["pack", "remove", "demo"]));
    assert!(removed.contains("demo is removed"), "{removed}");
    assert!(!place.path().join("packs/demo").exists() && !lock(&place).contains("demo"));
    assert!(good(&place.ask(&["pack", "list"])).contains("No packs are installed"));
    assert!(refused(&place.ask(&["pack", "remove", "demo"])).contains("there is no pack `demo`"));
}

#[test]
fn an_upgrade_shows_what_changes_and_asks() {
    let place = Place::new();
    let source = pack(&place);
    let path = source.display().to_string();
    good(&install(&place, &path));
    let before = lock(&place);
    let next = [
        ("pack.yaml", METADATA.replace("1.0.0", "0.9.0")),
        ("actions/say.yaml", SAY.replace("type: string", "type: integer")),
        ("aliases/say.yaml", ALIAS.replace("'say {{to}}'", "'tell {{to}}'")),
        (
            "actions/new.yaml",
            "name: new\nrunner_type: local-shell-cmd\nparameters: {cmd: {default: date}}\n".to_owned(),
        ),
    ];
    write(&source, &next.each_ref().map(|(name, text)| (*name, text.as_str())));
    for answer in ["n\n", "", "yess\n"] {
        let output = answered(&place, &path, answer);
        let told = stdout(&output);
        for line in [
            "Version 0.9.0 is older than 1.0.0, which is installed.",
            "  + action new\n",
            "  ~ action say\n",
            "parameter `to`: string, required, position 0 → integer, required, position 0",
            "    - format `say {{to}}`",
            "    + format `tell {{to}}`",
        ] {
            assert!(told.contains(line), "{line} is not in\n{told}");
        }
        let complained = refused(&output);
        assert!(complained.contains("Replace demo 1.0.0 by 0.9.0? [y/N]"), "{complained}");
        assert!(complained.contains("Nothing was changed"), "{complained}");
        assert_eq!(lock(&place), before);
        assert!(!place.path().join("packs/demo/actions/new.yaml").exists());
    }
    good(&answered(&place, &path, "y\n"));
    assert!(lock(&place).contains("0.9.0") && place.path().join("packs/demo/actions/new.yaml").exists());

    write(&source, &[("actions/say.sh", "#!/bin/sh\necho else\n")]);
    let told = good(&install(&place, &path));
    assert!(told.contains("The version is 0.9.0 as before, but its files are others."), "{told}");
    assert!(told.contains("~ action say") && told.contains("what it runs: "), "{told}");
}

#[test]
fn a_pack_that_was_edited_is_told_and_not_refused() {
    let place = Place::new();
    let source = pack(&place).display().to_string();
    good(&install(&place, &source));
    let folder = place.path().display().to_string();
    let clean = good(&lockkeeper(&["check", &folder]).output().expect("it ends"));
    assert!(clean.ends_with("0 errors and 0 warnings\n"), "{clean}");
    fs::write(place.path().join("packs/demo/actions/say.sh"), "#!/bin/sh\necho mine\n").expect("written");
    let told = good(&lockkeeper(&["check", &folder]).output().expect("it ends"));
    assert!(told.contains("packs/demo/pack.yaml:1:1: warning: pack `demo` was changed since"), "{told}");
    assert!(told.contains("0 errors and 1 warning"), "{told}");
    assert!(good(&place.ask(&["pack", "list"])).contains("changed since"));
    let bot = place.serve();
    let ran = good(&place.ask(&["action", "run", "demo.say", "to=ann", "--wait"]));
    assert!(ran.contains("mine"), "{ran}");
    drop(bot);
    let told = good(&install(&place, &source));
    assert!(told.contains("was changed since it was installed; those changes are lost"), "{told}");
    fs::remove_dir_all(place.path().join("packs/demo")).expect("removed");
    let told = good(&lockkeeper(&["check", &folder]).output().expect("it ends"));
    assert!(told.contains("packs.lock:1:1: warning: pack `demo` was installed from"), "{told}");
    good(&place.ask(&["pack", "remove", "demo"]));
}

#[test]
fn a_repository_is_installed_at_the_commit_that_a_reference_names() {
    let place = Place::new();
    let source = pack(&place);
    git(&source, &["init", "--quiet", "--initial-branch=main"]);
    git(&source, &["add", "."]);
    git(&source, &["commit", "--quiet", "--message=one"]);
    git(&source, &["tag", "v1.0.0"]);
    let first = git(&source, &["rev-parse", "HEAD"]);
    write(&source, &[("pack.yaml", &METADATA.replace("1.0.0", "1.1.0"))]);
    git(&source, &["commit", "--quiet", "--all", "--message=two"]);
    let second = git(&source, &["rev-parse", "HEAD"]);
    // What the work tree holds is not what was committed, and no hook is run.
    write(&source, &[("pack.yaml", "no: pack\n"), (".git/hooks/post-checkout", "#!/bin/sh\ntouch ran\n")]);
    let url = format!("file://{}", source.canonicalize().expect("a path").display());

    for (reference, commit, version) in [
        ("@1.0.0", &first, "1.0.0"),
        ("", &second, "1.1.0"),
        ("@v1.0.0", &first, "1.0.0"),
        ("@main", &second, "1.1.0"),
        (&format!("@{}", &first[..9]), &first, "1.0.0"),
        (&format!("@{second}"), &second, "1.1.0"),
    ] {
        let told = good(&install(&place, &format!("{url}{reference}")));
        assert!(told.contains(&commit[..8]), "{reference}: {told}");
        let lines = lock(&place);
        assert!(
            lines.contains(commit.as_str()) && lines.contains(&format!("version: \"{version}\"")),
            "{reference}: {lines}"
        );
    }
    let by_path = good(&install(&place, &format!("{}@v1.0.0", source.display())));
    assert!(by_path.contains("Version 1.0.0 is older than 1.1.0"), "{by_path}");
    assert!(place.path().join("packs/demo/actions/say.sh").is_file());
    assert!(!place.path().join("packs/demo/.git").exists());

    let before = lock(&place);
    let unknown = refused(&install(&place, &format!("{url}@v9")));
    assert!(unknown.contains("has no branch, tag or commit `v9`"), "{unknown}");
    assert!(refused(&install(&place, &format!("{url}-gone"))).contains("-gone: "));
    assert!(
        refused(&install(&place, &format!("{url}@--upload-pack=touch"))).contains("is no name of a branch")
    );
    git(&source, &["checkout", "--quiet", "--force", "main"]);
    symlink("/etc/passwd", source.join("actions/passwd")).expect("a link");
    git(&source, &["add", "."]);
    git(&source, &["commit", "--quiet", "--message=three"]);
    assert!(
        refused(&install(&place, &url)).contains("`actions/passwd` is a link that leads out of the pack")
    );
    assert_eq!(lock(&place), before);
    let left = fs::read_dir(place.path().join("packs")).expect("packs").count();
    assert_eq!(left, 1, "nothing is left beside the pack");
}

#[test]
fn a_short_name_is_told_where_the_exchange_has_its_pack() {
    let place = Place::new();
    let told = refused(&install(&place, "slack"));
    assert!(
        told.contains("https://github.com/StackStorm-Exchange/stackstorm-slack: give that address"),
        "{told}"
    );
}

#[test]
fn what_others_need_is_removed_by_force_only() {
    let place = Place::new();
    good(&install(&place, &pack(&place).display().to_string()));
    let other = place.path().join("packs/ops");
    write(
        &other,
        &[
            ("pack.yaml", &METADATA.replace("demo", "ops")),
            ("rules/r.yaml", "name: r\ntrigger: {type: x.y}\naction: {ref: demo.say}\n"),
        ],
    );
    let told = refused(&place.ask(&["pack", "remove", "demo"]));
    assert!(told.contains("rule ops.r needs demo.say") && told.contains("--force"), "{told}");
    assert!(place.path().join("packs/demo/pack.yaml").is_file());
    good(&place.ask(&["pack", "remove", "demo", "--force"]));
    assert!(!place.path().join("packs/demo").exists());
    assert!(refused(&place.ask(&["pack", "remove", "core"])).contains("only what is in packs/"));
}

#[test]
fn a_pack_cannot_take_the_place_or_the_words_of_the_bot() {
    let place = Place::new();
    let source = pack(&place);
    let path = source.display().to_string();
    for name in ["core", "lockkeeper"] {
        write(&source, &[("pack.yaml", &METADATA.replace("demo", name))]);
        let told = refused(&install(&place, &path));
        assert!(told.contains(&format!("pack `{name}` is there already, in commands/{name}")), "{told}");
    }
    write(
        &source,
        &[("pack.yaml", METADATA), ("aliases/say.yaml", &ALIAS.replace("'say", "'ok {{to}}', 'approve"))],
    );
    let told = good(&install(&place, &path));
    assert!(
        told.contains("format `approve {{to}}` is left out: `approve` is a command of the bot itself"),
        "{told}"
    );
    let bot = place.serve();
    let answer = place.ask(&["run", "!approve 42"]);
    assert!(!stdout(&answer).contains("said to"), "{}", stdout(&answer));
    let ran = stdout(&place.ask(&["run", "!ok ann"]));
    assert!(ran.contains("said to ann") || ran.contains("demo.say") || ran.contains("succeeded"), "{ran}");
    drop(bot);
}

#[test]
fn a_bad_pack_takes_out_nothing_but_itself() {
    let place = Place::new();
    good(&install(&place, &pack(&place).display().to_string()));
    let packs = place.path().join("packs");
    write(
        &packs.join("broken"),
        &[("pack.yaml", "name: [\n"), ("actions/a.yaml", "name: a\nrunner_type: none\n")],
    );
    write(
        &packs.join("tabs"),
        &[("pack.yaml", "\t"), ("aliases/a.yaml", "\tformats: x"), ("rules/r.yaml", "[]")],
    );
    write(
        &packs.join("thief"),
        &[
            ("pack.yaml", "ref: core\nname: core\nversion: 9.0.0\n"),
            (
                "actions/stolen.yaml",
                "name: stolen\nrunner_type: local-shell-cmd\nparameters: {cmd: {default: date}}\n",
            ),
        ],
    );
    write(&packs.join("double"), &[("pack.yaml", METADATA), ("actions/twin.yaml", SAY)]);
    let _bot = place.serve();
    let ran = good(&place.ask(&["action", "run", "demo.say", "to=ann", "--wait"]));
    assert!(ran.contains("said to ann"), "{ran}");
    let actions = good(&place.ask(&["action", "list"]));
    assert!(
        actions.contains("core.local") && !actions.contains("stolen") && !actions.contains("twin"),
        "{actions}"
    );
    let told = lockkeeper(&["check", &place.path().display().to_string()]).output().expect("it ends");
    assert_eq!(told.status.code(), Some(1));
    for word in [
        "packs/broken/pack.yaml:",
        "packs/tabs/",
        "pack `core` is there twice",
        "nothing of this one is read",
    ] {
        assert!(stdout(&told).contains(word), "{word} is not in\n{}", stdout(&told));
    }
}

#[test]
fn one_pack_is_checked_where_it_lies() {
    let place = Place::new();
    let source = pack(&place);
    let path = source.display().to_string();
    let told = good(&place.ask(&["pack", "check", &path]));
    assert!(told.contains("aliases          1        0         0"), "{told}");
    write(&source, &[("actions/win.yaml", "name: win\nrunner_type: winrm-cmd\n")]);
    let told = place.ask(&["pack", "check", &path]);
    assert_eq!(told.status.code(), Some(1));
    assert!(
        stdout(&told).contains("action win: does not load\n      runner `winrm-cmd` is not performed here"),
        "{}",
        stdout(&told)
    );
    good(&install(&place, &path));
    assert_eq!(place.ask(&["pack", "check", "demo"]).status.code(), Some(1));
    assert!(refused(&place.ask(&["pack", "check", "nothing"])).contains("stackstorm-nothing"));
}

const SCHEMA: &str = "token: {type: string, secret: true, required: true, description: Who we are.}\nport: {type: integer, default: 80}\n";

#[test]
fn a_configuration_is_shown_checked_and_set_without_its_secrets() {
    let place = Place::new();
    let source = pack(&place);
    write(&source, &[("config.schema.yaml", SCHEMA)]);
    let told = good(&install(&place, &source.display().to_string()));
    assert!(told.contains("`lockkeeper pack config demo` shows with what"), "{told}");
    let folder = place.path().display().to_string();
    let check = || lockkeeper(&["check", &folder]).output().expect("it ends");
    assert!(good(&check()).contains("warning: pack `demo` is not configured: it needs `token`"));

    let bare = place.ask(&["pack", "config", "demo"]);
    assert_eq!(bare.status.code(), Some(1));
    assert!(
        stdout(&bare).contains("error: `token` is missing") && stdout(&bare).contains("80 (default)"),
        "{}",
        stdout(&bare)
    );
    let plain = refused(&place.ask(&["pack", "config", "demo", "--set", "token=hunter2hunter2"]));
    assert!(plain.contains("key set NAME - --encrypt") && !plain.contains("hunter2"), "{plain}");
    let file = place.path().join("config/packs/demo.yaml");
    assert!(!file.exists());
    let set =
        good(&place.ask(&["pack", "config", "demo", "--set", "token=env:DEMO_TOKEN", "--set", "port=8080"]));
    assert!(set.contains("env:DEMO_TOKEN") && set.contains("8080"), "{set}");
    assert_eq!(fs::read_to_string(&file).expect("written"), "token: \"env:DEMO_TOKEN\"\nport: 8080\n");
    assert!(good(&check()).ends_with("0 errors and 0 warnings\n"));

    fs::write(&file, "token: hunter2hunter2\nprot: x\n").expect("written");
    let told = stdout(&check());
    assert!(told.contains("config/packs/demo.yaml:1:1: error: the pack has no setting `prot`"), "{told}");
    assert!(told.contains("warning: `token` is a secret") && !told.contains("hunter2"), "{told}");
    let shown = place.ask(&["pack", "config", "demo"]);
    assert_eq!(shown.status.code(), Some(1));
    let shown = stdout(&shown);
    assert!(
        shown.contains("********")
            && shown.contains("st2kv.system.demo_token | decrypt_kv")
            && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn scripts_become_actions_that_run_and_change_with_them() {
    let place = Place::new();
    let scripts = place.path().join("ops-bin");
    let restart = "#!/bin/sh\n# Restarts a service.\n# usage: restart.sh [-f] [-t SECONDS] -e ENV SERVICE [HOST]\nwhile getopts ft:e: o; do echo \"$o=$OPTARG\"; done\nshift $((OPTIND - 1))\necho \"rest: $# $1\"\n";
    let scale = "import argparse\np = argparse.ArgumentParser(description='Scales.')\np.add_argument('app')\np.add_argument('--count', type=int, default=2)\np.add_argument('--dry-run', action='store_true')\nprint(p.parse_args())\n";
    write(&scripts, &[("restart.sh", restart), ("scale.py", scale), ("README", "x"), ("pwned", "no script")]);
    let path = scripts.display().to_string();
    let told = good(&place.ask(&["pack", "ingest", &path, "--pack", "ops"]));
    assert!(told.contains("restart.sh is ops.restart\nscale.py is ops.scale"), "{told}");
    assert!(told.contains("actions          2        0         0"), "{told}");
    assert!(good(&place.ask(&["pack", "ingest", &path, "--pack", "ops"])).contains("nothing was changed"));
    {
        let _bot = place.serve();
        let value = "-f; $(touch pwned)";
        let arguments =
            ["action", "run", "ops.restart", &format!("service={value}"), "arg_env=it's", "f=true", "--wait"];
        let ran = good(&place.ask(&arguments));
        assert!(
            ran.matches("f=").count() == 1
                && ran.contains("e=it's")
                && ran.contains(&format!("rest: 1 {value}")),
            "{ran}"
        );
        let ran =
            good(&place.ask(&["action", "run", "ops.scale", "app=--count=9", "dry_run=true", "--wait"]));
        assert!(ran.contains("Namespace(app='--count=9', count=2, dry_run=True)"), "{ran}");
    }
    write(&scripts, &[("scale.py", &scale.replace("'--count'", "'--replicas'"))]);
    let asked = place.ask(&["pack", "ingest", &path, "--pack", "ops"]);
    assert!(refused(&asked).contains("Replace ops 1.0.0 by 1.0.1? [y/N]"));
    assert!(stdout(&asked).contains("- parameter `count`: integer, default 2"), "{}", stdout(&asked));
    assert!(stdout(&asked).contains("+ parameter `replicas`: integer, default 2"), "{}", stdout(&asked));
    good(&place.ask(&["pack", "ingest", &path, "--pack", "ops", "--yes"]));
    let source = pack(&place).display().to_string();
    assert!(
        refused(&place.ask(&["pack", "ingest", &source])).contains("is a pack: `lockkeeper pack install")
    );
}

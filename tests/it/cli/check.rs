//! `check FILE`: what a file is, it says by its place or its keys.

use std::fs;

use super::{Place, lockkeeper, stderr, stdout};

const PACK: &str = "name: demo\ndescription: A demo.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n";

/// Writes the files, and says what `check` of the last one says, and its exit code.
fn check(files: &[(&str, &str)]) -> (Option<i32>, String) {
    let place = Place::new();
    for (path, text) in files {
        let path = place.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }
    let (last, _) = files.last().expect("a file");
    let output = lockkeeper(&["check", last]).current_dir(place.path()).output().expect("it ends");
    (output.status.code(), format!("{}{}", stdout(&output), stderr(&output)))
}

#[test]
fn a_file_in_its_place_is_read_as_what_it_is() {
    let pack = ("commands/demo/pack.yaml", PACK);
    let other = ("commands/demo/actions/other.yaml", "name: other\nrunner_typ: noop\n");
    for (path, good, bad, fault) in [
        (
            "config/apps/shop.yaml",
            "app: shop\nrepository: {url: x}\nchannels: [terminal/main]\n",
            "app: shop\n",
            "missing",
        ),
        (
            "config/people.yaml",
            "people: {ann: {terminal: [ann]}}\n",
            "people: {ann: {terminals: [ann]}}\n",
            "terminals",
        ),
        ("config/environments.yaml", "environments: {}\n", "environmints: {}\n", "environmints"),
        (
            "commands/demo/actions/a.yaml",
            "name: a\nrunner_type: noop\n",
            "name: a\nrunner_type: nope\n",
            "nope",
        ),
        (
            "aliases/demo/a.yaml",
            "name: a\naction_ref: core.noop\nformats: [a]\n",
            "name: a\naction_ref: core.nop\nformats: [a]\n",
            "core.nop",
        ),
        (
            "commands/demo/rules/r.yaml",
            "name: r\ntrigger: {type: x}\naction: {ref: core.noop}\n",
            "name: r\n",
            "trigger",
        ),
        ("commands/restart.yaml", "say: restart\nrun: [echo]\n", "say: restart\nrum: [echo]\n", "rum"),
        ("config/lockkeeper.yaml", "data: ../data\n", "dota: ../data\n", "dota"),
    ] {
        let (code, shown) = check(&[pack, other, (path, good)]);
        if path.ends_with("lockkeeper.yaml") {
            // It names content, so all of that is looked at too.
            assert!(code == Some(1) && shown.contains("runner_typ"), "{path}: {shown}");
        } else {
            assert!(code == Some(0) && shown.contains(" 0 errors"), "{path}: {code:?} {shown}");
        }
        let (code, shown) = check(&[pack, (path, bad)]);
        assert!(code == Some(1) && shown.contains(fault) && shown.contains(path), "{path}: {code:?} {shown}");
    }
}

const WORKFLOW: &str = "version: 1.0\ntasks:\n  a:\n    action: core.noop\n    next: [{do: nowhere}]\n";

#[test]
fn a_file_out_of_its_place_is_what_its_keys_say() {
    let (code, shown) = check(&[("alias.yaml", "name: a\naction_ref: core.noop\nformats: [a]\n")]);
    assert!(
        code == Some(1) && shown.contains("looks like an alias, but the bot reads those from aliases/"),
        "{shown}"
    );
    let (code, shown) = check(&[("flow.yaml", WORKFLOW)]);
    assert!(code == Some(1) && shown.contains("flow.yaml:5:"), "{code:?} {shown}");
    let unnamed =
        ("commands/demo/actions/workflows/w.yaml", "version: 1.0\ntasks: {a: {action: core.noop}}\n");
    let (code, shown) = check(&[("commands/demo/pack.yaml", PACK), unnamed]);
    assert!(code == Some(0) && shown.contains("no action names this workflow"), "{code:?} {shown}");
    let (code, shown) = check(&[("other.yaml", "data: ../data\nlisten: 3\n")]);
    assert!(code == Some(1) && shown.contains("unknown key `listen`"), "{code:?} {shown}");
}

#[test]
fn what_never_does_anything_is_told() {
    let rule =
        "name: r\nenabled: true\ntrigger: {type: core.st2.action.file_written}\naction: {ref: core.noop}\n";
    let pack = ("commands/demo/pack.yaml", PACK);
    let (code, shown) = check(&[pack, ("commands/demo/rules/r.yaml", rule)]);
    assert!(
        code == Some(0)
            && shown.contains("r.yaml:3:11: warning: nothing fires `core.st2.action.file_written`"),
        "{shown}"
    );
    let (_, shown) = check(&[pack, ("commands/demo/rules/r.yaml", &rule.replace("true", "false"))]);
    assert!(shown.contains("0 warnings"), "{shown}");

    let alias =
        "name: a\naction_ref: core.noop\nformats: ['{{ text }}', 'deploy {{ service }}', 'fine {{x}}']\n";
    let (code, shown) = check(&[("aliases/demo/a.yaml", alias)]);
    assert!(
        code == Some(0) && shown.contains("format `{{ text }}` matches whatever nothing else matches"),
        "{shown}"
    );
    assert!(
        shown.contains("format `deploy {{ service }}` matches what alias `lockkeeper.deploy` matches"),
        "{shown}"
    );
    assert!(shown.contains("2 warnings"), "{shown}");
}

use insta::assert_snapshot;
use lockkeeper::content::{Dialect, SourceFile, load, report};

use super::demo;

#[test]
fn a_bad_file_takes_out_only_itself() {
    let (catalogue, report) = demo(&[
        ("actions/good.yaml", "name: good\nrunner_type: noop\n"),
        ("actions/bad.yaml", "name: bad\nrunner_type: [noop\n"),
        ("actions/misspelt.yaml", "nmae: x\nname: misspelt\nrunner_type: noop\nenabled: yes\n"),
        ("actions/runner.yaml", "name: r\nrunner_type: locl-shell-cmd\n"),
        ("actions/twice.yaml", "name: good\nrunner_type: noop\n"),
        (
            "actions/param.yaml",
            "name: p\nrunner_type: noop\nparameters:\n  a: {type: strin, requird: true}\n",
        ),
        ("actions/missing.yaml", "name: m\nrunner_type: local-shell-script\nentry_point: gone.sh\n"),
        ("actions/outside.yaml", "name: o\nrunner_type: local-shell-script\nentry_point: ../../x.sh\n"),
        (
            "actions/override.yaml",
            "name: v\nrunner_type: local-shell-cmd\nparameters:\n  cwd: {type: integer}\n",
        ),
        (
            "actions/shell.yaml",
            "name: s\nrunner_type: local-shell-cmd\nparameters:\n  a: {type: string}\n  cmd: {default: 'eval {{a}}'}\n",
        ),
    ]);
    assert_eq!(catalogue.actions.keys().map(|it| it.as_str()).collect::<Vec<_>>(), ["demo.good"]);
    assert_snapshot!(report, @r##"
    commands/demo/actions/bad.yaml:2:14: error: unclosed bracket '['
    commands/demo/actions/missing.yaml:3:1: error: entry point commands/demo/actions/gone.sh does not exist
    commands/demo/actions/misspelt.yaml:1:1: error: unknown key `nmae`
      hint: did you mean `name`?
    commands/demo/actions/misspelt.yaml:4:10: error: expected a boolean, found the text `yes`
      hint: write `true`
    commands/demo/actions/outside.yaml:3:1: error: entry point `../../x.sh` leaves the pack
    commands/demo/actions/override.yaml:4:9: error: the attribute `type` of the runner parameter `cwd` cannot be overridden in action `v`
    commands/demo/actions/param.yaml:4:7: error: unknown type `strin`
      hint: did you mean `string`?
    commands/demo/actions/param.yaml:4:20: error: unknown key `requird`
      hint: did you mean `required`?
    commands/demo/actions/runner.yaml:2:1: error: there is no runner `locl-shell-cmd`
      hint: did you mean `local-shell-cmd`?
    commands/demo/actions/shell.yaml:5:9: error: `{{a}}` stands inside the code of another shell (`eval`, `sh -c`), where no quoting is safe
      hint: pass the value as a parameter of a script, or as an environment variable
    commands/demo/actions/twice.yaml:1:1: error: action `demo.good` is there twice: also in commands/demo/actions/good.yaml
    11 errors, 0 warnings
    "##);
}

#[test]
fn aliases_and_rules_say_what_they_lack() {
    let (catalogue, report) = demo(&[
        ("actions/deploy.yaml", "name: deploy\nrunner_type: noop\n"),
        ("aliases/a.yaml", "name: go\naction_ref: demo.deploy\nformats: ['go {{app}}']\n"),
        ("aliases/b.yaml", "name: go\naction_ref: demo.deploy\nformats: ['walk']\n"),
        ("aliases/c.yaml", "name: lost\naction_ref: demo.depoly\nformats: ['lost']\n"),
        ("aliases/d.yaml", "name: broken\naction_ref: demo.deploy\nformats: ['go ({{app}}']\n"),
        ("rules/r.yaml", "name: r\ntrigger: {type: core.st2.webhook}\naction: {ref: demo.nothing}\n"),
    ]);
    assert_eq!(catalogue.aliases.len(), 1);
    assert!(catalogue.rules.is_empty());
    assert_snapshot!(report, @r##"
    commands/demo/aliases/b.yaml:1:1: error: alias `go` is there twice: also in commands/demo/aliases/a.yaml
    commands/demo/aliases/c.yaml:2:1: error: alias `lost` runs `demo.depoly`, which does not exist
      hint: did you mean `demo.deploy`?
    commands/demo/aliases/d.yaml:3:11: error: format `go ({{app}}`: missing ), unterminated subpattern at position 66
    commands/demo/rules/r.yaml:3:10: error: rule `r` runs `demo.nothing`, which does not exist
    4 errors, 0 warnings
    "##);
}

#[test]
fn a_workflow_is_inspected_with_its_actions() {
    let (catalogue, report) = demo(&[
        (
            "actions/echo.yaml",
            "name: echo\nrunner_type: noop\nparameters:\n  text: {type: string, required: true}\n",
        ),
        ("actions/w.yaml", "name: w\nrunner_type: orquesta\nentry_point: workflows/w.yaml\n"),
        (
            "actions/workflows/w.yaml",
            "version: 1.0\ntasks:\n  a:\n    action: demo.echo\n    input:\n      txet: hi\n    next:\n      - do: b\n  b:\n    action: demo.ehco\n",
        ),
        ("actions/v.yaml", "name: v\nrunner_type: orquesta\nentry_point: workflows/v.yaml\n"),
        (
            "actions/workflows/v.yaml",
            "version: 1.0\ntasks:\n  a:\n    action: demo.echo text=<% ctx().nope %>\n    next:\n      - do: gone\n",
        ),
    ]);
    assert!(catalogue.workflows.is_empty());
    assert_snapshot!(report, @r##"
    commands/demo/actions/workflows/v.yaml:3:3: error: Variable "nope" is referenced before assignment.
    commands/demo/actions/workflows/v.yaml:6:9: error: The task "gone" is not defined.
    commands/demo/actions/workflows/w.yaml:5:5: error: task `a`: action `demo.echo` needs parameter `text`
    commands/demo/actions/workflows/w.yaml:6:7: error: task `a`: action `demo.echo` has no parameter `txet`
    commands/demo/actions/workflows/w.yaml:10:5: error: there is no action `demo.ehco`
      hint: did you mean `demo.echo`?
    5 errors, 0 warnings
    "##);
}

/// A foreign one stays, as its pack is not ours to mend; it is refused when it runs.
#[test]
fn what_changes_hosts_has_to_name_them() {
    let text = "name: r\nrunner_type: noop\ndescription: d\ntags: [{name: changes, value: hosts}]\nparameters: {target: {type: string}}\n";
    for (dialect, left, severity) in [(Dialect::Strict, 0, "error"), (Dialect::StackStorm, 1, "warning")] {
        let file = SourceFile { dialect, ..SourceFile::text("packs/demo/actions/r.yaml", text) };
        let (catalogue, diagnostics) = load(&[file]);
        assert_eq!(catalogue.actions.len(), left);
        let report = report(&diagnostics);
        let said = format!("r.yaml:4:1: {severity}: `demo.r` changes hosts, but no parameter names one");
        assert!(
            report.contains(&said) || report.contains(&said.replace("demo.r", "packs/demo.r")),
            "{report}"
        );
    }
}

#[test]
fn bombs_and_depth_are_refused_in_either_dialect() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
    let deep = "- ".repeat(5_000);
    let object = "name: !!python/object/apply:os.system [ls]\n";
    let mut text = String::new();
    for dialect in [Dialect::Strict, Dialect::StackStorm] {
        for (name, content) in [("bomb", bomb), ("deep", deep.as_str()), ("object", object)] {
            let file = SourceFile {
                dialect,
                ..SourceFile::text(format!("packs/demo/actions/{name}.yaml"), content)
            };
            let (catalogue, diagnostics) = load(&[file]);
            assert!(catalogue.actions.is_empty());
            let errors: Vec<_> = diagnostics.into_iter().filter(|it| it.is_error()).collect();
            text.push_str(&report(&errors));
        }
    }
    assert_snapshot!(text, @r##"
    packs/demo/actions/bomb.yaml:5:8: error: the file is too large or too deep
      hint: at most 20000 values, 24 levels and one document
    1 error, 0 warnings
    packs/demo/actions/deep.yaml:1:49: error: the file is too large or too deep
      hint: at most 20000 values, 24 levels and one document
    1 error, 0 warnings
    packs/demo/actions/object.yaml:1:39: error: unsupported tag `!!python/object/apply:os.system`
    1 error, 0 warnings
    packs/demo/actions/bomb.yaml:5:8: error: the file is too large or too deep
      hint: at most 20000 values, 24 levels and one document
    1 error, 0 warnings
    packs/demo/actions/deep.yaml:1:49: error: the file is too large or too deep
      hint: at most 20000 values, 24 levels and one document
    1 error, 0 warnings
    packs/demo/actions/object.yaml:1:39: error: unsupported tag `!!python/object/apply:os.system`
    1 error, 0 warnings
    "##);
}

#[test]
fn an_expression_is_no_part_of_a_shell_command() {
    let run = "name: run\nrunner_type: local-shell-cmd\ndescription: d\n";
    let go = "name: go\nrunner_type: orquesta\ndescription: d\nentry_point: workflows/go.yaml\nparameters: {who: {type: string}}\n";
    let with = |task: &str| {
        let flow = format!("version: 1.0\ninput: [who]\ntasks:\n  greet:\n{task}");
        let files = [
            ("actions/run.yaml", run),
            ("actions/go.yaml", go),
            ("actions/workflows/go.yaml", flow.as_str()),
        ];
        let (catalogue, report) = super::demo(&files);
        (catalogue.actions.contains_key(&lockkeeper::id::ActionRef::from("demo.go")), report)
    };
    for spliced in [
        "    action: demo.run\n    input: {cmd: 'echo <% ctx().who %>'}\n",
        "    action: demo.run cmd=\"echo {{ ctx().who }}\"\n",
    ] {
        let (loaded, report) = with(spliced);
        assert!(!loaded && report.contains("would become code of the shell"), "{report}");
    }
    let (loaded, report) =
        with("    action: demo.run\n    input: {cmd: 'echo \"$WHO\"', env: {WHO: <% ctx().who %>}}\n");
    assert!(loaded, "{report}");
}

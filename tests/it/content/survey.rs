//! A whole installation at a glance.

use lockkeeper::content::{Dialect, Fit, SourceFile, SurveyKind, survey};

fn foreign(path: &str, text: &str) -> SourceFile {
    SourceFile { dialect: Dialect::StackStorm, ..SourceFile::text(format!("packs/{path}"), text) }
}

fn fit(files: &[SourceFile], path: &str) -> (Fit, Vec<String>) {
    let own = SourceFile::text("commands/core/pack.yaml", "name: core\nversion: 1.0.0\ndescription: Ours.\n");
    let survey = survey(files, &[own]);
    let found = survey.files.into_iter().find(|it| it.file == format!("packs/{path}"));
    let found = found.unwrap_or_else(|| panic!("{path} was not looked at"));
    (found.fit, found.reasons)
}

const PACK: &str = "name: demo\nref: demo\nversion: 1.0.0\ndescription: D.\nauthor: me\nemail: a@b.c\n";

#[test]
fn every_file_of_a_pack_has_its_place_and_its_reason() {
    let workflow =
        "version: 1.0\ntasks:\n  a: {action: core.noop, next: [{publish: [{x: '<% ctx().y | z %>'}]}]}\n";
    let chain = "chain: [{name: a, ref: core.noop}]\n";
    let files = [
        foreign("demo/pack.yaml", PACK),
        foreign("demo/actions/local.yaml", "name: local\nrunner_type: local-shell-cmd\n"),
        foreign("demo/actions/windows.yaml", "name: windows\nrunner_type: winrm-cmd\n"),
        foreign("demo/actions/none.yaml", "name: none\nrunner_type: no-such\n"),
        foreign("demo/actions/workflows/odd.yaml", workflow),
        foreign("demo/actions/workflows/chain.yaml", chain),
        foreign("demo/aliases/ok.yaml", "name: ok\naction_ref: demo.local\nformats: [ok]\n"),
        foreign("demo/aliases/idle.yaml", "name: idle\naction_ref: demo.windows\nformats: [idle]\n"),
        foreign("demo/aliases/bad.yaml", "name: bad\naction_ref: demo.local\nformats: ['{{ a-b }}']\n"),
        foreign(
            "demo/policies/p.yaml",
            "name: p\nresource_ref: demo.local\npolicy_type: action.retry\nparameters: {retry_on: failure, max_retry_count: 2}\n",
        ),
        foreign("core/pack.yaml", "name: core\nversion: 3.0.0\n"),
        foreign("core/actions/noop.yaml", "name: noop\nrunner_type: noop\n"),
    ];
    assert_eq!(fit(&files, "demo/pack.yaml"), (Fit::Loads, Vec::new()));
    assert_eq!(fit(&files, "demo/actions/local.yaml").0, Fit::Loads);
    let (windows, why) = fit(&files, "demo/actions/windows.yaml");
    assert_eq!((windows, why), (Fit::Refused, vec!["runner `winrm-cmd` is not performed here".to_owned()]));
    let (none, why) = fit(&files, "demo/actions/none.yaml");
    assert_eq!((none, why), (Fit::Refused, vec!["there is no runner `no-such`".to_owned()]));
    assert_eq!(fit(&files, "demo/actions/workflows/odd.yaml").0, Fit::Differs);
    assert_eq!(fit(&files, "demo/aliases/ok.yaml").0, Fit::Loads);
    let (idle, why) = fit(&files, "demo/aliases/idle.yaml");
    assert_eq!((idle, why), (Fit::Differs, vec!["its action `demo.windows` does not run here".to_owned()]));
    assert_eq!(fit(&files, "demo/aliases/bad.yaml").0, Fit::Refused);
    assert_eq!(fit(&files, "demo/policies/p.yaml"), (Fit::Loads, Vec::new()));
    let (core, why) = fit(&files, "core/pack.yaml");
    assert!(core == Fit::Differs && why[0].contains("stands for this one"), "{why:?}");

    let survey = survey(&files, &[SourceFile::text("commands/core/pack.yaml", "name: core\n")]);
    // What the bot brings itself stands for all of that pack, and a chain is no workflow.
    assert!(!survey.files.iter().any(|it| it.file.ends_with("noop.yaml") || it.file.ends_with("chain.yaml")));
    assert_eq!(survey.count(SurveyKind::Alias, Fit::Loads), 1);
    let whys: Vec<usize> = survey.whys(Fit::Refused).iter().map(|it| it.files.len()).collect();
    assert_eq!(whys, [1, 1, 1]);
}

use insta::assert_snapshot;
use lockkeeper::alias::{Compat, Index, Mode, Outcome};
use lockkeeper::content::{Catalogue, SourceFile, expand, load, report};
use serde_json::{Value, json};

const RESTART: &str = r#"
say: restart {{app}} [on {{env}}]
help: Restarts an app
params:
  app: {choices: [shop, blog]}
  env: staging
run: [./restart.sh, "--app={{app}}", "{{env}}"]
who: [deployers]
changes: production
"#;

fn one(text: &str) -> (Catalogue, String) {
    let script = SourceFile { executable: true, ..SourceFile::text("commands/restart.sh", "#!/bin/sh\n") };
    let (catalogue, diagnostics) = load(&[SourceFile::text("commands/restart.yaml", text), script]);
    (catalogue, report(&diagnostics))
}

fn said(catalogue: &Catalogue, message: &str) -> Option<Value> {
    let (index, faults) = Index::build(catalogue.aliases.clone());
    assert!(faults.is_empty());
    match index.find(message, Mode::First, Compat::Mended) {
        Outcome::Matched(found) => Some(json!(found.parameters)),
        _ => None,
    }
}

#[test]
fn a_command_in_one_file_is_said_and_run_without_a_shell() {
    let (catalogue, report) = one(RESTART);
    assert_eq!(report, "0 errors, 0 warnings\n");
    let action = catalogue.actions.get(&lockkeeper::id::ActionRef::new("commands.restart")).unwrap();
    assert!(action.guarded);
    assert_eq!(action.tags["who"], "deployers");

    let given = said(&catalogue, "restart shop on production").unwrap();
    assert_eq!(given["app"], "shop");
    assert_eq!(given["env"], "production");
    assert_eq!(said(&catalogue, "restart shop").unwrap()["app"], "shop");
    assert!(said(&catalogue, "restart").is_none());

    let given = json!({"app": "shop", "env": "$(id); \"x"});
    let bound = action.bind(given.as_object().unwrap().clone()).unwrap();
    assert_eq!(bound.argv, ["./restart.sh", "--app=shop", "$(id); \"x"]);
    let refused = action.bind(json!({"app": "other"}).as_object().unwrap().clone()).unwrap_err();
    assert_eq!(refused.to_string(), "`app` wants one of shop, blog, got `other`");
}

#[test]
fn steps_become_a_workflow_of_one_after_another() {
    let (catalogue, report) = one(
        "say: 'cycle {{app}}'\nsteps:\n  - run: [./restart.sh, stop, '{{app}}']\n  - name: tell\n    action: commands.cycle_note\n    with: {text: 'did {{app}}'}\n",
    );
    assert!(report.contains("there is no action `commands.cycle_note`"), "{report}");
    assert!(catalogue.workflows.is_empty());

    let (catalogue, report) = one(
        "say: 'cycle {{app}}'\nsteps:\n  - run: [./restart.sh, stop, '{{app}}']\n  - run: [./restart.sh, start]\n",
    );
    assert_eq!(report, "0 errors, 0 warnings\n");
    let workflow = catalogue.workflows.values().next().unwrap();
    assert_eq!(workflow.definition["tasks"]["step_1"]["input"], json!({"app": "<% ctx(app) %>"}));
    assert_eq!(workflow.definition["tasks"]["step_1"]["next"][0]["do"], "step_2");
    assert_eq!(catalogue.actions.len(), 3);
}

#[test]
fn what_is_wrong_with_a_command_is_pointed_at() {
    let mut text = String::new();
    for content in [
        "say: 'restart {{app}}'\nrun: [./restart.sh, '{{ap}}']\n",
        "say: 'restart {{app}}'\nrun: ['{{app}}']\n",
        "say: 'restart {{app}}'\nrun: ./restart.sh {{app}}\n",
        "say: 'restart [{{app}}'\nrun: [./restart.sh]\n",
        "say: restart\nrun: [./gone.sh]\n",
        "say: restart\n",
        "say: restart\nparms: {}\nrun: [./restart.sh]\n",
        "say: 'restart {{target}}'\nrun: [./restart.sh, '{{target}}']\nchanges: hosts\n",
    ] {
        text.push_str(&one(content).1);
    }
    assert_snapshot!(text, @r##"
    commands/restart.yaml:2:21: error: `ap` is no parameter
      hint: did you mean `app`?
    1 error, 0 warnings
    commands/restart.yaml:2:7: error: the program itself cannot come from a value
    1 error, 0 warnings
    commands/restart.yaml:2:6: error: expected a list, found the text `./restart.sh {{app}}`
    1 error, 0 warnings
    commands/restart.yaml:1:1: error: `[` without `]`
    1 error, 0 warnings
    commands/restart.yaml:2:7: error: commands/gone.sh does not exist
    1 error, 0 warnings
    commands/restart.yaml:1:1: error: `run` or `steps` is missing
    1 error, 0 warnings
    commands/restart.yaml:2:1: error: unknown key `parms`
      hint: did you mean `params`?
    1 error, 0 warnings
    commands/restart.yaml:1:1: error: alias `restart` runs `commands.restart`, which does not exist
    commands/restart.yaml:3:1: error: `commands.restart` changes hosts, but no parameter names one
      hint: add a parameter `host` or `hosts`, or name what it changes: `changes: production`
    2 errors, 0 warnings
    "##);
}

#[test]
fn a_command_can_be_shown_as_the_files_it_stands_for() {
    let files = expand(&SourceFile::text("commands/restart.yaml", RESTART)).unwrap();
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(names, ["commands/commands/aliases/restart.yaml", "commands/commands/actions/restart.yaml"]);
    assert_eq!(files[1]["runner_type"], "argv");
    assert_eq!(files[0]["formats"][0]["display"], "restart {{app}} [on {{env}}]");
}

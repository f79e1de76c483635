//! Rules on the command line.

use std::process::{Command, Output, Stdio};

use super::world::{house, rule, writer};
use crate::support::house::House;

fn lockkeeper(house: &House, arguments: &[&str], input: &str) -> Output {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_lockkeeper"))
        .arg("rule")
        .args(arguments)
        .current_dir(house.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("an input").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_rule_is_listed_shown_and_tried() {
    let house = house();
    writer(&house, "log");
    rule(
        &house,
        "deployed",
        "description: Writes what is deployed.\ntrigger: {type: core.st2.webhook, parameters: {url: deployed}}\n\
         criteria: {trigger.body.status: {type: eq, pattern: ok}}\n\
         action: {ref: trial.log, parameters: {text: \"{{ trigger.body.app }}\"}}\n",
    );
    let listed = said(&lockkeeper(&house, &["list"], ""));
    assert!(
        listed.contains("trial.deployed  true     core.st2.webhook  trial.log  Writes what is deployed."),
        "{listed}"
    );
    let shown = said(&lockkeeper(&house, &["show", "trial.deployed"], ""));
    assert!(shown.contains("\"trigger.body.status\": {"), "{shown}");

    let test = |payload: &str| {
        let output = lockkeeper(&house, &["test", "trial.deployed", "--payload", "-"], payload);
        (output.status.code(), said(&output))
    };
    let (code, text) = test("{\"body\": {\"status\": \"ok\", \"app\": \"shop\"}}");
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("trial.deployed matches, and would start trial.log with\n{\n  \"text\": \"shop\"\n}"),
        "{text}"
    );
    let (code, text) = test("body: {status: bad}");
    assert_eq!(
        (code, text.trim()),
        (
            Some(1),
            "trial.deployed does not match: `trigger.body.status` is \"bad\", which does not fit \"ok\""
        )
    );
    let (code, text) = test("body: {status: ok}");
    assert!(code == Some(1) && text.contains("`text` does not render"), "{code:?} {text}");
    let output = lockkeeper(&house, &["show", "trial.nothing"], "");
    assert!(output.status.code() == Some(1) && said(&output).contains("there is no rule `trial.nothing`"));
}

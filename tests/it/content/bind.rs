use lockkeeper::content::{Action, Bound};
use serde_json::{Map, Value, json};

use super::demo;

const DEPLOY: &str = "
name: deploy
runner_type: local-shell-cmd
parameters:
  app: {type: string, required: true}
  count: {type: integer, default: 2}
  target: {type: string, enum: [staging, production], default: staging}
  force: {type: boolean}
  labels: {type: array}
  options: {type: object}
  token: {type: string, secret: true, enum: [right-one]}
  title: {type: string, default: '{{ app }} to {{ target }}'}
  banner: {type: string, default: '** {{ title }} **'}
  cmd: {default: 'echo {{ app }} \"of {{ target }}\"', immutable: true}
";

fn action(text: &str) -> Action {
    let (catalogue, report) = demo(&[("actions/deploy.yaml", text)]);
    catalogue.actions.values().next().unwrap_or_else(|| panic!("{report}")).clone()
}

fn bind(given: Value) -> Result<Bound, String> {
    let Value::Object(given) = given else { panic!("an object") };
    action(DEPLOY).bind(given).map_err(|it| it.to_string())
}

#[test]
fn values_are_completed_and_typed() {
    let bound = bind(json!({
        "app": "shop", "count": "3", "force": "true", "labels": "a, b", "options": "{\"x\": 1}", "target": "production",
    }))
    .unwrap();
    assert_eq!(bound.values["count"], 3);
    assert_eq!(bound.values["force"], true);
    assert_eq!(bound.values["labels"], json!(["a", "b"]));
    assert_eq!(bound.values["options"], json!({"x": 1}));
    assert_eq!(bound.values["timeout"], 60);
    assert_eq!(bound.values["token"], Value::Null);
    // Templates of defaults are rendered after what they need.
    assert_eq!(bound.values["banner"], "** shop to production **");
}

#[test]
fn a_value_is_neither_a_template_nor_code() {
    let hostile = "{{ token }}'; rm -rf / #$(id)";
    let bound = bind(json!({"app": hostile})).unwrap();
    assert_eq!(bound.values["app"], hostile);
    let command = bound.values["cmd"].as_str().unwrap();
    assert_eq!(command, r#"echo "${LOCKKEEPER_VALUE_0}" "of ${LOCKKEEPER_VALUE_1}""#);
    assert_eq!(bound.env["LOCKKEEPER_VALUE_0"], hostile);
    assert_eq!(bound.env["LOCKKEEPER_VALUE_1"], "staging");
}

#[test]
fn what_does_not_fit_is_said_with_an_example() {
    for (given, expected) in [
        (json!({}), "`app` wants a text, got nothing; for instance `text`"),
        (json!({"app": "x", "count": "many"}), "`count` wants a whole number, got `many`; for instance `3`"),
        (json!({"app": "x", "count": 1.5}), "`count` wants a whole number, got `1.5`; for instance `3`"),
        (json!({"app": "x", "target": "moon"}), "`target` wants one of staging, production, got `moon`"),
        (
            json!({"app": "x", "force": "perhaps"}),
            "`force` wants true or false, got `perhaps`; for instance `true`",
        ),
        (json!({"app": "x", "cmd": "rm"}), "`cmd` wants no value: it is fixed, got `a value`"),
        // A secret is not repeated.
        (json!({"app": "x", "token": "hunter2"}), "`token` wants one of right-one, got `********`"),
    ] {
        assert_eq!(bind(given).unwrap_err(), expected);
    }
    let unknown = bind(json!({"app": "x", "ap": 1})).unwrap_err();
    assert!(
        unknown.starts_with("`ap` wants to be one of the parameters of demo.deploy (app, count, target,"),
        "{unknown}"
    );
}

#[test]
fn defaults_that_need_each_other_are_refused() {
    let action = action(
        "name: x\nrunner_type: noop\nparameters:\n  a: {type: string, default: '{{ b }}'}\n  b: {type: string, default: '{{ a }}'}\n",
    );
    let error = action.bind(Map::new()).unwrap_err();
    assert_eq!(error.parameter, "a, b");
}

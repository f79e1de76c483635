//! No way around a gate.

use crate::support::house::House;

const ENVIRONMENTS: &str = "
environments:
  production:
    roles:
      canary: {hosts: [canary-1], guarded: false}
      app: {hosts: [web-1]}
hosts:
  canary-1: {connection: local, dir: HERE/canary-1}
  web-1: {connection: local, dir: HERE/web-1}
";

/// A workflow that runs a command on a host of its own choice.
const DIRECT: &str = "
version: 1.0
input: [number]
tasks:
  touch:
    action: core.remote hosts=<% ctx().number %> cmd=\"touch HERE/it-was-here\"
";

async fn house() -> House {
    let house = House::new();
    house.write(
        "config/environments.yaml",
        &ENVIRONMENTS.replace("HERE", &house.path("").display().to_string()),
    );
    let here = house.path("").display().to_string();
    house.workflow(&DIRECT.replace("HERE", &here), "{number: {type: string}}");
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_of_ones_own_cannot_touch_a_protected_host_without_an_approval() {
    let house = house().await;
    let bot = house.start().await;
    let card = bot.ask("ann", "!go web-1", |text| text.contains("failed")).await;
    assert!(card.contains("needs an approval: production is protected"), "{card}");
    assert!(!house.path("it-was-here").exists());
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    let visit = bot.engine.store().children(root.id).await.unwrap().remove(0);
    assert!(bot.engine.store().attempts(visit.id).await.unwrap().is_empty(), "no attempt was even begun");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unguarded_canary_may_be_touched() {
    let house = house().await;
    let bot = house.start().await;
    bot.ask("ann", "!go canary-1", |text| text.contains("done")).await;
    assert!(house.path("it-was-here").exists());
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_nobody_listed_is_not_touched() {
    let house = house().await;
    let bot = house.start().await;
    let card = bot.ask("ann", "!go web-9", |text| text.contains("failed")).await;
    assert!(card.contains("not in the inventory"), "{card}");
    bot.stop().await;
}

/// Writes that it was there, and names no host.
const EVERYTHING: &str =
    "say: restart everything\nrun: [/usr/bin/touch, HERE/it-was-here]\nchanges: production\n";

async fn says(house: &House, order: &str) -> String {
    let bot = house.start().await;
    let card = bot.ask("ann", order, |text| text.contains("failed") || text.contains("done")).await;
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    if card.contains("failed") {
        assert!(bot.engine.store().attempts(root.id).await.unwrap().is_empty(), "no attempt was even begun");
    }
    bot.stop().await;
    card
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_changes_production_and_names_no_host_stands_for_all_of_it() {
    let house = house().await;
    let here = house.path("").display().to_string();
    house.write("commands/everything.yaml", &EVERYTHING.replace("HERE", &here));
    let card = says(&house, "!restart everything").await;
    assert!(
        card.contains("commands.everything on web-1 needs an approval: production is protected"),
        "{card}"
    );
    assert!(card.contains("only a release that people approved may run it"), "{card}");
    assert!(!house.path("it-was-here").exists());

    // Where nothing is protected, the tag asks for nothing.
    let open =
        ENVIRONMENTS.replace("production:", "production:\n    protected: false").replace("HERE", &here);
    house.write("config/environments.yaml", &open);
    assert!(says(&house, "!restart everything").await.contains("done"));
    assert!(house.path("it-was-here").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_place_does_not_run() {
    let house = house().await;
    let here = house.path("").display().to_string();
    let everything = EVERYTHING.replace("HERE", &here);
    house.write("commands/everything.yaml", &everything.replace("production", "prodution"));
    let card = says(&house, "!restart everything").await;
    assert!(card.contains("it changes `prodution`, which is no environment"), "{card}");

    house.write("commands/everything.yaml", &everything);
    house.write("config/environments.yaml", "environments: {production: {}}\n");
    let card = says(&house, "!restart everything").await;
    assert!(card.contains("production, which is protected and has no hosts"), "{card}");

    let some =
        everything.replace("everything\n", "everything [on {{hosts}}]\n").replace("production", "hosts");
    house.write("commands/everything.yaml", &some);
    let card = says(&house, "!restart everything").await;
    assert!(card.contains("no `host` or `hosts` says which"), "{card}");
    assert!(!house.path("it-was-here").exists());
}

/// The tag stands on the workflow; its step runs a command on the bot's own machine.
const STEPS: &str = "
say: cycle everything
steps:
  - {name: harmless, action: core.noop}
  - {name: touch, action: core.local, with: {cmd: touch HERE/it-was-here}}
changes: production
";

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_changing_workflow_runs_needs_its_approval() {
    let house = house().await;
    house.write("commands/cycle.yaml", &STEPS.replace("HERE", &house.path("").display().to_string()));
    let card = says(&house, "!cycle everything").await;
    assert!(card.contains("core.local on web-1 needs an approval: production is protected"), "{card}");
    assert!(!house.path("it-was-here").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_built_in_that_changes_a_host_needs_no_tag_to_be_guarded() {
    let house = house().await;
    house.workflow("version: 1.0\ntasks: {}\n", "{}");
    house.write(
        "commands/trial/actions/quiet.yaml",
        "name: quiet\nrunner_type: native\nentry_point: install\ndescription: d\nparameters:\n  host: {type: string}\n",
    );
    house.write(
        "aliases/trial/quiet.yaml",
        "name: quiet\naction_ref: trial.quiet\ndescription: d\nformats: [\"quiet {{host}}\"]\n",
    );
    let card = says(&house, "!quiet web-1").await;
    assert!(card.contains("trial.quiet on web-1 needs an approval"), "{card}");
}

//! A rule is nobody: no way around a gate, and none around who may.

use serde_json::json;

use super::world::{house, post, rule, send, settled};
use crate::support::house::House;

const ENVIRONMENTS: &str = "
environments:
  production: {roles: {app: {hosts: [web-1]}}}
hosts:
  web-1: {connection: local, dir: HERE/web-1}
";

fn guarded() -> House {
    let house = house();
    let here = house.path("").display().to_string();
    house.write("config/environments.yaml", &ENVIRONMENTS.replace("HERE", &here));
    house
}

async fn posted(house: &House) -> (Vec<lockkeeper::store::execution::Execution>, Vec<String>) {
    let bot = house.start().await;
    assert_eq!(send(post(&bot, "/webhooks/go", &json!({"host": "web-1"}))).await.status(), 202);
    let roots = settled(&bot).await;
    if let Some(root) = roots.first() {
        let attempts = bot.engine.store().attempts(root.id).await.unwrap();
        assert!(attempts.is_empty(), "no attempt was even begun");
    }
    let told = bot.shows(0, |it| it.contains("rule trial.go")).await;
    bot.stop().await;
    (roots, vec![told])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_touches_no_protected_host() {
    let house = guarded();
    let touch = house.path("it-was-here").display().to_string();
    rule(
        &house,
        "go",
        &format!(
            "trigger: {{type: core.st2.webhook, parameters: {{url: go}}}}\n\
             action: {{ref: core.remote, parameters: {{hosts: \"{{{{ trigger.body.host }}}}\", cmd: \"touch {touch}\"}}}}\n"
        ),
    );
    let (roots, told) = posted(&house).await;
    assert_eq!(roots.len(), 1);
    assert!(told[0].contains("needs an approval: production is protected"), "{told:?}");
    assert!(!house.path("it-was-here").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_an_environment_without_naming_a_host_is_all_of_it() {
    let house = guarded();
    let touch = house.path("it-was-here").display().to_string();
    house.write(
        "commands/everything.yaml",
        &format!("say: restart everything\nrun: [/usr/bin/touch, {touch}]\nchanges: production\n"),
    );
    rule(
        &house,
        "go",
        "trigger: {type: core.st2.webhook, parameters: {url: go}}\naction: {ref: commands.everything}\n",
    );
    let (roots, told) = posted(&house).await;
    assert_eq!(roots.len(), 1);
    assert!(told[0].contains("needs an approval: production is protected"), "{told:?}");
    assert!(!house.path("it-was-here").exists());
}

/// A foreign pack loads with what is wrong in it.
fn foreign(house: &House, action: &str, parameters: &str) {
    house.write(
        "packs/trial/pack.yaml",
        "name: trial\ndescription: D.\nversion: 1.0.0\nauthor: me\nemail: me@example.org\n",
    );
    std::fs::remove_dir_all(house.path("commands/trial")).unwrap();
    house.write(
        "packs/trial/rules/go.yaml",
        &format!(
            "name: go\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: go}}}}\n\
             action: {{ref: {action}, parameters: {parameters}}}\n"
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_certain_people_or_said_by_people_no_rule_starts() {
    let house = guarded();
    let touch = house.path("it-was-here").display().to_string();
    house.write("commands/ours.yaml", &format!("say: do ours\nrun: [/usr/bin/touch, {touch}]\nwho: [sre]\n"));
    for (action, parameters, why) in [
        (
            "commands.ours",
            "{}",
            "did not start `commands.ours`: it is for certain people only (`who`), and a rule is nobody",
        ),
        (
            "lockkeeper.deploy",
            "{app: shop}",
            "did not start `lockkeeper.deploy`: it is a command that people say",
        ),
        ("trial.gone", "{}", "did not start `trial.gone`: there is no such action"),
        (
            "core.echo",
            "{message: \"{{ trigger.body.absent }}\"}",
            "did not start `core.echo`: `message` does not render",
        ),
        ("core.local", "{cmd: \"eval {{ trigger.body.host }}\"}", "where no quoting is safe"),
        ("core.local", "{}", "did not start `core.local`: `cmd` wants"),
    ] {
        std::fs::create_dir_all(house.path("commands/trial")).unwrap();
        foreign(&house, action, parameters);
        let (roots, told) = posted(&house).await;
        assert!(roots.is_empty(), "{action}");
        assert!(told[0].contains(why), "{action}: {told:?}");
        std::fs::remove_dir_all(house.path("data")).unwrap();
    }
    assert!(!house.path("it-was-here").exists());
}

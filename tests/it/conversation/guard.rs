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

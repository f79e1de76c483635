//! What ended badly, run again.

use crate::support::house::{Bot, House};

/// `one` counts its runs; `two` fails until somebody mends it.
const MENDABLE: &str = "
version: 1.0
input: [number]
tasks:
  one:
    action: core.local cmd=\"echo once >> HERE/runs\"
    next: [{when: <% succeeded() %>, publish: [{said: <% ctx().number + ' of one' %>}], do: two}]
  two:
    action: core.local cmd=\"test -e HERE/mended\"
output: [{said: <% ctx().said %>}]
";

fn house(definition: &str) -> House {
    let house = House::new();
    let here = house.path("").display().to_string();
    house.workflow(&definition.replace("HERE", here.trim_end_matches('/')), "{number: {type: string}}");
    house
}

fn runs(house: &House) -> usize {
    std::fs::read_to_string(house.path("runs")).unwrap_or_default().lines().count()
}

/// The id that the latest card shows.
async fn short(bot: &Bot) -> String {
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    root.id.to_string().rsplit('-').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_failed_runs_again_and_what_was_known_is_known() {
    let house = house(MENDABLE);
    let bot = house.start().await;
    bot.ask("ann", "!go 7", |text| text.contains("failed")).await;
    let first = short(&bot).await;
    house.write("mended", "");
    let card = bot.ask("bea", &format!("!rerun {first}"), |text| text.contains("done")).await;
    assert!(card.contains("said: 7 of one"), "{card}");
    assert!(card.contains(&format!("again after  {first}")) && card.contains("bea"), "{card}");
    assert!(card.contains("two") && !card.contains("✔ one"), "{card}");
    assert_eq!(runs(&house), 1);
    // What ended stays as it is.
    let old = bot.engine.store().recent_executions(2).await.unwrap().remove(1);
    assert_eq!(old.status.as_str(), "failed");
    let told =
        bot.ask("ann", &format!("!rerun {}", short(&bot).await), |text| text.contains("not run again")).await;
    assert!(told.contains("nothing in it failed; name the tasks to run again"), "{told}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn named_tasks_run_again_after_a_restart_and_lead_on_from_there() {
    let house = house(MENDABLE);
    let bot = house.start().await;
    bot.ask("ann", "!go 7", |text| text.contains("failed")).await;
    let first = short(&bot).await;
    bot.stop().await;
    house.write("mended", "");
    let bot = house.start().await;
    let told =
        bot.ask("ann", &format!("!rerun {first} tasks=three"), |text| text.contains("never ran")).await;
    assert!(told.contains("was not run again: it never ran three|0"), "{told}");
    let card = bot.ask("ann", &format!("!rerun {first} tasks=one"), |text| text.contains("done")).await;
    assert!(card.contains("✔ one") && card.contains("✔ two"), "{card}");
    assert_eq!(runs(&house), 2);
    bot.stop().await;
}

const ITEMS: &str = "
version: 1.0
input: [number]
tasks:
  each:
    with: name in <% list(a, b) %>
    action: trial.item name=<% item(name) %>
";

/// Item `a` always goes well, item `b` only when somebody mended it.
const ITEM: &str = "name: item
runner_type: local-shell-script
description: A trial.
entry_point: item.sh
parameters: {name: {type: string, required: true, position: 0}, cwd: {default: HERE}}
";

#[tokio::test(flavor = "multi_thread")]
async fn items_that_went_well_run_again_only_if_they_are_reset() {
    let house = house(ITEMS);
    let here = house.path("").display().to_string();
    house.write("commands/trial/actions/item.yaml", &ITEM.replace("HERE", here.trim_end_matches('/')));
    house
        .write("commands/trial/actions/item.sh", "#!/bin/sh\necho $1 >> runs\n[ $1 = a ] || [ -e mended ]\n");
    let bot = house.start().await;
    bot.ask("ann", "!go 7", |text| text.contains("failed")).await;
    let first = short(&bot).await;
    assert_eq!(runs(&house), 2);
    for mistyped in ["tasks=each no_reset=eahc", "no_reset=each", "tasks=each:1 no_reset=each"] {
        let order = format!("!rerun {first} {mistyped}");
        let told = bot.ask("ann", &order, |text| text.contains("Nothing was run")).await;
        assert!(told.contains("but not after `tasks=`"), "{told}");
    }
    assert_eq!(runs(&house), 2, "what went well did not run again");
    house.write("mended", "");
    bot.ask("ann", &format!("!rerun {first} tasks=each no_reset=each"), |text| text.contains("done")).await;
    assert_eq!(runs(&house), 3);
    bot.ask("bea", &format!("!rerun {first} tasks=each"), |text| {
        text.contains("done") && text.contains("bea")
    })
    .await;
    assert_eq!(runs(&house), 5);
    bot.stop().await;
}

const ENVIRONMENTS: &str = "
environments:
  production:
    roles: {app: {hosts: [web-1]}}
hosts:
  web-1: {connection: local, dir: HERE/web-1}
";

const GUARDED: &str = "
version: 1.0
input: [number]
tasks:
  one:
    action: core.local cmd=\"echo once >> HERE/runs\"
    next: [{when: <% succeeded() %>, do: touch}]
  touch: {action: core.remote hosts=\"web-1\" cmd=\"touch HERE/it-was-here\"}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_rerun_has_no_grant_of_what_it_runs_again() {
    let house = house(GUARDED);
    let here = house.path("").display().to_string();
    house.write("config/environments.yaml", &ENVIRONMENTS.replace("HERE", here.trim_end_matches('/')));
    let bot = house.start().await;
    bot.ask("ann", "!go 7", |text| text.contains("failed")).await;
    let first = short(&bot).await;
    let card = bot
        .ask("ann", &format!("!rerun {first}"), |text| {
            text.contains("failed") && text.contains("again after")
        })
        .await;
    assert!(card.contains("needs an approval: production is protected"), "{card}");
    assert!(!house.path("it-was-here").exists());
    assert_eq!(runs(&house), 1);
    bot.stop().await;
}

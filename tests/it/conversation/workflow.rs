//! Workflows end to end: rows, restarts, many items.

use std::time::Instant;

use crate::support::house::House;

const SEQUENCE: &str = "
version: 1.0
tasks:
  one:
    action: core.local cmd=\"echo hello\"
    next: [{when: <% succeeded() %>, publish: [{said: <% result().stdout %>}], do: two}]
  two:
    action: core.noop
output: [{said: <% ctx().said %>}]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_runs_its_tasks_in_order_and_its_card_says_so() {
    let house = House::new();
    house.workflow(SEQUENCE, "{}");
    let bot = house.start().await;
    let card = bot.ask("ann", "!go", |text| text.contains("done")).await;
    assert!(card.contains("✔ one") && card.contains("✔ two"), "{card}");
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    assert_eq!(root.result.unwrap()["output"]["said"], "hello");
    bot.stop().await;
}

const MANY: &str = "
version: 1.0
input: [number]
tasks:
  all:
    with: <% range(int(ctx().number)) %>
    action: core.noop
";

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_and_fifty_items_are_done_once_each() {
    let house = House::new();
    house.workflow(MANY, "{number: {type: string}}");
    let bot = house.start().await;
    let started = Instant::now();
    bot.ask("ann", "!go 250", |text| text.contains("done")).await;
    eprintln!("250 items: {:?}", started.elapsed());
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    assert_eq!(bot.engine.store().children(root.id).await.unwrap().len(), 250);
    bot.stop().await;
}

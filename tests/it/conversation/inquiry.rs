//! A workflow asks people, and waits.

use crate::support::house::House;

const ASKING: &str = "
version: 1.0
tasks:
  ask:
    action: core.ask
    input: {roles: [sre], schema: {type: object, properties: {really: {type: boolean, required: true, description: Really?}}}}
    next: [{when: <% succeeded() %>, publish: [{said: <% result().response.really %>}], do: go}]
  go:
    action: core.noop
output: [{said: <% ctx().said %>}]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_question_holds_the_workflow_also_over_a_restart() {
    let house = House::new();
    house.workflow(ASKING, "{}");
    let bot = house.start().await;
    let question = bot.ask("ann", "!go", |text| text.contains("asks")).await;
    bot.shows(0, |text| text.contains("waiting for an answer")).await;
    let status = bot.ask("ann", "!status", |text| text.contains("trial.go")).await;
    assert!(status.contains("trial.go: waiting for an answer"), "{status}");
    let id = question.split("!answer ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    bot.stop().await;

    let bot = house.start().await;
    bot.ask("ann", &format!("!answer {id} yes"), |text| text.contains("for somebody else to answer")).await;
    let unfit = bot.ask("bea", &format!("!answer {id} maybe"), |text| text.contains("does not answer")).await;
    assert!(unfit.contains("`really` has to be of type boolean"), "{unfit}");
    bot.ask("bea", &format!("!answer {id} yes"), |text| text.contains("bea answered")).await;
    bot.shows(0, |text| text.contains("done")).await;
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    assert_eq!(root.result.unwrap()["output"]["said"], true);
    bot.ask("bea", &format!("!answer {id} yes"), |text| text.contains("No question")).await;
    bot.stop().await;
}

//! What happens inside is an event, too; and rules that start one another come to an end.

use lockkeeper::status::Status;
use serde_json::json;

use super::world::{house, lines, post, rule, send, settled, writer};

const HOOK: &str = "trigger: {type: core.st2.webhook, parameters: {url: go}}\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_action_is_an_event_for_each_task_and_for_the_whole() {
    let house = house();
    writer(&house, "log");
    house.write(
        "commands/trial/actions/secret.yaml",
        "name: secret\nrunner_type: noop\nparameters:\n  pin: {type: string, secret: true}\n  n: {type: integer}\n",
    );
    house.workflow(
        "version: 1.0\ntasks:\n  a: {action: trial.secret pin=4711 n=3, next: [{when: <% succeeded() %>, do: fail}]}\n",
        "{}",
    );
    rule(
        &house,
        "ended",
        "trigger: {type: core.st2.generic.actiontrigger}\n\
         criteria: {trigger.action_ref: {type: startswith, pattern: trial.}, trigger.action_name: {type: neq, pattern: trial.log}}\n\
         action: {ref: trial.log, parameters: {text: \"{{ trigger.action_ref }} {{ trigger.status }} {{ trigger.runner_ref }} {{ trigger.parameters }}\"}}\n",
    );
    let bot = house.start().await;
    bot.ask("ann", "!go", |it| it.contains("failed")).await;
    settled(&bot).await;
    let mut found = lines(&house, "log");
    found.sort();
    assert_eq!(
        found,
        ["trial.go failed orquesta {}", "trial.secret succeeded noop {'pin': '********', 'n': 3}"]
    );
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_start_one_another_come_to_an_end() {
    let house = house();
    rule(&house, "begin", &format!("{HOOK}action: {{ref: core.noop}}\n"));
    rule(&house, "again", "trigger: {type: core.st2.generic.actiontrigger}\naction: {ref: core.noop}\n");
    let bot = house.start().await;
    send(post(&bot, "/webhooks/go", &json!({}))).await;
    let told = bot.shows(0, |it| it.contains("The rule trial.again does not work")).await;
    assert!(told.contains("8 rules started one another"), "{told}");
    let roots = settled(&bot).await;
    assert_eq!(roots.len(), 8);
    assert!(roots.iter().all(|it| it.status == Status::Succeeded));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_an_event() {
    let house = house();
    writer(&house, "log");
    house.workflow("version: 1.0\ntasks:\n  ask: {action: core.ask, input: {route: ops}}\n", "{}");
    rule(
        &house,
        "asked",
        "trigger: {type: core.st2.generic.inquiry}\naction: {ref: trial.log, parameters: {text: \"{{ trigger.route }}\"}}\n",
    );
    let bot = house.start().await;
    bot.ask("ann", "!go", |it| it.contains("continue")).await;
    crate::support::trial::until("it is heard", async || (lines(&house, "log") == ["ops"]).then_some(()))
        .await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_key_is_an_event_and_no_secret_is_told() {
    use lockkeeper::datastore::{Key, Put};
    use lockkeeper::secret::Secret;

    let house = house();
    house.write("config/key", &"ab".repeat(32));
    house.also("config/lockkeeper.yaml", "datastore: {key: \"file:key\"}\n");
    writer(&house, "log");
    for (name, text) in [
        ("create", "{{ trigger.object.name }}={{ trigger.object.value }}"),
        ("value_change", "{{ trigger.old_object.value }} to {{ trigger.new_object.value }}"),
        ("delete", "{{ trigger.object.value }}"),
    ] {
        rule(
            &house,
            name,
            &format!(
                "trigger: {{type: core.st2.key_value_pair.{name}}}\naction: {{ref: trial.log, parameters: {{text: \"{name} {text}\"}}}}\n"
            ),
        );
    }
    let bot = house.start().await;
    let keys = bot.engine.keys();
    let put = async |value: &str, secret| {
        let put = Put { key: Key::system("k").unwrap(), value: Secret::new(value), secret, ttl: None };
        keys.put(put, "a test", bot.engine.clock().now()).await.unwrap();
        settled(&bot).await;
    };
    put("one", false).await;
    put("one", false).await;
    put("two", false).await;
    put("hunter2hunter2", true).await;
    keys.remove(&Key::system("k").unwrap(), "a test", bot.engine.clock().now()).await.unwrap();
    settled(&bot).await;
    assert_eq!(
        lines(&house, "log"),
        ["create k=one", "delete ********", "value_change one to two", "value_change two to ********"]
    );
    bot.stop().await;
}

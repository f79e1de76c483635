//! What rules start: each once, whatever fails beside it; and what is said when it fails.

use lockkeeper::status::Status;
use serde_json::json;

use super::world::{house, lines, post, rule, send, settled, writer};
use crate::support::house::House;

const HOOK: &str = "trigger: {type: core.st2.webhook, parameters: {url: go}}\n";

/// A rule of the webhook `go` that writes a text.
fn writes(house: &House, name: &str, more: &str, text: &str) {
    rule(house, name, &format!("{HOOK}{more}action: {{ref: trial.log, parameters: {{text: \"{text}\"}}}}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_that_matches_starts_and_a_backstop_only_alone() {
    let house = house();
    writer(&house, "log");
    let criteria = |n: u32| format!("criteria: {{trigger.body.n: {{type: lessthan, pattern: {n}}}}}\n");
    writes(&house, "a", &criteria(2), "a");
    writes(&house, "b", &criteria(3), "b");
    writes(&house, "rest", "type: {ref: backstop}\n", "rest");
    house.write(
        "commands/trial/rules/off.yaml",
        &format!("name: off\n{HOOK}action: {{ref: trial.log, parameters: {{text: off}}}}\n"),
    );
    let bot = house.start().await;
    let mut written = 0;
    for (n, wanted) in [(1, &["a", "b"][..]), (2, &["b"]), (3, &["rest"])] {
        send(post(&bot, "/webhooks/go", &json!({"n": n}))).await;
        settled(&bot).await;
        let mut new = lines(&house, "log").split_off(written);
        written += new.len();
        new.sort();
        assert_eq!(new, wanted, "{n}");
    }
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_is_never_code() {
    let house = house();
    let log = house.path("log").display().to_string();
    rule(
        &house,
        "go",
        &format!(
            "{HOOK}action: {{ref: core.local, parameters: {{cmd: 'echo \"{{{{ trigger.body.text }}}}\" >> {log}'}}}}\n"
        ),
    );
    let bot = house.start().await;
    let text = format!("$(touch {log}-1) `touch {log}-2` \"; touch {log}-3; '{{{{ st2kv.system.x }}}}");
    send(post(&bot, "/webhooks/go", &json!({ "text": text }))).await;
    let roots = settled(&bot).await;
    assert_eq!(roots[0].status, Status::Succeeded, "{:?}", roots[0].result);
    assert_eq!(lines(&house, "log"), [text]);
    assert!((1..=3).all(|n| !house.path(&format!("log-{n}")).exists()));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_cast_to_what_the_action_takes() {
    let house = house();
    house.write(
        "commands/trial/actions/typed.yaml",
        "name: typed\nrunner_type: noop\nparameters:\n  n: {type: integer}\n  list: {type: array}\n  text: {type: string}\n  on: {type: boolean}\n",
    );
    rule(
        &house,
        "go",
        &format!(
            "{HOOK}action:\n  ref: trial.typed\n  parameters:\n    n: \"{{{{ trigger.body.n }}}}\"\n    list: \"{{{{ trigger.body.l }}}}\"\n    text: \"{{{{ trigger.body }}}}\"\n    on: \"yes\"\n"
        ),
    );
    let bot = house.start().await;
    send(post(&bot, "/webhooks/go", &json!({"n": "12", "l": [1, "a"]}))).await;
    send(post(&bot, "/webhooks/go", &json!({"n": "twelve", "l": []}))).await;
    let roots = settled(&bot).await;
    assert_eq!(roots.len(), 1);
    assert_eq!(roots[0].parameters["text"], "{'n': '12', 'l': [1, 'a']}");
    assert_eq!(roots[0].parameters["list"], json!([1, "a"]));
    let told = bot.shows(0, |it| it.contains("rule trial.go does not work")).await;
    assert!(told.contains("`n` wants a whole number, got `twelve`"), "{told}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_the_datastore_reaches_the_action_and_nothing_else() {
    let house = house();
    house.write("config/key", &"ab".repeat(32));
    house.also("config/lockkeeper.yaml", "datastore: {key: \"file:key\"}\n");
    let log = house.path("log").display().to_string();
    house.write(
        "commands/trial/actions/use.yaml",
        &format!(
            "name: use\nrunner_type: local-shell-cmd\nparameters:\n  token: {{type: string, secret: true}}\n  cmd: {{default: 'echo {{{{token}}}} | tr a-z A-Z > {log}; echo {{{{token}}}}', immutable: true}}\n"
        ),
    );
    rule(
        &house,
        "go",
        &format!(
            "{HOOK}action: {{ref: trial.use, parameters: {{token: \"{{{{ st2kv.system.token | decrypt_kv }}}}\"}}}}\n"
        ),
    );
    let bot = house.start().await;
    let put = lockkeeper::datastore::Put {
        key: lockkeeper::datastore::Key::system("token").unwrap(),
        value: lockkeeper::secret::Secret::new("hunter2hunter2"),
        secret: true,
        ttl: None,
    };
    bot.engine.keys().put(put, "a test", bot.engine.clock().now()).await.unwrap();
    send(post(&bot, "/webhooks/go", &json!({}))).await;
    let roots = settled(&bot).await;
    assert_eq!(lines(&house, "log"), ["HUNTER2HUNTER2"], "{:?}", roots[0].result);
    let stored = format!("{:?} {:?}", roots[0].parameters, roots[0].result);
    assert!(!stored.contains("hunter2hunter2"), "{stored}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_once_however_often_and_that_it_is_over() {
    let house = house();
    let switch = house.path("switch").display().to_string();
    house.write(
        "commands/trial/actions/try.yaml",
        &format!("name: try\nrunner_type: local-shell-cmd\nparameters:\n  cmd: {{default: 'echo it is broken; test -e {switch}', immutable: true}}\n"),
    );
    rule(&house, "go", &format!("{HOOK}action: {{ref: trial.try}}\n"));
    let bot = house.start().await;
    let post = async || {
        send(post(&bot, "/webhooks/go", &json!({}))).await;
        settled(&bot).await
    };
    post().await;
    let told = bot.shows(0, |it| it.contains("What the rule trial.go started failed")).await;
    assert!(told.contains("it ended with exit code 1") && told.contains("it is broken"), "{told}");
    post().await;
    post().await;
    bot.shows(0, |it| it.contains("It has happened 3 times since this was first told")).await;
    assert_eq!(bot.player.messages().len(), 1, "{:?}", bot.player.messages());
    house.write("switch", "");
    assert_eq!(post().await.last().unwrap().status, Status::Succeeded);
    bot.shows(0, |it| it.contains("Over after") && it.contains("What the rule trial.go started failed"))
        .await;
    std::fs::remove_file(house.path("switch")).unwrap();
    post().await;
    bot.shows(1, |it| it.contains("What the rule trial.go started failed")).await;
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_of_a_rules_workflow_is_asked_in_the_fallback_channel() {
    let house = house();
    house.workflow("version: 1.0\ntasks:\n  ask: {action: core.ask}\n", "{}");
    rule(&house, "go", &format!("{HOOK}action: {{ref: trial.go}}\n"));
    let bot = house.start().await;
    send(post(&bot, "/webhooks/go", &json!({}))).await;
    let asked = bot.shows(0, |it| it.contains("answer")).await;
    assert!(asked.contains("continue"), "{asked}");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_started_before_a_crash_is_not_started_again() {
    use sqlx::{Connection as _, Executor as _};

    let house = house();
    writer(&house, "log");
    writes(&house, "a", "", "a");
    let bot = house.start().await;
    send(post(&bot, "/webhooks/go", &json!({}))).await;
    settled(&bot).await;
    bot.stop().await;
    // As if the end of the delivery had never been written; and since then there is another rule.
    let file = format!("sqlite:{}", house.path("data/lockkeeper.db").display());
    let mut store = sqlx::sqlite::SqliteConnection::connect(&file).await.unwrap();
    store.execute("UPDATE inbox SET done_at = NULL WHERE source = 'event'").await.unwrap();
    store.close().await.unwrap();
    writes(&house, "0-earlier", "", "b");
    let bot = house.start().await;
    settled(&bot).await;
    assert_eq!(lines(&house, "log"), ["a", "b"]);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_we_know_may_stop_what_a_rule_started() {
    let house = house();
    house.workflow("version: 1.0\ntasks:\n  ask: {action: core.ask}\n", "{}");
    rule(&house, "go", &format!("{HOOK}action: {{ref: trial.go}}\n"));
    let bot = house.start().await;
    send(post(&bot, "/webhooks/go", &json!({}))).await;
    bot.shows(0, |it| it.contains("continue")).await;
    let root = bot.engine.store().recent_executions(1).await.unwrap().remove(0);
    let said = bot
        .ask("cid", &format!("!cancel {}", root.id), |it| it.contains("topping") || it.contains("stop"))
        .await;
    assert!(said.contains("no card shows it: `!status` lists it until it has."), "{said}");
    assert_eq!(settled(&bot).await[0].status, Status::Canceled);
    bot.stop().await;
}

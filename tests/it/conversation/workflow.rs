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

const FAULTY: &str = "
version: 1.0
tasks:
  one:
    action: core.noop
    next: [{when: <% succeeded() %>, publish: [{said: <% result().nothing.there %>}], do: two}]
  two: {action: core.noop}
";

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_that_cannot_be_worked_out_says_where_and_why() {
    let house = House::new();
    house.workflow(FAULTY, "{}");
    let bot = house.start().await;
    let card = bot.ask("ann", "!go", |text| text.contains("failed")).await;
    assert!(card.contains("The workflow `trial.go`, task one, could not go on: "), "{card}");
    assert!(card.contains("result().nothing.there") && card.contains("Mend it"), "{card}");
    bot.stop().await;
}

const CALLING: &str = "
version: 1.0
input: [number]
tasks:
  ask: {action: core.http, input: {url: <% ctx().number %>}}
";

/// Answers every request alike.
fn refusing(answer: &'static str) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (mut stream, mut asked) = (stream, [0; 4_096]);
            let _ = stream.read(&mut asked);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_refused_says_what_was_answered() {
    let url =
        refusing("HTTP/1.1 403 Forbidden\r\ncontent-length: 13\r\nconnection: close\r\n\r\nno such token");
    let house = House::new();
    house.workflow(CALLING, "{number: {type: string}}");
    let bot = house.start().await;
    let card = bot.ask("ann", &format!("!go {url}"), |text| text.contains("failed")).await;
    assert!(card.contains("ask failed: the server answered 403; look at the credentials"), "{card}");
    assert!(card.contains("  │ no such token\n"), "{card}");
    let away = bot.ask("ann", "!go http://127.0.0.1:9/", |text| text.contains("127.0.0.1:9")).await;
    assert!(away.contains("ask failed: http://127.0.0.1:9/: "), "{away}");
    bot.stop().await;
}

const ENVIRONMENTS: &str = "
environments:
  staging: {protected: false, roles: {app: {hosts: [s1, s2]}}}
hosts:
  s1: {connection: local, dir: HERE/s1}
  s2: {connection: local, dir: HERE/s2}
";

const REMOTE: &str = "
version: 1.0
tasks:
  all: {action: core.remote, input: {hosts: 's1,s2', cmd: 'echo on the way; exit 3'}}
";

#[tokio::test(flavor = "multi_thread")]
async fn every_host_says_what_it_failed_of() {
    let house = House::new();
    let here = house.path("").display().to_string();
    house.write("config/environments.yaml", &ENVIRONMENTS.replace("HERE/", &here));
    house.workflow(REMOTE, "{}");
    let bot = house.start().await;
    let card = bot.ask("ann", "!go", |text| text.contains("failed")).await;
    let each = "all failed: s1: it ended with exit code 3; s2: it ended with exit code 3\n  │ on the way\n";
    assert!(card.contains(each), "{card}");
    bot.stop().await;
}

//! Executions that nothing will wake are counted, and only those.

use std::time::Duration;

use jiff::Timestamp;
use lockkeeper::clock::{Clock as _, SystemClock, after, before};
use lockkeeper::id::{Digest, ExecutionId, GateId, ReleaseId, Seal};
use lockkeeper::status::Status;
use lockkeeper::store::Change;
use lockkeeper::store::attempt::{self, Beginning};
use lockkeeper::store::execution::{Execution, Visit};
use lockkeeper::store::gate::GateRow;
use serde_json::json;

use crate::support::house::{Bot, House};
use crate::support::trial::until_answered;

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

/// A row that nobody looks after: it was written behind the engine's back, long ago.
fn left(runner: &str) -> Execution {
    let id = ExecutionId::generate();
    Execution::root(id, "core.noop".into(), runner, Digest::of(b"content"), ago(HOUR))
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn ago(length: Duration) -> Timestamp {
    before(now(), length)
}

/// A bot that has taken up what it found: what is written from here on it knows nothing of.
async fn ready(house: &House) -> Bot {
    let bot = house.start().await;
    until_answered(bot.address, "/healthz", 200).await;
    bot
}

async fn write(bot: &Bot, at: Timestamp, changes: Vec<Change>) {
    bot.engine.store().commit(changes, at).await.unwrap();
}

async fn orphan(bot: &Bot, it: &Execution) {
    write(bot, ago(HOUR), vec![Change::Start(Box::new(it.clone()))]).await;
}

async fn adrift(bot: &Bot) -> Vec<ExecutionId> {
    bot.engine.adrift().await.unwrap()
}

async fn begin(bot: &Bot, it: &Execution, at: Timestamp, timeout: Duration) {
    let (clearances, execution) = (Default::default(), it.id);
    let beginning = Beginning { execution, host: None, guarded: 0, clearances, timeout, now: at };
    let store = bot.engine.store();
    store.write(move |tx| Box::pin(async move { attempt::begin(tx, &beginning).await })).await.unwrap();
}

fn gate(of: &Execution, deadline_at: Timestamp) -> Change {
    Change::OpenGate(Box::new(GateRow {
        id: GateId::generate(),
        number: 1,
        release: ReleaseId::from_number(1),
        execution: of.id,
        app: "shop".into(),
        environment: "production".into(),
        seal: Seal::from(Digest::of(b"seal")),
        state: "open".to_owned(),
        body: json!({}),
        version: 1,
        opened_at: of.created_at,
        deadline_at,
        decided_at: None,
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_nothing_will_wake_is_in_the_metrics() {
    let house = House::new();
    let bot = ready(&house).await;
    let gauge = async || {
        let url = format!("http://{}/metrics", bot.address);
        let body = reqwest::get(url).await.unwrap().text().await.unwrap();
        body.lines().find_map(|it| it.strip_prefix("lockkeeper_executions_adrift ").map(str::to_owned))
    };
    assert_eq!(gauge().await.as_deref(), Some("0"));
    let it = left("noop");
    orphan(&bot, &it).await;
    assert_eq!(gauge().await.as_deref(), Some("1"));
    write(&bot, now(), vec![Change::End(it.id, Status::Canceled, json!({}))]).await;
    assert_eq!(gauge().await.as_deref(), Some("0"));
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_wakes_an_execution_counts_until_its_time_is_over() {
    let house = House::new();
    let bot = ready(&house).await;
    let now = now();
    let [attempt, late, gated, lapsed] = std::array::from_fn(|_| left("local-shell-cmd"));
    for it in [&attempt, &late, &gated, &lapsed] {
        orphan(&bot, it).await;
    }
    begin(&bot, &attempt, ago(HOUR), HOUR * 2).await;
    begin(&bot, &late, ago(HOUR), MINUTE).await;
    write(&bot, now, vec![gate(&gated, after(now, HOUR)), gate(&lapsed, ago(MINUTE * 2))]).await;
    let fresh = Execution { created_at: now, ..left("local-shell-cmd") };
    let delayed = Execution { due_at: Some(after(now, HOUR)), ..left("local-shell-cmd") };
    orphan(&bot, &fresh).await;
    orphan(&bot, &delayed).await;
    assert_eq!(adrift(&bot).await, [late.id, lapsed.id]);
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_waits_for_its_visits_and_no_longer() {
    let house = House::new();
    let bot = ready(&house).await;
    let flow = left("orquesta");
    let visit = Visit { parent: flow.id, task: "one".into(), route: 0, item: None };
    let visit = flow.below(visit, "core.noop".into(), "local-shell-cmd", ago(HOUR));
    orphan(&bot, &flow).await;
    orphan(&bot, &visit).await;
    begin(&bot, &visit, ago(HOUR), HOUR * 2).await;
    assert_eq!(adrift(&bot).await, []);
    write(&bot, ago(MINUTE * 2), vec![Change::End(visit.id, Status::Failed, json!({}))]).await;
    assert_eq!(adrift(&bot).await, [flow.id]);
    write(&bot, now(), vec![Change::Tell(flow.id, 1, json!({}))]).await;
    assert_eq!(adrift(&bot).await, [], "it was told of something just now");
    bot.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_waits_until_its_own_end() {
    let house = House::new();
    let bot = ready(&house).await;
    let mut asked = left("inquirer");
    asked.parameters.insert("ttl".to_owned(), json!(120));
    let mut over = left("inquirer");
    over.parameters.insert("ttl".to_owned(), json!(30));
    orphan(&bot, &asked).await;
    orphan(&bot, &over).await;
    assert_eq!(adrift(&bot).await, [over.id]);
    let watch = left("watch");
    orphan(&bot, &watch).await;
    assert_eq!(adrift(&bot).await, [over.id, watch.id], "a watch of nothing looks at nothing");
    write(&bot, now(), vec![Change::End(watch.id, Status::Failed, json!({}))]).await;
    bot.stop().await;
}

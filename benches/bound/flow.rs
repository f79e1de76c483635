//! Durable workflows: every task's start and end on disk before anything follows from it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use lockkeeper::engine::{Engine, Starting};
use lockkeeper::id::{ActionRef, ExecutionId};
use lockkeeper::status::Status;
use serde_json::{Map, Value, json};

use super::disk;
use super::house::{House, PATIENCE, place};
use super::report::{Bound, Row, Times, length, rate};

/// Workflows of three tasks at once, as DBOS 3.4 was measured: 112 such workflows a second.
const WORKFLOWS: usize = 400;
const STEPS: usize = 3;
/// Who ask for them at the same time.
const ABREAST: usize = 16;
/// Tasks one after another in a single workflow.
const CHAIN: usize = 300;
const FEW: usize = 250;
const MANY: usize = 5_000;
/// Between two looks whether it is over.
const LOOK: Duration = Duration::from_millis(2);

fn starting(action: &str, parameters: Value, place: Option<&str>) -> Starting {
    Starting {
        id: ExecutionId::generate(),
        action: ActionRef::new(action),
        parameters: parameters.as_object().cloned().unwrap_or_default(),
        origin: None,
        context: Map::from_iter([("requester".to_owned(), json!("ann"))]),
        places: place.map(self::place).into_iter().collect(),
    }
}

/// A workflow of noop tasks, one after another.
fn chain(count: usize) -> String {
    let mut text = "version: 1.0\ntasks:\n".to_owned();
    for at in 1..count {
        text.push_str(&format!("  t{at}:\n    action: core.noop\n    next:\n      - do: t{}\n", at + 1));
    }
    text.push_str(&format!("  t{count}:\n    action: core.noop\n"));
    text
}

async fn ended(engine: &Engine, id: ExecutionId) -> anyhow::Result<()> {
    let looking = async {
        loop {
            let found = engine.store().load_execution(id).await?;
            if found.status.is_ended() {
                ensure!(
                    found.status == Status::Succeeded,
                    "it ended as {}: {:?}",
                    found.status,
                    found.result
                );
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.context("a workflow does not end")?
}

/// Counted, not loaded: whoever looks must not be what takes the time.
async fn all_ended(engine: &Engine) -> anyhow::Result<()> {
    let looking = async {
        loop {
            let counts = engine.store().counts(Timestamp::MAX).await?.executions;
            if counts.is_empty() {
                return anyhow::Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.context("workflows do not end")?
}

/// How many tasks a second become durable, many workflows at once and one alone.
pub async fn tasks(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let house = House::new(dir, "ann")?;
    house.workflow("three", "{}", &chain(STEPS))?;
    house.workflow("chain", "{}", &chain(CHAIN))?;
    let bot = house.open().await?;
    let before = disk::commits(dir).await?;
    let mut took = Duration::ZERO;
    for round in 0..2 {
        let begun = Instant::now();
        let asked =
            (0..WORKFLOWS).map(|_| bot.engine.start(starting("trial.three", json!({}), None), Vec::new()));
        stream::iter(asked).buffer_unordered(ABREAST).try_for_each(|_| async { Ok(()) }).await?;
        all_ended(&bot.engine).await?;
        // The first round is for warming up.
        if round == 1 {
            took = begun.elapsed();
        }
    }
    let alone = Instant::now();
    let id = bot.engine.start(starting("trial.chain", json!({}), None), Vec::new()).await?;
    ended(&bot.engine, id).await?;
    let alone = rate(CHAIN, alone.elapsed());
    let after = disk::commits(dir).await?;
    let succeeded = bot.engine.store().recent_executions(i64::try_from(WORKFLOWS)?).await?;
    ensure!(succeeded.iter().all(|it| it.status == Status::Succeeded), "a workflow failed");
    bot.stop().await?;
    let (tasks, commits) = (rate(WORKFLOWS * STEPS, took), (before.a_second + after.a_second) / 2.0);
    let note = format!(
        "{WORKFLOWS} workflows of {STEPS} tasks, asked for by {ABREAST} at a time as fast as the store takes them, after a \
         round for warming up; one workflow alone, task after task: {alone:.0}/s; single-row commits of this disk {:.0}/s before and \
         {:.0}/s after (median {}, p99 {}), so the figure is {:.2} of them",
        before.a_second,
        after.a_second,
        length(after.times.median()),
        length(after.times.p99()),
        tasks / commits,
    );
    Ok(vec![Row::new("durable tasks", tasks, Bound::AtLeast(0.3 * commits), "tasks/s", note)])
}

/// One workflow over many items, with its card in a chat.
pub async fn items(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let house = House::new(dir, "ann")?;
    house.workflow(
        "items",
        "{number: {type: integer, required: true}}",
        "version: 1.0\ninput: [number]\ntasks:\n  each:\n    with: <% range(ctx().number).toList() %>\n    \
         action: core.noop\n",
    )?;
    let bot = house.open().await?;
    let mut times = Vec::new();
    for round in 0..6 {
        let took = over(&bot.engine, FEW).await?;
        // The first is for warming up.
        if 0 < round {
            times.push(took);
        }
    }
    let many = over(&bot.engine, MANY).await?;
    bot.stop().await?;
    let times = Times::new(times);
    let (few_each, many_each) = (times.median().as_secs_f64() / FEW as f64, many.as_secs_f64() / MANY as f64);
    let what = format!("a workflow over {FEW} no-op items, median");
    let first = Row::new(what, times.median().as_secs_f64(), Bound::AtMost(1.0), "s", times.summary());
    let note = format!(
        "{} for {MANY} items, once: {} each; {} each for {FEW}",
        length(many),
        length(Duration::from_secs_f64(many_each)),
        length(Duration::from_secs_f64(few_each)),
    );
    let what = format!("cost of an item among {MANY} against among {FEW}");
    Ok(vec![first, Row::new(what, many_each / few_each, Bound::AtMost(1.5), "times", note)])
}

async fn over(engine: &Engine, count: usize) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let id =
        engine.start(starting("trial.items", json!({ "number": count }), Some("room")), Vec::new()).await?;
    ended(engine, id).await?;
    let took = begun.elapsed();
    let done = engine.store().children(id).await?;
    ensure!(done.len() == count, "{} of {count} items were done", done.len());
    ensure!(done.iter().all(|it| it.status == Status::Succeeded), "an item failed");
    Ok(took)
}

//! From the vote that decides to the first attempt that it allows: in the rehearsal's world, with real hosts. And crowds
//! at a thousand gates: one decision each.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use lockkeeper::boot::{App, Options};
use lockkeeper::chat::terminal::{Player, Rehearsal, Shown, Surface, Terminal, TerminalSettings};
use lockkeeper::clock::{SharedClock, SystemClock};
use lockkeeper::config;
use lockkeeper::demo::{Program, Terms, World};
use lockkeeper::engine::Engine;
use lockkeeper::id::{MessageId, MessageRef};
use lockkeeper::message::ButtonAct;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::ballots::{answer_all, copies, voters};
use super::house::PATIENCE;
use super::report::{Bound, Row, Times, millis};

const WARM_UP: usize = 2;
const VOTES: usize = 40;
/// Each question comes after a canary; what that is judged on is not what this measures.
const WATCH: &str = "1s";

pub async fn vote(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let dir = TempDir::new_in(dir)?;
    let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"));
    let terms = Terms { duration: WATCH.to_owned(), ..Terms::default() };
    let mut world = World::create(&dir.path().join("world"), program, &terms).await?;
    world.start_supervisor().await?;
    let Running { player, stop, running, .. } = open(&world).await?;
    world.commit_good(2).await?;
    let mut history =
        SqliteConnectOptions::new().filename(world.dir().join("data/lockkeeper.db")).connect().await?;
    let (mut times, mut answered) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + VOTES {
        // What is built once is asked for again and again: a question and a rollout each time.
        player.say("ann", if round == 0 { "!deploy shop" } else { "!promote shop" });
        let (question, approve) = wait(&player, |all| asked(all, &answered)).await?;
        let before = permitted(&mut history).await?;
        let voted = Instant::now();
        player.press("bea", &question, &approve);
        answered.push(question.message);
        while permitted(&mut history).await? == before {
            ensure!(voted.elapsed() < PATIENCE, "nothing started; so far:\n{}", player.history());
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        if WARM_UP <= round {
            times.push(voted.elapsed());
        }
        wait(&player, |all| done(all, round + 1).then_some(())).await?;
    }
    history.close().await?;
    stop.cancel();
    running.await??;
    world.end().await?;
    let times = Times::new(times);
    let note = format!(
        "{}; {WARM_UP} for warming up; until the attempt's row is on disk, which is right before its effect; the facts are \
         compared with the hosts' settings, the load balancer takes the host out first",
        times.summary()
    );
    let what = "last vote to first guarded attempt, p99";
    Ok(vec![Row::new(what, millis(times.p99()), Bound::AtMost(100.0), "ms", note)])
}

const GATES: usize = 1_000;
const CROWD: usize = 50;
/// Gates that are answered side by side.
const ABREAST: usize = 16;

pub async fn crowds(dir: &Path) -> anyhow::Result<Vec<Row>> {
    let dir = TempDir::new_in(dir)?;
    let program = Program::new(env!("CARGO_BIN_EXE_lockkeeper"));
    let mut world = World::create(&dir.path().join("world"), program, &Terms::default()).await?;
    let people = world.dir().join("config/people.yaml");
    let known = std::fs::read_to_string(&people)?;
    std::fs::write(&people, known.replacen("people:\n", &format!("people:\n{}", voters(CROWD)), 1))?;
    world.start_supervisor().await?;
    let Running { player, engine, stop, running } = open(&world).await?;
    world.commit_good(2).await?;
    player.say("ann", "!deploy shop");
    wait(&player, |all| asked(all, &[])).await?;
    let rows = copies(&engine, GATES).await?;
    let begun = Instant::now();
    let granted = answer_all(&engine, &rows, CROWD, ABREAST).await?;
    let took = begun.elapsed();
    let mut history =
        SqliteConnectOptions::new().filename(world.dir().join("data/lockkeeper.db")).connect().await?;
    let sql = "SELECT COUNT(*) FROM gate WHERE decided_at IS NOT NULL AND (state = 'granted') <>
               ((SELECT COUNT(*) FROM permission WHERE gate_id = gate.id) = 1)";
    let strange: i64 = sqlx::query_scalar(sql).fetch_one(&mut history).await?;
    ensure!(strange == 0, "{strange} gates whose permission does not fit their decision");
    history.close().await?;
    stop.cancel();
    running.await??;
    world.end().await?;
    let votes = GATES * CROWD;
    let note = format!(
        "{GATES} gates, {CROWD} voters at each at once, half of them against; one decision each, {granted} granted with one \
         permission each; {votes} answers took {:.1} s, until all are on disk",
        took.as_secs_f64()
    );
    let what = "answers of crowds at a thousand gates";
    Ok(vec![Row::new(what, votes as f64 / took.as_secs_f64(), Bound::AtLeast(500.0), "answers/s", note)])
}

/// A bot in this process.
struct Running {
    player: Player,
    engine: Engine,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<Result<(), lockkeeper::boot::BootError>>,
}

async fn open(world: &World) -> anyhow::Result<Running> {
    let config = config::load(&world.config())?;
    let clock: SharedClock = std::sync::Arc::new(SystemClock);
    let player = Player::new("main".into(), None);
    let settings = TerminalSettings {
        surface: Surface::Hidden,
        user: "ann".into(),
        rehearsal: Some(Rehearsal::default()),
        history: None,
        files: config.data.join("files"),
        complete: std::sync::Arc::new(|_| Vec::new()),
    };
    let terminal = Terminal::new(settings, player.clone(), clock.clone());
    let app = App::open(Options { config, clock, adapters: vec![std::sync::Arc::new(terminal)] }).await?;
    let (engine, stop) = (app.engine.clone(), CancellationToken::new());
    let running = tokio::spawn(app.run(stop.clone()));
    Ok(Running { player, engine, stop, running })
}

async fn wait<T>(player: &Player, wanted: impl FnMut(&[Shown]) -> Option<T>) -> anyhow::Result<T> {
    Ok(player.wait_for(PATIENCE, wanted).await?)
}

/// A question that was not answered yet, with its button.
fn asked(all: &[Shown], answered: &[MessageId]) -> Option<(MessageRef, ButtonAct)> {
    all.iter().filter(|it| !answered.contains(&it.message.message)).find_map(|it| {
        let mut buttons = it.card.buttons.iter().map(|it| &it.act);
        let approve = buttons.find(|it| matches!(it, ButtonAct::Approve { .. }))?;
        Some((it.message.clone(), approve.clone()))
    })
}

/// Whether this many rollouts have come to a good end.
fn done(all: &[Shown], count: usize) -> bool {
    let ended = all.iter().filter(|it| it.card.title.to_string().ends_with("of shop: done"));
    count <= ended.count()
}

/// Attempts that some permission allowed.
async fn permitted(history: &mut SqliteConnection) -> anyhow::Result<i64> {
    let sql = "SELECT COUNT(*) FROM attempt WHERE grant_id IS NOT NULL";
    Ok(sqlx::query_scalar(sql).fetch_one(history).await?)
}

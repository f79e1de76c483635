//! A release in the rehearsal's world and somebody outside who sees it through, whatever happens to the bot: asks, votes
//! when asked, does what the bot says is to be done. Afterwards everything is checked from outside: hosts by what they
//! answer, installations by the hosts' own logs, history by SQL, processes by the system's table.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use lockkeeper::chat::terminal::Shown;
use lockkeeper::demo::{Program, Stage, StageOptions, Terms, Version};
use lockkeeper::id::Digest;
use lockkeeper::message::ButtonAct;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Row as _};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

/// How long any one thing may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Questions that are answered unless somebody says otherwise.
const VOTES: usize = 10;
/// Beyond this the bot asks for the same again and again.
const ORDERS_MAX: usize = 4;

/// What must not be found in a history whose every order has ended: what it would mean, and how many there are.
const FAULTS: &[(&str, &str)] = &[
    ("executions that sleep for ever", "SELECT COUNT(*) FROM execution WHERE ended_at IS NULL"),
    ("attempts without an end", "SELECT COUNT(*) FROM attempt WHERE ended_at IS NULL"),
    ("deliveries without an answer", "SELECT COUNT(*) FROM inbox WHERE done_at IS NULL"),
    ("messages that were never sent", "SELECT COUNT(*) FROM outbox WHERE sent < wanted"),
    ("locks that nobody gave back", "SELECT COUNT(*) FROM environment_lock"),
    ("permissions that outlived their rollout", "SELECT COUNT(*) FROM permission WHERE ended_at IS NULL"),
    (
        "attempts after a recorded success or an unseen end",
        "SELECT COUNT(*) FROM attempt a JOIN attempt b ON b.execution_id = a.execution_id AND a.number < b.number
         WHERE a.status IN ('succeeded', 'unknown')",
    ),
    (
        "visits that came after the recorded success of the same visit",
        "SELECT COUNT(*) FROM (SELECT 1 FROM execution WHERE status = 'succeeded' AND parent_id IS NOT NULL
         GROUP BY parent_id, task, route, COALESCE(item, -1) HAVING COUNT(*) > 1)",
    ),
    (
        "installations that were tried more than once",
        "SELECT COUNT(*) FROM (SELECT 1 FROM attempt a JOIN execution e ON e.id = a.execution_id
         WHERE e.action = 'release.install' GROUP BY a.execution_id HAVING COUNT(*) > 1)",
    ),
    (
        "attempts on production without a permission of their own rollout before them",
        "SELECT COUNT(*) FROM attempt a JOIN execution e ON e.id = a.execution_id
         WHERE a.host LIKE 'web-%' AND NOT EXISTS (
            SELECT 1 FROM permission p WHERE p.id = a.grant_id AND p.root_id = e.root_id AND p.at <= a.started_at
            AND p.used_at <= a.started_at AND p.digest = json_extract(e.parameters, '$.digest'))",
    ),
    (
        "releases with more than one gate",
        "SELECT COUNT(*) FROM (SELECT 1 FROM gate GROUP BY release_id HAVING COUNT(*) > 1)",
    ),
    (
        "gates that are not decided by exactly one vote",
        "SELECT COUNT(*) FROM gate g WHERE g.decided_at IS NULL
         OR (SELECT COUNT(*) FROM vote v WHERE v.gate_id = g.id) <> 1
         OR (SELECT COUNT(*) FROM permission p WHERE p.gate_id = g.id) <> 1",
    ),
    (
        "orders that started two executions",
        "SELECT COUNT(*) FROM (SELECT 1 FROM execution WHERE depth = 0 GROUP BY origin HAVING COUNT(*) > 1)",
    ),
    (
        "executions with more or fewer than one card",
        "SELECT COUNT(*) FROM execution e WHERE depth = 0
         AND (SELECT COUNT(*) FROM outbox o WHERE o.subject = 'card:' || e.id) <> 1",
    ),
];

/// How what was ordered first ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As if nothing had happened.
    Done,
    /// It stopped because nobody had seen how a step ended, said so, and doing what it said led to a good end.
    Unseen,
}

/// Milliseconds by which a canary may be slower: a machine that is busy with other tests slows it down as it likes.
pub const SLOWER: u32 = 2_000;

/// Everything in seconds, or less.
pub fn terms() -> Terms {
    Terms {
        slower: SLOWER,
        requests: 30,
        interval: "60ms".to_owned(),
        duration: "300ms".to_owned(),
        ..Terms::default()
    }
}

/// What was seen.
#[derive(Debug)]
pub struct Played {
    pub outcome: Outcome,
    /// The card of what was ordered first, as it stood at the end.
    pub first: String,
    /// Everything that was ordered.
    pub orders: Vec<String>,
    /// What production runs at the end.
    pub artifact: Digest,
    /// How often the bot ended although nobody told it to.
    pub deaths: u32,
}

/// A stage, and who stands before it.
pub struct Trial {
    pub stage: Stage,
    dir: Arc<TempDir>,
    deaths: u32,
    /// A vote takes one.
    pub votes: Arc<Semaphore>,
    /// Keys of questions answered.
    answered: Vec<String>,
}

impl Trial {
    /// Hosts on version 1, a bot that listens, version 2 committed.
    pub async fn set(program: Program) -> anyhow::Result<Self> {
        let dir = Arc::new(TempDir::new()?);
        let options =
            StageOptions { dir: dir.path().join("world"), program, terms: terms(), transcript: None };
        let stage = Stage::set(options).await?;
        stage.world.commit_good(2).await?;
        Ok(Self { stage, dir, deaths: 0, votes: Arc::new(Semaphore::new(VOTES)), answered: Vec::new() })
    }

    /// A release from its order to its end, and on to a state in which all hosts agree; then everything is checked.
    pub async fn play(self) -> anyhow::Result<Played> {
        let (player, _dir) = (self.stage.player.clone(), self.dir.clone());
        let log = self.stage.world.dir().join("bot.log");
        let played = self.see_through().await;
        played.map_err(|error| {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            anyhow::anyhow!("{error:#}\nwhat people saw:\n{}\nwhat the bot logged:\n{log}", player.history())
        })
    }
}

/// What asks for something to be done.
enum Seen {
    Question { key: String, shown: Box<Shown>, approve: ButtonAct },
    Ended(Box<Shown>),
}

impl Trial {
    async fn see_through(mut self) -> anyhow::Result<Played> {
        let mut order = "!deploy shop".to_owned();
        let mut outcome = Outcome::Done;
        let (mut first, mut orders) = (None, Vec::new());
        for _ in 0..ORDERS_MAX {
            let card = self.order(&order).await?;
            orders.push(order.clone());
            self.tells_the_truth(&card).await?;
            let first = first.get_or_insert_with(|| card.card.to_string()).clone();
            if card.card.title.to_string().ends_with(": done") {
                self.until_all_is_said().await?;
                let artifact = self.stage.agreed("app").await?.digest;
                let deaths = self.check(&order, outcome).await?;
                return Ok(Played { outcome, first, orders, artifact, deaths });
            }
            outcome = Outcome::Unseen;
            order = advice(&card)?;
        }
        bail!("{ORDERS_MAX} orders did not lead to an end")
    }

    /// Says it, votes when asked; the card as it stands when all is over. A bot that ends is started again.
    async fn order(&mut self, order: &str) -> anyhow::Result<Shown> {
        let player = self.stage.player.clone();
        let from = player.messages().len();
        player.say("ann", order);
        loop {
            let answered = &self.answered;
            let seen = player.wait_for(PATIENCE, |all| next(all, from, answered));
            let seen = tokio::select! {
                seen = seen => seen?,
                ended = self.stage.bot_ended() => {
                    ended?;
                    self.deaths += 1;
                    self.stage.start_bot()?;
                    continue;
                }
            };
            match seen {
                Seen::Question { key, shown, approve } => {
                    self.votes.acquire().await?.forget();
                    player.press("bea", &shown.message, &approve);
                    self.answered.push(key);
                }
                Seen::Ended(shown) => return Ok(*shown),
            }
        }
    }

    /// Whatever the card says about a host, the host says so too; where it says nothing, nothing has happened.
    async fn tells_the_truth(&self, card: &Shown) -> anyhow::Result<()> {
        let (title, text) = (card.card.title.to_string(), card.card.to_string());
        let (new, old) = if title.starts_with("Rollback") { (1, 2) } else { (2, 1) };
        let mut claimed: BTreeMap<String, Option<u32>> = BTreeMap::new();
        for (word, version) in [("new: ", Some(new)), ("old: ", Some(old)), ("unknown: ", None)] {
            for host in hosts_in(&text, word) {
                ensure!(claimed.insert(host.clone(), version).is_none(), "{host} is in two lines:\n{text}");
            }
        }
        let hosts = self.stage.world.hosts("app");
        if claimed.is_empty() {
            claimed.extend(hosts.iter().map(|it| ((*it).to_owned(), Some(1))));
        }
        for host in hosts {
            let claim = claimed.get(host).with_context(|| format!("{host} is in no line:\n{text}"))?;
            let runs = self.stage.world.host_version(host).await.ok();
            let Some(version) = claim else { continue };
            let runs =
                runs.with_context(|| format!("{host} does not answer, and the card says more:\n{text}"))?;
            ensure!(runs.version == *version, "{host} runs {}, and the card says:\n{text}", runs.version);
        }
        Ok(())
    }

    /// Waits until nothing is left to do or to say, as history has it.
    async fn until_all_is_said(&mut self) -> anyhow::Result<()> {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let left = self.faults().await?;
            if left.is_empty() {
                return Ok(());
            }
            ensure!(tokio::time::Instant::now() < end, "history holds {left:?}");
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(40)) => {}
                ended = self.stage.bot_ended() => {
                    ended?;
                    self.deaths += 1;
                    self.stage.start_bot()?;
                }
            }
        }
    }

    async fn faults(&self) -> anyhow::Result<Vec<String>> {
        let mut history = history(self.stage.world.dir()).await?;
        let mut found = Vec::new();
        for (what, sql) in FAULTS {
            let count: i64 =
                sqlx::query_scalar(*sql).fetch_one(&mut history).await.with_context(|| (*what).to_owned())?;
            if count > 0 {
                found.push(format!("{count} {what}"));
            }
        }
        Ok(found)
    }

    /// Everything that has to be true when it is over, from outside.
    async fn check(mut self, order: &str, outcome: Outcome) -> anyhow::Result<u32> {
        let version = if order.starts_with("!rollback") { 1 } else { 2 };
        self.hosts_agree(version).await?;
        self.one_message_each()?;
        let taken = self.stage.player.taken();
        // A crash at the very end is one more start.
        if self.stage.stop_bot().await.is_err() {
            self.deaths += 1;
            self.stage.start_bot()?;
            until_answered(bot_address(&self.stage), "/readyz", 200).await;
            self.until_all_is_said().await?;
            self.stage.stop_bot().await?;
        }
        let dir = self.stage.world.dir().to_owned();
        let mut history = history(&dir).await?;
        for key in taken {
            let sql = "SELECT COUNT(*) FROM inbox WHERE delivery = $1";
            let count: i64 = sqlx::query_scalar(sql).bind(&key).fetch_one(&mut history).await?;
            ensure!(count == 1, "{key} was acknowledged and is in the inbox {count} times");
        }
        let sql = "SELECT COUNT(*) FROM execution WHERE status = 'unknown'";
        let unseen: i64 = sqlx::query_scalar(sql).fetch_one(&mut history).await?;
        let expected = outcome == Outcome::Unseen;
        ensure!((unseen > 0) == expected, "{unseen} ends were not seen, but the outcome is {outcome:?}");
        effects(&mut history, &dir, outcome).await?;
        nothing_runs_on(&mut history).await?;
        let faults = self.faults().await?;
        ensure!(faults.is_empty(), "after the stop history holds {faults:?}");
        Ok(self.deaths)
    }

    async fn hosts_agree(&self, version: u32) -> anyhow::Result<()> {
        let first = Version { version: 1, digest: self.stage.world.first().0.clone() };
        let app = self.stage.agreed("app").await?;
        let canary = self.stage.agreed("canary").await?;
        ensure!(app.version == version, "production runs {app:?}, not version {version}");
        ensure!((app == first) == (version == 1), "{app:?} is not {first:?}");
        ensure!(canary == app, "the canary runs {canary:?}, production {app:?}");
        let fleet = self.stage.world.fleet().await?;
        ensure!(fleet.hosts.iter().all(|it| it.in_pool), "a host stayed out of the pool: {fleet:?}");
        Ok(())
    }

    /// One card per execution and one message per question, however often the bot was started.
    fn one_message_each(&self) -> anyhow::Result<()> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for shown in self.stage.player.messages() {
            let title = shown.card.title.to_string();
            let number = title.split_whitespace().find(|it| it.starts_with('#')).map(str::to_owned);
            let kind = ["Release", "Rollback", "May"].into_iter().find(|it| title.starts_with(it));
            if let (Some(kind), Some(number)) = (kind, number) {
                *seen.entry(format!("{kind} {number}")).or_default() += 1;
            }
        }
        let twice: Vec<_> = seen.iter().filter(|(_, count)| **count != 1).collect();
        ensure!(twice.is_empty(), "messages that stand more than once: {twice:?}");
        Ok(())
    }
}

/// The next thing that asks for an answer: a question, or the end of what was ordered last.
fn next(all: &[Shown], from: usize, answered: &[String]) -> Option<Seen> {
    all.iter().skip(from).find_map(|it| {
        let title = it.card.title.to_string();
        let key = it.message.message.to_string();
        let approve =
            it.card.buttons.iter().map(|it| &it.act).find(|it| matches!(it, ButtonAct::Approve { .. }));
        if let Some(approve) = approve
            && !answered.contains(&key)
        {
            return Some(Seen::Question { key, shown: Box::new(it.clone()), approve: approve.clone() });
        }
        let is_card = title.starts_with("Release #") || title.starts_with("Rollback #");
        let goes_on = ["running", "about to start", "waiting for approval", "stopping"];
        let ended = is_card && !goes_on.iter().any(|word| title.ends_with(word));
        ended.then(|| Seen::Ended(Box::new(it.clone())))
    })
}

/// What the card of something that stopped says is to be done. It has to say why it stopped, too.
fn advice(card: &Shown) -> anyhow::Result<String> {
    let text = card.card.to_string();
    ensure!(text.contains("nobody saw how it ended"), "it stopped for another reason:\n{text}");
    let from = text.find("`!").with_context(|| format!("it does not say what to do:\n{text}"))?;
    let order: String = text[from + 1..].chars().take_while(|it| *it != '`').collect();
    Ok(order)
}

/// The hosts that a line of the partition names.
fn hosts_in(text: &str, word: &str) -> Vec<String> {
    let line = text.lines().find_map(|it| it.trim().strip_prefix(word)).unwrap_or("none");
    let names = line.split([',', ' ']).filter(|it| !it.is_empty() && !["and", "none"].contains(it));
    names.map(str::to_owned).collect()
}

/// The bot's database, read beside it.
pub async fn history(dir: &Path) -> anyhow::Result<SqliteConnection> {
    let file = dir.join("data/lockkeeper.db");
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(5));
    Ok(options.connect().await?)
}

/// Installations as the hosts counted them, against the attempts on record: never one more, and every recorded success
/// has happened.
async fn effects(history: &mut SqliteConnection, dir: &Path, outcome: Outcome) -> anyhow::Result<()> {
    let sql = "SELECT a.host AS host, json_extract(e.parameters, '$.digest') AS digest, COUNT(*) AS tried,
                      SUM(a.status = 'succeeded') AS done
               FROM attempt a JOIN execution e ON e.id = a.execution_id WHERE e.action = 'release.install'
               GROUP BY a.host, digest";
    let mut counted = installed(dir)?;
    for row in sqlx::query(sql).fetch_all(history).await? {
        let (host, digest): (String, String) = (row.try_get("host")?, row.try_get("digest")?);
        let (tried, done): (i64, i64) = (row.try_get("tried")?, row.try_get("done")?);
        let count = counted.remove(&(host.clone(), digest)).unwrap_or_default();
        let possible = done <= count && count <= tried;
        ensure!(possible, "{host} counted {count} installations of {tried} tried and {done} recorded");
        ensure!(outcome == Outcome::Unseen || count == 1, "{host} was installed {count} times");
    }
    ensure!(counted.is_empty(), "installations that no attempt accounts for: {counted:?}");
    Ok(())
}

/// How often each digest was installed on each host, by the hosts' own logs.
fn installed(dir: &Path) -> anyhow::Result<BTreeMap<(String, String), i64>> {
    let mut counted = BTreeMap::new();
    for host in std::fs::read_dir(dir.join("hosts"))? {
        let host = host?;
        let log = std::fs::read_to_string(host.path().join("shop/installed")).unwrap_or_default();
        for digest in log.lines() {
            let key = (host.file_name().to_string_lossy().into_owned(), digest.to_owned());
            *counted.entry(key).or_insert(0) += 1;
        }
    }
    Ok(counted)
}

/// No process that any attempt started is alive: all carry the attempt in their environment.
async fn nothing_runs_on(history: &mut SqliteConnection) -> anyhow::Result<()> {
    let attempts: Vec<String> = sqlx::query_scalar("SELECT id FROM attempt").fetch_all(history).await?;
    for pid in std::fs::read_dir("/proc")?.flatten().map(|it| it.path()) {
        let Ok(environment) = std::fs::read(pid.join("environ")) else { continue };
        let environment = String::from_utf8_lossy(&environment);
        let of = attempts.iter().find(|it| environment.contains(&format!("LOCKKEEPER_ATTEMPT={it}")));
        ensure!(of.is_none(), "{} of attempt {} still runs", pid.display(), of.map_or("", String::as_str));
    }
    Ok(())
}

/// Makes the host's log of installations a pipe: the next installation stops in its middle, after `current` is switched
/// and before the shop is restarted.
pub fn hold_installation(dir: &Path, host: &str) {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, log_of(dir, host), rustix::fs::FileType::Fifo, mode, 0)
        .expect("a pipe");
}

/// Waits until that installation has come to its middle.
pub async fn until_held(dir: &Path, host: &str) {
    let folder = format!("LOCKKEEPER_DIR={}", dir.join("hosts").join(host).join("shop").display());
    let at_work = || {
        let processes = std::fs::read_dir("/proc").expect("a process table").flatten();
        processes.map(|it| it.path()).any(|pid| {
            let read = |name: &str| std::fs::read(pid.join(name)).unwrap_or_default();
            let runs = String::from_utf8_lossy(&read("cmdline")).contains("script/post-inst");
            runs && read("environ").split(|it| *it == 0).any(|it| it == folder.as_bytes())
        })
    };
    until("the installation is at work", async || at_work().then_some(())).await;
}

/// Lets a held installation come to its end, and counts it.
pub async fn finish_held(dir: &Path, host: &str) {
    let log = log_of(dir, host);
    let counted = tokio::fs::read_to_string(&log).await.expect("what the installation wrote");
    std::fs::remove_file(&log).expect("the pipe");
    std::fs::write(&log, counted).expect("a log");
}

/// The next installation finds a plain log again. One that is held is held on.
pub fn hold_no_more(dir: &Path, host: &str) {
    std::fs::remove_file(log_of(dir, host)).expect("the pipe");
    std::fs::write(log_of(dir, host), "").expect("a log");
}

fn log_of(dir: &Path, host: &str) -> PathBuf {
    dir.join("hosts").join(host).join("shop/installed")
}

/// Where the bot serves HTTP.
pub fn bot_address(stage: &Stage) -> SocketAddr {
    lockkeeper::config::load(&stage.world.config()).expect("a good configuration").http.listen
}

/// The status that the bot answers a path with, if it answers.
pub async fn status(address: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// Waits for this status.
pub async fn until_answered(address: SocketAddr, path: &str, wanted: u16) {
    let seen = async || status(address, path).await.filter(|it| *it == wanted);
    until(&format!("{path} is answered with {wanted}"), seen).await;
}

/// Waits for something that nobody can tell us of.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// SIGKILL.
pub fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it lives");
}

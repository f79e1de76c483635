//! A disk that is full in the middle of a release, by a quota on the size of files (RLIMIT_FSIZE of the running bot):
//! nothing is acknowledged, readiness is red, nothing is done twice, and all goes on by itself once there is room.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use lockkeeper::chat::terminal::Player;
use lockkeeper::demo::Program;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tokio::sync::Semaphore;

use crate::support::trial::{self, Outcome, Trial};

/// What is seen of the bot from outside.
struct Outside {
    dir: PathBuf,
    player: Player,
    address: SocketAddr,
    bot: Pid,
    votes: Arc<Semaphore>,
}

impl Outside {
    fn of(trial: &Trial) -> Self {
        let pid = trial.stage.bot_pid().and_then(|it| i32::try_from(it).ok()).unwrap();
        Self {
            dir: trial.stage.world.dir().to_owned(),
            player: trial.stage.player.clone(),
            address: trial::bot_address(&trial.stage),
            bot: Pid::from_raw(pid).unwrap(),
            votes: trial.votes.clone(),
        }
    }

    /// Bytes that a file of the bot's may have; `None`: as many as this test's own.
    fn allow(&self, bytes: Option<u64>) {
        let ours = getrlimit(Resource::Fsize);
        let limit = Rlimit { current: bytes.or(ours.current), maximum: ours.maximum };
        prlimit(Some(self.bot), Resource::Fsize, limit).unwrap();
    }

    async fn count(&self, sql: &'static str) -> Option<i64> {
        let mut history = trial::history(&self.dir).await.ok()?;
        sqlx::query_scalar(sql).fetch_one(&mut history).await.ok()
    }

    async fn until_count(&self, sql: &'static str, least: i64) {
        trial::until(sql, async || self.count(sql).await.filter(|it| least <= *it)).await;
    }

    /// The disk is full while `meanwhile` happens; afterwards the bot is as it was.
    async fn full(&self, meanwhile: impl AsyncFnOnce()) {
        self.allow(Some(0));
        trial::until_answered(self.address, "/readyz", 503).await;
        assert_eq!(
            trial::status(self.address, "/healthz").await,
            Some(200),
            "a full disk is no reason to restart"
        );
        let (taken, written) = (self.player.taken().len(), self.written().await);
        self.player.say("ann", "!whoami");
        meanwhile().await;
        // Each is another try to write.
        for _ in 0..3 {
            assert_eq!(trial::status(self.address, "/readyz").await, Some(503));
        }
        assert_eq!(self.player.taken().len(), taken, "acknowledged what it could not keep");
        assert_eq!(self.written().await, written, "something was committed");
        self.allow(None);
        trial::until_answered(self.address, "/readyz", 200).await;
        let all_taken = async || (taken < self.player.taken().len()).then_some(());
        trial::until("what was said is taken", all_taken).await;
    }

    async fn written(&self) -> Option<i64> {
        self.count(
            "SELECT (SELECT COUNT(*) FROM inbox) + (SELECT COUNT(*) FROM look) + (SELECT COUNT(*) FROM vote)
                  + (SELECT COUNT(*) FROM attempt) + (SELECT COUNT(*) FROM flow_event)",
        )
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_three_times_in_a_release_only_makes_it_later() {
    let mut trial = Trial::set(Program::new(env!("CARGO_BIN_EXE_lockkeeper"))).await.unwrap();
    trial.votes = Arc::new(Semaphore::new(0));
    let outside = Outside::of(&trial);
    trial::hold_installation(&outside.dir, "web-2");
    let squeezing = async {
        outside.until_count("SELECT COUNT(*) FROM look", 2).await;
        outside.full(async || {}).await;

        outside.until_count("SELECT COUNT(*) FROM gate", 1).await;
        outside.full(async || outside.votes.add_permits(1)).await;

        trial::until_held(&outside.dir, "web-2").await;
        outside.full(async || trial::finish_held(&outside.dir, "web-2").await).await;
    };
    let (played, ()) = tokio::join!(trial.play(), squeezing);
    let played = played.unwrap();
    assert_eq!((played.outcome, played.deaths), (Outcome::Done, 0), "{}", played.first);
}

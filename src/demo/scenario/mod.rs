//! What can be played, and what has to be true then. Every assertion about hosts asks the hosts.

mod bad_canary;
mod build_failure;
mod changed;
mod expired;
mod host_lost;
mod rejected;
mod release;
mod restart;

use anyhow::{Context, ensure};

use super::Terms;
use super::stage::{Stage, StageOptions};
use crate::chat::terminal::Shown;
use crate::id::MessageRef;
use crate::message::{Button, ButtonAct};

/// One play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Up to the gate, refused for who asked, approved by somebody else, on all hosts.
    Release,
    /// A commit that does not build: its author is told, nothing is deployed, recovery is told.
    BuildFailure,
    /// A tenth of the canary's requests fail: no approval is possible, the canary goes back.
    BadCanary,
    /// Somebody says no.
    Rejected,
    /// Nobody answers.
    Expired,
    /// A host dies in the middle of the rollout: it stops, tells the truth, and can be rolled back.
    HostLost,
    /// The bot is killed while people decide; the old message still takes the vote.
    Restart,
    /// A host joins while people decide: votes are void, and it is asked again.
    Changed,
}

impl Scenario {
    pub const ALL: [Scenario; 8] = [
        Scenario::Release,
        Scenario::BuildFailure,
        Scenario::BadCanary,
        Scenario::Rejected,
        Scenario::Expired,
        Scenario::HostLost,
        Scenario::Restart,
        Scenario::Changed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Scenario::Release => "release",
            Scenario::BuildFailure => "build-failure",
            Scenario::BadCanary => "bad-canary",
            Scenario::Rejected => "rejected",
            Scenario::Expired => "expired",
            Scenario::HostLost => "host-lost",
            Scenario::Restart => "restart",
            Scenario::Changed => "changed",
        }
    }

    /// The play of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// What this play needs otherwise than others: everything in seconds.
    pub fn terms(self) -> Terms {
        let quick = Terms { interval: "150ms".to_owned(), duration: "1500ms".to_owned(), ..Terms::default() };
        match self {
            Scenario::Expired => Terms { expires_after: "4s".to_owned(), ..quick },
            Scenario::Changed => Terms { approvals: 2, ..quick },
            Scenario::Release
            | Scenario::BuildFailure
            | Scenario::BadCanary
            | Scenario::Rejected
            | Scenario::HostLost
            | Scenario::Restart => quick,
        }
    }

    /// Plays it and asserts; all processes have ended afterwards.
    ///
    /// # Errors
    /// What was not as it has to be, with the history of the chat.
    pub async fn play(self, options: StageOptions) -> anyhow::Result<()> {
        let stage = Stage::set(options).await?;
        let player = stage.player.clone();
        let played = match self {
            Scenario::Release => release::play(stage).await,
            Scenario::BuildFailure => build_failure::play(stage).await,
            Scenario::BadCanary => bad_canary::play(stage).await,
            Scenario::Rejected => rejected::play(stage).await,
            Scenario::Expired => expired::play(stage).await,
            Scenario::HostLost => host_lost::play(stage).await,
            Scenario::Restart => restart::play(stage).await,
            Scenario::Changed => changed::play(stage).await,
        };
        played.map_err(|error| {
            let history = player.history();
            let error = error.context(format!("scenario {}", self.as_str()));
            if format!("{error:#}").contains("so far:") {
                error
            } else {
                anyhow::anyhow!("{error:#}\n{history}")
            }
        })
    }
}

/// The open question of a release.
pub(super) struct Question {
    pub(super) number: i64,
    pub(super) message: MessageRef,
    pub(super) shown: Shown,
}

impl Question {
    /// Whether this is the open question whether a release may enter.
    fn is_open(title: &str) -> bool {
        title.starts_with("May #") && title.ends_with(" shop to production?")
    }

    pub(super) fn of(shown: Shown) -> anyhow::Result<Self> {
        let title = shown.card.title.to_string();
        let number = title.strip_prefix("May #").and_then(|it| it.split(' ').next()?.parse().ok());
        let number = number.with_context(|| format!("no number in “{title}”"))?;
        Ok(Self { number, message: shown.message.clone(), shown })
    }

    /// The button that approves.
    pub(super) fn approve(&self) -> anyhow::Result<&ButtonAct> {
        let act = |it: &'_ Button| matches!(it.act, ButtonAct::Approve { .. });
        let button = self.shown.card.buttons.iter().find(|it| act(it));
        Ok(&button.context("the question has no button to approve with")?.act)
    }
}

/// The question is there, or will never come.
fn is_over(title: &str) -> bool {
    let ended =
        title.starts_with("Release #") && !title.ends_with("running") && !title.ends_with("about to start");
    Question::is_open(title) || (ended && !title.ends_with("waiting for approval"))
}

/// A good commit, asked for by Ann, up to the question. Nothing but the canary has changed.
pub(super) async fn to_the_gate(stage: &Stage, version: u32) -> anyhow::Result<Question> {
    let before = stage.agreed("app").await?;
    stage.world.commit_good(version).await?;
    stage.player.say("ann", "!deploy shop");
    let shown = stage.message(0, |card| is_over(&card.title.to_string())).await;
    let shown = shown.context("the question does not come")?;
    let title = shown.card.title.to_string();
    ensure!(Question::is_open(&title), "it ended before the question: {title}");
    let question = Question::of(shown)?;
    stage.hosts_run("canary", &[Some(version)]).await?;
    ensure!(stage.agreed("app").await? == before, "production changed before anybody approved");
    Ok(question)
}

//! What a release needs to know before it starts: its commit, its commits, what hosts run now, its plan.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    bot::{Bot, hear::Answer},
    content::App,
    engine::{Live, Starting},
    id::{ActionRef, CommitSha, Digest, EnvironmentName, ExecutionId, Place, ReleaseId},
    identity::Authorised,
    message::words::{self, execution::Commit},
    release::{self, Ask, Plan},
    store::{
        Change,
        deployment::{Rollout, RolloutOutcome},
    },
};

use super::Order;

/// Commits that a card lists at most.
const COMMITS_MAX: usize = 50;

/// A release that is ready to start.
pub(super) struct Ready {
    pub(super) plan: Plan,
    pub(super) commits: Vec<Commit>,
    pub(super) root: ExecutionId,
    /// What all target hosts run now, as they said themselves.
    pub(super) runs: Option<Digest>,
}

impl Bot {
    /// The commit that a person means, resolved once.
    pub(super) async fn resolve(
        &self,
        app: &App,
        version: Option<&str>,
    ) -> Result<(CommitSha, String), Answer> {
        let reference = version.unwrap_or(&app.repository.branch);
        match self.0.parts.repositories.resolve(&app.repository, reference).await {
            Ok(commit) => Ok((commit, reference.to_owned())),
            Err(error) => Err(Answer::say(error.card(app.app.as_str(), reference))),
        }
    }

    /// Everything for a release of this commit into this environment. Asks the hosts what they run.
    pub(super) async fn prepare(
        &self,
        live: &Live,
        app: &App,
        environment: &EnvironmentName,
        commit: CommitSha,
        reference: String,
    ) -> anyhow::Result<Result<Ready, Answer>> {
        let root = ExecutionId::generate();
        let checkout = self.engine().data().join("work").join(root.to_string()).join("checkout");
        let ask = Ask {
            release: ReleaseId::generate(),
            number: self.engine().store().next_release_number().await?,
            commit: commit.clone(),
            reference,
            environment: environment.clone(),
            checkout: checkout.display().to_string(),
            canary_runs: None,
            target_runs: None,
        };
        let mut plan = match release::compose(app, &live.settings.environments, &ask) {
            Ok(plan) => plan,
            Err(error) => return Ok(Err(Answer::say(words::answer::note(sentence(&error.to_string()))))),
        };
        let runs = self.survey(&plan.target).await;
        plan.target.previous = runs.clone();
        if let Some(canary) = &mut plan.canary {
            canary.previous = self.0.parts.probe.survey(&canary.hosts).await;
        }
        let commits = self.commits(app, &commit, runs.as_ref()).await;
        Ok(Ok(Ready { plan, commits, root, runs }))
    }

    /// What all hosts of a stage agree to run.
    pub(super) async fn survey(&self, stage: &release::Stage) -> Option<Digest> {
        self.0.parts.probe.survey(&stage.hosts).await
    }

    /// The commits that a release brings, newest first: those since the release that runs now, or only its own.
    async fn commits(&self, app: &App, commit: &CommitSha, runs: Option<&Digest>) -> Vec<Commit> {
        let since = match runs {
            Some(digest) => self.commit_of(app, digest).await,
            None => None,
        };
        let log = self.0.parts.repositories.log(&app.repository, since.as_ref(), commit, COMMITS_MAX).await;
        log.unwrap_or_else(|error| {
            tracing::warn!(app = %app.app, %error, "the commits of a release could not be listed");
            Vec::new()
        })
    }

    async fn commit_of(&self, app: &App, digest: &Digest) -> Option<CommitSha> {
        let releases = self.engine().store().releases(&app.app, 200).await.ok()?;
        releases.into_iter().find(|it| it.artifact.as_ref() == Some(digest)).map(|it| it.commit)
    }
}

impl Ready {
    /// The context of the root: what cards, gates and `ctx().st2` read.
    pub(super) fn context(&self, leave: &Authorised, places: &[Place]) -> Map<String, Value> {
        let plan = &self.plan;
        let context = json!({
            "app": plan.app,
            "release": plan.release,
            "number": plan.number,
            "environment": plan.target.environment,
            "commit": plan.commit,
            "reference": plan.reference,
            "requester": leave.person(),
            "asker": { "person": leave.person(), "account": leave.account() },
            "places": places,
            "commits": self.commits,
        });
        context.as_object().cloned().unwrap_or_default()
    }

    /// The release's row.
    pub(super) fn row(&self, leave: &Authorised, artifact: Option<Digest>, now: Timestamp) -> Change {
        let plan = &self.plan;
        Change::NewRelease(Box::new(crate::store::release::Release {
            id: plan.release,
            number: plan.number,
            app: plan.app.clone(),
            reference: plan.reference.clone(),
            commit: plan.commit.clone(),
            artifact,
            requester: leave.person().clone(),
            execution: self.root,
            body: serde_json::to_value(plan).unwrap_or_default(),
            version: 1,
            created_at: now,
        }))
    }

    /// What runs now was confirmed by all hosts: it is what a rollback may return to.
    pub(super) fn baseline(&self, now: Timestamp) -> Option<Change> {
        let digest = self.runs.clone()?;
        Some(Change::Rollout(Box::new(Rollout {
            execution: ExecutionId::generate(),
            app: self.plan.app.clone(),
            environment: self.plan.target.environment.clone(),
            release: None,
            digest,
            outcome: RolloutOutcome::Complete,
            at: now,
        })))
    }

    pub(super) fn starting(
        &self,
        action: &str,
        parameters: Map<String, Value>,
        order: &Order<'_>,
        leave: &Authorised,
        places: Vec<Place>,
    ) -> Starting {
        Starting {
            id: self.root,
            action: ActionRef::from(action),
            parameters,
            origin: Some(format!("{}:0", order.call.delivery.key)),
            context: self.context(leave, &places),
            places,
        }
    }
}

/// Where a card stands: the app's channels, and where it was asked for.
pub(super) fn places(app: &App, order: &Order<'_>) -> Vec<Place> {
    let mut places = app.channels.clone();
    let here = order.call.delivery.place.channel();
    if !places.contains(&here) {
        places.push(here);
    }
    places
}

/// An error's text as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|it| it.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

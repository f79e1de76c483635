//! What a release needs to know before it starts: its commit, its commits, what hosts run now, its plan; and on whose
//! behalf it moves. Commands and webhooks start releases through here alike.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Bot, hear::Answer};
use crate::{
    content::App,
    engine::{Live, Starting},
    gate::Requester,
    id::{ActionRef, CommitSha, Digest, EnvironmentName, ExecutionId, PersonName, Place, ReleaseId},
    identity::{Authorised, People},
    message::words::{self, execution::Commit},
    release::{self, Ask, Plan},
    sensor::webhook::Push,
    store::{
        Change,
        deployment::{Rollout, RolloutOutcome},
    },
};

/// Commits that a card lists at most.
const COMMITS_MAX: usize = 50;

/// On whose behalf something starts, by which event, and where its card stands.
pub(super) struct Cause<'a> {
    pub(super) asker: Asker<'a>,
    /// (event, ordinal).
    pub(super) origin: String,
    pub(super) places: Vec<Place>,
}

/// Who wants it.
pub(super) enum Asker<'a> {
    /// Someone in chat, with leave.
    Person(&'a Authorised),
    /// A push. Nobody gave leave: it may go as far as the first gate.
    Push { push: &'a Push, people: &'a People },
}

impl Asker<'_> {
    /// As cards and the release's row name them.
    fn name(&self) -> PersonName {
        match self {
            Asker::Person(leave) => leave.person().clone(),
            Asker::Push { push, people } => {
                let login = push.pusher.as_deref().unwrap_or("somebody");
                let known = people.by_login(login).map(|it| it.name.clone());
                known.unwrap_or_else(|| {
                    PersonName::new(Requester::Push { login: login.to_owned() }.to_string())
                })
            }
        }
    }

    /// What gates read to know who had a hand in it.
    fn context(&self) -> Value {
        match self {
            Asker::Person(leave) => {
                json!({ "asker": { "person": leave.person(), "account": leave.account() } })
            }
            Asker::Push { push, .. } => json!({
                "pusher": push.pusher.as_deref().unwrap_or("somebody"),
                "pusher_logins": push.pushed_also_by,
                "author_logins": push.author_logins(),
                "author": push.commits.last().and_then(|it| it.author.login.as_deref()),
            }),
        }
    }
}

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

    /// Everything for a release of this commit into this environment, but for its number. Asks the hosts what they run.
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
            number: 0,
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

    /// Numbers a release and starts it on its whole way; `also` commits with it.
    pub(super) async fn release(
        &self,
        mut ready: Ready,
        cause: Cause<'_>,
        also: Vec<Change>,
    ) -> anyhow::Result<()> {
        ready.plan.number = self.engine().store().next_release_number().await?;
        let now = self.engine().clock().now();
        let mut changes = vec![ready.row(&cause.asker, None, now)];
        changes.extend(also);
        changes.extend(self.news(&ready, now).await?);
        self.engine().start(ready.starting("release.deploy", ready.parameters(), cause), changes).await?;
        Ok(())
    }

    /// Starts the build of a commit and nothing after it.
    pub(super) async fn build(&self, ready: Ready, cause: Cause<'_>) -> anyhow::Result<()> {
        let mut starting = ready.starting("ci.build", ready.parameters(), cause);
        // It is no release, and goes nowhere.
        for name in ["release", "number", "environment"] {
            starting.context.shift_remove(name);
        }
        self.engine().start(starting, Vec::new()).await?;
        Ok(())
    }

    /// What the hosts run, if it is not recorded yet as the last complete rollout.
    pub(super) async fn news(&self, ready: &Ready, now: Timestamp) -> anyhow::Result<Option<Change>> {
        let Some(runs) = &ready.runs else { return Ok(None) };
        let plan = &ready.plan;
        let last = self.engine().store().complete_rollouts(&plan.app, &plan.target.environment, 1).await?;
        let known = last.first().is_some_and(|it| it.digest == *runs);
        Ok(if known { None } else { ready.baseline(now) })
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
    /// What the release's workflows are given.
    pub(super) fn parameters(&self) -> Map<String, Value> {
        Map::from_iter([("plan".to_owned(), json!(self.plan))])
    }

    /// The context of the root: what cards, gates and `ctx().st2` read.
    fn context(&self, cause: &Cause<'_>) -> Map<String, Value> {
        let plan = &self.plan;
        let context = json!({
            "app": plan.app,
            "release": plan.release,
            "number": plan.number,
            "environment": plan.target.environment,
            "commit": plan.commit,
            "reference": plan.reference,
            "requester": cause.asker.name(),
            "places": cause.places,
            "commits": self.commits,
        });
        let asker = cause.asker.context();
        let members = [context, asker].into_iter().filter_map(|it| it.as_object().cloned());
        members.flatten().collect()
    }

    /// The release's row.
    pub(super) fn row(&self, asker: &Asker<'_>, artifact: Option<Digest>, now: Timestamp) -> Change {
        let plan = &self.plan;
        Change::NewRelease(Box::new(crate::store::release::Release {
            id: plan.release,
            number: plan.number,
            app: plan.app.clone(),
            reference: plan.reference.clone(),
            commit: plan.commit.clone(),
            artifact,
            requester: asker.name(),
            execution: self.root,
            body: serde_json::to_value(plan).unwrap_or_default(),
            version: 1,
            created_at: now,
        }))
    }

    /// What runs now was confirmed by all hosts: it is what a rollback may return to.
    fn baseline(&self, now: Timestamp) -> Option<Change> {
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
        cause: Cause<'_>,
    ) -> Starting {
        Starting {
            id: self.root,
            action: ActionRef::from(action),
            parameters,
            context: self.context(&cause),
            origin: Some(cause.origin),
            places: cause.places,
        }
    }
}

/// An error's text as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|it| it.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

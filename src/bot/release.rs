//! What a release needs to know before it starts: its commit, its commits, what hosts run now, its plan; and on whose
//! behalf it moves. Commands and webhooks start releases through here alike.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Bot, hear::Answer};
use crate::{
    content::App,
    engine::{Live, Starting},
    gate::Requester,
    id::{
        ActionRef, CommitSha, Digest, EnvironmentName, ExecutionId, HostName, PersonName, Place, ReleaseId,
    },
    identity::{Authorised, People},
    message::words::{self, execution::Commit},
    release::{self, Ask, HostPlan, Plan},
    rollout::record::{Course, Kind, Record, last_good, release_of},
    runner::git::GitError,
    sensor::webhook::Push,
    store::{Change, deployment::Rollout, release::Release},
};

/// Commits that are kept of a release. The question lists all of them, and answers to it bind all: so more than any
/// platform has room for, which then says so and withholds the buttons.
const COMMITS_MAX: usize = 1_000;
/// Authors that a release keeps at most, those whom we know first.
const AUTHORS_MAX: usize = 500;
/// Releases in which the commit of an artifact is looked for.
const RELEASES_MAX: i64 = 200;

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

impl Cause<'_> {
    /// A root of this cause. Its context, which cards, gates and `ctx().st2` read, says what it is about and who asked.
    fn starting(
        self,
        id: ExecutionId,
        action: &str,
        parameters: Map<String, Value>,
        about: Value,
        commits: &[Commit],
    ) -> Starting {
        let cause = json!({ "requester": self.asker.name(), "places": self.places, "commits": commits });
        let members = [about, cause, self.asker.context()];
        Starting {
            id,
            action: ActionRef::from(action),
            parameters,
            context: members.into_iter().filter_map(|it| it.as_object().cloned()).flatten().collect(),
            origin: Some(self.origin),
            places: self.places,
        }
    }
}

/// A release that is ready to start.
pub(super) struct Ready {
    pub(super) plan: Plan,
    pub(super) commits: Vec<Commit>,
    /// Whom four eyes bar. An error if nobody can tell: then nothing starts that leads to a gate.
    pub(super) authors: Result<Authors, GitError>,
    pub(super) root: ExecutionId,
    /// What all target hosts run now, as they said themselves.
    pub(super) runs: Option<Digest>,
}

/// Who wrote what a release brings.
#[derive(Default)]
pub(super) struct Authors {
    emails: Vec<String>,
    /// It is not known what runs now, so these are the authors of everything.
    range_unknown: bool,
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
        let mut ready = match self.compose(live, app, environment, commit, reference) {
            Ok(ready) => ready,
            Err(answer) => return Ok(Err(answer)),
        };
        let plan = &mut ready.plan;
        ready.runs = self.survey(&plan.target).await;
        let good = self.good(plan, ready.runs.as_ref()).await?;
        plan.target.previous = ready.runs.clone().or_else(|| good.clone());
        if let Some(canary) = &mut plan.canary {
            canary.previous = good;
        }
        let since = self.since(app, environment, ready.runs.as_ref()).await?;
        ready.commits = self.commits(app, &since, &plan.build.commit).await;
        ready.authors = self.authors(live, app, &since, &plan.build.commit).await;
        Ok(Ok(ready))
    }

    /// What the canary goes back to: what production last ran well, whatever a canary runs now. Before our first rollout
    /// that is what production's hosts say, unless we built it.
    async fn good(&self, plan: &Plan, runs: Option<&Digest>) -> anyhow::Result<Option<Digest>> {
        let store = self.engine().store();
        let records = store.rollouts(&plan.build.app, &plan.target.environment).await?;
        if !records.is_empty() {
            return Ok(last_good(&records).map(|it| it.digest));
        }
        Ok(match runs {
            Some(runs) if !store.is_built(&plan.build.app, runs).await? => Some(runs.clone()),
            Some(_) | None => None,
        })
    }

    /// The plan alone; nobody was asked anything yet.
    pub(super) fn compose(
        &self,
        live: &Live,
        app: &App,
        environment: &EnvironmentName,
        commit: CommitSha,
        reference: String,
    ) -> Result<Ready, Answer> {
        let root = ExecutionId::generate();
        let ask = Ask {
            release: ReleaseId::generate(),
            number: 0,
            commit,
            reference,
            environment: environment.clone(),
            checkout: self.checkout(root),
            canary_runs: None,
            target_runs: None,
        };
        let plan = release::compose(app, &live.settings.environments, &ask)
            .map_err(|error| Answer::say(words::order::cannot(&error.to_string())))?;
        Ok(Ready { plan, commits: Vec::new(), authors: Ok(Authors::default()), root, runs: None })
    }

    /// What all hosts of a stage agree to run.
    pub(super) async fn survey(&self, stage: &release::Stage) -> Option<Digest> {
        self.0.parts.probe.survey(&stage.hosts).await
    }

    /// What each of these hosts says it runs.
    pub(super) async fn ask_each(&self, hosts: &[HostPlan]) -> Vec<(HostName, Option<Digest>)> {
        let said = self.0.parts.probe.each(hosts).await;
        hosts.iter().map(|it| it.name.clone()).zip(said).collect()
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

    /// Starts the build of the head of an app's branch and nothing after it: no release, which goes nowhere.
    pub(super) async fn build(
        &self,
        app: &App,
        commit: &CommitSha,
        commits: &[Commit],
        cause: Cause<'_>,
    ) -> anyhow::Result<()> {
        let root = ExecutionId::generate();
        let plan = release::compose_build(app, commit, &app.repository.branch, &self.checkout(root));
        let about = json!({ "app": plan.app, "commit": plan.commit, "reference": plan.reference });
        let parameters = Map::from_iter([("plan".to_owned(), json!(plan))]);
        let starting = cause.starting(root, "ci.build", parameters, about, commits);
        self.engine().start(starting, Vec::new()).await?;
        Ok(())
    }

    /// Where the commit of an execution is checked out.
    fn checkout(&self, root: ExecutionId) -> String {
        self.engine().data().join("work").join(root.to_string()).join("checkout").display().to_string()
    }

    /// What the hosts ran before we rolled out anything there: what a first rollback returns to. Only where nothing is
    /// recorded, and nothing that we built: that came there by a rollout, and those are recorded.
    pub(super) async fn news(&self, ready: &Ready, now: Timestamp) -> anyhow::Result<Option<Change>> {
        let Some(runs) = &ready.runs else { return Ok(None) };
        let (plan, store) = (&ready.plan, self.engine().store());
        let known = !store.rollouts(&plan.build.app, &plan.target.environment).await?.is_empty();
        if known || store.is_built(&plan.build.app, runs).await? {
            return Ok(None);
        }
        Ok(Some(ready.baseline(runs.clone(), now)))
    }

    /// The commits that a release is compared with: of what all hosts run, and of the last good rollout. None if
    /// one of them cannot be told, or there is nothing to compare with.
    async fn since(
        &self,
        app: &App,
        environment: &EnvironmentName,
        runs: Option<&Digest>,
    ) -> anyhow::Result<Vec<CommitSha>> {
        let store = self.engine().store();
        let records = store.rollouts(&app.app, environment).await?;
        let good = last_good(&records).map(|it| it.digest);
        let digests: Vec<&Digest> = runs.into_iter().chain(&good).collect();
        let releases = store.releases(&app.app, RELEASES_MAX).await?;
        let commit_of = |digest: &&Digest| {
            let brought_by = release_of(&records, digest);
            let is_it = |it: &&Release| {
                brought_by.map_or(it.artifact.as_ref() == Some(*digest), |release| it.id == release)
            };
            releases.iter().find(is_it).map(|it| it.commit.clone())
        };
        let known: Option<Vec<CommitSha>> = digests.iter().map(commit_of).collect();
        Ok(known.unwrap_or_default())
    }

    /// The commits that a release brings, newest first: those since what runs now, or only its own.
    async fn commits(&self, app: &App, since: &[CommitSha], commit: &CommitSha) -> Vec<Commit> {
        let log = self.0.parts.repositories.log(&app.repository, since.first(), commit, COMMITS_MAX).await;
        log.unwrap_or_else(|error| {
            tracing::warn!(app = %app.app, %error, "the commits of a release could not be listed");
            Vec::new()
        })
    }

    async fn authors(
        &self,
        live: &Live,
        app: &App,
        since: &[CommitSha],
        commit: &CommitSha,
    ) -> Result<Authors, GitError> {
        let repositories = &self.0.parts.repositories;
        let (found, range_unknown) = match repositories.authors(&app.repository, since, commit).await {
            Ok(found) => (found, since.is_empty()),
            // What ran may be gone from the repository, after a forced push.
            Err(_) => (repositories.authors(&app.repository, &[], commit).await?, true),
        };
        let people = &live.settings.people;
        let (known, unknown): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|it| people.by_email(it).is_some());
        let emails = known.into_iter().chain(unknown).take(AUTHORS_MAX).collect();
        Ok(Authors { emails, range_unknown })
    }
}

impl Ready {
    /// What the release's workflows are given.
    pub(super) fn parameters(&self) -> Map<String, Value> {
        Map::from_iter([("plan".to_owned(), json!(self.plan))])
    }

    /// The release's row; a rollback says what it goes back to.
    pub(super) fn row(&self, asker: &Asker<'_>, back_to: Option<Digest>, now: Timestamp) -> Change {
        let plan = &self.plan;
        Change::NewRelease(Box::new(Release {
            id: plan.release,
            number: plan.number,
            app: plan.build.app.clone(),
            reference: plan.build.reference.clone(),
            commit: plan.build.commit.clone(),
            artifact: None,
            back_to,
            requester: asker.name(),
            execution: self.root,
            body: serde_json::to_value(plan).unwrap_or_default(),
            version: 1,
            created_at: now,
        }))
    }

    /// All hosts said that they run it.
    fn baseline(&self, digest: Digest, at: Timestamp) -> Change {
        Change::Rollout(Box::new(Rollout {
            app: self.plan.build.app.clone(),
            environment: self.plan.target.environment.clone(),
            record: Record {
                execution: ExecutionId::generate(),
                release: None,
                digest,
                kind: Kind::Found,
                course: Course::Complete,
            },
            at,
        }))
    }

    pub(super) fn starting(
        &self,
        action: &str,
        parameters: Map<String, Value>,
        cause: Cause<'_>,
    ) -> Starting {
        let plan = &self.plan;
        let mut about = json!({
            "app": plan.build.app,
            "release": plan.release,
            "number": plan.number,
            "environment": plan.target.environment,
            "commit": plan.build.commit.is_known().then_some(&plan.build.commit),
            "reference": plan.build.reference,
        });
        if let Ok(authors) = &self.authors {
            about["author_emails"] = json!(authors.emails);
            about["range_unknown"] = authors.range_unknown.into();
        }
        cause.starting(self.root, action, parameters, about, &self.commits)
    }
}

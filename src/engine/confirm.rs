//! The engine's kind `confirm`: asks every host of a stage what it runs, and records exactly that. It never claims more
//! than was confirmed: a host that does not say is unknown.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Engine, settle::End};
use crate::{
    id::{Digest, HostName, ReleaseId},
    release::{Plan, Stage},
    rollout::{
        plan::{HostState, Outcome, Partition},
        record::{Course, Kind, Record, release_of},
    },
    status::Status,
    store::{
        Change, StoreError,
        deployment::{Deployment, Rollout},
        execution::Execution,
    },
};

/// The action of this kind.
pub(super) const CONFIRM: &str = "release.confirm";
/// Changes nothing of what a host runs.
const UPLOAD: &str = "release.upload";

#[derive(Deserialize)]
struct Input {
    plan: Plan,
    stage: StageName,
    digest: Digest,
    #[serde(default)]
    previous: Option<Digest>,
}

/// Which of a plan's hosts.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StageName {
    Canary,
    Target,
    /// Both, where there is a canary.
    All,
}

impl Input {
    fn stages(&self) -> Vec<&Stage> {
        let canary = self.plan.canary.iter();
        match self.stage {
            StageName::Canary => canary.collect(),
            StageName::Target => vec![&self.plan.target],
            StageName::All => std::iter::once(&self.plan.target).chain(canary).collect(),
        }
    }
}

impl Engine {
    pub(super) async fn confirm(&self, execution: Execution) {
        let input: Input = match serde_json::from_value(Value::Object(execution.parameters.clone())) {
            Ok(input) => input,
            Err(error) => {
                return self
                    .settle(&execution, End::failed(format!("release.confirm: {error}")), Vec::new())
                    .await;
            }
        };
        let stages = input.stages();
        if stages.is_empty() {
            return self.settle(&execution, End::failed("the plan has no canary"), Vec::new()).await;
        }
        let hosts: Vec<HostName> = stages.iter().flat_map(|it| it.host_names()).collect();
        let Ok((end, mut changes)) =
            self.attempt(&execution, &"release.observe".into(), question(&stages)).await
        else {
            return;
        };
        // Nobody was asked: whoever asks later is not to find that everything is unknown.
        if end.status == Status::Canceled {
            return self.settle(&execution, end, changes).await;
        }
        let unseen = match self.store().hosts_unseen(execution.root, UPLOAD).await {
            Ok(unseen) => unseen,
            // Without knowing which installations may still have their effect, nobody is taken at the old word.
            Err(error) => {
                tracing::error!(execution = %execution.id, %error, "unseen ends could not be read");
                hosts.clone()
            }
        };
        let observed = settled(observations(&hosts, &end.result), &unseen, &input.digest);
        let partition = Partition::new(&hosts, &observed, &input.digest, input.previous.as_ref());
        let belongs = self.belongs(&input.plan, &observed).await.unwrap_or_else(|error| {
            tracing::error!(execution = %execution.id, %error, "the releases of what runs could not be read");
            Vec::new()
        });
        changes.extend(self.records(&execution, &input, &observed, &belongs, &partition));
        self.settle(&execution, verdict(&partition), changes).await;
    }

    /// The release that each digest belongs to: the plan's own, or whichever brought it here.
    async fn belongs(
        &self,
        plan: &Plan,
        observed: &[(HostName, Option<Digest>)],
    ) -> Result<Vec<(Digest, ReleaseId)>, StoreError> {
        let own = self.store().find_release(plan.release).await?.and_then(|it| it.artifact);
        let records = self.store().rollouts(&plan.build.app, &plan.target.environment).await?;
        let release = |digest: &Digest| {
            if own.as_ref() == Some(digest) { Some(plan.release) } else { release_of(&records, digest) }
        };
        let digests = observed.iter().filter_map(|(_, digest)| digest.as_ref());
        Ok(digests.filter_map(|it| Some((it.clone(), release(it)?))).collect())
    }

    fn records(
        &self,
        execution: &Execution,
        input: &Input,
        observed: &[(HostName, Option<Digest>)],
        belongs: &[(Digest, ReleaseId)],
        partition: &Partition,
    ) -> Vec<Change> {
        let now = self.now();
        let plan = &input.plan;
        let person = execution.context.get("requester").and_then(Value::as_str).map(Into::into);
        let stages = input.stages();
        let mut changes: Vec<Change> = observed
            .iter()
            .filter_map(|(host, digest)| {
                let stage = stages.iter().find(|it| it.hosts.iter().any(|it| it.name == *host))?;
                let release = belongs.iter().find(|(known, _)| Some(known) == digest.as_ref());
                Some(Change::Confirm(Box::new(Deployment {
                    app: plan.build.app.clone(),
                    environment: stage.environment.clone(),
                    role: stage.role.clone(),
                    host: host.clone(),
                    digest: digest.clone(),
                    release: release.map(|(_, release)| *release),
                    execution: execution.root,
                    person: person.clone(),
                    at: now,
                })))
            })
            .collect();
        if input.stage != StageName::Canary {
            let complete = partition.outcome() == Outcome::AllNew;
            // One that began under a grant is known already, with its kind; only its end is recorded then.
            changes.push(Change::Rollout(Box::new(Rollout {
                app: plan.build.app.clone(),
                environment: plan.target.environment.clone(),
                record: Record {
                    execution: execution.root,
                    release: Some(plan.release),
                    digest: input.digest.clone(),
                    kind: Kind::Forward,
                    course: if complete { Course::Complete } else { Course::Stopped },
                },
                at: now,
            })));
        }
        changes
    }
}

fn question(stages: &[&Stage]) -> Map<String, Value> {
    let hosts = || stages.iter().flat_map(|it| &it.hosts);
    let asked: Vec<Value> = hosts().map(|it| json!({ "host": it.name, "url": it.health.url })).collect();
    let field = hosts().next().map_or("digest", |it| it.health.digest_field.as_str());
    Map::from_iter([("hosts".to_owned(), json!(asked)), ("digest_field".to_owned(), json!(field))])
}

/// What each host said; a host that is missing in the answer said nothing.
fn observations(hosts: &[HostName], result: &Value) -> Vec<(HostName, Option<Digest>)> {
    let said = |host: &HostName| {
        let text = result.get("hosts")?.get(host.as_str())?.as_str()?;
        Digest::parse(text).ok()
    };
    hosts.iter().map(|host| (host.clone(), said(host))).collect()
}

/// A host on which something was cut off, or ended unseen, may change its mind: a restart that was asked for comes late.
/// So only the new artifact is believed.
fn settled(
    mut observed: Vec<(HostName, Option<Digest>)>,
    unseen: &[HostName],
    new: &Digest,
) -> Vec<(HostName, Option<Digest>)> {
    for (host, digest) in &mut observed {
        if unseen.contains(host) && digest.as_ref() != Some(new) {
            *digest = None;
        }
    }
    observed
}

fn verdict(partition: &Partition) -> End {
    let names = |state| partition.hosts(state).cloned().collect::<Vec<HostName>>();
    let outcome = partition.outcome();
    let result = json!({
        "new": names(HostState::New),
        "old": names(HostState::Old),
        "unknown": names(HostState::Unknown),
        "outcome": outcome,
    });
    let status = if outcome == Outcome::AllNew { Status::Succeeded } else { Status::Failed };
    End { status, result }
}

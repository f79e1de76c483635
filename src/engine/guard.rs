//! May this attempt touch that host? The engine starts an attempt against a guarded host only under a grant of its own
//! root, so no workflow, alias, rule, call or rerun walks around a gate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Engine,
    gate::{Asked, facts_now},
    scope::{Guarded, Scope, Unclear},
    secret,
};
use crate::{
    content::Action,
    gate::{self, AttemptFacts, Clearance, Gate, Grant, GrantUse, LostWhy, recheck},
    id::{Account, AppName, Digest, EnvironmentName, HostName, ReleaseId, TaskName},
    identity::Standing,
    message::words,
    release::Plan,
    rollout::record::{Course, Kind, Record},
    store::{
        StoreError,
        deployment::{self, Rollout},
        execution::Execution,
        gate::PermissionRow,
        lock,
    },
};

/// Times that a voter is looked up, should the platform be away for a moment.
const STANDING_TRIES: usize = 4;
const STANDING_PAUSE: Duration = Duration::from_secs(2);

/// What an attempt was allowed.
#[derive(Clone, Debug, Default)]
pub(super) struct Leave {
    /// How many guarded hosts it may touch, and the leave for each.
    pub(super) guarded: usize,
    pub(super) clearances: Arc<[Clearance]>,
    pub(super) host: Option<HostName>,
    /// The environment whose secrets it may have.
    pub(super) secrets_of: Option<EnvironmentName>,
}

/// Why an attempt does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("{action}: {why}")]
    Unclear { action: String, why: Unclear },
    #[error("{}", words::refusal::no_grant(.action, .host, .environment))]
    NoGrant { action: String, host: HostName, environment: EnvironmentName },
    #[error("the grant does not cover this: {0}")]
    NotCovered(#[from] gate::NotCovered),
    #[error(
        "what was approved is not what is there now ({0}); nothing was changed, ask again with `!promote`"
    )]
    Stale(String),
    #[error("{0}; one rollout at a time, so this one stops before it begins")]
    Locked(String),
    #[error("the store could not say whether this is allowed")]
    Store(#[from] StoreError),
}

impl Engine {
    /// Decides for every host that the attempt would touch.
    pub(super) async fn guard(
        &self,
        execution: &Execution,
        action: &Action,
        parameters: &Map<String, Value>,
    ) -> Result<Leave, Refused> {
        let Some(scope) = Scope::of(action, parameters, &execution.context) else {
            return Ok(Leave::default());
        };
        let live = self.live();
        let unclear = |why| Refused::Unclear { action: action.reference.to_string(), why };
        let mut leave = Leave { host: scope.host().cloned(), ..Leave::default() };
        let (mut granted, mut clearances) = (BTreeSet::new(), Vec::new());
        let all = scope.guarded(&live).map_err(unclear)?;
        leave.guarded = all.len();
        for guarded in all {
            let grant = self.grant_for(execution, action, &guarded).await?;
            let facts = attempt_facts(execution, &guarded, parameters, &grant);
            clearances.push(grant.clear(&facts)?);
            granted.insert((guarded.environment, guarded.host));
        }
        leave.clearances = clearances.into();
        leave.secrets_of = secret::home(&live.settings.environments, &scope, &granted);
        Ok(leave)
    }

    /// The grant of this root for that environment, in use: taken into use here if it waits, after the world was
    /// compared again.
    async fn grant_for(
        &self,
        execution: &Execution,
        action: &Action,
        guarded: &Guarded,
    ) -> Result<Grant, Refused> {
        let none = || Refused::NoGrant {
            action: action.reference.to_string(),
            host: guarded.host.clone(),
            environment: guarded.environment.clone(),
        };
        let rows: Vec<PermissionRow<Grant>> = self.store().permissions(execution.root).await?;
        let row = rows
            .into_iter()
            .find(|it| it.body.environment == guarded.environment && it.body.role == guarded.role)
            .ok_or_else(none)?;
        match row.body.used {
            GrantUse::InUse { .. } => Ok(row.body),
            GrantUse::Ended { .. } => Err(none()),
            GrantUse::Waiting => self.take_into_use(row).await,
        }
    }

    async fn take_into_use(&self, row: PermissionRow<Grant>) -> Result<Grant, Refused> {
        let Some(id) = row.gate else { return Err(Refused::Stale("its gate is gone".to_owned())) };
        let asked: Asked = self.store().load_gate::<Asked>(id).await?.body;
        let live = self.live();
        let bundle = self.0.bundles.load(self.store(), &asked.content).await?;
        let standings = self.standings(&asked.gate).await;
        let facts = facts_now(&live, &bundle, &asked).map_err(|error| Refused::Stale(error.to_string()))?;
        let policy = live.policy(&facts.app, &facts.environment);
        let world = gate::Live {
            people: &live.settings.people,
            policy: &policy,
            facts: &facts,
            standings: &standings,
            verdict: asked.gate.worst,
            freezes: &[],
        };
        let unmet = self.unmet(&policy, &facts).await?;
        if !unmet.is_empty() {
            return Err(Refused::Stale(words::refusal::not_taken(
                asked.plan.number,
                &facts.environment,
                &unmet,
            )));
        }
        let proof = recheck(&asked.gate, &world).map_err(|stale| Refused::Stale(stale_text(&stale)))?;
        let begun = row.body.begin(&proof, self.now()).map_err(|error| Refused::Stale(error.to_string()))?;
        match self.begin_grant(&begun, &asked.plan).await {
            Ok(()) => Ok(begun),
            // Another attempt of the same batch was first: what it took into use is the same grant.
            Err(StoreError::Changed { .. }) => {
                let rows: Vec<PermissionRow<Grant>> = self.store().permissions(begun.rollout).await?;
                let found = rows.into_iter().find(|it| it.id == begun.id).map(|it| it.body);
                found.ok_or_else(|| Refused::Stale("its permission has ended".to_owned()))
            }
            Err(StoreError::CalledOff { why }) => Err(Refused::Locked(why)),
            Err(error) => Err(error.into()),
        }
    }

    /// What the platforms say now of those who opened the gate. Somebody who cannot be looked up is nobody.
    async fn standings(&self, gate: &Gate) -> BTreeMap<Account, Standing> {
        let mut found = BTreeMap::new();
        for account in gate::answered_by(gate) {
            let mut standing = self.standing(&account).await;
            // A linked account is worth no more than the one that it is linked to.
            let live = self.live();
            if let Some(link) = live.settings.people.link_of(&account).filter(|_| standing.may_act()) {
                standing = self.standing(&link.listed).await;
            }
            found.insert(account, standing);
        }
        found
    }

    async fn standing(&self, account: &Account) -> Standing {
        let adapters = &self.0.parts.adapters;
        let Some(adapter) = adapters.iter().find(|it| it.platform() == account.platform) else {
            return Standing::Unresolved;
        };
        for _ in 0..STANDING_TRIES {
            match adapter.standing(account).await {
                Ok((standing, _)) => return standing,
                Err(error) => tracing::warn!(user = %account.user, %error, "a voter could not be looked up"),
            }
            tokio::select! {
                () = tokio::time::sleep(STANDING_PAUSE) => {}
                () = self.0.stop.cancelled() => break,
            }
        }
        Standing::Unresolved
    }

    /// Takes the grant into use and with it the environment's lock, and records that a rollout begins; or nothing.
    async fn begin_grant(&self, grant: &Grant, plan: &Plan) -> Result<(), StoreError> {
        let (id, now) = (grant.id, self.now());
        let wanted = lock_for(grant, format!("#{}", plan.number));
        let rollout = rollout_of(grant, Kind::Forward, Some(plan.release), now);
        let body = serde_json::to_value(grant).unwrap_or_default();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    crate::store::gate::begin_permission(tx, id, &body, now).await?;
                    lock::take(tx, &wanted, now).await?;
                    deployment::record_rollout(tx, &rollout).await
                })
            })
            .await
    }
}

/// The rollout that a grant begins. `release` is the one that its artifact belongs to.
pub fn rollout_of(grant: &Grant, kind: Kind, release: Option<ReleaseId>, at: Timestamp) -> Rollout {
    let (execution, digest) = (grant.rollout, grant.digest.clone());
    Rollout {
        app: grant.app.clone(),
        environment: grant.environment.clone(),
        record: Record { execution, release, digest, kind, course: Course::Begun },
        at,
    }
}

/// One rollout per app and environment.
pub fn lock_for(grant: &Grant, reason: String) -> lock::Wanted {
    lock::Wanted {
        app: grant.app.clone(),
        environment: grant.environment.clone(),
        holder: grant.rollout,
        reason,
    }
}

fn attempt_facts(
    execution: &Execution,
    guarded: &Guarded,
    parameters: &Map<String, Value>,
    grant: &Grant,
) -> AttemptFacts {
    let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
    AttemptFacts {
        root: execution.root,
        // An action that names no app or artifact acts for the one that was granted, on the granted hosts and tasks.
        app: if text("app").is_empty() { grant.app.clone() } else { AppName::new(text("app")) },
        environment: guarded.environment.clone(),
        role: guarded.role.clone(),
        task: execution.visit.as_ref().map_or_else(|| TaskName::new(""), |it| it.task.clone()),
        host: guarded.host.clone(),
        digest: Digest::parse(text("digest")).unwrap_or_else(|_| grant.digest.clone()),
    }
}

fn stale_text(stale: &gate::Stale) -> String {
    match stale {
        gate::Stale::NotGranted => "it was not granted".to_owned(),
        gate::Stale::Changed { differences, lost, missing, worse, freezes } => {
            let mut texts: Vec<String> = differences.iter().map(ToString::to_string).collect();
            texts.extend(lost.iter().map(|it| {
                let standing = match &it.why {
                    LostWhy::NotAMember(standing) => Some(*standing),
                    LostWhy::NotTheirAccount | LostWhy::NotInAnyGroup | LostWhy::Involved(_) => None,
                };
                words::refusal::lost_vote(&it.person, standing)
            }));
            texts.extend(missing.iter().map(|it| format!("{} of {} missing", it.count, it.group)));
            texts.extend(worse.map(|it| format!("the verdict is {} now", it.as_str())));
            texts.extend(freezes.iter().map(|_| "a freeze began".to_owned()));
            texts.join("; ")
        }
    }
}

//! From an app's settings to a plan.

use serde_json::{Map, Value, json};

use super::plan::{
    BuildPlan, Call, HealthPlan, HostPlan, PackagePlan, Plan, RepositoryPlan, ScriptsPlan, ServicePlan,
    Stage, Watch, WatchedHost,
};
use crate::{
    content::{App, Environments, Health, Host, PoolCall},
    expression::template::{self, Undefined},
    id::{AppName, CommitSha, Digest, EnvironmentName, HostName, ReleaseId, RoleName},
};

/// What was asked for, resolved.
#[derive(Clone, Debug)]
pub struct Ask {
    pub release: ReleaseId,
    pub number: i64,
    pub commit: CommitSha,
    pub reference: String,
    /// Where it is to end.
    pub environment: EnvironmentName,
    pub checkout: String,
    /// What canary and target hosts run now, where that is known.
    pub canary_runs: Option<Digest>,
    pub target_runs: Option<Digest>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("environment `{environment}` has no hosts in role `{role}`")]
    NoHosts { environment: EnvironmentName, role: RoleName },
    #[error("`{app}` says nothing about environment `{environment}`")]
    NotThere { app: AppName, environment: EnvironmentName },
    #[error("host `{host}` is in a role but not under `hosts:`")]
    UnknownHost { host: HostName },
    #[error(
        "`{app}` has no `health:`, so nothing could show what a host runs; add it to config/apps/{app}.yaml"
    )]
    NoHealth { app: AppName },
    #[error("`{what}` of `{app}`: {why}")]
    Template { app: AppName, what: &'static str, why: String },
}

/// Works out the plan. Pure: the same settings and ask give the same plan.
///
/// # Errors
/// [`PlanError`] when the settings do not name what the plan needs.
pub fn compose(app: &App, environments: &Environments, ask: &Ask) -> Result<Plan, PlanError> {
    let target = stage(app, environments, &ask.environment, &app.rollout.role, ask.target_runs.clone())?;
    let canary = canary(app, environments, ask)?;
    let watch = canary.as_ref().map(|it| watch(app, environments, it)).transpose()?;
    Ok(Plan {
        release: ask.release,
        number: ask.number,
        build: compose_build(app, &ask.commit, &ask.reference, &ask.checkout),
        service: ServicePlan { dir: app.service.dir.clone() },
        canary,
        target,
        watch,
    })
}

/// Works out how a commit is built, which takes no hosts.
pub fn compose_build(app: &App, commit: &CommitSha, reference: &str, checkout: &str) -> BuildPlan {
    let env = json!({ "LOCKKEEPER_APP": app.app, "LOCKKEEPER_COMMIT": commit });
    BuildPlan {
        app: app.app.clone(),
        commit: commit.clone(),
        reference: reference.to_owned(),
        repository: RepositoryPlan {
            url: app.repository.url.clone(),
            deploy_key: app.repository.deploy_key.as_ref().map(ToString::to_string),
            token: app.repository.token.as_ref().map(ToString::to_string),
        },
        checkout: checkout.to_owned(),
        scripts: ScriptsPlan {
            setup: app.scripts.setup.clone(),
            build: app.scripts.build.clone(),
            install: app.scripts.install.clone(),
            timeout: app.scripts.timeout.as_secs().max(1),
            env: env.as_object().cloned().unwrap_or_default(),
        },
        package: PackagePlan { include: app.package.include.clone(), exclude: app.package.exclude.clone() },
    }
}

/// The target's hosts as the inventory has them now: what a sealed plan is compared with.
pub fn recompose_target(app: &App, environments: &Environments, plan: &Plan) -> Result<Stage, PlanError> {
    stage(app, environments, &plan.target.environment, &plan.target.role, plan.target.previous.clone())
}

/// The canary of the target's own environment, if the app has one there with hosts.
fn canary(app: &App, environments: &Environments, ask: &Ask) -> Result<Option<Stage>, PlanError> {
    let here = app.canary.environment == ask.environment;
    if !here || environments.hosts_of(&ask.environment, &app.canary.role).is_empty() {
        return Ok(None);
    }
    stage(app, environments, &ask.environment, &app.canary.role, ask.canary_runs.clone()).map(Some)
}

fn stage(
    app: &App,
    environments: &Environments,
    environment: &EnvironmentName,
    role: &RoleName,
    previous: Option<Digest>,
) -> Result<Stage, PlanError> {
    if !app.environments.contains_key(environment) {
        return Err(PlanError::NotThere { app: app.app.clone(), environment: environment.clone() });
    }
    let names = environments.hosts_of(environment, role);
    if names.is_empty() {
        return Err(PlanError::NoHosts { environment: environment.clone(), role: role.clone() });
    }
    let hosts = names.iter().map(|name| host_plan(app, environments, name)).collect::<Result<_, _>>()?;
    Ok(Stage {
        environment: environment.clone(),
        role: role.clone(),
        selector: format!("{role} of {environment}"),
        hosts,
        previous,
        batch_size: app.rollout.batch_size.max(1),
        on_fail: app.canary.on_fail.unwrap_or_else(|| {
            app.environments.get(environment).map(|it| it.gate.on_fail).unwrap_or_default()
        }),
    })
}

fn host_plan(app: &App, environments: &Environments, name: &HostName) -> Result<HostPlan, PlanError> {
    let host = environments.host(name).ok_or_else(|| PlanError::UnknownHost { host: name.clone() })?;
    let health = app.health.as_ref().ok_or_else(|| PlanError::NoHealth { app: app.app.clone() })?;
    let known = known(app, name, host);
    Ok(HostPlan {
        name: name.clone(),
        health: health_plan(app, health, &known)?,
        pool_out: call(app, app.pool.out.as_ref(), &known)?,
        pool_in: call(app, app.pool.back.as_ref(), &known)?,
    })
}

/// What templates in an app's file may name.
fn known(app: &App, name: &HostName, host: &Host) -> Map<String, Value> {
    let address = host.address.clone().unwrap_or_else(|| name.to_string());
    let host = json!({ "name": name, "address": address, "dir": host.dir, "vars": host.vars });
    Map::from_iter([("host".to_owned(), host), ("app".to_owned(), json!(app.app))])
}

fn health_plan(app: &App, health: &Health, known: &Map<String, Value>) -> Result<HealthPlan, PlanError> {
    Ok(HealthPlan {
        url: text(app, "health.url", &health.url, known)?,
        digest_field: health.digest_field.clone().unwrap_or_else(|| "digest".to_owned()),
        consecutive: health.consecutive.max(1),
        interval: health.interval.as_secs_f64(),
        timeout: health.timeout.as_secs().max(1),
    })
}

fn call(app: &App, call: Option<&PoolCall>, known: &Map<String, Value>) -> Result<Call, PlanError> {
    let Some(call) = call else {
        return Ok(Call { action: "core.noop".into(), parameters: Map::new() });
    };
    let parameters =
        call.parameters.iter().map(|(name, value)| Ok((name.clone(), filled(app, value, known)?)));
    Ok(Call { action: call.action.clone(), parameters: parameters.collect::<Result<_, PlanError>>()? })
}

/// A parameter with its templates filled in, at any depth.
fn filled(app: &App, value: &Value, known: &Map<String, Value>) -> Result<Value, PlanError> {
    match value {
        Value::String(it) => render(app, "pool", it, known),
        Value::Array(items) => items.iter().map(|it| filled(app, it, known)).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, it)| Ok((name.clone(), filled(app, it, known)?)));
            members.collect::<Result<Map<_, _>, PlanError>>().map(Value::Object)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

fn text(
    app: &App,
    what: &'static str,
    template: &str,
    known: &Map<String, Value>,
) -> Result<String, PlanError> {
    Ok(match render(app, what, template, known)? {
        Value::String(it) => it,
        other => other.to_string(),
    })
}

fn render(app: &App, what: &'static str, text: &str, known: &Map<String, Value>) -> Result<Value, PlanError> {
    template::render(text, known, Undefined::Strict).map_err(|error| PlanError::Template {
        app: app.app.clone(),
        what,
        why: error.to_string(),
    })
}

/// An app that names nothing to ask for is asked for its health: every app that is released has that address.
fn watch(app: &App, environments: &Environments, canary: &Stage) -> Result<Watch, PlanError> {
    let path = app.canary.probe.as_ref().map(|it| it.path.as_str());
    let probe = app.canary.probe.clone().unwrap_or_default();
    let baseline = environments.hosts_of(&canary.environment, &app.canary.baseline_role);
    let baseline: Vec<HostPlan> =
        baseline.iter().map(|it| host_plan(app, environments, it)).collect::<Result<_, _>>()?;
    let watched = |hosts: &[HostPlan]| {
        let url = |host: &HostPlan| match path {
            Some(path) => format!("{}{path}", origin(&host.health.url)),
            None => host.health.url.clone(),
        };
        let watched = |host: &HostPlan| WatchedHost {
            name: host.name.clone(),
            url: url(host),
            health: Some(host.health.clone()),
        };
        hosts.iter().map(watched).collect()
    };
    Ok(Watch {
        metrics: app.canary.watch_plan(),
        canary: watched(&canary.hosts),
        baseline: watched(&baseline),
        requests: probe.requests,
        interval_ms: u64::try_from(probe.interval.as_millis()).unwrap_or(u64::MAX),
        artifact: None,
    })
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let from = url.find("://").map_or(0, |it| it + 3);
    url[from..].find('/').map_or(url, |path| &url[..from + path])
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn the_probe_asks_the_same_server_as_the_health_check() {
        assert_eq!(origin("http://10.0.0.1:8080/version"), "http://10.0.0.1:8080");
        assert_eq!(origin("https://shop.example"), "https://shop.example");
    }
}

//! What the seal covers, found out now.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    engine::{bundle::Bundle, live::Live},
    gate::{Difference, Facts, Requester, canonical_digest},
    id::{ActionRef, Digest, EvidenceId},
    message::words,
    release::{Plan, PlanError, Stage},
};

use super::{
    Asked,
    reach::{PRODUCTION, reach},
};

/// The facts of this moment for this plan.
pub(super) fn facts(
    live: &Live,
    bundle: &Bundle,
    plan: &Plan,
    digest: &Digest,
    requester: &Requester,
    evidence: EvidenceId,
) -> Result<Facts, PlanError> {
    let target = target(live, plan)?;
    let production = ActionRef::from(PRODUCTION);
    let reached = reach(bundle, &production);
    let workflow = bundle.action(&production).map_or_else(|| Digest::of(b""), |it| it.content.clone());
    Ok(Facts {
        app: plan.build.app.clone(),
        commit: plan.build.commit.clone(),
        artifact: digest.clone(),
        environment: target.environment.clone(),
        role: target.role.clone(),
        selector: target.selector.clone(),
        hosts: target.host_names().into_iter().collect(),
        parameters: parameters(live, plan, &target),
        requester: requester.clone(),
        workflow,
        actions: reached.actions,
        policy: live.policy(&plan.build.app, &target.environment).digest(),
        evidence,
        return_to: target.previous,
    })
}

/// The facts of this moment for a question that was asked.
pub(in crate::engine) fn facts_now(live: &Live, bundle: &Bundle, asked: &Asked) -> Result<Facts, PlanError> {
    let sealed = &asked.gate.facts;
    facts(live, bundle, &asked.plan, &sealed.artifact, &sealed.requester, sealed.evidence)
}

/// The target's hosts as the inventory has them now.
pub(super) fn target(live: &Live, plan: &Plan) -> Result<Stage, PlanError> {
    let app = live.settings.app(&plan.build.app).ok_or_else(|| PlanError::NotThere {
        app: plan.build.app.clone(),
        environment: plan.target.environment.clone(),
    })?;
    crate::release::recompose_target(app, &live.settings.environments, plan)
}

/// Everything else that decides what an attempt does on a host. One entry a host, so that a change is named by its
/// host: where it is, how its health is asked, how it leaves the pool.
fn parameters(live: &Live, plan: &Plan, target: &Stage) -> BTreeMap<String, Value> {
    let mut parameters = BTreeMap::from([
        ("batch size".to_owned(), json!(target.batch_size)),
        ("install script".to_owned(), json!(plan.build.scripts.install)),
        ("service folder".to_owned(), json!(plan.service.dir)),
    ]);
    // Where a secret lies, not what it is: a hash of it could be guessed at.
    let environment = live.settings.environments.environment(&target.environment);
    for (name, reference) in environment.into_iter().flat_map(|it| &it.secrets) {
        parameters.insert(format!("secret {name}"), json!(reference));
    }
    for host in &target.hosts {
        let machine = live.settings.environments.host(&host.name);
        let digest = canonical_digest(&json!({ "host": host, "machine": machine }));
        parameters.insert(format!("{HOST}{}", host.name), json!(digest.short()));
    }
    parameters
}

/// Entries of single hosts begin so.
const HOST: &str = "host ";

/// The differences in words; a host that came or went is named once.
pub(super) fn in_words(differences: &[Difference]) -> Vec<String> {
    let moved = |name: &str| {
        differences.iter().any(|it| match it {
            Difference::Hosts { added, removed, .. } => {
                added.iter().chain(removed).any(|host| host.as_str() == name)
            }
            Difference::App { .. }
            | Difference::Commit { .. }
            | Difference::Artifact { .. }
            | Difference::Environment { .. }
            | Difference::Role { .. }
            | Difference::Selector { .. }
            | Difference::Parameter { .. }
            | Difference::Requester { .. }
            | Difference::Workflow { .. }
            | Difference::Action { .. }
            | Difference::Policy { .. }
            | Difference::Evidence { .. }
            | Difference::ReturnTo { .. } => false,
        })
    };
    differences
        .iter()
        .filter_map(|it| match it {
            Difference::Parameter { name, .. } => match name.strip_prefix(HOST) {
                Some(host) if moved(host) => None,
                Some(host) => Some(format!("settings of {host} changed")),
                None => Some(it.to_string()),
            },
            Difference::Evidence { .. } => Some(words::gate::MEASURED_LONGER.to_owned()),
            Difference::App { .. }
            | Difference::Commit { .. }
            | Difference::Artifact { .. }
            | Difference::Environment { .. }
            | Difference::Role { .. }
            | Difference::Selector { .. }
            | Difference::Hosts { .. }
            | Difference::Requester { .. }
            | Difference::Workflow { .. }
            | Difference::Action { .. }
            | Difference::Policy { .. }
            | Difference::ReturnTo { .. } => Some(it.to_string()),
        })
        .collect()
}

//! What is no longer as it was sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gate::Facts;
use crate::gate::Requester;
use crate::id::{ActionRef, AppName, CommitSha, Digest, EnvironmentName, EvidenceId, HostName, RoleName};

/// One difference between sealed and live facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Difference {
    App { from: AppName, to: AppName },
    Commit { from: CommitSha, to: CommitSha },
    Artifact { from: Digest, to: Digest },
    Environment { from: EnvironmentName, to: EnvironmentName },
    Role { from: RoleName, to: RoleName },
    Selector { from: String, to: String },
    Hosts { before: usize, after: usize, added: BTreeSet<HostName>, removed: BTreeSet<HostName> },
    Parameter { name: String, from: Option<Value>, to: Option<Value> },
    Requester { from: Requester, to: Requester },
    Workflow { from: Digest, to: Digest },
    Action { action: ActionRef, from: Option<Digest>, to: Option<Digest> },
    Policy { from: Digest, to: Digest },
    Evidence { from: EvidenceId, to: EvidenceId },
    ReturnTo { from: Option<Digest>, to: Option<Digest> },
}

impl Difference {
    /// All differences, in the order of the facts.
    pub(super) fn between(sealed: &Facts, live: &Facts) -> Vec<Difference> {
        // Taken apart whole, so that a new field does not compile until it is compared.
        let Facts {
            app,
            commit,
            artifact,
            environment,
            role,
            selector,
            hosts,
            parameters,
            requester,
            workflow,
            actions,
            policy,
            evidence,
            return_to,
        } = sealed;
        let mut found = Vec::new();
        found.extend(changed(app, &live.app, |from, to| Difference::App { from, to }));
        found.extend(changed(commit, &live.commit, |from, to| Difference::Commit { from, to }));
        found.extend(changed(artifact, &live.artifact, |from, to| Difference::Artifact { from, to }));
        found
            .extend(changed(environment, &live.environment, |from, to| Difference::Environment { from, to }));
        found.extend(changed(role, &live.role, |from, to| Difference::Role { from, to }));
        found.extend(changed(selector, &live.selector, |from, to| Difference::Selector { from, to }));
        found.extend(changed(hosts, &live.hosts, |from, to| Difference::Hosts {
            before: from.len(),
            after: to.len(),
            added: to.difference(&from).cloned().collect(),
            removed: from.difference(&to).cloned().collect(),
        }));
        found.extend(entries(parameters, &live.parameters, |name, from, to| Difference::Parameter {
            name,
            from,
            to,
        }));
        found.extend(changed(requester, &live.requester, |from, to| Difference::Requester { from, to }));
        found.extend(changed(workflow, &live.workflow, |from, to| Difference::Workflow { from, to }));
        found.extend(entries(actions, &live.actions, |action, from, to| Difference::Action {
            action,
            from,
            to,
        }));
        found.extend(changed(policy, &live.policy, |from, to| Difference::Policy { from, to }));
        found.extend(changed(evidence, &live.evidence, |from, to| Difference::Evidence { from, to }));
        found.extend(changed(return_to, &live.return_to, |from, to| Difference::ReturnTo { from, to }));
        found
    }
}

fn changed<T: Clone + PartialEq>(from: &T, to: &T, name: impl Fn(T, T) -> Difference) -> Option<Difference> {
    (from != to).then(|| name(from.clone(), to.clone()))
}

fn entries<K: Clone + Ord, V: Clone + PartialEq>(
    from: &BTreeMap<K, V>,
    to: &BTreeMap<K, V>,
    name: impl Fn(K, Option<V>, Option<V>) -> Difference,
) -> Vec<Difference> {
    let keys: BTreeSet<&K> = from.keys().chain(to.keys()).collect();
    keys.into_iter()
        .filter(|key| from.get(key) != to.get(key))
        .map(|key| name(key.clone(), from.get(key).cloned(), to.get(key).cloned()))
        .collect()
}

/// A plain short form, for logs and tests.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::App { from, to } => write!(f, "app {from} -> {to}"),
            Difference::Commit { from, to } => write!(f, "commit {} -> {}", from.short(), to.short()),
            Difference::Artifact { from, to } => write!(f, "artifact {} -> {}", from.short(), to.short()),
            Difference::Environment { from, to } => write!(f, "environment {from} -> {to}"),
            Difference::Role { from, to } => write!(f, "role {from} -> {to}"),
            Difference::Selector { from, to } => write!(f, "selector {from} -> {to}"),
            Difference::Hosts { before, after, added, removed } => {
                write!(f, "hosts {before} -> {after}:")?;
                added.iter().try_for_each(|it| write!(f, " +{it}"))?;
                removed.iter().try_for_each(|it| write!(f, " -{it}"))
            }
            Difference::Parameter { name, from, to } => {
                write!(f, "parameter {name} {} -> {}", or_none(from.as_ref()), or_none(to.as_ref()))
            }
            Difference::Requester { from, to } => write!(f, "requester {from} -> {to}"),
            Difference::Workflow { .. } => f.write_str("workflow changed"),
            Difference::Action { action, from, to } => {
                let how = match (from, to) {
                    (None, _) => "added",
                    (Some(_), None) => "removed",
                    (Some(_), Some(_)) => "changed",
                };
                write!(f, "action {action} {how}")
            }
            Difference::Policy { .. } => f.write_str("policy changed"),
            Difference::Evidence { .. } => f.write_str("evidence changed"),
            Difference::ReturnTo { from, to } => {
                let from = or_none(from.as_ref().map(Digest::short));
                write!(f, "return to {from} -> {}", or_none(to.as_ref().map(Digest::short)))
            }
        }
    }
}

fn or_none(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |it| it.to_string())
}

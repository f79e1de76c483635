//! What an attempt changes: the hosts it names, and the environments that its action, or a workflow above it, says it
//! changes (tag `changes`). What names no host stands for the whole environment.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::live::Live;
use crate::{
    content::{Action, CHANGES_HOSTS, Environment},
    id::{EnvironmentName, HostName, RoleName},
    message::words::refusal,
};

/// Where a visit's context keeps what the workflows above it change.
const ABOVE: &str = "changes";
/// Where a root's context keeps the alias that started it. Its visits were not said.
pub const SAID_AS: &str = "alias";

/// What is said to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scope {
    /// The tags' values: `hosts`, or the name of an environment.
    what: Vec<String>,
    hosts: Vec<HostName>,
}

/// A guarded host, and where it is guarded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Guarded {
    pub(super) host: HostName,
    pub(super) environment: EnvironmentName,
    pub(super) role: RoleName,
}

/// Why it cannot be said what would be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unclear {
    #[error("host `{0}` is not in the inventory; known hosts stand in config/environments.yaml")]
    UnknownHost(HostName),
    #[error("{}", refusal::names_no_host())]
    NoHost,
    #[error("{}", refusal::changes_unknown_environment(.0))]
    UnknownEnvironment(EnvironmentName),
    #[error("{}", refusal::environment_without_hosts(.0))]
    EmptyEnvironment(EnvironmentName),
}

impl Scope {
    /// What an attempt of this action below these workflows changes; `None` if nobody says it changes anything.
    pub(super) fn of(
        action: &Action,
        parameters: &Map<String, Value>,
        context: &Map<String, Value>,
    ) -> Option<Self> {
        let above = Self::above(context);
        let own = super::gate::changes_hosts(action).then(|| what(action));
        let named = hosts_of(parameters);
        match (own, above) {
            (None, None) => None,
            (Some(own), None) => Some(Self { what: vec![own], hosts: named }),
            (own, Some(above)) => Some(Self {
                what: above.what.into_iter().chain(own).collect(),
                hosts: if named.is_empty() { above.hosts } else { named },
            }),
        }
    }

    fn above(context: &Map<String, Value>) -> Option<Self> {
        let kept = context.get(ABOVE)?;
        // What cannot be read is no leave: it counts as a change of hosts that nobody named.
        let unread = || Self { what: vec![CHANGES_HOSTS.to_owned()], hosts: Vec::new() };
        Some(serde_json::from_value(kept.clone()).unwrap_or_else(|_| unread()))
    }

    /// The context of the visits below an execution of this action.
    pub(super) fn pass_on(
        action: Option<&Action>,
        parameters: &Map<String, Value>,
        context: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut below = context.clone();
        below.remove(SAID_AS);
        if let Some(scope) = action.and_then(|it| Self::of(it, parameters, context)) {
            below.insert(ABOVE.to_owned(), json!(scope));
        }
        below
    }

    /// The first host it names.
    pub(super) fn host(&self) -> Option<&HostName> {
        self.hosts.first()
    }

    /// The hosts it names.
    pub(super) fn hosts(&self) -> &[HostName] {
        &self.hosts
    }

    /// The environments it names.
    pub(super) fn environments(&self) -> BTreeSet<EnvironmentName> {
        let named = self.what.iter().filter(|it| *it != CHANGES_HOSTS);
        named.map(|it| EnvironmentName::new(it.as_str())).collect()
    }

    /// Every (host, role) pair that needs a grant. A host in several roles is guarded if any of them is.
    ///
    /// # Errors
    /// [`Unclear`], if that cannot be told: then nothing may start.
    pub(super) fn guarded(&self, live: &Live) -> Result<BTreeSet<Guarded>, Unclear> {
        let environments = &live.settings.environments;
        let mut found = BTreeSet::new();
        for host in &self.hosts {
            if environments.host(host).is_none() {
                return Err(Unclear::UnknownHost(host.clone()));
            }
            for (name, it) in &environments.environments {
                found.extend(guarded_of(name, it).filter(|it| it.host == *host));
            }
        }
        for what in &self.what {
            if what == CHANGES_HOSTS {
                if self.hosts.is_empty() {
                    return Err(Unclear::NoHost);
                }
                continue;
            }
            found.extend(self.whole(live, EnvironmentName::new(what.as_str()))?);
        }
        Ok(found)
    }

    /// All that is guarded in an environment, unless the hosts that are named say which of it is meant.
    fn whole(&self, live: &Live, name: EnvironmentName) -> Result<BTreeSet<Guarded>, Unclear> {
        let Some(it) = live.settings.environments.environment(&name) else {
            return Err(Unclear::UnknownEnvironment(name));
        };
        if it.roles.values().any(|role| self.hosts.iter().any(|host| role.hosts.contains(host))) {
            return Ok(BTreeSet::new());
        }
        let all: BTreeSet<Guarded> = guarded_of(&name, it).collect();
        if all.is_empty() && it.protected { Err(Unclear::EmptyEnvironment(name)) } else { Ok(all) }
    }
}

fn guarded_of<'a>(
    name: &'a EnvironmentName,
    environment: &'a Environment,
) -> impl Iterator<Item = Guarded> + 'a {
    let roles = environment.roles.iter().filter(|(role, _)| environment.is_guarded(role));
    roles.flat_map(move |(role, members)| {
        members.hosts.iter().map(move |host| Guarded {
            host: host.clone(),
            environment: name.clone(),
            role: role.clone(),
        })
    })
}

fn what(action: &Action) -> String {
    action.tags.get("changes").map_or(CHANGES_HOSTS, |it| it.trim()).to_owned()
}

/// The hosts that parameters name: `host`, or `hosts` as a list or a comma list. What is no text is a host that is in
/// no inventory, so it cannot slip through.
fn hosts_of(parameters: &Map<String, Value>) -> Vec<HostName> {
    let names = |value: &Value| match value {
        Value::Null => Vec::new(),
        Value::String(text) => text.split(',').map(|it| it.trim().to_owned()).collect(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => vec![value.to_string()],
    };
    let named = ["host", "hosts"].into_iter().filter_map(|it| parameters.get(it));
    let each = named.flat_map(|value| match value {
        Value::Array(items) => items.iter().flat_map(names).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => names(value),
    });
    each.filter(|it| !it.is_empty()).map(HostName::new).collect()
}

//! Which secrets an attempt is given: those of the one environment whose hosts it changes, fetched when it begins, so
//! that a rotated one is the new one. They travel as environment variables, never in argv; whatever the attempt prints
//! is masked before it is stored.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Engine, bundle::Bundle, guard::Leave, keys::is_reader, perform::Postponed, scope::Scope};
use crate::{
    content::{Action, Configured, Environment, Environments, configure},
    expression::{
        DatastoreView,
        template::{Undefined, render_with},
    },
    id::{EnvironmentName, HostName, PackName},
    message::words::refusal,
    secret::{Masker, Secret, SecretError, SecretRef},
    store::execution::Execution,
};

/// A secret that the attempt needs is not to be had.
#[derive(Debug, thiserror::Error)]
#[error("{}", refusal::secret_missing(name, environment, source))]
pub(super) struct Missing {
    name: String,
    environment: EnvironmentName,
    source: SecretError,
}

/// A value that a pack is configured with is not to be had.
#[derive(Debug, thiserror::Error)]
#[error("{}", refusal::pack_value_missing(pack, key, why))]
pub(super) struct Unconfigured {
    pack: PackName,
    key: String,
    why: NotHad,
}

/// Why it is not. Holds no secret.
#[derive(Debug, thiserror::Error)]
enum NotHad {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("{0}")]
    Template(String),
}

/// The environment whose secrets an attempt of this scope may have. What reaches into several has those of none; of a
/// protected one, every host that is named must be among those that a grant was asked for.
pub(super) fn home(
    environments: &Environments,
    scope: &Scope,
    granted: &BTreeSet<(EnvironmentName, HostName)>,
) -> Option<EnvironmentName> {
    let hosts = scope.hosts();
    let members = |it: &Environment| -> BTreeSet<HostName> {
        it.roles.values().flat_map(|role| role.hosts.iter().cloned()).collect()
    };
    let mut homes = scope.environments();
    let of_hosts = environments.environments.iter().filter(|(_, it)| {
        let members = members(it);
        hosts.iter().any(|host| members.contains(host))
    });
    homes.extend(of_hosts.map(|(name, _)| name.clone()));
    let name = homes.pop_first().filter(|_| homes.is_empty())?;
    let environment = environments.environment(&name)?;
    let members = members(environment);
    let is_cleared =
        |host: &HostName| !environment.protected || granted.contains(&(name.clone(), host.clone()));
    let all = hosts.iter().all(|it| members.contains(it) && is_cleared(it));
    (all && (!environment.protected || !granted.is_empty())).then_some(name)
}

impl Engine {
    /// The values, by variable.
    pub(super) fn secrets_for(&self, leave: &Leave) -> Result<BTreeMap<String, Secret>, Missing> {
        let live = self.live();
        let Some(name) = &leave.secrets_of else { return Ok(BTreeMap::new()) };
        let Some(environment) = live.settings.environments.environment(name) else {
            return Ok(BTreeMap::new());
        };
        let resolve = |(variable, reference): (&String, &crate::secret::SecretRef)| {
            let missing = |source| Missing { name: variable.clone(), environment: name.clone(), source };
            Ok((variable.clone(), reference.resolve().map_err(missing)?))
        };
        environment.secrets.iter().map(resolve).collect()
    }

    /// What the action's pack is configured with, if its runner hands that on, and what of it is secret. What is read of
    /// the datastore is what it holds now.
    pub(super) async fn pack_config(
        &self,
        execution: &Execution,
        bundle: &Bundle,
        action: &Action,
    ) -> Result<Result<Configured, Unconfigured>, Postponed> {
        if action.runner.as_str() != "python-script" {
            return Ok(Ok(Configured::default()));
        }
        let view = self.view_for(execution, self.reads_datastore(&action.pack)).await?;
        Ok(self.configured(bundle, &action.pack, &view))
    }

    /// The same for what runs on nobody's behalf.
    pub(super) async fn config_of(&self, bundle: &Bundle, pack: &PackName) -> Result<Configured, String> {
        let view = match self.reads_datastore(pack) {
            true => self.moment(None).await.map_err(|error| error.to_string())?,
            false => DatastoreView::default(),
        };
        self.configured(bundle, pack, &view).map_err(|error| error.to_string())
    }

    fn reads_datastore(&self, pack: &PackName) -> bool {
        let live = self.live();
        let given = live.settings.packs.get(pack);
        given.is_some_and(|it| it.values().any(|it| is_reader(&it.to_string())))
    }

    fn configured(
        &self,
        bundle: &Bundle,
        pack: &PackName,
        view: &DatastoreView,
    ) -> Result<Configured, Unconfigured> {
        let live = self.live();
        let nothing = Map::new();
        let given = live.settings.packs.get(pack).unwrap_or(&nothing);
        let schema = bundle.pinned.config_schemas.get(pack);
        let fetch = |it: &SecretRef| it.resolve().map_err(NotHad::from);
        let render = |text: &str| match render_with(text, &Map::new(), view, Undefined::Strict) {
            Ok(Value::String(empty)) if empty.is_empty() => {
                Err(NotHad::Template(refusal::renders_empty(text)))
            }
            Ok(value) => Ok(value),
            Err(error) => Err(NotHad::Template(error.to_string())),
        };
        let configured = configure(schema, given, fetch, render);
        self.cover(&view.opened());
        configured.map_err(|(key, why)| Unconfigured { pack: pack.clone(), key, why })
    }

    /// What is covered in an attempt's output: what it was given, the secrets of every environment, which a host may have
    /// kept from an earlier attempt, and what was opened of the datastore.
    pub(super) fn masker_for(&self, given: &BTreeMap<String, Secret>) -> Masker {
        let live = self.live();
        let references = live.settings.environments.environments.values().flat_map(|it| it.secrets.values());
        let known: Vec<Secret> = references.filter_map(|it| it.resolve().ok()).collect();
        self.0.parts.masker.and(given.values().chain(&known)).following(&self.0.opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environments() -> Environments {
        serde_json::from_value(serde_json::json!({"environments": {
            "production": {"roles": {"canary": {"hosts": ["c1"], "guarded": false}, "app": {"hosts": ["p1", "p2"]}}},
            "staging": {"protected": false, "roles": {"app": {"hosts": ["s1", "both"]}}},
            "testing": {"protected": false, "roles": {"app": {"hosts": ["t1", "both"]}}},
        }}))
        .unwrap()
    }

    #[test]
    fn secrets_stay_in_their_environment_and_under_its_grant() {
        let home_of = |what: &[&str], hosts: &[&str], granted: &[&str]| {
            let scope: Scope =
                serde_json::from_value(serde_json::json!({"what": what, "hosts": hosts})).unwrap();
            let granted =
                granted.iter().map(|it| (EnvironmentName::new("production"), HostName::new(*it))).collect();
            home(&environments(), &scope, &granted).map(|it| it.to_string())
        };
        let on = |hosts: &[&str], granted: &[&str]| home_of(&["hosts"], hosts, granted);
        assert_eq!(on(&["s1"], &[]).as_deref(), Some("staging"));
        assert_eq!(on(&["p1", "p2"], &["p1", "p2"]).as_deref(), Some("production"));
        for (hosts, granted) in [
            (&["p1", "p2"][..], &["p1"][..]),
            (&["c1"], &[]),
            (&["c1", "p1"], &["p1"]),
            (&["s1", "t1"], &[]),
            (&["both"], &[]),
            (&["s1", "p1"], &["p1"]),
            (&["s1", "unheard"], &[]),
            (&[], &[]),
        ] {
            assert_eq!(on(hosts, granted), None, "{hosts:?} {granted:?}");
        }
        // What names no host but its environment.
        assert_eq!(home_of(&["staging"], &[], &[]).as_deref(), Some("staging"));
        assert_eq!(home_of(&["production"], &[], &["p1", "p2"]).as_deref(), Some("production"));
        assert_eq!(home_of(&["production"], &[], &[]), None);
        assert_eq!(home_of(&["production"], &["s1"], &["p1", "p2"]), None);
    }
}

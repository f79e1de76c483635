//! The hosts that `config/environments.yaml` lists.

use std::{path::PathBuf, sync::Arc};

use crate::content::{Connection, Environments, Host};
use crate::id::{EnvironmentName, HostName, RoleName};

/// The hosts of a configuration, looked up by name.
#[derive(Clone, Debug, Default)]
pub struct StaticInventory {
    environments: Arc<Environments>,
    adhoc: bool,
}

/// How to reach one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The bot's own machine; `dir` is where the host's things lie.
    Local { dir: PathBuf },
    /// Through the system's `ssh`: what is not said here, its configuration says.
    Ssh { address: String, user: Option<String>, port: Option<u16>, dir: Option<PathBuf> },
}

/// A host that nobody listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownHost {
    #[error("host `{name}` is not in config/environments.yaml{}", hint.as_ref().map_or(String::new(), |it| format!("; did you mean `{it}`?")))]
    Unlisted { name: HostName, hint: Option<HostName> },
    #[error("host `{name}` has `connection: local` but no `dir`")]
    NoDir { name: HostName },
    #[error("`{name}` is not a host name or address, with or without a port")]
    Malformed { name: HostName },
}

impl StaticInventory {
    /// With `adhoc`, names that are not listed are taken as addresses.
    pub fn new(environments: Arc<Environments>, adhoc: bool) -> Self {
        Self { environments, adhoc }
    }

    /// The hosts of a role, sorted; empty if there is no such environment or role.
    pub fn hosts(&self, environment: &EnvironmentName, role: &RoleName) -> Vec<HostName> {
        let mut hosts = self.environments.hosts_of(environment, role).to_vec();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// How to reach this host.
    pub fn find(&self, name: &HostName) -> Result<Reach, UnknownHost> {
        match self.environments.host(name) {
            Some(host) => reach(name, host),
            None if self.adhoc => adhoc(name),
            None => Err(UnknownHost::Unlisted { name: name.clone(), hint: self.similar(name) }),
        }
    }

    /// The environments and roles that this host is in.
    pub fn roles_of(&self, host: &HostName) -> Vec<(EnvironmentName, RoleName)> {
        let mut found = Vec::new();
        for (environment, it) in &self.environments.environments {
            for (role, it) in &it.roles {
                if it.hosts.contains(host) {
                    found.push((environment.clone(), role.clone()));
                }
            }
        }
        found
    }

    /// Whether an attempt on this host needs a grant: so if any of its roles is guarded, or it is in none at all.
    pub fn is_guarded(&self, host: &HostName) -> bool {
        let roles = self.roles_of(host);
        roles.is_empty()
            || roles.iter().any(|(environment, role)| {
                self.environments.environment(environment).is_none_or(|it| it.is_guarded(role))
            })
    }

    fn similar(&self, name: &HostName) -> Option<HostName> {
        let distance = |it: &HostName| strsim::damerau_levenshtein(it.as_str(), name.as_str());
        let nearest = self.environments.hosts.keys().min_by_key(|it| distance(it))?;
        (distance(nearest) <= 2).then(|| nearest.clone())
    }
}

fn reach(name: &HostName, host: &Host) -> Result<Reach, UnknownHost> {
    let dir = host.dir.as_ref().map(PathBuf::from);
    match host.connection {
        Connection::Local => {
            dir.map(|dir| Reach::Local { dir }).ok_or_else(|| UnknownHost::NoDir { name: name.clone() })
        }
        Connection::Ssh => {
            let address = host.address.clone().unwrap_or_else(|| name.to_string());
            if !is_address(&address) || host.user.as_deref().is_some_and(|it| !is_user(it)) {
                return Err(UnknownHost::Malformed { name: name.clone() });
            }
            Ok(Reach::Ssh { address, user: host.user.clone(), port: host.port, dir })
        }
    }
}

/// `host` or `host:port`; an IPv6 address with a port is `[::1]:22`.
fn adhoc(name: &HostName) -> Result<Reach, UnknownHost> {
    let text = name.as_str();
    let malformed = || UnknownHost::Malformed { name: name.clone() };
    let (address, port) = match text.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((address, "")) => (address, None),
        Some((address, port)) => (address, Some(port.strip_prefix(':').ok_or_else(malformed)?)),
        None => match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => (address, Some(port)),
            Some(_) | None => (text, None),
        },
    };
    if !is_address(address) {
        return Err(malformed());
    }
    let port = port.map(str::parse).transpose().map_err(|_| malformed())?;
    Ok(Reach::Ssh { address: address.to_owned(), user: None, port, dir: None })
}

/// Nothing that `ssh` could take for an option, a user or a shell's word.
fn is_address(text: &str) -> bool {
    !text.is_empty()
        && text.starts_with(|it: char| it.is_ascii_alphanumeric() || it == ':')
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b".-_:%".contains(&it))
}

fn is_user(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || b".-_".contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(adhoc: bool) -> StaticInventory {
        let environments = serde_json::json!({
            "environments": {
                "production": {"roles": {
                    "canary": {"hosts": ["c1"], "guarded": false}, "app": {"hosts": ["w2", "w1"]}
                }},
                "staging": {"protected": false, "roles": {"app": {"hosts": ["s1"]}}},
            },
            "hosts": {
                "c1": {}, "w1": {"address": "10.0.0.7", "user": "deploy", "port": 2222, "dir": "/srv"}, "w2": {},
                "s1": {"connection": "local", "dir": "/tmp/s1"}, "bad": {"address": "-oProxyCommand=x"},
            },
        });
        StaticInventory::new(Arc::new(serde_json::from_value(environments).unwrap()), adhoc)
    }

    #[test]
    fn hosts_come_sorted_and_know_how_they_are_reached() {
        let it = inventory(false);
        assert_eq!(it.hosts(&"production".into(), &"app".into()), ["w1".into(), "w2".into()]);
        assert!(it.hosts(&"production".into(), &"none".into()).is_empty());
        assert_eq!(it.find(&"s1".into()).unwrap(), Reach::Local { dir: "/tmp/s1".into() });
        let Reach::Ssh { address, user, port, .. } = it.find(&"w1".into()).unwrap() else {
            panic!("not ssh")
        };
        assert_eq!((address.as_str(), user.as_deref(), port), ("10.0.0.7", Some("deploy"), Some(2222)));
    }

    #[test]
    fn a_host_is_guarded_unless_all_its_roles_are_open() {
        let it = inventory(false);
        assert!(it.is_guarded(&"w1".into()));
        assert!(!it.is_guarded(&"c1".into()));
        assert!(!it.is_guarded(&"s1".into()));
        assert!(it.is_guarded(&"nowhere".into()));
    }

    #[test]
    fn unlisted_hosts_need_adhoc_and_a_plain_address() {
        let error = inventory(false).find(&"w11".into()).unwrap_err();
        assert!(error.to_string().contains("did you mean `w1`"), "{error}");
        let open = inventory(true);
        let port = |name: &str| match open.find(&name.into()) {
            Ok(Reach::Ssh { address, port, .. }) => Some((address, port)),
            Ok(Reach::Local { .. }) | Err(_) => None,
        };
        assert_eq!(port("example.net:2200"), Some(("example.net".to_owned(), Some(2200))));
        assert_eq!(port("[::1]:22"), Some(("::1".to_owned(), Some(22))));
        assert_eq!(port("::1"), Some(("::1".to_owned(), None)));
        for hostile in ["-oProxyCommand=id", "a b", "a;b", "a@b", "", "a:b"] {
            assert_eq!(port(hostile), None, "{hostile}");
        }
        assert!(open.find(&"bad".into()).is_err());
    }
}

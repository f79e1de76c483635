use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{EnvironmentName, HostName, RoleName};
use crate::secret::SecretRef;

/// How a host is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Connection {
    #[default]
    Ssh,
    /// The bot's own machine.
    Local,
}

/// A machine. `vars` are for templates (`{{ host.vars.port }}`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Host {
    pub connection: Connection,
    /// Name or number to connect to; without one, the host's own name.
    pub address: Option<String>,
    pub user: Option<String>,
    pub port: Option<u16>,
    /// The folder below which apps live on it.
    pub dir: Option<String>,
    pub vars: Map<String, Value>,
}

/// Some of an environment's hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Role {
    pub hosts: Vec<HostName>,
    /// `None`: as the environment. Only `canary` of a protected environment may say false.
    pub guarded: Option<bool>,
}

/// Where releases run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Environment {
    pub protected: bool,
    pub description: String,
    pub roles: IndexMap<RoleName, Role>,
    /// Secrets by the name of the variable that holds them: for attempts on hosts of this environment and nothing else.
    /// Of a protected environment they reach attempts under a grant only, so an unguarded canary has none of them.
    pub secrets: IndexMap<String, SecretRef>,
}

impl Default for Environment {
    fn default() -> Self {
        Self { protected: true, description: String::new(), roles: IndexMap::new(), secrets: IndexMap::new() }
    }
}

impl Environment {
    /// Whether an attempt on this role needs a grant. A role that nobody listed is guarded like its environment; and
    /// `app` of a protected environment always is, whatever the file says.
    pub fn is_guarded(&self, role: &RoleName) -> bool {
        let said = self.roles.get(role).and_then(|it| it.guarded);
        match (self.protected, role.as_str()) {
            (true, "canary") => said.unwrap_or(true),
            (true, _) => true,
            (false, _) => said.unwrap_or(false),
        }
    }
}

/// `config/environments.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Environments {
    pub environments: IndexMap<EnvironmentName, Environment>,
    pub hosts: IndexMap<HostName, Host>,
}

impl Environments {
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.get(name)
    }

    pub fn host(&self, name: &HostName) -> Option<&Host> {
        self.hosts.get(name)
    }

    /// The hosts of a role, in the order of the file. Empty if either is unknown.
    pub fn hosts_of(&self, environment: &EnvironmentName, role: &RoleName) -> &[HostName] {
        let role = self.environments.get(environment).and_then(|it| it.roles.get(role));
        role.map_or(&[], |it| it.hosts.as_slice())
    }
}

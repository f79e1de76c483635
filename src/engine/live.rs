//! The policy and content of this moment. Executions keep the content they started with; authority always asks here.

use std::sync::{Arc, PoisonError, RwLock};

use crate::{
    content::{Catalogue, Settings},
    gate::Policy,
    id::{AppName, EnvironmentName, GroupName, Place, RoleName},
    identity::Rights,
};

use super::bundle::Bundle;

/// One consistent set.
#[derive(Clone)]
pub struct Live {
    pub catalogue: Arc<Catalogue>,
    pub settings: Arc<Settings>,
    /// The catalogue as it is pinned by executions that start now.
    pub bundle: Arc<Bundle>,
}

/// The set that is current; replaced as a whole.
#[derive(Clone)]
pub struct LivePolicy(Arc<RwLock<Arc<Live>>>);

impl LivePolicy {
    pub fn new(live: Live) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(live))))
    }

    pub fn now(&self) -> Arc<Live> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn replace(&self, live: Live) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
    }
}

impl Live {
    /// Where an app's news goes.
    pub fn channels(&self, app: &AppName) -> &[Place] {
        self.settings.app(app).map_or(&[], |it| it.channels.as_slice())
    }

    /// Who may do what with this app there; nobody, where the app does not say.
    pub fn rights(&self, app: &AppName, environment: &EnvironmentName) -> Rights {
        self.settings
            .app(app)
            .and_then(|it| it.environments.get(environment))
            .map(|it| it.who.clone())
            .unwrap_or_default()
    }

    /// What a gate into this environment asks; for an app that is not there: a quorum of nobody.
    pub fn policy(&self, app: &AppName, environment: &EnvironmentName) -> Policy {
        self.settings
            .app(app)
            .and_then(|it| it.environments.get(environment))
            .map(|it| it.gate.clone())
            .unwrap_or_default()
    }

    /// Whether an attempt on a host of this role needs a grant. An unknown environment is guarded.
    pub fn is_guarded(&self, environment: &EnvironmentName, role: &RoleName) -> bool {
        self.settings.environments.environment(environment).is_none_or(|it| it.is_guarded(role))
    }

    /// The members of a group by name, for words.
    pub fn members(&self, group: &GroupName) -> Vec<String> {
        self.settings.people.members(group).map(|it| it.name.to_string()).collect()
    }
}

//! The policy and content of this moment. Executions keep the content they started with; authority always asks here.

use std::sync::{Arc, PoisonError, RwLock};

use crate::{
    content::{Catalogue, Settings},
    gate::Policy,
    id::{AppName, EnvironmentName, GroupName, Place, RoleName},
    identity::{Link, Rights},
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
pub struct LivePolicy(Arc<RwLock<Current>>);

/// What the files say, and the same with the accounts that are linked.
struct Current {
    files: Arc<Live>,
    links: Vec<Link>,
    linked: Arc<Live>,
}

impl Current {
    fn new(files: Arc<Live>, links: Vec<Link>) -> Self {
        if links.is_empty() {
            return Self { linked: files.clone(), files, links };
        }
        let people = files.settings.people.with_links(&links);
        let settings = Arc::new(Settings { people, ..(*files.settings).clone() });
        Self { linked: Arc::new(Live { settings, ..(*files).clone() }), files, links }
    }
}

impl LivePolicy {
    pub fn new(live: Live) -> Self {
        Self(Arc::new(RwLock::new(Current::new(Arc::new(live), Vec::new()))))
    }

    pub fn now(&self) -> Arc<Live> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).linked.clone()
    }

    /// What the files say by themselves.
    pub fn of_files(&self) -> Arc<Live> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).files.clone()
    }

    /// Takes what the files say now.
    pub fn replace(&self, files: Live) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let links = std::mem::take(&mut current.links);
        *current = Current::new(Arc::new(files), links);
    }

    /// Takes the links there are now, ended ones too.
    pub fn relink(&self, links: Vec<Link>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Current::new(current.files.clone(), links);
    }
}

impl Live {
    /// Where an app's news goes.
    pub fn channels(&self, app: &AppName) -> &[Place] {
        self.settings.app(app).map_or(&[], |it| it.channels.as_slice())
    }

    /// Whether an enabled rule listens to this trigger, of those that have no parameters.
    pub fn hears(&self, trigger: &str) -> bool {
        let nothing = serde_json::Map::new();
        self.catalogue.rules.iter().any(|it| it.enabled && it.trigger.hears(trigger, &nothing))
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

use indexmap::IndexMap;

use crate::id::AppName;

use super::{App, Environments};

/// People, environments and apps: the live policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub environments: Environments,
    pub apps: IndexMap<AppName, App>,
}

impl Settings {
    pub fn app(&self, name: &AppName) -> Option<&App> {
        self.apps.get(name)
    }
}

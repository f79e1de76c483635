//! What one may do to an app in an environment, and which groups may.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::GroupName;

/// Something a person may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Ask for a release, and run actions that change the environment.
    Deploy,
    /// Answer a gate. Never listed under `rights`: the groups are those of the gate's own quorum, so that the right
    /// at one gate is worth nothing at another.
    Approve,
    /// Go back to the last good release.
    Rollback,
    /// End an execution or withdraw a release that waits.
    Cancel,
    /// Measure longer before deciding.
    Extend,
    /// Break glass: pass a gate without its votes.
    Override,
    /// Declare and lift a freeze.
    Freeze,
    /// Take away another rollout's lock.
    Unlock,
    /// See plans, outputs and history.
    Read,
}

impl Right {
    pub const ALL: [Right; 9] = [
        Right::Deploy,
        Right::Approve,
        Right::Rollback,
        Right::Cancel,
        Right::Extend,
        Right::Override,
        Right::Freeze,
        Right::Unlock,
        Right::Read,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Right::Deploy => "deploy",
            Right::Approve => "approve",
            Right::Rollback => "rollback",
            Right::Cancel => "cancel",
            Right::Extend => "extend",
            Right::Override => "override",
            Right::Freeze => "freeze",
            Right::Unlock => "unlock",
            Right::Read => "read",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which groups hold which right over one app in one environment.
///
/// In YAML a map from right to groups: `{deploy: [developers], override: [leads]}`. A right that is absent or has an
/// empty list is nobody's. But when absent, `rollback`, `cancel` and `extend` go with `deploy`, as they lead back or
/// change nothing, and `read` is everyone's whom we know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<Right, Vec<GroupName>>", into = "BTreeMap<Right, Vec<GroupName>>")]
pub struct Rights(BTreeMap<Right, Vec<GroupName>>);

/// Approvers belong to a gate's quorum, so that there is no general "approver".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`approve` is not a right to list: name the approvers in the gate's `quorum`")]
pub struct ApproveListed;

impl Rights {
    /// Nobody may anything, and everyone we know may read.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same rights and these groups for `right`.
    pub fn with(mut self, right: Right, groups: impl IntoIterator<Item = GroupName>) -> Self {
        self.0.insert(right, groups.into_iter().collect());
        self
    }

    /// The groups that hold `right`; `None` stands for everyone we know.
    pub fn groups(&self, right: Right) -> Option<&[GroupName]> {
        if let Some(groups) = self.0.get(&right) {
            return Some(groups);
        }
        match right {
            Right::Read => None,
            Right::Rollback | Right::Cancel | Right::Extend => self.groups(Right::Deploy),
            Right::Deploy | Right::Approve | Right::Override | Right::Freeze | Right::Unlock => Some(&[]),
        }
    }

    /// Every group that is named here, for checking against the people.
    pub fn named(&self) -> impl Iterator<Item = (Right, &GroupName)> {
        self.0.iter().flat_map(|(right, groups)| groups.iter().map(|group| (*right, group)))
    }
}

impl TryFrom<BTreeMap<Right, Vec<GroupName>>> for Rights {
    type Error = ApproveListed;

    fn try_from(groups: BTreeMap<Right, Vec<GroupName>>) -> Result<Self, ApproveListed> {
        if groups.contains_key(&Right::Approve) { Err(ApproveListed) } else { Ok(Self(groups)) }
    }
}

impl From<Rights> for BTreeMap<Right, Vec<GroupName>> {
    fn from(rights: Rights) -> Self {
        rights.0
    }
}

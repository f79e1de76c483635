//! What one app asks for before a release enters one environment.

use std::collections::BTreeSet;
use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use crate::gate::{Length, canonical_digest};
use crate::id::{Digest, EnvironmentName, GroupName};

/// So many persons of a group. One person fills one place of one slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    pub group: GroupName,
    #[serde(default = "one")]
    pub count: NonZeroU8,
}

fn one() -> NonZeroU8 {
    NonZeroU8::MIN
}

/// What happens to the canary when the verdict is `fail`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFail {
    #[default]
    RollBack,
    /// It stays where it is for people to look at; still nobody can approve.
    Hold,
}

/// The policy of one app in one environment. Lengths are written `90s`, `30m`, `2h`.
///
/// ```yaml
/// quorum: [{group: sre, count: 1}, {group: release-managers}]
/// four_eyes: true
/// expires_after: 4h
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Who must approve. Empty is nobody: then no release passes.
    pub quorum: Vec<Slot>,
    /// Whether requester, pusher, commit authors and who re-ran it may not approve.
    pub four_eyes: bool,
    /// How long people have, from opening.
    pub expires_after: Length,
    /// How long between reminders; `null` for none.
    pub remind_after: Option<Length>,
    /// From when on reminders also go to `escalate_to`.
    pub escalate_after: Option<Length>,
    pub escalate_to: Vec<GroupName>,
    pub on_fail: OnFail,
    /// Whether `insufficient` and `broken` may be approved at all, for a typed reason.
    pub allow_insufficient: bool,
    /// Whether a reaction on the gate's message is a vote.
    pub reactions: bool,
    /// Whether going back to the last good release needs no votes.
    pub rollback_preauthorised: bool,
    /// Environments that must have taken this very artifact before.
    pub requires: Vec<EnvironmentName>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            quorum: Vec::new(),
            four_eyes: true,
            expires_after: Length::minutes(4 * 60),
            remind_after: Some(Length::minutes(30)),
            escalate_after: None,
            escalate_to: Vec::new(),
            on_fail: OnFail::default(),
            allow_insufficient: true,
            reactions: true,
            rollback_preauthorised: true,
            requires: Vec::new(),
        }
    }
}

impl Policy {
    /// The hash of this policy alone, so that editing another app's policy touches nothing here.
    pub fn digest(&self) -> Digest {
        canonical_digest(self)
    }

    /// The groups whose members may answer, each once.
    pub fn groups(&self) -> BTreeSet<&GroupName> {
        self.quorum.iter().map(|slot| &slot.group).collect()
    }

    /// The required environments that have not taken the artifact yet.
    pub fn unmet(&self, taken: &BTreeSet<EnvironmentName>) -> Vec<EnvironmentName> {
        self.requires.iter().filter(|it| !taken.contains(it)).cloned().collect()
    }

    /// Every group named anywhere in it, for checking against the people.
    pub fn named_groups(&self) -> BTreeSet<&GroupName> {
        self.quorum.iter().map(|slot| &slot.group).chain(&self.escalate_to).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_from_yaml_with_safe_defaults() {
        let policy: Policy = serde_saphyr::from_str(
            "quorum: [{group: sre, count: 2}, {group: release-managers}]\nexpires_after: 90s\nremind_after: null\non_fail: hold\n",
        )
        .unwrap();
        assert_eq!(policy.quorum[0].count.get(), 2);
        assert_eq!(policy.quorum[1].count.get(), 1);
        assert_eq!(policy.remind_after, None);
        assert_eq!(policy.on_fail, OnFail::Hold);
        assert!(policy.four_eyes && policy.allow_insufficient && policy.rollback_preauthorised);
        assert!(Policy::default().quorum.is_empty());
    }

    #[test]
    fn misspelt_keys_and_a_slot_for_nobody_are_refused() {
        for yaml in [
            "four_eye: false",
            "quorum: [{group: sre, count: 0}]",
            "quorum: [{group: sre, cuont: 1}]",
            "quorum: [sre]",
            "expires_after: 30",
            "on_fail: explode",
        ] {
            assert!(serde_saphyr::from_str::<Policy>(yaml).is_err(), "{yaml}");
        }
    }

    #[test]
    fn every_field_of_a_policy_is_in_its_digest() {
        let policy = Policy::default();
        let fields = serde_json::to_value(&policy).unwrap();
        let edits = [
            ("quorum", "quorum: [{group: sre}]"),
            ("four_eyes", "four_eyes: false"),
            ("expires_after", "expires_after: 5h"),
            ("remind_after", "remind_after: 31m"),
            ("escalate_after", "escalate_after: 1h"),
            ("escalate_to", "escalate_to: [leads]"),
            ("on_fail", "on_fail: hold"),
            ("allow_insufficient", "allow_insufficient: false"),
            ("reactions", "reactions: false"),
            ("rollback_preauthorised", "rollback_preauthorised: false"),
            ("requires", "requires: [staging]"),
        ];
        assert_eq!(fields.as_object().unwrap().len(), edits.len(), "a new field needs an edit here");
        for (field, yaml) in edits {
            assert!(fields.get(field).is_some(), "{field}");
            let edited: Policy = serde_saphyr::from_str(yaml).unwrap();
            assert_ne!(edited.digest(), policy.digest(), "{field}");
        }
        let spelt: Policy = serde_saphyr::from_str("expires_after: 240m").unwrap();
        assert_eq!(spelt.digest(), policy.digest(), "another spelling is the same policy");
    }

    #[test]
    fn required_environments_are_met_one_by_one() {
        let policy = Policy { requires: vec!["dev".into(), "staging".into()], ..Policy::default() };
        assert_eq!(policy.unmet(&BTreeSet::from(["staging".into()])), ["dev".into()]);
    }
}

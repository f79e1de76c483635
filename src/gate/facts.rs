//! Everything that an answer covers.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gate::{Difference, Requester, canonical_digest};
use crate::id::{
    ActionRef, AppName, CommitSha, Digest, EnvironmentName, EvidenceId, HostName, RoleName, Seal,
};

/// Version of the form that is hashed. A new field or spelling is a new version, so that a seal of an older program
/// never matches by accident.
const FORMAT: u32 = 1;

/// All that the seal covers. No secret belongs in `parameters`: put a digest in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    pub app: AppName,
    pub commit: CommitSha,
    pub artifact: Digest,
    pub environment: EnvironmentName,
    pub role: RoleName,
    /// The host selector as written.
    pub selector: String,
    /// The hosts it gives.
    pub hosts: BTreeSet<HostName>,
    pub parameters: BTreeMap<String, Value>,
    pub requester: Requester,
    /// Content hash of the pinned workflow.
    pub workflow: Digest,
    /// Content hashes of the actions that the workflow reaches.
    pub actions: BTreeMap<ActionRef, Digest>,
    /// [`Policy::digest`](crate::gate::Policy::digest) of this app in this environment.
    pub policy: Digest,
    /// The snapshot that voters are shown.
    pub evidence: EvidenceId,
    /// The artifact to go back to; `None` on a first release.
    pub return_to: Option<Digest>,
}

#[derive(Serialize)]
struct Sealed<'a> {
    format: u32,
    facts: &'a Facts,
}

impl Facts {
    /// The hash of all of it, as canonical JSON with a format version.
    pub fn seal(&self) -> Seal {
        canonical_digest(&Sealed { format: FORMAT, facts: self }).into()
    }

    /// What is different in `live`, each thing named; empty exactly if the seals are equal.
    pub fn differences(&self, live: &Facts) -> Vec<Difference> {
        Difference::between(self, live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::scenario::{facts, requested_by};

    type Edit = fn(&mut Facts);

    /// One row per field and way to change it: its name, the change, and how the difference reads.
    fn edits() -> Vec<(&'static str, Edit, &'static str)> {
        vec![
            ("app", |it| it.app = "storefront-api".into(), "app storefront -> storefront-api"),
            (
                "commit",
                |it| it.commit = CommitSha::parse(&"9".repeat(40)).unwrap(),
                "commit 7c1d7c1d -> 99999999",
            ),
            ("artifact", |it| it.artifact = Digest::of(b"x"), "artifact def16c84 -> 2d711642"),
            ("environment", |it| it.environment = "staging".into(), "environment production -> staging"),
            ("role", |it| it.role = "canary".into(), "role app -> canary"),
            ("selector", |it| it.selector = "role=*".into(), "selector role=app -> role=*"),
            (
                "hosts",
                |it| {
                    it.hosts.insert("web-4".into());
                },
                "hosts 3 -> 4: +web-4",
            ),
            (
                "hosts",
                |it| {
                    it.hosts.remove(&HostName::from("web-1"));
                    it.hosts.insert("web-9".into());
                },
                "hosts 3 -> 3: +web-9 -web-1",
            ),
            (
                "parameters",
                |it| {
                    it.parameters.insert("batch".into(), 2.into());
                },
                "parameter batch 1 -> 2",
            ),
            (
                "parameters",
                |it| {
                    it.parameters.remove("note");
                },
                "parameter note \"a\" -> none",
            ),
            (
                "parameters",
                |it| {
                    it.parameters.insert("force".into(), true.into());
                },
                "parameter force none -> true",
            ),
            ("requester", |it| it.requester = requested_by("U2"), "requester maren.k -> maren.k"),
            ("workflow", |it| it.workflow = Digest::of(b"x"), "workflow changed"),
            (
                "actions",
                |it| {
                    it.actions.insert("release.install".into(), Digest::of(b"x"));
                },
                "action release.install changed",
            ),
            (
                "actions",
                |it| {
                    it.actions.insert("release.wipe".into(), Digest::of(b"x"));
                },
                "action release.wipe added",
            ),
            ("actions", |it| it.actions.clear(), "action release.install removed"),
            ("policy", |it| it.policy = Digest::of(b"x"), "policy changed"),
            ("evidence", |it| it.evidence = EvidenceId::from_number(8), "evidence changed"),
            ("return_to", |it| it.return_to = None, "return to 4d2c554f -> none"),
        ]
    }

    #[test]
    fn every_field_is_sealed_and_its_change_is_named() {
        let sealed = facts();
        let fields = serde_json::to_value(&sealed).unwrap();
        let named: BTreeSet<&str> = edits().iter().map(|(field, ..)| *field).collect();
        let all: BTreeSet<&str> = fields.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(all, named, "every field of the facts needs an edit in this test");
        for (field, edit, reads) in edits() {
            let mut live = sealed.clone();
            edit(&mut live);
            assert_ne!(live.seal(), sealed.seal(), "{field}");
            let texts: Vec<_> = sealed.differences(&live).iter().map(ToString::to_string).collect();
            assert_eq!(texts, [reads], "{field}");
        }
    }

    #[test]
    fn equal_facts_have_equal_seals_and_no_differences() {
        let read: Facts = serde_json::from_value(serde_json::to_value(facts()).unwrap()).unwrap();
        assert_eq!(read.seal(), facts().seal());
        assert_eq!(read.differences(&facts()), []);
    }

    #[test]
    fn the_order_in_which_a_nested_parameter_was_written_does_not_matter() {
        let mut one = facts();
        let mut two = facts();
        one.parameters.insert("map".into(), serde_json::json!({"a": 1, "b": {"c": 2, "d": 3}}));
        two.parameters.insert("map".into(), serde_json::json!({"b": {"d": 3, "c": 2}, "a": 1}));
        assert_eq!(one.seal(), two.seal());
        assert_eq!(one.differences(&two), []);
    }

    #[test]
    fn the_seal_of_format_one_never_changes() {
        assert_eq!(facts().seal().short(), "23ccf953");
    }
}

//! One team and one release for the tests of this room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};

use crate::gate::{
    Act, Ballot, Claim, Facts, Gate, GateEvent, Involved, Opening, Policy, Reason, Requester, Shown, Via,
};
use crate::id::{Account, CommitSha, Digest, EvidenceId, ExecutionId, GateId, HostName, Platform, ReleaseId};
use crate::identity::{Actor, Authorised, People, Right, Rights, Standing, authorize};
use crate::rollout::Verdict;

/// Names as a chat log has them: handles with dots, digits and capitals. `lena-ops` has two chat accounts.
pub(super) const PEOPLE: &str = "
people:
  maren.k: { slack: [T1/UMAREN], logins: [Maren-K], emails: [maren@example.org], groups: [developers, release-managers] }
  tobias_h: { slack: [T1/UTOBIAS], logins: [thx1138], emails: [tobias@example.org], groups: [developers, sre] }
  lena-ops: { slack: [T1/ULENA], discord: [G1/5390809], terminal: [lena], groups: [sre, release-managers, leads] }
  Okoro: { slack: [T1/UOKORO], groups: [sre] }
  jun2: { slack: [T1/UJUN], groups: [release-managers] }
  newcomer: { slack: [T1/UNEW] }
";

pub(super) fn people() -> People {
    static READ: LazyLock<People> = LazyLock::new(|| serde_saphyr::from_str(PEOPLE).unwrap());
    READ.clone()
}

/// So many seconds into the story.
pub(super) fn at(second: i64) -> Timestamp {
    "2026-11-21T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

pub(super) fn slack(user: &str) -> Account {
    Account { platform: Platform::Slack, workspace: "T1".into(), user: user.into() }
}

pub(super) fn member(user: &str) -> Actor {
    Actor::new(slack(user), Standing::Member)
}

pub(super) fn reason(text: &str) -> Reason {
    Reason::parse(text).unwrap()
}

pub(super) fn approve() -> Act {
    Act::Approve { reason: None }
}

pub(super) fn facts() -> Facts {
    Facts {
        app: "storefront".into(),
        commit: CommitSha::parse(&"7c1d".repeat(10)).unwrap(),
        artifact: Digest::of(b"storefront 1.4"),
        environment: "production".into(),
        role: "app".into(),
        selector: "role=app".into(),
        hosts: ["web-1", "web-2", "web-3"].map(HostName::from).into(),
        parameters: BTreeMap::from([("batch".to_owned(), 1.into()), ("note".to_owned(), "a".into())]),
        requester: requested_by("UMAREN"),
        workflow: Digest::of(b"workflow"),
        actions: BTreeMap::from([("release.install".into(), Digest::of(b"install"))]),
        policy: Digest::of(b"policy"),
        evidence: EvidenceId::from_number(7),
        return_to: Some(Digest::of(b"storefront 1.3")),
    }
}

pub(super) fn requested_by(user: &str) -> Requester {
    Requester::Person { person: "maren.k".into(), account: slack(user) }
}

/// One of sre and one of the release managers, a gate of one hour.
pub(super) fn policy() -> Policy {
    serde_saphyr::from_str(
        "{quorum: [{group: sre}, {group: release-managers}], expires_after: 1h, remind_after: 20m, escalate_after: 30m, escalate_to: [leads]}",
    )
    .unwrap()
}

pub(super) fn opening() -> Opening {
    Opening {
        id: GateId::from_number(1),
        release: ReleaseId::from_number(42),
        execution: ExecutionId::from_number(9),
        facts: facts(),
        policy: policy(),
        involved: Involved::only(requested_by("UMAREN")),
        verdict: Verdict::Pass,
        shown: Shown::Whole,
        at: at(0),
    }
}

pub(super) fn open() -> Gate {
    Gate::open(opening()).next
}

pub(super) fn with_verdict(verdict: Verdict) -> Gate {
    Gate::open(Opening { verdict, ..opening() }).next
}

/// Somebody presses a button on the current message.
pub(super) fn press(gate: &Gate, user: &str, act: Act, second: i64) -> Ballot {
    let claim = Claim::Message(gate.seal.clone());
    Ballot { actor: member(user), act, via: Via::Button, claim, at: at(second) }
}

/// The gate after these people pressed Approve, one per second.
pub(super) fn approved_by(gate: &Gate, users: &[&str]) -> Gate {
    let mut gate = gate.clone();
    for (second, user) in (1..).zip(users) {
        gate = gate.vote(press(&gate, user, approve(), second), &people()).unwrap().1.next;
    }
    gate
}

/// The same question about other facts.
pub(super) fn reseal(gate: &Gate, edit: impl FnOnce(&mut Facts, &mut Policy), second: i64) -> GateEvent {
    let (mut facts, mut policy) = (gate.facts.clone(), gate.policy.clone());
    edit(&mut facts, &mut policy);
    facts.policy = policy.digest();
    let why = gate.facts.differences(&facts);
    GateEvent::Resealed {
        facts: Box::new(facts),
        policy: Box::new(policy),
        involved: Box::new(gate.involved.clone()),
        verdict: Verdict::Pass,
        shown: gate.shown,
        why,
        at: at(second),
    }
}

/// Leave for a right over the gate's app and environment, as the one door gives it.
pub(super) fn leave(gate: &Gate, user: &str, right: Right) -> Authorised {
    let groups: BTreeSet<_> = people().iter().flat_map(|it| it.groups.clone()).collect();
    authorize(&people(), &member(user), right, &gate.subject(), &Rights::none().with(right, groups)).unwrap()
}

//! A gate: facts and votes kept, its state derived.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gate::{Act, Electorate, Facts, Involved, OnFail, Policy, Reason, Seat, Tally, Vote, tally};
use crate::id::{Account, ExecutionId, GateId, PersonName, ReleaseId, Seal};
use crate::identity::People;
use crate::rollout::Verdict;

/// Whether the gate's message could show everything bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    Whole,
    /// Something had to be cut: approving takes the first digits of the seal, which only the full plan shows.
    Partly,
}

/// Why a gate takes no approvals for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Freeze {
    /// Something happened to what the evidence is of: the canary runs another artifact by now. Only a new seal of new
    /// evidence lifts it.
    Alarm { name: String },
    /// Later measurements are worse than what was sealed. Only a new seal of new evidence lifts it.
    Worsened { from: Verdict, to: Verdict },
    /// The environment takes no releases for now.
    Period { name: String },
    /// What was sealed is not in the settings any more. It is lifted when that is back.
    Gone { what: String },
}

/// What let a release through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "passage", rename_all = "snake_case")]
pub enum Passage {
    Votes {
        seats: Vec<Seat>,
    },
    /// Break glass.
    Override {
        person: PersonName,
        account: Account,
        reason: Reason,
    },
}

/// A gate that was opened by people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    pub by: Passage,
    pub seal: Seal,
    pub at: Timestamp,
}

/// The one answer of a gate. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    Granted(Granted),
    Rejected {
        by: PersonName,
        reason: Option<Reason>,
        at: Timestamp,
    },
    /// Nobody answered in time, which is not a no.
    Expired {
        at: Timestamp,
    },
    /// A newer release of the same app took its place.
    Superseded {
        by_release: ReleaseId,
        at: Timestamp,
    },
    Canceled {
        by: PersonName,
        at: Timestamp,
    },
    /// The verdict was `fail` and the policy rolls back.
    Failed {
        at: Timestamp,
    },
}

impl Decision {
    pub fn as_str(&self) -> &'static str {
        match self {
            Decision::Granted(_) => "granted",
            Decision::Rejected { .. } => "rejected",
            Decision::Expired { .. } => "expired",
            Decision::Superseded { .. } => "superseded",
            Decision::Canceled { .. } => "canceled",
            Decision::Failed { .. } => "failed",
        }
    }

    pub fn at(&self) -> Timestamp {
        match self {
            Decision::Granted(granted) => granted.at,
            Decision::Rejected { at, .. }
            | Decision::Expired { at }
            | Decision::Superseded { at, .. }
            | Decision::Canceled { at, .. }
            | Decision::Failed { at } => *at,
        }
    }
}

/// Where a gate stands, derived from what it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateState<'a> {
    Open,
    /// No approvals for now.
    Frozen {
        why: Vec<Freeze>,
    },
    /// The verdict is `fail` and the policy holds: only a new seal, an override or an end helps.
    Held,
    Decided(&'a Decision),
}

impl GateState<'_> {
    /// One word, as the store keeps it.
    pub fn as_str(&self) -> &'static str {
        match self {
            GateState::Open => "open",
            GateState::Frozen { .. } => "frozen",
            GateState::Held => "held",
            GateState::Decided(decision) => decision.as_str(),
        }
    }
}

/// The question "may this release enter this environment?".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    pub id: GateId,
    pub release: ReleaseId,
    /// The root execution that waits for the answer.
    pub execution: ExecutionId,
    pub facts: Facts,
    pub seal: Seal,
    /// Counts seals from 1; each has a message of its own.
    pub seal_number: u32,
    pub sealed_at: Timestamp,
    /// Earlier seals of this gate, for telling an old message from a wrong one.
    pub old_seals: Vec<Seal>,
    pub shown: Shown,
    pub policy: Policy,
    /// Policies under which it was sealed before. The quorum of every one must be filled: loosening a policy cannot
    /// help a gate that is already open.
    pub earlier_policies: Vec<Policy>,
    pub involved: Involved,
    pub opened_at: Timestamp,
    /// The last instant at which an answer counts.
    pub deadline: Timestamp,
    pub reminders: u32,
    /// The verdict of the sealed evidence.
    pub verdict: Verdict,
    /// The worst verdict seen since the seal.
    pub worst: Verdict,
    /// Alarms and freeze periods; a worse verdict is derived.
    pub freezes: Vec<Freeze>,
    /// Every vote that was counted, in order of arrival, those on older seals too.
    pub votes: Vec<Vote>,
    pub decision: Option<Decision>,
}

impl Gate {
    pub fn state(&self) -> GateState<'_> {
        if let Some(decision) = &self.decision {
            return GateState::Decided(decision);
        }
        if self.worst == Verdict::Fail {
            return GateState::Held;
        }
        let why = self.frozen_by();
        if why.is_empty() { GateState::Open } else { GateState::Frozen { why } }
    }

    /// All that keeps it frozen.
    pub fn frozen_by(&self) -> Vec<Freeze> {
        let mut why = self.freezes.clone();
        if self.verdict < self.worst {
            why.push(Freeze::Worsened { from: self.verdict, to: self.worst });
        }
        why
    }

    pub fn granted(&self) -> Option<&Granted> {
        match &self.decision {
            Some(Decision::Granted(granted)) => Some(granted),
            Some(
                Decision::Rejected { .. }
                | Decision::Expired { .. }
                | Decision::Superseded { .. }
                | Decision::Canceled { .. }
                | Decision::Failed { .. },
            )
            | None => None,
        }
    }

    /// The policies that bind it, the current one first.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        std::iter::once(&self.policy).chain(&self.earlier_policies)
    }

    /// The count under the current policy or, if that is full, under the first that is not.
    pub fn tally(&self, electorate: &Electorate) -> Tally {
        let current = tally(&self.policy, electorate, &self.seal, &self.votes);
        if !current.is_full() {
            return current;
        }
        let mut earlier =
            self.earlier_policies.iter().map(|it| tally(it, electorate, &self.seal, &self.votes));
        earlier.find(|it| !it.is_full()).unwrap_or(current)
    }

    /// Who may answer here and now.
    pub fn electorate(&self, people: &People) -> Electorate {
        Electorate::of(people, self.policies(), &self.involved).at(&self.votes, people)
    }

    /// The latest act of a person on the current seal that counts.
    pub fn latest(&self, person: &PersonName, electorate: &Electorate) -> Option<&Vote> {
        let mut votes =
            self.votes.iter().rev().filter(|vote| vote.seal == self.seal && vote.person == *person);
        votes.find(|it| electorate.counts(it))
    }

    /// Somebody's approval of the current seal stands, whether or not it counts: a person looked at this question.
    pub fn is_approved_by_somebody(&self) -> bool {
        let mut persons = BTreeSet::new();
        let current = self.votes.iter().rev().filter(|it| it.seal == self.seal);
        let mut latest = current.filter(|it| persons.insert(&it.person));
        latest.any(|it| matches!(it.act, Act::Approve { .. }))
    }

    /// Who could fill what is missing: of the groups that lack somebody those who have not approved, and who had no hand
    /// in the release where that bars them.
    pub fn awaited(&self, electorate: &Electorate) -> BTreeSet<PersonName> {
        let missing = self.tally(electorate).missing;
        let members = missing.iter().filter_map(|it| electorate.members.get(&it.group)).flatten();
        let barred = |it: &PersonName| self.policies().any(|policy| electorate.barred(policy, it).is_some());
        let approved = |it: &PersonName| {
            self.latest(it, electorate).is_some_and(|vote| matches!(vote.act, Act::Approve { .. }))
        };
        members.filter(|it| !barred(it) && !approved(it)).cloned().collect()
    }

    /// When the next reminder is due, if the policy wants any.
    pub fn next_reminder(&self) -> Option<Timestamp> {
        let after = self.policy.remind_after?;
        let due = (0..=self.reminders).fold(self.sealed_at, |at, _| after.after(at));
        (due < self.deadline).then_some(due)
    }

    pub(super) fn rolls_back(&self) -> bool {
        self.policy.on_fail == OnFail::RollBack
    }
}

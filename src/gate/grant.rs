//! The permission that an answer makes, and the proof that one attempt is covered by it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gate::{Facts, Gate, Policy, Rechecked};
use crate::id::{
    Account, AppName, Digest, EnvironmentName, ExecutionId, GateId, GrantId, HostName, PersonName, RoleName,
    Seal, TaskName,
};
use crate::identity::{Authorised, Right, Subject};

/// What a grant rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "basis", rename_all = "snake_case")]
pub enum Basis {
    Gate {
        gate: GateId,
    },
    /// Going back to the last good release, pre-authorised by policy.
    Rollback {
        by: PersonName,
        account: Account,
    },
}

/// How far a grant is used. It goes forward only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "use", rename_all = "snake_case")]
pub enum GrantUse {
    Waiting,
    /// Its rollout has started: nothing else can use it.
    InUse {
        since: Timestamp,
    },
    /// Its rollout is over, or it was void before it began.
    Ended {
        at: Timestamp,
    },
}

/// Leave for one rollout to change these hosts by these tasks, to this artifact or back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub id: GrantId,
    pub basis: Basis,
    pub seal: Seal,
    /// The root execution that alone may use it.
    pub rollout: ExecutionId,
    pub app: AppName,
    pub environment: EnvironmentName,
    pub role: RoleName,
    /// Tasks and the hosts they may change, those for going back too.
    pub pairs: BTreeSet<(TaskName, HostName)>,
    pub digest: Digest,
    /// Going back to this within the rollout needs no new answer.
    pub return_to: Option<Digest>,
    pub used: GrantUse,
}

/// Why a grant cannot be made or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    #[error("the gate is not granted")]
    NotGranted,
    #[error("host {host} is not among the sealed hosts")]
    HostNotSealed { host: HostName },
    #[error("the grant is of another gate or seal")]
    OtherGate,
    #[error("the grant was used or ended before")]
    AlreadyUsed,
    #[error("the policy wants a gate for going back")]
    PolicyForbids,
    #[error("only the last good release is pre-authorised")]
    NotLastGood,
    #[error("the leave is not for a rollback here")]
    WrongLeave,
}

/// A rollback that needs no votes.
#[derive(Clone, Debug)]
pub struct Preauthorised<'a> {
    pub id: GrantId,
    pub rollout: ExecutionId,
    pub pairs: BTreeSet<(TaskName, HostName)>,
    pub facts: &'a Facts,
    pub policy: &'a Policy,
    /// The last artifact that ran well in this environment.
    pub last_good: &'a Digest,
    pub at: Timestamp,
}

/// What an attempt is about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptFacts {
    /// The root of the attempt's execution.
    pub root: ExecutionId,
    pub app: AppName,
    pub environment: EnvironmentName,
    pub role: RoleName,
    pub task: TaskName,
    pub host: HostName,
    /// The artifact that the host will run.
    pub digest: Digest,
}

/// Forward to the granted artifact or back to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Forward,
    Back,
}

/// Proof that one attempt is covered. Only [`Grant::clear`] makes one; what starts guarded attempts takes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Clearance {
    grant: GrantId,
    attempt: AttemptFacts,
    direction: Direction,
}

impl Clearance {
    pub fn grant(&self) -> GrantId {
        self.grant
    }

    pub fn attempt(&self) -> &AttemptFacts {
        &self.attempt
    }

    pub fn direction(&self) -> Direction {
        self.direction
    }
}

/// Why an attempt may not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCovered {
    #[error("the rollout of this grant has not started")]
    NotStarted,
    #[error("the rollout of this grant is over")]
    Ended,
    #[error("the grant is for another rollout")]
    OtherRollout,
    #[error("the grant is for {granted}")]
    OtherSubject { granted: Subject },
    #[error("the grant is for role {granted}")]
    OtherRole { granted: RoleName },
    #[error("the grant does not cover {task} on {host}")]
    OtherPair { task: TaskName, host: HostName },
    #[error("the grant is not for artifact {}", digest.short())]
    OtherDigest { digest: Digest },
}

impl Grant {
    /// Makes the grant of a gate that people opened. It covers nothing until [`Grant::begin`].
    ///
    /// # Errors
    /// [`GrantError::NotGranted`], or [`GrantError::HostNotSealed`] for a pair outside the sealed hosts.
    pub fn of_gate(
        id: GrantId,
        gate: &Gate,
        pairs: BTreeSet<(TaskName, HostName)>,
    ) -> Result<Self, GrantError> {
        let granted = gate.granted().ok_or(GrantError::NotGranted)?;
        Self::new(id, Basis::Gate { gate: gate.id }, granted.seal.clone(), gate.execution, &gate.facts, pairs)
    }

    /// Makes the grant of a rollback to the last good release, at its start.
    ///
    /// # Errors
    /// [`GrantError`], if the policy forbids it, it is another artifact, or the leave is for something else.
    pub fn preauthorised(rollback: Preauthorised<'_>, leave: &Authorised) -> Result<Self, GrantError> {
        let Preauthorised { id, rollout, pairs, facts, policy, last_good, at } = rollback;
        if !leave.covers(Right::Rollback, &Subject::of(&facts.app, &facts.environment)) {
            return Err(GrantError::WrongLeave);
        }
        if !policy.rollback_preauthorised {
            return Err(GrantError::PolicyForbids);
        }
        if facts.artifact != *last_good {
            return Err(GrantError::NotLastGood);
        }
        let basis = Basis::Rollback { by: leave.person().clone(), account: leave.account().clone() };
        let grant = Self::new(id, basis, facts.seal(), rollout, facts, pairs)?;
        Ok(Self { used: GrantUse::InUse { since: at }, ..grant })
    }

    fn new(
        id: GrantId,
        basis: Basis,
        seal: Seal,
        rollout: ExecutionId,
        facts: &Facts,
        pairs: BTreeSet<(TaskName, HostName)>,
    ) -> Result<Self, GrantError> {
        if let Some((_, host)) = pairs.iter().find(|(_, host)| !facts.hosts.contains(host)) {
            return Err(GrantError::HostNotSealed { host: host.clone() });
        }
        Ok(Self {
            id,
            basis,
            seal,
            rollout,
            app: facts.app.clone(),
            environment: facts.environment.clone(),
            role: facts.role.clone(),
            pairs,
            digest: facts.artifact.clone(),
            return_to: facts.return_to.clone(),
            used: GrantUse::Waiting,
        })
    }

    /// The gate that people opened for it.
    pub fn gate(&self) -> Option<GateId> {
        match &self.basis {
            Basis::Gate { gate } => Some(*gate),
            Basis::Rollback { .. } => None,
        }
    }

    /// Takes the grant into use: once, and only after the world was compared again.
    ///
    /// # Errors
    /// [`GrantError::OtherGate`] for proof of another gate or seal, [`GrantError::AlreadyUsed`] the second time.
    pub fn begin(&self, rechecked: &Rechecked, at: Timestamp) -> Result<Self, GrantError> {
        if self.gate() != Some(rechecked.gate()) || self.seal != *rechecked.seal() {
            return Err(GrantError::OtherGate);
        }
        match self.used {
            GrantUse::Waiting => Ok(Self { used: GrantUse::InUse { since: at }, ..self.clone() }),
            GrantUse::InUse { .. } | GrantUse::Ended { .. } => Err(GrantError::AlreadyUsed),
        }
    }

    /// The grant after its rollout, or voided before it; it covers nothing more.
    pub fn end(&self, at: Timestamp) -> Self {
        match self.used {
            GrantUse::Waiting | GrantUse::InUse { .. } => {
                Self { used: GrantUse::Ended { at }, ..self.clone() }
            }
            GrantUse::Ended { .. } => self.clone(),
        }
    }

    /// Lets one attempt through, forward or back.
    ///
    /// # Errors
    /// [`NotCovered`], with the first thing that is not as granted.
    pub fn clear(&self, attempt: &AttemptFacts) -> Result<Clearance, NotCovered> {
        match self.used {
            GrantUse::Waiting => return Err(NotCovered::NotStarted),
            GrantUse::Ended { .. } => return Err(NotCovered::Ended),
            GrantUse::InUse { .. } => {}
        }
        if attempt.root != self.rollout {
            return Err(NotCovered::OtherRollout);
        }
        if (&attempt.app, &attempt.environment) != (&self.app, &self.environment) {
            return Err(NotCovered::OtherSubject { granted: Subject::of(&self.app, &self.environment) });
        }
        if attempt.role != self.role {
            return Err(NotCovered::OtherRole { granted: self.role.clone() });
        }
        if !self.pairs.contains(&(attempt.task.clone(), attempt.host.clone())) {
            return Err(NotCovered::OtherPair { task: attempt.task.clone(), host: attempt.host.clone() });
        }
        let direction = if attempt.digest == self.digest {
            Direction::Forward
        } else if self.return_to.as_ref() == Some(&attempt.digest) {
            Direction::Back
        } else {
            return Err(NotCovered::OtherDigest { digest: attempt.digest.clone() });
        };
        Ok(Clearance { grant: self.id, attempt: attempt.clone(), direction })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::gate::scenario::{approved_by, at, facts, leave, open, people, policy};
    use crate::gate::{Live, recheck};
    use crate::rollout::Verdict;

    fn pairs() -> BTreeSet<(TaskName, HostName)> {
        let hosts = ["web-1", "web-2"];
        hosts
            .iter()
            .flat_map(|host| ["install", "go_back"].map(|task| (task.into(), (*host).into())))
            .collect()
    }

    fn proof(gate: &Gate) -> Rechecked {
        let (people, standings) = (people(), BTreeMap::new());
        let (policy, facts, verdict) = (&gate.policy, &gate.facts, Verdict::Pass);
        let live = Live { people: &people, policy, facts, standings: &standings, verdict, freezes: &[] };
        recheck(gate, &live).unwrap()
    }

    fn waiting() -> (Gate, Grant) {
        let gate = approved_by(&open(), &["UTOBIAS", "UJUN"]);
        let grant = Grant::of_gate(GrantId::from_number(3), &gate, pairs()).unwrap();
        (gate, grant)
    }

    fn in_use() -> Grant {
        let (gate, grant) = waiting();
        grant.begin(&proof(&gate), at(100)).unwrap()
    }

    fn attempt() -> AttemptFacts {
        let facts = facts();
        AttemptFacts {
            root: ExecutionId::from_number(9),
            app: facts.app,
            environment: facts.environment,
            role: facts.role,
            task: "install".into(),
            host: "web-1".into(),
            digest: facts.artifact,
        }
    }

    #[test]
    fn only_an_opened_gate_makes_a_grant_and_only_for_sealed_hosts() {
        let id = GrantId::from_number(3);
        assert_eq!(Grant::of_gate(id, &open(), pairs()), Err(GrantError::NotGranted));
        let (gate, _) = waiting();
        let more = pairs().into_iter().chain([("install".into(), "web-9".into())]).collect();
        assert_eq!(Grant::of_gate(id, &gate, more), Err(GrantError::HostNotSealed { host: "web-9".into() }));
    }

    #[test]
    fn a_grant_covers_its_own_rollout_forward_and_back() {
        let forward = in_use().clear(&attempt()).unwrap();
        assert_eq!((forward.grant(), forward.direction()), (GrantId::from_number(3), Direction::Forward));
        let back =
            AttemptFacts { task: "go_back".into(), digest: Digest::of(b"storefront 1.3"), ..attempt() };
        assert_eq!(in_use().clear(&back).unwrap().direction(), Direction::Back);
    }

    #[test]
    fn whatever_is_not_as_granted_is_not_covered() {
        let other: Vec<(AttemptFacts, &str)> = vec![
            (AttemptFacts { root: ExecutionId::from_number(10), ..attempt() }, "another rollout"),
            (AttemptFacts { app: "storefront-api".into(), ..attempt() }, "for storefront in production"),
            (AttemptFacts { environment: "staging".into(), ..attempt() }, "for storefront in production"),
            (AttemptFacts { role: "canary".into(), ..attempt() }, "for role app"),
            (AttemptFacts { task: "wipe".into(), ..attempt() }, "does not cover wipe on web-1"),
            (AttemptFacts { host: "web-3".into(), ..attempt() }, "does not cover install on web-3"),
            (AttemptFacts { digest: Digest::of(b"storefront 1.2"), ..attempt() }, "not for artifact"),
        ];
        for (attempt, why) in other {
            let refusal = in_use().clear(&attempt).unwrap_err().to_string();
            assert!(refusal.contains(why), "{refusal}");
        }
    }

    #[test]
    fn a_grant_covers_nothing_before_its_start_and_after_its_end_and_starts_once() {
        let (gate, grant) = waiting();
        assert_eq!(grant.clear(&attempt()), Err(NotCovered::NotStarted));
        let used = grant.begin(&proof(&gate), at(100)).unwrap();
        assert_eq!(used.begin(&proof(&gate), at(101)), Err(GrantError::AlreadyUsed));
        let ended = used.end(at(200));
        assert_eq!(ended.clear(&attempt()), Err(NotCovered::Ended));
        assert_eq!(grant.end(at(90)).begin(&proof(&gate), at(100)), Err(GrantError::AlreadyUsed));
    }

    #[test]
    fn proof_of_another_gate_starts_nothing() {
        let (_, grant) = waiting();
        let mut other = approved_by(&open(), &["UTOBIAS", "UJUN"]);
        other.id = GateId::from_number(2);
        assert_eq!(grant.begin(&proof(&other), at(100)), Err(GrantError::OtherGate));
    }

    #[test]
    fn proof_of_another_seal_of_the_same_gate_starts_nothing() {
        let (gate, grant) = waiting();
        let other = Grant { seal: Digest::of(b"other").into(), ..grant };
        assert_eq!(other.begin(&proof(&gate), at(100)), Err(GrantError::OtherGate));
    }

    #[test]
    fn a_first_release_has_nothing_to_go_back_to() {
        let grant = Grant { return_to: None, ..in_use() };
        let back = AttemptFacts { digest: Digest::of(b"storefront 1.3"), ..attempt() };
        assert!(matches!(grant.clear(&back), Err(NotCovered::OtherDigest { .. })));
    }

    #[test]
    fn going_back_to_the_last_good_release_is_preauthorised_unless_policy_forbids() {
        let (facts, policy) = (facts(), policy());
        let forbids = Policy { rollback_preauthorised: false, ..policy.clone() };
        let make = |policy: &Policy, last_good: &Digest, right| {
            let (id, rollout) = (GrantId::from_number(4), ExecutionId::from_number(9));
            let (facts, at) = (&facts, at(5));
            let rollback = Preauthorised { id, rollout, pairs: pairs(), facts, policy, last_good, at };
            Grant::preauthorised(rollback, &leave(&open(), "UMAREN", right))
        };
        let good = &facts.artifact;
        let grant = make(&policy, good, Right::Rollback).unwrap();
        assert_eq!(grant.gate(), None);
        assert!(grant.clear(&attempt()).is_ok());
        assert_eq!(make(&forbids, good, Right::Rollback), Err(GrantError::PolicyForbids));
        assert_eq!(make(&policy, &Digest::of(b"older"), Right::Rollback), Err(GrantError::NotLastGood));
        assert_eq!(make(&policy, good, Right::Deploy), Err(GrantError::WrongLeave));
    }
}

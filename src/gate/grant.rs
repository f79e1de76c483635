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

//! Why an answer does not count: every reason that a person may be told.

use jiff::Timestamp;

use crate::gate::{Decision, Freeze, Part};
use crate::id::GroupName;
use crate::identity::{Right, Standing};
use crate::rollout::Verdict;

/// An event that changes nothing. `message` has the words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the account is {standing}, not a member")]
    NotAMember { standing: Standing },
    #[error("the account belongs to nobody known")]
    UnknownAccount,
    #[error("four eyes: the {part} may not approve")]
    RequesterMayNotApprove { part: Part },
    #[error("not in any of the groups asked")]
    NotInAnyGroup { needed: Vec<GroupName> },
    #[error("the leave is not for {needed} here")]
    WrongLeave { needed: Right },
    #[error("already {}", decision.as_str())]
    AlreadyDecided { decision: Box<Decision> },
    #[error("that answer already counts")]
    AlreadyCounted,
    #[error("there is no approval to withdraw")]
    NothingToWithdraw,
    #[error("that message is of an older seal")]
    OldSeal,
    #[error("frozen")]
    Frozen { why: Vec<Freeze> },
    #[error("the verdict is fail")]
    VerdictFail,
    #[error("the policy does not let {} pass", verdict.as_str())]
    VerdictForbidden { verdict: Verdict },
    #[error("{} needs a typed reason", verdict.as_str())]
    ReasonNeeded { verdict: Verdict },
    #[error("the message could not show everything: the first digits of the seal are needed")]
    SealPrefixNeeded,
    #[error("these are not the first digits of the seal")]
    SealPrefixMismatch,
    #[error("reactions are no votes here")]
    ReactionsOff,
    #[error("the deadline was {deadline}")]
    Late { deadline: Timestamp },
    #[error("the deadline is {deadline}, not yet reached")]
    NotYetExpired { deadline: Timestamp },
    #[error("a gate stays open until {latest} at most")]
    TooLong { latest: Timestamp },
    #[error("somebody has approved it, and nobody asked for what would take its place")]
    Approved,
    #[error("nothing changed that would need a new seal")]
    SameSeal,
}

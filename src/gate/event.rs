//! What happens to a gate, and what is to be done about it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gate::{
    Difference, Electorate, Facts, Freeze, Gate, Granted, Involved, Length, Policy, Reason, Shown, Vote,
};
use crate::id::{Account, GroupName, PersonName, ReleaseId};
use crate::rollout::Verdict;

/// Something that happened. An event holds all that its effect depends on, so that replay needs nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum GateEvent {
    /// An answer, with who could answer at that moment. Made by [`Gate::admit`].
    Voted {
        vote: Vote,
        electorate: Electorate,
    },
    /// The facts are others now: votes are void, a new message is posted.
    Resealed {
        facts: Box<Facts>,
        policy: Box<Policy>,
        involved: Box<Involved>,
        verdict: Verdict,
        shown: Shown,
        /// What changed; empty for a re-seal that was asked for, such as new evidence after an alarm.
        why: Vec<Difference>,
        at: Timestamp,
    },
    /// The engine's timer judged again.
    Measured {
        verdict: Verdict,
        at: Timestamp,
    },
    Frozen {
        why: Freeze,
        at: Timestamp,
    },
    /// A freeze period is over, or what was gone is back.
    Unfrozen {
        period: String,
        at: Timestamp,
    },
    Expired {
        at: Timestamp,
    },
    Superseded {
        by_release: ReleaseId,
        /// Nobody asked for that one: then a question that somebody has approved stands.
        #[serde(default)]
        by_push: bool,
        at: Timestamp,
    },
    Canceled {
        by: PersonName,
        account: Account,
        at: Timestamp,
    },
    /// Somebody asked to measure longer. Made by [`Gate::ask_extend`].
    Extended {
        by: PersonName,
        account: Account,
        length: Length,
        /// How many looks the next evidence is to hold; `None` if there is nothing to measure.
        #[serde(default)]
        looks: Option<u32>,
        at: Timestamp,
    },
    /// Break glass. Made by [`Gate::ask_override`].
    Overridden {
        by: PersonName,
        account: Account,
        reason: Reason,
        at: Timestamp,
    },
    Reminded {
        at: Timestamp,
    },
}

impl GateEvent {
    pub fn at(&self) -> Timestamp {
        match self {
            GateEvent::Voted { vote, .. } => vote.at,
            GateEvent::Resealed { at, .. }
            | GateEvent::Measured { at, .. }
            | GateEvent::Frozen { at, .. }
            | GateEvent::Unfrozen { at, .. }
            | GateEvent::Expired { at }
            | GateEvent::Superseded { at, .. }
            | GateEvent::Canceled { at, .. }
            | GateEvent::Extended { at, .. }
            | GateEvent::Overridden { at, .. }
            | GateEvent::Reminded { at } => *at,
        }
    }
}

/// What to do next, after the transition is committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum GateEffect {
    /// Post the message of this seal.
    PostMessage {
        seal_number: u32,
    },
    /// Show the count or state anew on this seal's message.
    RefreshMessage {
        seal_number: u32,
    },
    /// Take the buttons off this seal's message and say how it ended.
    CloseMessage {
        seal_number: u32,
    },
    ArmExpiry {
        at: Timestamp,
    },
    ArmReminder {
        at: Timestamp,
    },
    /// Ask those who are missing again ([`Gate::tally`] says who), and from some time on others too.
    Remind {
        escalate_to: Vec<GroupName>,
    },
    MakeGrant(Granted),
    /// Undo the canary: the verdict is `fail`.
    RollBackCanary,
    /// Leave the canary as it is for people to look at: the verdict is `fail`.
    HoldCanary,
    MeasureUntil {
        at: Timestamp,
    },
    /// Glass was broken: tell loudly and keep for follow-up.
    FollowUpOverride {
        person: PersonName,
        reason: Reason,
    },
}

/// The next state and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    pub next: Gate,
    pub effects: Vec<GateEffect>,
}

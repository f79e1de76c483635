//! The question a person answers: may exactly this enter this environment?
//!
//! [`Facts`] are what the answer covers and [`Seal`](crate::id::Seal) is their hash. A [`Ballot`] comes in through any
//! door; [`Gate::admit`] turns it into an event or a [`Refusal`], and [`Gate::apply`] is the one transition function,
//! for live events and for replay. A full [`Tally`] makes a [`Grant`]; [`recheck`] compares all of it with the world
//! again before the first guarded attempt, and [`Grant::clear`] lets single attempts through.

mod admit;
mod apply;
mod canonical;
mod difference;
mod electorate;
mod event;
mod facts;
mod grant;
mod length;
#[cfg(test)]
mod linked;
mod open;
mod policy;
mod reason;
mod recheck;
mod refusal;
mod requester;
mod satisfiable;
#[cfg(test)]
mod scenario;
mod state;
mod tally;
mod vote;

pub use canonical::{canonical_digest, canonical_json};
pub use difference::Difference;
pub use electorate::Electorate;
pub use event::{Decided, GateEffect, GateEvent};
pub use facts::Facts;
pub use grant::{
    AttemptFacts, Basis, Clearance, Direction, Grant, GrantError, GrantUse, NotCovered, Preauthorised,
};
pub use length::{Length, LengthError};
pub use open::{Opening, ReplayError};
pub use policy::{OnFail, Policy, Slot};
pub use reason::{Reason, ReasonError};
pub use recheck::{Live, LostVote, LostWhy, Rechecked, Stale, answered_by, recheck};
pub use refusal::Refusal;
pub use requester::{Involved, Part, Requester};
pub use satisfiable::{Unsatisfiable, satisfiable};
pub use state::{Decision, Freeze, Gate, GateState, Granted, Passage, Shown};
pub use tally::{Missing, Seat, Tally, tally};
pub use vote::{Act, Ballot, Claim, Sight, Via, Vote};

//! The door of a gate: whose answer is this, and what does it answer?

use jiff::Timestamp;

use crate::gate::{
    Act, Ballot, Claim, Decided, Electorate, Gate, GateEvent, Length, Reason, Refusal, Sight, Vote,
};
use crate::id::Seal;
use crate::identity::{Authorised, Denied, DeniedWhy, People, Right, Rights, Subject, authorize};

/// Fewest digits of a seal that say one looked at it.
const PREFIX_DIGITS_MIN: usize = 8;

impl Gate {
    /// Turns a ballot into an event that says whose answer it is and who could answer, by the live people. The same
    /// for every way in. Whether the answer counts is [`Gate::apply`]'s to say.
    ///
    /// # Errors
    /// [`Refusal`], if the account may not answer here or looked at another seal.
    pub fn admit(&self, ballot: Ballot, people: &People) -> Result<GateEvent, Refusal> {
        let Ballot { actor, act, via, claim, at } = ballot;
        let electorate = Electorate::of(people, self.policies(), &self.involved);
        let rights = Rights::none().with(Right::Approve, self.answering_groups());
        let leave = authorize(people, &actor, Right::Approve, &self.subject(), &rights)
            .map_err(|denied| self.refusal(denied, &act, &electorate))?;
        let sight = self.sight(&claim, at)?;
        let vote = Vote {
            person: leave.person().clone(),
            account: leave.account().clone(),
            act,
            seal: self.seal.clone(),
            via,
            sight,
            at,
        };
        Ok(GateEvent::Voted { vote, electorate })
    }

    /// Admits and applies: the event to record and what it makes.
    ///
    /// # Errors
    /// [`Refusal`]: what to tell the voter.
    pub fn vote(&self, ballot: Ballot, people: &People) -> Result<(GateEvent, Decided), Refusal> {
        let event = self.admit(ballot, people)?;
        let decided = self.apply(event.clone())?;
        Ok((event, decided))
    }

    /// What rights at this gate are asked over.
    pub fn subject(&self) -> Subject {
        Subject::of(&self.facts.app, &self.facts.environment)
    }

    /// Breaks glass.
    ///
    /// # Errors
    /// [`Refusal::WrongLeave`] without leave to override exactly here; [`Refusal::OldSeal`] if it was asked before
    /// the current seal was made.
    pub fn ask_override(
        &self,
        leave: &Authorised,
        reason: Reason,
        at: Timestamp,
    ) -> Result<GateEvent, Refusal> {
        self.check_leave(leave, Right::Override)?;
        self.sight(&Claim::Bare, at)?;
        let (by, account) = (leave.person().clone(), leave.account().clone());
        Ok(GateEvent::Overridden { by, account, reason, at })
    }

    /// Measures longer.
    ///
    /// # Errors
    /// [`Refusal::WrongLeave`] without leave to extend exactly here.
    pub fn ask_extend(
        &self,
        leave: &Authorised,
        length: Length,
        at: Timestamp,
    ) -> Result<GateEvent, Refusal> {
        self.check_leave(leave, Right::Extend)?;
        let (by, account) = (leave.person().clone(), leave.account().clone());
        Ok(GateEvent::Extended { by, account, length, at })
    }

    /// Withdraws the question.
    ///
    /// # Errors
    /// [`Refusal::WrongLeave`] without leave to cancel exactly here.
    pub fn ask_cancel(&self, leave: &Authorised, at: Timestamp) -> Result<GateEvent, Refusal> {
        self.check_leave(leave, Right::Cancel)?;
        Ok(GateEvent::Canceled { by: leave.person().clone(), account: leave.account().clone(), at })
    }

    fn check_leave(&self, leave: &Authorised, needed: Right) -> Result<(), Refusal> {
        if leave.covers(needed, &self.subject()) { Ok(()) } else { Err(Refusal::WrongLeave { needed }) }
    }

    fn refusal(&self, denied: Denied, act: &Act, electorate: &Electorate) -> Refusal {
        match denied.why {
            DeniedWhy::Standing(standing) => Refusal::NotAMember { standing },
            DeniedWhy::UnknownAccount => Refusal::UnknownAccount,
            DeniedWhy::NotInAnyGroup { person } | DeniedWhy::Nobody { person } => {
                // Who asked for it is told about four eyes, not sent to look for a group to join.
                let barred = self.policies().find_map(|policy| electorate.barred(policy, &person));
                match (act, barred) {
                    (Act::Approve { .. }, Some(part)) => Refusal::RequesterMayNotApprove { part },
                    (Act::Approve { .. }, None) | (Act::Reject { .. } | Act::Withdraw, _) => {
                        Refusal::NotInAnyGroup { needed: self.answering_groups() }
                    }
                }
            }
        }
    }

    fn sight(&self, claim: &Claim, at: Timestamp) -> Result<Sight, Refusal> {
        match claim {
            Claim::Message(seal) if *seal == self.seal => Ok(Sight::Message),
            Claim::Message(_) => Err(Refusal::OldSeal),
            Claim::Prefix(text) => {
                let text = text.trim().to_ascii_lowercase();
                let fits = |seal: &Seal| PREFIX_DIGITS_MIN <= text.len() && seal.as_str().starts_with(&text);
                if fits(&self.seal) {
                    Ok(Sight::Prefix)
                } else if self.old_seals.iter().any(fits) {
                    Err(Refusal::OldSeal)
                } else {
                    Err(Refusal::SealPrefixMismatch)
                }
            }
            // Written before this seal existed, so about another one.
            Claim::Bare if at < self.sealed_at => Err(Refusal::OldSeal),
            Claim::Bare => Ok(Sight::Gate),
        }
    }
}

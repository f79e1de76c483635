//! The one transition function.

use jiff::{SignedDuration, Timestamp};

use crate::gate::{
    Act, Decided, Decision, Electorate, Freeze, Gate, GateEffect, GateEvent, Granted, Passage, Refusal,
    Shown, Sight, Via, Vote,
};
use crate::id::GroupName;
use crate::rollout::Verdict;

/// How long a gate stays open at most, extensions and all.
const LIFETIME_MAX: SignedDuration = SignedDuration::from_hours(24 * 90);

impl Gate {
    /// What the event makes of this gate, live and in replay alike. A refused event changes nothing.
    ///
    /// An answer counts up to and including the deadline; expiry is possible from the deadline on. So in that one
    /// instant both orders are legal, and whichever comes first is the only decision.
    ///
    /// # Errors
    /// [`Refusal`]: what to tell whoever caused the event.
    pub fn apply(&self, event: GateEvent) -> Result<Decided, Refusal> {
        if let Some(decision) = &self.decision {
            return Err(Refusal::AlreadyDecided { decision: Box::new(decision.clone()) });
        }
        match event {
            GateEvent::Voted { vote, electorate } => self.voted(vote, &electorate),
            GateEvent::Resealed { .. } => self.resealed(event),
            GateEvent::Measured { verdict, at } => Ok(self.measured(verdict, at)),
            GateEvent::Frozen { why, at } => Ok(self.freeze(why, at)),
            GateEvent::Unfrozen { period, .. } => Ok(self.unfreeze(&period)),
            GateEvent::Expired { at } if at < self.deadline => {
                Err(Refusal::NotYetExpired { deadline: self.deadline })
            }
            GateEvent::Expired { at } => Ok(self.decide(Decision::Expired { at }, Vec::new())),
            GateEvent::Superseded { by_push: true, .. } if self.is_approved_by_somebody() => {
                Err(Refusal::Approved)
            }
            GateEvent::Superseded { by_release, at, .. } => {
                Ok(self.decide(Decision::Superseded { by_release, at }, Vec::new()))
            }
            GateEvent::Canceled { by, at, .. } => Ok(self.decide(Decision::Canceled { by, at }, Vec::new())),
            GateEvent::Extended { length, at, .. } => self.extended(length, at),
            GateEvent::Overridden { by, account, reason, at } => {
                self.still_asks(at)?;
                let follow_up = GateEffect::FollowUpOverride { person: by.clone(), reason: reason.clone() };
                Ok(self.grant(Passage::Override { person: by, account, reason }, at, vec![follow_up]))
            }
            GateEvent::Reminded { at } => Ok(self.reminded(at)),
        }
    }

    fn still_asks(&self, at: Timestamp) -> Result<(), Refusal> {
        if self.deadline < at { Err(Refusal::Late { deadline: self.deadline }) } else { Ok(()) }
    }

    fn decide(&self, decision: Decision, more: Vec<GateEffect>) -> Decided {
        let mut effects = vec![GateEffect::CloseMessage { seal_number: self.seal_number }];
        effects.extend(more);
        Decided { next: Gate { decision: Some(decision), ..self.clone() }, effects }
    }

    fn grant(&self, by: Passage, at: Timestamp, more: Vec<GateEffect>) -> Decided {
        let granted = Granted { by, seal: self.seal.clone(), at };
        let mut effects = vec![GateEffect::MakeGrant(granted.clone())];
        effects.extend(more);
        self.decide(Decision::Granted(granted), effects)
    }

    fn refreshed(next: Gate) -> Decided {
        let effects = vec![GateEffect::RefreshMessage { seal_number: next.seal_number }];
        Decided { next, effects }
    }

    fn unchanged(&self) -> Decided {
        Decided { next: self.clone(), effects: Vec::new() }
    }

    fn voted(&self, vote: Vote, electorate: &Electorate) -> Result<Decided, Refusal> {
        self.still_asks(vote.at)?;
        if vote.seal != self.seal {
            return Err(Refusal::OldSeal);
        }
        if vote.via == Via::Reaction && !self.policy.reactions {
            return Err(Refusal::ReactionsOff);
        }
        match &vote.act {
            Act::Approve { .. } => self.may_approve(&vote, electorate)?,
            Act::Reject { .. } => self.may_answer(&vote, electorate)?,
            Act::Withdraw => {
                let standing = self.latest(&vote.person, electorate).map(|it| &it.act);
                if !matches!(standing, Some(Act::Approve { .. })) {
                    return Err(Refusal::NothingToWithdraw);
                }
            }
        }
        if self.latest(&vote.person, electorate).is_some_and(|it| it.act == vote.act) {
            return Err(Refusal::AlreadyCounted);
        }
        let at = vote.at;
        let rejection = match &vote.act {
            Act::Reject { reason } => {
                Some(Decision::Rejected { by: vote.person.clone(), reason: reason.clone(), at })
            }
            Act::Approve { .. } | Act::Withdraw => None,
        };
        let is_approval = matches!(vote.act, Act::Approve { .. });
        let mut next = self.clone();
        next.votes.push(vote);
        if let Some(rejection) = rejection {
            return Ok(next.decide(rejection, Vec::new()));
        }
        let tally = next.tally(electorate);
        if is_approval && tally.is_full() {
            return Ok(next.grant(Passage::Votes { seats: tally.seats() }, at, Vec::new()));
        }
        Ok(Self::refreshed(next))
    }

    fn may_answer(&self, vote: &Vote, electorate: &Electorate) -> Result<(), Refusal> {
        if self.policies().any(|policy| electorate.may_answer(policy, &vote.person)) {
            return Ok(());
        }
        Err(Refusal::NotInAnyGroup { needed: self.answering_groups() })
    }

    /// Approving asks more than rejecting does: stopping is always safe.
    fn may_approve(&self, vote: &Vote, electorate: &Electorate) -> Result<(), Refusal> {
        if let Some(part) = self.policies().find_map(|policy| electorate.barred(policy, &vote.person)) {
            return Err(Refusal::RequesterMayNotApprove { part });
        }
        self.may_answer(vote, electorate)?;
        if self.worst == Verdict::Fail {
            return Err(Refusal::VerdictFail);
        }
        let why = self.frozen_by();
        if !why.is_empty() {
            return Err(Refusal::Frozen { why });
        }
        match (self.shown, vote.sight) {
            (Shown::Partly, Sight::Message | Sight::Gate) => return Err(Refusal::SealPrefixNeeded),
            (Shown::Partly, Sight::Prefix) | (Shown::Whole, _) => {}
        }
        let verdict = self.verdict;
        match verdict {
            Verdict::Pass => Ok(()),
            Verdict::Fail => Err(Refusal::VerdictFail),
            Verdict::Insufficient | Verdict::Broken => {
                if self.policies().any(|policy| !policy.allow_insufficient) {
                    return Err(Refusal::VerdictForbidden { verdict });
                }
                match &vote.act {
                    Act::Approve { reason: None } => Err(Refusal::ReasonNeeded { verdict }),
                    Act::Approve { reason: Some(_) } | Act::Reject { .. } | Act::Withdraw => Ok(()),
                }
            }
        }
    }

    /// The groups whose members may answer, each once.
    pub fn answering_groups(&self) -> Vec<GroupName> {
        let groups: std::collections::BTreeSet<_> =
            self.policies().flat_map(|policy| policy.groups()).collect();
        groups.into_iter().cloned().collect()
    }

    fn resealed(&self, event: GateEvent) -> Result<Decided, Refusal> {
        let GateEvent::Resealed { mut facts, policy, involved, verdict, shown, at, .. } = event else {
            return Ok(self.unchanged());
        };
        facts.policy = policy.digest();
        let seal = facts.seal();
        if seal == self.seal {
            return Err(Refusal::SameSeal);
        }
        // The same evidence is no better for being sealed again; and what failed once stays failed in this gate, whatever
        // is measured later.
        let same_evidence = facts.evidence == self.facts.evidence;
        let stays = same_evidence || self.worst == Verdict::Fail;
        let worst = if stays { verdict.max(self.worst) } else { verdict };
        let mut next = self.clone();
        if *policy != next.policy {
            let earlier = std::mem::replace(&mut next.policy, *policy);
            next.earlier_policies.retain(|it| *it != earlier && *it != next.policy);
            next.earlier_policies.push(earlier);
        }
        next.old_seals.push(std::mem::replace(&mut next.seal, seal));
        next.seal_number += 1;
        next.sealed_at = at;
        next.facts = *facts;
        next.involved = *involved;
        next.verdict = verdict;
        next.worst = worst;
        next.shown = shown;
        next.reminders = 0;
        next.deadline = next.deadline.max(next.policy.expires_after.after(at).min(self.latest_deadline()));
        next.freezes.retain(|it| match it {
            Freeze::Period { .. } => true,
            Freeze::Alarm { .. } | Freeze::Worsened { .. } => same_evidence,
            // There are facts to seal again.
            Freeze::Gone { .. } => false,
        });
        let closed = GateEffect::CloseMessage { seal_number: self.seal_number };
        let mut decided = next.ask(at);
        decided.effects.insert(0, closed);
        Ok(decided)
    }

    /// Better or equal changes nothing, worse freezes or fails.
    fn measured(&self, verdict: Verdict, at: Timestamp) -> Decided {
        if verdict <= self.worst {
            return self.unchanged();
        }
        let mut next = Gate { worst: verdict, ..self.clone() };
        if verdict == Verdict::Fail {
            let effects = next.fail(at);
            return Decided { next, effects };
        }
        Self::refreshed(next)
    }

    fn freeze(&self, why: Freeze, at: Timestamp) -> Decided {
        if let Freeze::Worsened { to, .. } = &why {
            // Derived from measurements; kept in one place only.
            return self.measured(*to, at);
        }
        if self.freezes.contains(&why) {
            return self.unchanged();
        }
        let mut next = self.clone();
        next.freezes.push(why);
        Self::refreshed(next)
    }

    fn unfreeze(&self, over: &str) -> Decided {
        let mut next = self.clone();
        next.freezes.retain(|it| match it {
            Freeze::Period { name: what } | Freeze::Gone { what } => what != over,
            Freeze::Alarm { .. } | Freeze::Worsened { .. } => true,
        });
        if next.freezes.len() == self.freezes.len() { self.unchanged() } else { Self::refreshed(next) }
    }

    /// The last deadline that extensions can reach.
    fn latest_deadline(&self) -> Timestamp {
        self.opened_at.saturating_add(LIFETIME_MAX).unwrap_or(Timestamp::MAX)
    }

    fn extended(&self, length: crate::gate::Length, at: Timestamp) -> Result<Decided, Refusal> {
        self.still_asks(at)?;
        let deadline = length.after(self.deadline);
        let latest = self.latest_deadline();
        if latest < deadline {
            return Err(Refusal::TooLong { latest });
        }
        let mut decided = Self::refreshed(Gate { deadline, ..self.clone() });
        decided.effects.push(GateEffect::MeasureUntil { at: length.after(at) });
        decided.effects.push(GateEffect::ArmExpiry { at: deadline });
        Ok(decided)
    }

    fn reminded(&self, at: Timestamp) -> Decided {
        let next = Gate { reminders: self.reminders + 1, ..self.clone() };
        let from = self.policy.escalate_after.map(|it| it.after(self.sealed_at));
        let escalate_to = match from {
            Some(from) if from <= at => self.policy.escalate_to.clone(),
            Some(_) | None => Vec::new(),
        };
        let mut effects = vec![GateEffect::Remind { escalate_to }];
        effects.extend(next.next_reminder().map(|at| GateEffect::ArmReminder { at }));
        Decided { next, effects }
    }
}

#[cfg(test)]
mod tests;

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
        let electorate = self.electorate(people);
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

    /// Measures longer, until there are so many looks if there is anything to measure.
    ///
    /// # Errors
    /// [`Refusal::WrongLeave`] without leave to extend exactly here.
    pub fn ask_extend(
        &self,
        leave: &Authorised,
        length: Length,
        looks: Option<u32>,
        at: Timestamp,
    ) -> Result<GateEvent, Refusal> {
        self.check_leave(leave, Right::Extend)?;
        let (by, account) = (leave.person().clone(), leave.account().clone());
        Ok(GateEvent::Extended { by, account, length, looks, at })
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
            Claim::Earlier => Err(Refusal::OldSeal),
            Claim::Bare if at < self.sealed_at => Err(Refusal::OldSeal),
            Claim::Bare => Ok(Sight::Gate),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::scenario::{
        approve, at, facts, leave, member, open, opening, people, press, reseal, slack,
    };
    use crate::gate::{Involved, Opening, Part, Requester, Shown, Via};
    use crate::id::{Account, Digest, Platform};
    use crate::identity::{Actor, Standing};

    fn ballot(gate: &Gate, claim: Claim, via: Via) -> Ballot {
        Ballot { claim, via, ..press(gate, "UJUN", approve(), 90) }
    }

    fn answer(gate: &Gate, ballot: Ballot) -> Result<(), Refusal> {
        gate.vote(ballot, &people()).map(|_| ())
    }

    #[test]
    fn only_full_members_with_an_account_of_ours_in_the_groups_may_answer() {
        let gate = open();
        let by = |actor: Actor| answer(&gate, Ballot { actor, ..press(&gate, "UJUN", approve(), 1) });
        for standing in [
            Standing::Guest,
            Standing::External,
            Standing::Bot,
            Standing::Webhook,
            Standing::Deactivated,
            Standing::Unresolved,
        ] {
            assert_eq!(by(Actor::new(slack("UJUN"), standing)), Err(Refusal::NotAMember { standing }));
        }
        let foreign = Account { workspace: "T2".into(), ..slack("UJUN") };
        assert_eq!(by(Actor::new(foreign, Standing::Member)), Err(Refusal::UnknownAccount));
        assert_eq!(by(member("jun2")), Err(Refusal::UnknownAccount), "a name is no id");
        let needed = vec!["release-managers".into(), "sre".into()];
        assert_eq!(by(member("UNEW")), Err(Refusal::NotInAnyGroup { needed }));
        assert_eq!(by(member("UJUN")), Ok(()));
    }

    #[test]
    fn all_ways_in_end_in_the_same_answer() {
        let gate = open();
        let prefix = || Claim::Prefix(gate.seal.short().to_uppercase());
        for via in [Via::Button, Via::Reaction, Via::Thread, Via::Command, Via::CommandLine] {
            for claim in [Claim::Message(gate.seal.clone()), prefix(), Claim::Bare] {
                assert_eq!(answer(&gate, ballot(&gate, claim, via)), Ok(()), "{via}");
            }
            let stranger = Ballot { actor: member("UNEW"), ..ballot(&gate, prefix(), via) };
            assert!(answer(&gate, stranger).is_err(), "{via}");
        }
    }

    #[test]
    fn reactions_can_be_turned_off() {
        let mut opening = opening();
        opening.policy.reactions = false;
        let gate = Gate::open(opening).next;
        let message = || Claim::Message(gate.seal.clone());
        assert_eq!(answer(&gate, ballot(&gate, message(), Via::Reaction)), Err(Refusal::ReactionsOff));
        assert_eq!(answer(&gate, ballot(&gate, message(), Via::Button)), Ok(()));
    }

    #[test]
    fn what_could_not_be_shown_is_approved_only_with_the_digits_of_the_seal() {
        let gate = Gate::open(Opening { shown: Shown::Partly, ..opening() }).next;
        for claim in [Claim::Message(gate.seal.clone()), Claim::Bare] {
            assert_eq!(answer(&gate, ballot(&gate, claim, Via::Button)), Err(Refusal::SealPrefixNeeded));
        }
        let typed = |text: &str| answer(&gate, ballot(&gate, Claim::Prefix(text.to_owned()), Via::Command));
        assert_eq!(typed(gate.seal.short()), Ok(()));
        assert_eq!(typed(gate.seal.as_str()), Ok(()));
        for wrong in ["", "0", &gate.seal.as_str()[..7], "deadbeef", &gate.seal.as_str()[1..9]] {
            assert_eq!(typed(wrong), Err(Refusal::SealPrefixMismatch), "{wrong}");
        }
        let no = Ballot { act: Act::Reject { reason: None }, ..ballot(&gate, Claim::Bare, Via::Button) };
        assert_eq!(answer(&gate, no), Ok(()), "stopping asks for no digits");
    }

    #[test]
    fn whatever_names_an_older_seal_or_was_said_before_this_one_does_not_count() {
        let old = open();
        let gate = old.apply(reseal(&old, |facts, _| facts.workflow = Digest::of(b"x"), 60)).unwrap().next;
        let prefix = Claim::Prefix(old.seal.short().to_owned());
        for claim in [Claim::Message(old.seal), prefix, Claim::Earlier] {
            assert_eq!(answer(&gate, ballot(&gate, claim, Via::Command)), Err(Refusal::OldSeal));
        }
        let bare = |second| Ballot { at: at(second), ..ballot(&gate, Claim::Bare, Via::Command) };
        assert_eq!(answer(&gate, bare(59)), Err(Refusal::OldSeal));
        assert_eq!(answer(&gate, bare(60)), Ok(()));
        let lena = leave(&gate, "ULENA", Right::Override);
        let early = gate.ask_override(&lena, Reason::parse("down").unwrap(), at(59));
        assert_eq!(early, Err(Refusal::OldSeal));
    }

    #[test]
    fn leave_for_another_environment_cancels_nothing_here() {
        let mut elsewhere = open();
        elsewhere.facts.environment = "staging".into();
        let staging = leave(&elsewhere, "ULENA", Right::Cancel);
        assert_eq!(open().ask_cancel(&staging, at(5)), Err(Refusal::WrongLeave { needed: Right::Cancel }));
        assert!(elsewhere.ask_cancel(&staging, at(5)).is_ok());
    }

    #[test]
    fn the_requester_is_told_about_four_eyes_even_outside_the_groups_and_may_still_stop_it() {
        let requester = Requester::Person { person: "newcomer".into(), account: slack("UNEW") };
        let gate = Gate::open(Opening { involved: Involved::only(requester), ..opening() }).next;
        let own = answer(&gate, press(&gate, "UNEW", approve(), 1));
        assert_eq!(own, Err(Refusal::RequesterMayNotApprove { part: Part::Requester }));
        let stop = press(&open(), "UMAREN", Act::Reject { reason: None }, 1);
        assert_eq!(answer(&open(), stop), Ok(()));
    }

    type Hand = fn(&mut Involved);

    /// Ways in which lena-ops, who has accounts on three platforms, can have had a hand in a release.
    fn hands() -> Vec<(Part, Hand)> {
        vec![
            (Part::Requester, |it| {
                let account =
                    Account { platform: Platform::Discord, workspace: "G1".into(), user: "5390809".into() };
                it.requester = Requester::Person { person: "a former name".into(), account };
            }),
            (Part::Requester, |it| {
                it.requester = Requester::Person { person: "lena-ops".into(), account: slack("U-GONE") };
            }),
            (Part::Rerunner, |it| {
                let (platform, workspace) = (Platform::Terminal, "terminal".into());
                it.rerun_by.insert(Account { platform, workspace, user: "lena".into() });
            }),
            (Part::Editor, |it| {
                it.edited_by.insert(slack("ULENA"));
            }),
        ]
    }

    #[test]
    fn a_hand_under_any_linked_account_keeps_from_approving() {
        for (part, hand) in hands() {
            let mut involved = opening().involved;
            hand(&mut involved);
            let gate = Gate::open(Opening { involved, ..opening() }).next;
            let refusal = answer(&gate, press(&gate, "ULENA", approve(), 1)).unwrap_err();
            assert_eq!(refusal, Refusal::RequesterMayNotApprove { part });
        }
    }

    #[test]
    fn for_a_push_the_pusher_and_the_commit_authors_may_not_approve() {
        let mut involved = Involved::only(Requester::Push { login: "MAREN-K".into() });
        involved.author_emails = ["Tobias@Example.org".to_owned(), "ghost@example.net".to_owned()].into();
        let gate = Gate::open(Opening { involved, ..opening() }).next;
        let by = |user| answer(&gate, press(&gate, user, approve(), 1));
        assert_eq!(by("UMAREN"), Err(Refusal::RequesterMayNotApprove { part: Part::Pusher }));
        assert_eq!(by("UTOBIAS"), Err(Refusal::RequesterMayNotApprove { part: Part::Author }));
        assert_eq!(by("UJUN"), Ok(()));
        assert_eq!(gate.involved.unlinked(&people()).collect::<Vec<_>>(), ["ghost@example.net"]);
        assert_eq!(gate.facts.app, facts().app);
    }

    proptest! {
        /// Accounts, logins and addresses dealt to persons at random: whoever owns any id that had a hand in the
        /// release never approves it under any account, and everybody else can.
        #[test]
        fn four_eyes_hold_over_any_graph_of_linked_identities(
            owners in prop::collection::vec(0_usize..4, 12),
            hands in prop::collection::btree_set(0_usize..12, 0..5),
            requester in 0_usize..4,
        ) {
            let of = |person: usize, from: usize, to: usize, text: &dyn Fn(usize) -> String| -> String {
                (from..to).filter(|id| owners[*id] == person).map(text).collect::<Vec<_>>().join(", ")
            };
            let entries = (0..4).map(|person| format!(
                "p{person}: {{ slack: [T1/HOME{person}, {}], logins: [{}], emails: [{}], groups: [sre, release-managers] }}",
                of(person, 0, 4, &|id| format!("T1/X{id}")),
                of(person, 4, 8, &|id| format!("login{id}")),
                of(person, 8, 12, &|id| format!("m{id}@example.org")),
            ).replace(", ]", "]"));
            let yaml = format!("people: {{ {} }}", entries.collect::<Vec<_>>().join(", "));
            let people: People = serde_saphyr::from_str(&yaml).unwrap();
            let account = slack(&format!("HOME{requester}"));
            let person = format!("p{requester}").as_str().into();
            let mut involved = Involved::only(Requester::Person { person, account });
            for hand in &hands {
                match hand / 4 {
                    0 => _ = involved.rerun_by.insert(slack(&format!("X{hand}"))),
                    1 => _ = involved.author_logins.insert(format!("LOGIN{hand}")),
                    _ => _ = involved.author_emails.insert(format!("M{hand}@example.org")),
                }
            }
            let gate = Gate::open(Opening { involved, ..opening() }).next;
            for voter in 0..4 {
                let had_hand = voter == requester || hands.iter().any(|id| owners[*id] == voter);
                let accounts = (0..4).filter(|id| owners[*id] == voter).map(|id| format!("X{id}"));
                for user in accounts.chain([format!("HOME{voter}")]) {
                    let answer = gate.vote(press(&gate, &user, approve(), 1), &people);
                    prop_assert_eq!(answer.is_err(), had_hand, "p{} as {}: {:?}", voter, user, answer.err());
                }
            }
        }
    }
}

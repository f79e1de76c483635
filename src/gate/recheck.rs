//! Before the first guarded attempt: is everything still as it was when people said yes?

use std::collections::{BTreeMap, BTreeSet};

use crate::gate::{
    Act, Difference, Electorate, Facts, Freeze, Gate, Granted, Missing, Part, Passage, Policy, Vote, tally,
};
use crate::id::{Account, GateId, PersonName, Seal};
use crate::identity::{People, Standing};
use crate::rollout::Verdict;

/// The world now.
#[derive(Clone, Copy, Debug)]
pub struct Live<'a> {
    pub people: &'a People,
    pub policy: &'a Policy,
    /// The facts, found out again. `policy` and `evidence` in them are not looked at: the first is taken from the
    /// policy beside, the second is what people were shown and stays so.
    pub facts: &'a Facts,
    /// What the platforms say of the voters' accounts now. An account that is absent keeps the standing it had at
    /// its vote; one that could not be looked up belongs in here as unresolved.
    pub standings: &'a BTreeMap<Account, Standing>,
    /// The verdict of the latest measurements.
    pub verdict: Verdict,
    /// Alarms that ring and freeze periods that run.
    pub freezes: &'a [Freeze],
}

/// Proof that a granted gate was compared with the world and holds. Only [`recheck`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rechecked {
    gate: GateId,
    seal: Seal,
}

impl Rechecked {
    pub fn gate(&self) -> GateId {
        self.gate
    }

    pub fn seal(&self) -> &Seal {
        &self.seal
    }
}

/// Why an answer no longer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LostWhy {
    NotAMember(Standing),
    /// The account is no longer this person's.
    NotTheirAccount,
    NotInAnyGroup,
    /// Had a hand in it, as is known by now.
    Involved(Part),
}

/// An approval that counted then and does not now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostVote {
    pub person: PersonName,
    pub why: LostWhy,
}

/// Why a release may not start: the grant is void and a new gate has to ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Stale {
    /// No grant to begin with.
    NotGranted,
    /// At least one of these is not empty.
    Changed {
        differences: Vec<Difference>,
        lost: Vec<LostVote>,
        /// What the quorum lacks without the lost votes.
        missing: Vec<Missing>,
        /// A verdict worse than the one sealed.
        worse: Option<Verdict>,
        freezes: Vec<Freeze>,
    },
}

/// Compares a granted gate with the world: facts, authority of each voter under the live policy, verdict, freezes.
/// Votes that no longer count do no harm as long as the others fill the quorum.
///
/// # Errors
/// [`Stale`], naming all that is different.
pub fn recheck(gate: &Gate, live: &Live<'_>) -> Result<Rechecked, Stale> {
    let granted = gate.granted().ok_or(Stale::NotGranted)?;
    let mut facts = live.facts.clone();
    facts.policy = live.policy.digest();
    facts.evidence = gate.facts.evidence;
    let differences = gate.facts.differences(&facts);
    let worse = (gate.worst < live.verdict).then_some(live.verdict);
    let known = |freeze: &&Freeze| !gate.freezes.contains(freeze);
    // Breaking the glass passed the freezes that stood then; a vote passes none.
    let freezes: Vec<Freeze> = live.freezes.iter().filter(known).cloned().collect();
    let (lost, missing) = authority(gate, granted, live);
    let holds = differences.is_empty() && worse.is_none() && freezes.is_empty();
    let broken = !missing.is_empty() || (is_override(granted) && !lost.is_empty());
    if holds && !broken {
        return Ok(Rechecked { gate: gate.id, seal: gate.seal.clone() });
    }
    Err(Stale::Changed { differences, lost, missing, worse, freezes })
}

/// The accounts whose answers opened this gate; none for one that is not granted.
pub fn answered_by(gate: &Gate) -> BTreeSet<Account> {
    match gate.granted().map(|it| (&it.by, &it.seal)) {
        Some((Passage::Override { account, .. }, _)) => BTreeSet::from([account.clone()]),
        Some((Passage::Votes { .. }, seal)) => {
            gate.votes.iter().filter(|it| it.seal == *seal).map(|it| it.account.clone()).collect()
        }
        None => BTreeSet::new(),
    }
}

fn is_override(granted: &Granted) -> bool {
    match &granted.by {
        Passage::Override { .. } => true,
        Passage::Votes { .. } => false,
    }
}

fn authority(gate: &Gate, granted: &Granted, live: &Live<'_>) -> (Vec<LostVote>, Vec<Missing>) {
    if let Passage::Override { person, account, .. } = &granted.by {
        let lost = lost_account(person, account, live).map(|why| LostVote { person: person.clone(), why });
        return (lost.into_iter().collect(), Vec::new());
    }
    let policies: Vec<&Policy> = std::iter::once(live.policy).chain(gate.policies()).collect();
    let electorate =
        Electorate::of(live.people, policies.iter().copied(), &gate.involved).at(&gate.votes, live.people);
    let mut lost = Vec::new();
    let mut counted: Vec<Vote> = Vec::new();
    for vote in gate.votes.iter().filter(|vote| vote.seal == granted.seal) {
        match (&vote.act, lost_vote(vote, &policies, &electorate, live)) {
            (Act::Approve { .. }, Some(why)) => lost.push(LostVote { person: vote.person.clone(), why }),
            (Act::Approve { .. }, None) | (Act::Reject { .. } | Act::Withdraw, _) => {
                counted.push(vote.clone())
            }
        }
    }
    // An empty live quorum has no gaps, but it is another policy than the sealed one and so a difference.
    let missing = policies
        .iter()
        .map(|policy| tally(policy, &electorate, &granted.seal, &counted).missing)
        .find(|missing| !missing.is_empty());
    (lost, missing.unwrap_or_default())
}

fn lost_vote(vote: &Vote, policies: &[&Policy], electorate: &Electorate, live: &Live<'_>) -> Option<LostWhy> {
    if let Some(why) = lost_account(&vote.person, &vote.account, live) {
        return Some(why);
    }
    if let Some(part) = policies.iter().find_map(|policy| electorate.barred(policy, &vote.person)) {
        return Some(LostWhy::Involved(part));
    }
    let may = policies.iter().any(|policy| electorate.may_answer(policy, &vote.person));
    (!may).then_some(LostWhy::NotInAnyGroup)
}

fn lost_account(person: &PersonName, account: &Account, live: &Live<'_>) -> Option<LostWhy> {
    match live.standings.get(account) {
        Some(standing) if !standing.may_act() => return Some(LostWhy::NotAMember(*standing)),
        Some(_) | None => {}
    }
    let owner = live.people.find(account).map(|it| &it.name);
    (owner != Some(person)).then_some(LostWhy::NotTheirAccount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::scenario::{PEOPLE, approved_by, at, leave, open, people, reason, slack};
    use crate::gate::{GateEvent, Slot};
    use crate::id::{Digest, EvidenceId};
    use crate::identity::Right;

    struct World {
        people: People,
        policy: Policy,
        facts: Facts,
        standings: BTreeMap<Account, Standing>,
        verdict: Verdict,
        freezes: Vec<Freeze>,
    }

    /// Tobias and Jun said yes.
    fn granted() -> Gate {
        approved_by(&open(), &["UTOBIAS", "UJUN"])
    }

    fn look(gate: &Gate, change: impl FnOnce(&mut World)) -> Result<Rechecked, Stale> {
        let (people, policy, facts) = (people(), gate.policy.clone(), gate.facts.clone());
        let (standings, verdict, freezes) = (BTreeMap::new(), Verdict::Pass, Vec::new());
        let mut world = World { people, policy, facts, standings, verdict, freezes };
        change(&mut world);
        let World { people, policy, facts, standings, verdict, freezes } = &world;
        recheck(gate, &Live { people, policy, facts, standings, verdict: *verdict, freezes })
    }

    fn lost(gate: &Gate, change: impl FnOnce(&mut World)) -> (Vec<LostVote>, Vec<Missing>) {
        match look(gate, change) {
            Err(Stale::Changed { lost, missing, .. }) => (lost, missing),
            other => panic!("{other:?}"),
        }
    }

    fn without(text: &str, instead: &str) -> People {
        assert!(PEOPLE.contains(text));
        serde_saphyr::from_str(&PEOPLE.replace(text, instead)).unwrap()
    }

    #[test]
    fn an_unchanged_world_lets_the_granted_gate_start() {
        let gate = granted();
        let proof = look(&gate, |_| {}).unwrap();
        assert_eq!((proof.gate(), proof.seal()), (gate.id, &gate.seal));
        assert_eq!(look(&open(), |_| {}), Err(Stale::NotGranted));
    }

    #[test]
    fn another_live_fact_is_named_and_stops_the_start() {
        let stale = look(&granted(), |world| _ = world.facts.hosts.insert("web-4".into())).unwrap_err();
        let Stale::Changed { differences, .. } = stale else { panic!("{stale:?}") };
        assert_eq!(differences.iter().map(ToString::to_string).collect::<Vec<_>>(), ["hosts 3 -> 4: +web-4"]);
    }

    #[test]
    fn a_tightened_or_emptied_live_policy_stops_the_start() {
        let (_, missing) = lost(&granted(), |world| {
            world.policy.quorum.push(Slot { group: "leads".into(), count: std::num::NonZeroU8::MIN });
        });
        assert_eq!(missing, [Missing { group: "leads".into(), count: 1 }]);
        assert!(look(&granted(), |world| world.policy.quorum.clear()).is_err());
    }

    #[test]
    fn newer_evidence_alone_changes_nothing_but_a_worse_verdict_or_an_alarm_does() {
        assert!(look(&granted(), |world| world.facts.evidence = EvidenceId::from_number(8)).is_ok());
        for verdict in [Verdict::Insufficient, Verdict::Broken, Verdict::Fail] {
            let stale = look(&granted(), |world| world.verdict = verdict);
            assert!(matches!(stale, Err(Stale::Changed { worse: Some(it), .. }) if it == verdict));
        }
        let stale = look(&granted(), |world| world.freezes = vec![Freeze::Alarm { name: "5xx".into() }]);
        assert!(matches!(stale, Err(Stale::Changed { freezes, .. }) if freezes.len() == 1));
    }

    #[test]
    fn a_voter_who_lost_the_authority_no_longer_counts() {
        let of = |why| vec![LostVote { person: "tobias_h".into(), why }];
        let tobias = "tobias_h: { slack: [T1/UTOBIAS], logins: [thx1138], emails: [tobias@example.org], groups: [developers, sre] }";
        let needed = vec![Missing { group: "sre".into(), count: 1 }];
        let moved = "tobias_h: { slack: [T1/UTOBIAS], groups: [developers] }";
        let (why, missing) = lost(&granted(), |world| world.people = without(tobias, moved));
        assert_eq!((why, missing), (of(LostWhy::NotInAnyGroup), needed.clone()));
        let relinked = "tobias_h: { groups: [sre] }\n  mallory: { slack: [T1/UTOBIAS], groups: [sre] }";
        let (why, missing) = lost(&granted(), |world| world.people = without(tobias, relinked));
        assert_eq!((why, missing), (of(LostWhy::NotTheirAccount), needed));
        for standing in [Standing::Deactivated, Standing::Guest, Standing::Unresolved] {
            let (why, _) = lost(&granted(), |world| _ = world.standings.insert(slack("UTOBIAS"), standing));
            assert_eq!(why, of(LostWhy::NotAMember(standing)));
        }
    }

    #[test]
    fn a_requesters_account_that_was_linked_to_a_voter_since_voids_that_vote() {
        let (why, _) = lost(&granted(), |world| {
            let text = PEOPLE
                .replace("slack: [T1/UMAREN]", "slack: []")
                .replace("[T1/UTOBIAS]", "[T1/UTOBIAS, T1/UMAREN]");
            world.people = serde_saphyr::from_str(&text).unwrap();
        });
        assert_eq!(why, [LostVote { person: "tobias_h".into(), why: LostWhy::Involved(Part::Requester) }]);
    }

    #[test]
    fn breaking_the_glass_passes_what_stood_then_and_nothing_newer() {
        let stood = Freeze::Alarm { name: "5xx".into() };
        let frozen = open().apply(GateEvent::Frozen { why: stood.clone(), at: at(5) }).unwrap().next;
        let lena = leave(&frozen, "ULENA", Right::Override);
        let event = frozen.ask_override(&lena, reason("site is down"), at(6)).unwrap();
        let gate = frozen.apply(event).unwrap().next;
        assert!(look(&gate, |world| world.freezes = vec![stood.clone()]).is_ok());
        let worse = frozen.apply(GateEvent::Measured { verdict: Verdict::Broken, at: at(5) }).unwrap().next;
        let event = worse.ask_override(&lena, reason("metrics are down"), at(6)).unwrap();
        let blind = worse.apply(event).unwrap().next;
        assert!(look(&blind, |world| world.verdict = Verdict::Broken).is_ok());
        assert!(look(&blind, |world| world.verdict = Verdict::Fail).is_err());
        let newer = Freeze::Alarm { name: "disk".into() };
        assert!(look(&gate, |world| world.freezes = vec![stood, newer]).is_err());
        assert!(look(&gate, |world| world.facts.workflow = Digest::of(b"x")).is_err());
        let gone = look(&gate, |world| _ = world.standings.insert(slack("ULENA"), Standing::Deactivated));
        assert!(gone.is_err());
    }
}

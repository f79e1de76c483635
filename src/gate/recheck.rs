//! Before the first guarded attempt: is everything still as it was when people said yes?

use std::collections::BTreeMap;

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
    let electorate = Electorate::of(live.people, policies.iter().copied(), &gate.involved);
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

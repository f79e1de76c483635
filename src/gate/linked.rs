//! Accounts that are linked and unlinked while a gate is open: one person has one voice, whatever their accounts were
//! when they used it.

use std::collections::BTreeMap;

use crate::gate::scenario::{PEOPLE, approve, at, member, open, opening, people, press, slack};
use crate::gate::{
    Act, Ballot, Gate, Involved, Live, LostVote, LostWhy, Missing, Opening, Part, Refusal, Requester, Stale,
    recheck,
};
use crate::id::{Account, LinkId, Place, Platform};
use crate::identity::{Actor, Link, People, Standing};
use crate::rollout::Verdict;

fn discord() -> Account {
    Account { platform: Platform::Discord, workspace: "G1".into(), user: "77".into() }
}

/// Okoro's Discord account, known by a link; ended if `ended`.
fn with_okoro(ended: bool) -> People {
    linked(&people(), ended)
}

fn linked(file: &People, ended: bool) -> People {
    let place = |account: &Account| {
        let (platform, workspace) = (account.platform, account.workspace.clone());
        Place { platform, workspace, channel: "D1".into(), thread: None }
    };
    file.with_links(&[Link {
        id: LinkId::from_number(1),
        person: "Okoro".into(),
        listed: slack("UOKORO"),
        account: discord(),
        listed_place: place(&slack("UOKORO")),
        account_place: place(&discord()),
        since: at(0),
        ended_at: ended.then(|| at(1)),
    }])
}

fn from_discord(gate: &Gate) -> Ballot {
    Ballot { actor: Actor::new(discord(), Standing::Member), ..press(gate, "UOKORO", approve(), 1) }
}

fn vote(gate: &Gate, ballot: Ballot, people: &People) -> Result<Gate, Refusal> {
    gate.vote(ballot, people).map(|(_, decided)| decided.next)
}

#[test]
fn two_accounts_of_one_person_are_one_vote() {
    let linked = with_okoro(false);
    let gate = vote(&open(), from_discord(&open()), &linked).unwrap();
    let again = vote(&gate, press(&gate, "UOKORO", approve(), 2), &linked);
    assert_eq!(again.unwrap_err(), Refusal::AlreadyCounted);
    assert!(vote(&gate, press(&gate, "UJUN", approve(), 3), &linked).unwrap().granted().is_some());
}

#[test]
fn a_vote_from_an_account_that_is_nobodys_by_now_does_not_count() {
    let (linked, unlinked) = (with_okoro(false), with_okoro(true));
    let gate = vote(&open(), from_discord(&open()), &linked).unwrap();
    let gate = vote(&gate, press(&gate, "UJUN", approve(), 2), &unlinked).unwrap();
    assert_eq!(gate.granted(), None);
    // Nor does it keep its voter from voting.
    let gate = vote(&gate, press(&gate, "UOKORO", approve(), 3), &unlinked).unwrap();
    assert!(gate.granted().is_some());
}

#[test]
fn what_was_withdrawn_elsewhere_stays_withdrawn() {
    let (linked, unlinked) = (with_okoro(false), with_okoro(true));
    let gate = vote(&open(), press(&open(), "UOKORO", approve(), 1), &linked).unwrap();
    let withdraw = Ballot { act: Act::Withdraw, ..from_discord(&gate) };
    let gate = vote(&gate, withdraw, &linked).unwrap();
    let gate = vote(&gate, press(&gate, "UJUN", approve(), 3), &unlinked).unwrap();
    assert_eq!(gate.granted(), None);
    assert!(vote(&gate, press(&gate, "UOKORO", approve(), 4), &unlinked).unwrap().granted().is_some());
}

/// The file makes two persons' accounts one while both have voted.
#[test]
fn two_voters_who_become_one_person_are_one_vote() {
    let gate = vote(&open(), press(&open(), "UTOBIAS", approve(), 1), &people()).unwrap();
    let merged = PEOPLE
        .replace("tobias_h: { slack: [T1/UTOBIAS],", "tobias_h: { slack: [T1/UOTHER],")
        .replace("jun2: { slack: [T1/UJUN],", "jun2: { slack: [T1/UJUN, T1/UTOBIAS],");
    let merged: People = serde_saphyr::from_str(&merged).unwrap();
    assert_eq!(merged.find(&slack("UTOBIAS")), merged.find(&slack("UJUN")));
    let gate = vote(&gate, press(&gate, "UJUN", approve(), 2), &merged).unwrap();
    assert_eq!(gate.granted(), None);
}

#[test]
fn unlinking_an_account_ends_nobodys_part_in_a_release() {
    let hands: [fn(&mut Involved); 3] = [
        |it| it.requester = Requester::Person { person: "a former name".into(), account: discord() },
        |it| _ = it.rerun_by.insert(discord()),
        |it| _ = it.edited_by.insert(discord()),
    ];
    for (hand, part) in hands.into_iter().zip([Part::Requester, Part::Rerunner, Part::Editor]) {
        let mut involved = opening().involved;
        hand(&mut involved);
        let gate = Gate::open(Opening { involved, ..opening() }).next;
        for people in [with_okoro(false), with_okoro(true)] {
            let own = vote(&gate, press(&gate, "UOKORO", approve(), 1), &people);
            assert_eq!(own.unwrap_err(), Refusal::RequesterMayNotApprove { part });
        }
        let stranger = Ballot { actor: member("UTOBIAS"), ..from_discord(&gate) };
        assert!(vote(&gate, stranger, &with_okoro(true)).is_ok());
    }
}

/// Before the rollout begins: who opened the gate from a linked account has to be who the file says still.
#[test]
fn a_vote_from_a_linked_account_is_lost_before_the_rollout_with_the_listed_one() {
    let stands = with_okoro(false);
    let gate = vote(&open(), from_discord(&open()), &stands).unwrap();
    let gate = vote(&gate, press(&gate, "UJUN", approve(), 2), &stands).unwrap();
    let look = |people: &People, standing: Standing| {
        let standings = BTreeMap::from([(discord(), standing)]);
        let (policy, facts, verdict) = (&gate.policy, &gate.facts, Verdict::Pass);
        recheck(&gate, &Live { people, policy, facts, standings: &standings, verdict, freezes: &[] })
    };
    assert!(look(&stands, Standing::Member).is_ok());

    let changed = |listed: &str| -> People {
        let file = PEOPLE.replace("Okoro: { slack: [T1/UOKORO]", listed);
        assert_ne!(file, PEOPLE);
        linked(&serde_saphyr::from_str(&file).unwrap(), false)
    };
    let others = "Okoro: { groups: [sre] }\n  mallory: { slack: [T1/UOKORO]";
    for (people, standing, why) in [
        (with_okoro(true), Standing::Member, LostWhy::NotTheirAccount),
        (changed("Okoro: { slack: [T1/UNEXT]"), Standing::Member, LostWhy::NotTheirAccount),
        (changed(others), Standing::Member, LostWhy::NotTheirAccount),
        (stands, Standing::Deactivated, LostWhy::NotAMember(Standing::Deactivated)),
    ] {
        let Err(Stale::Changed { lost, missing, .. }) = look(&people, standing) else { panic!("{why:?}") };
        assert_eq!(lost, [LostVote { person: "Okoro".into(), why }]);
        assert_eq!(missing, [Missing { group: "sre".into(), count: 1 }]);
    }
}

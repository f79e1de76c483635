use proptest::prelude::*;

use super::*;
use crate::gate::scenario::{
    approve, approved_by, at, leave, open, opening, people, press, reason, reseal, with_verdict,
};
use crate::gate::{Ballot, Claim, GateState, Opening, Policy};
use crate::id::{Digest, EvidenceId, ReleaseId};
use crate::identity::Right;

fn refused(gate: &Gate, ballot: Ballot) -> Refusal {
    gate.vote(ballot, &people()).unwrap_err()
}

fn applied(gate: &Gate, event: GateEvent) -> Gate {
    gate.apply(event).unwrap().next
}

fn yes_because(text: &str) -> Act {
    Act::Approve { reason: Some(reason(text)) }
}

#[test]
fn two_people_of_the_two_groups_open_the_gate() {
    let first = open().vote(press(&open(), "UTOBIAS", approve(), 5), &people()).unwrap().1;
    assert_eq!(first.effects, [GateEffect::RefreshMessage { seal_number: 1 }]);
    assert_eq!(first.next.state(), GateState::Open);
    let (_, second) = first.next.vote(press(&first.next, "UJUN", approve(), 6), &people()).unwrap();
    let granted = second.next.granted().unwrap();
    assert_eq!(granted.seal, open().seal);
    assert!(second.effects.contains(&GateEffect::MakeGrant(granted.clone())));
    assert_eq!(second.effects[0], GateEffect::CloseMessage { seal_number: 1 });
}

#[test]
fn one_eligible_reject_decides_and_later_answers_change_nothing() {
    let gate = approved_by(&open(), &["UTOBIAS"]);
    let no = Act::Reject { reason: Some(reason("freeze for the sale")) };
    let gate = gate.vote(press(&gate, "UOKORO", no, 9), &people()).unwrap().1.next;
    assert_eq!(gate.state().as_str(), "rejected");
    for act in [approve(), Act::Reject { reason: None }, Act::Withdraw] {
        assert!(matches!(refused(&gate, press(&gate, "UJUN", act, 10)), Refusal::AlreadyDecided { .. }));
    }
}

#[test]
fn an_approval_can_be_withdrawn_until_the_decision() {
    let gate = approved_by(&open(), &["UTOBIAS"]);
    let gate = gate.vote(press(&gate, "UTOBIAS", Act::Withdraw, 7), &people()).unwrap().1.next;
    let gate = approved_by(&gate, &["UJUN"]);
    assert_eq!(gate.state(), GateState::Open);
    assert_eq!(refused(&gate, press(&gate, "UTOBIAS", Act::Withdraw, 8)), Refusal::NothingToWithdraw);
    assert_eq!(approved_by(&gate, &["UOKORO"]).state().as_str(), "granted");
}

#[test]
fn in_the_tick_of_the_deadline_either_order_is_legal_and_only_one_decides() {
    let half = approved_by(&open(), &["UTOBIAS"]);
    let expired = applied(&half, GateEvent::Expired { at: at(3600) });
    let late = refused(&expired, press(&half, "UJUN", approve(), 3600));
    assert!(matches!(late, Refusal::AlreadyDecided { decision } if decision.as_str() == "expired"));
    let granted = half.vote(press(&half, "UJUN", approve(), 3600), &people()).unwrap().1.next;
    assert!(granted.granted().is_some());
    assert!(matches!(
        granted.apply(GateEvent::Expired { at: at(3600) }),
        Err(Refusal::AlreadyDecided { decision }) if decision.as_str() == "granted"
    ));
}

#[test]
fn before_the_deadline_nothing_expires_and_after_it_nothing_counts() {
    let early = open().apply(GateEvent::Expired { at: at(3599) });
    assert_eq!(early, Err(Refusal::NotYetExpired { deadline: at(3600) }));
    let late = refused(&open(), press(&open(), "UJUN", approve(), 3601));
    assert_eq!(late, Refusal::Late { deadline: at(3600) });
}

#[test]
fn a_new_seal_voids_votes_and_posts_a_new_message() {
    let half = approved_by(&open(), &["UTOBIAS"]);
    let event = reseal(&half, |facts, _| _ = facts.hosts.insert("web-4".into()), 60);
    let decided = half.apply(event).unwrap();
    assert_eq!(
        decided.effects[..2],
        [GateEffect::CloseMessage { seal_number: 1 }, GateEffect::PostMessage { seal_number: 2 },]
    );
    let gate = decided.next;
    assert_eq!(refused(&gate, press(&half, "UJUN", approve(), 61)), Refusal::OldSeal);
    let gate = approved_by(&gate, &["UJUN"]);
    assert_eq!(gate.state(), GateState::Open, "the vote on the first seal is void");
    assert_eq!(approved_by(&gate, &["UTOBIAS"]).state().as_str(), "granted");
}

#[test]
fn a_seal_of_the_same_facts_is_no_new_seal() {
    assert_eq!(open().apply(reseal(&open(), |_, _| {}, 5)), Err(Refusal::SameSeal));
}

#[test]
fn loosening_the_policy_does_not_help_a_gate_that_is_open() {
    let loose = |_: &mut _, policy: &mut Policy| policy.quorum.truncate(1);
    let gate = applied(&open(), reseal(&open(), loose, 60));
    let gate = approved_by(&gate, &["UTOBIAS"]);
    assert_eq!(gate.state(), GateState::Open);
    assert_eq!(approved_by(&gate, &["UJUN"]).state().as_str(), "granted");
    let blind = applied(&open(), reseal(&open(), |_, policy| policy.four_eyes = false, 60));
    let own = refused(&blind, press(&blind, "UMAREN", approve(), 61));
    assert!(matches!(own, Refusal::RequesterMayNotApprove { .. }));
}

#[test]
fn a_failing_verdict_takes_no_approval_and_rolls_back_or_holds_by_policy() {
    let failed = open().apply(GateEvent::Measured { verdict: Verdict::Fail, at: at(30) }).unwrap();
    assert_eq!(failed.next.state().as_str(), "failed");
    assert!(failed.effects.contains(&GateEffect::RollBackCanary));

    let policy = Policy { on_fail: crate::gate::OnFail::Hold, ..opening().policy };
    let opened = Gate::open(Opening { policy, verdict: Verdict::Fail, ..opening() });
    assert!(opened.effects.contains(&GateEffect::HoldCanary));
    let held = opened.next;
    assert_eq!(held.state(), GateState::Held);
    assert_eq!(refused(&held, press(&held, "UJUN", yes_because("looks fine"), 5)), Refusal::VerdictFail);
    let no = press(&held, "UJUN", Act::Reject { reason: None }, 6);
    assert_eq!(held.vote(no, &people()).unwrap().1.next.state().as_str(), "rejected");
    assert_eq!(applied(&held, GateEvent::Expired { at: at(3600) }).state().as_str(), "expired");
}

#[test]
fn what_was_measured_at_the_gate_outlives_a_new_seal_of_the_same_evidence() {
    let policy = Policy { on_fail: crate::gate::OnFail::Hold, ..opening().policy };
    let gate = Gate::open(Opening { policy, ..opening() }).next;
    let measured = |gate: &Gate, verdict| applied(gate, GateEvent::Measured { verdict, at: at(5) });
    let less = |facts: &mut crate::gate::Facts, _: &mut Policy| _ = facts.hosts.pop_first();
    let newer = |facts: &mut crate::gate::Facts, _: &mut Policy| facts.evidence = EvidenceId::from_number(8);

    let failed = measured(&gate, Verdict::Fail);
    for again in [reseal(&failed, less, 9), reseal(&failed, newer, 9)] {
        let gate = applied(&failed, again);
        assert_eq!(gate.state(), GateState::Held);
        assert_eq!(refused(&gate, press(&gate, "UJUN", yes_because("fine"), 10)), Refusal::VerdictFail);
    }
    let worse = measured(&gate, Verdict::Broken);
    assert_eq!(applied(&worse, reseal(&worse, less, 9)).state().as_str(), "frozen");
    assert_eq!(applied(&worse, reseal(&worse, newer, 9)).state(), GateState::Open, "it was measured anew");

    let alarm = applied(&gate, GateEvent::Frozen { why: Freeze::Alarm { name: "5xx".into() }, at: at(5) });
    assert_eq!(applied(&alarm, reseal(&alarm, less, 9)).state().as_str(), "frozen");
}

#[test]
fn too_little_evidence_takes_a_typed_reason_and_policy_may_forbid_it() {
    for verdict in [Verdict::Insufficient, Verdict::Broken] {
        let gate = with_verdict(verdict);
        assert_eq!(refused(&gate, press(&gate, "UJUN", approve(), 5)), Refusal::ReasonNeeded { verdict });
        assert!(gate.vote(press(&gate, "UJUN", yes_because("no traffic at night"), 5), &people()).is_ok());
        let policy = Policy { allow_insufficient: false, ..opening().policy };
        let strict = Gate::open(Opening { verdict, policy, ..opening() }).next;
        let refusal = refused(&strict, press(&strict, "UJUN", yes_because("please"), 5));
        assert_eq!(refusal, Refusal::VerdictForbidden { verdict });
    }
}

#[test]
fn a_better_measurement_changes_nothing_and_a_worse_one_freezes_until_a_new_seal() {
    let order = [Verdict::Pass, Verdict::Insufficient, Verdict::Broken, Verdict::Fail];
    for (was, sealed) in order.into_iter().enumerate().take(3) {
        for (is, verdict) in order.into_iter().enumerate().take(3) {
            let gate = with_verdict(sealed);
            let decided = gate.apply(GateEvent::Measured { verdict, at: at(9) }).unwrap();
            if is <= was {
                assert_eq!((&decided.next, decided.effects.len()), (&gate, 0), "{sealed:?} {verdict:?}");
            } else {
                let frozen = GateState::Frozen { why: vec![Freeze::Worsened { from: sealed, to: verdict }] };
                assert_eq!(decided.next.state(), frozen);
                let back = applied(&decided.next, GateEvent::Measured { verdict: sealed, at: at(10) });
                assert_eq!(back.state(), frozen, "only new evidence lifts it");
            }
        }
    }
}

#[test]
fn an_alarm_freezes_until_a_new_seal_and_a_period_until_it_ends() {
    let alarm = GateEvent::Frozen { why: Freeze::Alarm { name: "5xx".into() }, at: at(5) };
    let period = GateEvent::Frozen { why: Freeze::Period { name: "black friday".into() }, at: at(6) };
    let over = GateEvent::Unfrozen { period: "black friday".into(), at: at(7) };
    let gate = applied(&applied(&approved_by(&open(), &["UTOBIAS"]), alarm.clone()), period);
    assert!(
        matches!(refused(&gate, press(&gate, "UJUN", approve(), 8)), Refusal::Frozen { why } if why.len() == 2)
    );
    assert_eq!(gate.apply(alarm).unwrap().effects, [], "the same alarm again");
    let gate = applied(&gate, over);
    assert_eq!(gate.state().as_str(), "frozen");
    let gate = applied(&gate, reseal(&gate, |facts, _| facts.evidence = EvidenceId::from_number(8), 9));
    assert_eq!(gate.state(), GateState::Open);
    assert_eq!(approved_by(&gate, &["UJUN"]).state(), GateState::Open, "votes before the alarm are void");
}

#[test]
fn who_left_the_group_between_two_votes_no_longer_counts() {
    let half = approved_by(&open(), &["UTOBIAS"]);
    let left: crate::identity::People = serde_saphyr::from_str(
        "people: { tobias_h: { slack: [T1/UTOBIAS] }, jun2: { slack: [T1/UJUN], groups: [release-managers] } }",
    )
    .unwrap();
    let gate = half.vote(press(&half, "UJUN", approve(), 9), &left).unwrap().1.next;
    assert_eq!(gate.state(), GateState::Open);
}

#[test]
fn breaking_the_glass_passes_a_held_or_frozen_gate_and_is_followed_up() {
    let gate = applied(&open(), GateEvent::Frozen { why: Freeze::Alarm { name: "5xx".into() }, at: at(5) });
    let event =
        gate.ask_override(&leave(&gate, "ULENA", Right::Override), reason("site is down"), at(6)).unwrap();
    let decided = gate.apply(event).unwrap();
    assert!(matches!(decided.next.granted().unwrap().by, Passage::Override { .. }));
    assert!(decided.effects.iter().any(|it| matches!(it, GateEffect::FollowUpOverride { .. })));
    let other = leave(&gate, "ULENA", Right::Extend);
    let refusal = gate.ask_override(&other, reason("site is down"), at(6)).unwrap_err();
    assert_eq!(refusal, Refusal::WrongLeave { needed: Right::Override });
}

#[test]
fn extending_moves_the_deadline_up_to_a_limit() {
    let extend = |gate: &Gate, text: &str| {
        let leave = leave(gate, "UMAREN", Right::Extend);
        gate.apply(gate.ask_extend(&leave, text.parse().unwrap(), Some(20), at(60)).unwrap())
    };
    let decided = extend(&open(), "10m").unwrap();
    assert_eq!(decided.next.deadline, at(4200));
    assert!(decided.effects.contains(&GateEffect::MeasureUntil { at: at(660) }));
    assert!(decided.effects.contains(&GateEffect::ArmExpiry { at: at(4200) }));
    assert!(matches!(extend(&open(), "90d"), Err(Refusal::TooLong { .. })));
}

#[test]
fn reminders_come_until_the_deadline_and_escalate() {
    assert_eq!(open().next_reminder(), Some(at(1200)));
    let first = open().apply(GateEvent::Reminded { at: at(1200) }).unwrap();
    assert_eq!(
        first.effects,
        [GateEffect::Remind { escalate_to: vec![] }, GateEffect::ArmReminder { at: at(2400) }]
    );
    let second = first.next.apply(GateEvent::Reminded { at: at(2400) }).unwrap();
    assert_eq!(
        second.effects,
        [GateEffect::Remind { escalate_to: vec!["leads".into()] }],
        "no third before the end"
    );
}

#[test]
fn a_vote_that_was_admitted_before_a_new_seal_does_not_count_after_it() {
    let half = approved_by(&open(), &["UTOBIAS"]);
    let admitted = half.admit(press(&half, "UJUN", approve(), 59), &people()).unwrap();
    let gate = applied(&half, reseal(&half, |facts, _| facts.workflow = Digest::of(b"x"), 60));
    assert_eq!(gate.apply(admitted), Err(Refusal::OldSeal));
}

#[test]
fn a_freeze_period_outlives_a_new_seal() {
    let period = GateEvent::Frozen { why: Freeze::Period { name: "black friday".into() }, at: at(6) };
    let gate = applied(&open(), period);
    let gate = applied(&gate, reseal(&gate, |facts, _| facts.workflow = Digest::of(b"x"), 60));
    assert!(matches!(refused(&gate, press(&gate, "UJUN", approve(), 61)), Refusal::Frozen { .. }));
}

#[test]
fn a_gate_that_fails_while_held_open_says_fail_and_not_frozen() {
    let policy = Policy { on_fail: crate::gate::OnFail::Hold, ..opening().policy };
    let gate = Gate::open(Opening { policy, ..opening() }).next;
    let gate = applied(&gate, GateEvent::Measured { verdict: Verdict::Fail, at: at(9) });
    assert_eq!(refused(&gate, press(&gate, "UJUN", approve(), 10)), Refusal::VerdictFail);
}

#[test]
fn a_withdrawal_never_opens_a_gate_even_if_others_may_answer_by_now() {
    let waiting = ["UTOBIAS", "UOKORO"].iter().fold(open(), |gate, user| approved_by(&gate, &[*user]));
    let both = serde_saphyr::from_str::<crate::identity::People>(&crate::gate::scenario::PEOPLE.replace(
        "emails: [tobias@example.org], groups: [developers, sre]",
        "groups: [sre, release-managers]",
    ))
    .unwrap();
    let mut third = waiting.clone();
    third.votes.push(Vote { person: "lena-ops".into(), ..waiting.votes[0].clone() });
    let event = GateEvent::Voted {
        vote: Vote { person: "lena-ops".into(), act: Act::Withdraw, at: at(9), ..waiting.votes[0].clone() },
        electorate: Electorate::of(&both, third.policies(), &third.involved),
    };
    assert_eq!(third.apply(event).unwrap().next.state(), GateState::Open);
}

#[test]
fn a_decided_gate_takes_no_event_at_all() {
    let decided = applied(
        &open(),
        GateEvent::Superseded { by_release: ReleaseId::from_number(43), by_push: false, at: at(9) },
    );
    let leave = leave(&decided, "ULENA", Right::Cancel);
    let events = [
        GateEvent::Canceled { by: "lena-ops".into(), account: leave.account().clone(), at: at(10) },
        GateEvent::Expired { at: at(9999) },
        GateEvent::Measured { verdict: Verdict::Fail, at: at(10) },
        GateEvent::Frozen { why: Freeze::Alarm { name: "5xx".into() }, at: at(10) },
        GateEvent::Unfrozen { period: "x".into(), at: at(10) },
        GateEvent::Reminded { at: at(10) },
        reseal(&decided, |facts, _| facts.workflow = Digest::of(b"x"), 10),
    ];
    for event in events {
        assert!(matches!(decided.apply(event), Err(Refusal::AlreadyDecided { .. })));
    }
}

#[test]
fn a_push_takes_the_place_of_a_question_only_as_long_as_nobodys_approval_stands() {
    let by = |by_push| GateEvent::Superseded { by_release: ReleaseId::from_number(43), by_push, at: at(9) };
    let approved = approved_by(&open(), &["UTOBIAS"]);
    assert_eq!(approved.apply(by(true)), Err(Refusal::Approved));
    assert_eq!(applied(&approved, by(false)).state().as_str(), "superseded");
    assert_eq!(applied(&open(), by(true)).state().as_str(), "superseded");
    let withdrawn = approved.vote(press(&approved, "UTOBIAS", Act::Withdraw, 7), &people()).unwrap().1.next;
    assert_eq!(applied(&withdrawn, by(true)).state().as_str(), "superseded");
    let resealed = applied(&approved, reseal(&approved, |facts, _| facts.workflow = Digest::of(b"x"), 8));
    assert_eq!(applied(&resealed, by(true)).state().as_str(), "superseded", "that vote is void");
}

const USERS: [&str; 6] = ["UMAREN", "UTOBIAS", "ULENA", "UOKORO", "UJUN", "UNEW"];

/// Any answer of anybody, on the current or an older message.
fn ballots() -> impl Strategy<Value = Vec<(usize, u8, bool)>> {
    prop::collection::vec((0..USERS.len(), 0_u8..12, prop::bool::weighted(0.8)), 50)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// 1,000 gates with 50 answers each: at most one decision, whose record replays to the same gate.
    #[test]
    fn any_answers_in_any_order_make_at_most_one_decision(ballots in ballots()) {
        let mut gate = open();
        let mut record = Vec::new();
        let mut decisions = 0;
        for (second, (user, act, current)) in (1..).zip(ballots) {
            let act = match act {
                0 => Act::Reject { reason: None },
                1 | 2 => Act::Withdraw,
                _ => approve(),
            };
            let mut ballot = press(&gate, USERS[user], act, second);
            if !current {
                ballot.claim = Claim::Message(Digest::of(b"older").into());
            }
            let before = gate.decision.clone();
            match gate.vote(ballot.clone(), &people()) {
                Ok((event, decided)) => {
                    prop_assert!(before.is_none() && current && user != 5);
                    prop_assert!(user != 0 || !matches!(ballot.act, Act::Approve { .. }), "four eyes");
                    decisions += usize::from(decided.next.decision.is_some());
                    // A second delivery of the same event never decides anything again.
                    if let Ok(again) = decided.next.apply(event.clone()) {
                        prop_assert!(again.next.decision.is_none());
                    }
                    record.push(event);
                    gate = decided.next;
                }
                Err(_) => prop_assert_eq!(&gate.decision, &before),
            }
        }
        prop_assert!(decisions <= 1);
        if let Some(granted) = gate.granted() {
            let Passage::Votes { seats } = &granted.by else { panic!("no override was made") };
            let persons: std::collections::BTreeSet<_> = seats.iter().map(|it| it.person.as_str()).collect();
            prop_assert_eq!(persons.len(), 2);
            prop_assert!(!persons.contains("maren.k"));
        }
        let text = serde_json::to_string(&record).unwrap();
        let read: Vec<GateEvent> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(Gate::replay(opening(), read), Ok(gate.clone()));
        let stored: Gate = serde_json::from_str(&serde_json::to_string(&gate).unwrap()).unwrap();
        prop_assert_eq!(stored, gate);
    }
}

//! Marks under a gate's message: which acts of people are news, and which of them nobody told of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Bot, inbox};
use crate::{
    chat::{ChatAdapter, ChatError, Marked},
    id::{InboxId, MessageRef},
    identity::Standing,
    message::{Delivery, Incoming, Mark},
};

/// One thing that somebody did with a mark, as it stands in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MarkAct {
    id: InboxId,
    whose: Marked,
    added: bool,
    received_at: Timestamp,
    /// By the platform's clock, where it says so.
    at: Option<Timestamp>,
    /// It was found, by a look at this time of our clock.
    found_by: Option<Timestamp>,
}

/// All that was done with marks under this message, in the order in which we were told.
pub(super) async fn acts(bot: &Bot, message: &MessageRef) -> anyhow::Result<Vec<MarkAct>> {
    let lane = inbox::lane_of(&message.place, message);
    let rows = bot.engine().store().deliveries_in(&lane).await?;
    let act = |(id, received_at, body)| {
        let delivery: Delivery = serde_json::from_value(body).ok()?;
        let (mark, added, at, found_by) = match delivery.incoming {
            Incoming::Reacted { mark, added, at, .. } => (mark, added, at, None),
            Incoming::Found { mark, added, by, .. } => (mark, added, None, Some(by)),
            Incoming::Said(_)
            | Incoming::Missed { .. }
            | Incoming::Pressed { .. }
            | Incoming::Unasked { .. } => return None,
        };
        Some(MarkAct {
            id,
            whose: Marked { account: delivery.account, mark },
            added,
            received_at,
            at,
            found_by,
        })
    };
    Ok(rows.into_iter().filter_map(act).collect())
}

/// Whether this act says something new. The same told twice does not, as by an event that comes after a look; nor does
/// what was undone since, whatever order we were told in: by the platform's clock where it says when, else by that order.
pub(super) fn is_news(id: InboxId, acts: &[MarkAct]) -> bool {
    let Some(it) = acts.iter().find(|it| it.id == id) else { return true };
    let same: Vec<&MarkAct> = acts.iter().filter(|other| other.whose == it.whose).collect();
    let place = same.iter().position(|other| other.id == id).unwrap_or(0);
    if is_undone(place, &same) {
        return false;
    }
    // How the mark stood before, as far as we were told then.
    let last = (0..place).rev().find(|before| !is_undone(*before, &same));
    last.is_none_or(|last| same[last].added != it.added)
}

/// Whether another act of the same person with the same mark came after this one and undid it.
fn is_undone(place: usize, same: &[&MarkAct]) -> bool {
    let it = same[place];
    let mut others = same.iter().enumerate().filter(|(_, other)| other.added != it.added);
    let undoes = |at: usize, other: &MarkAct| match it.added {
        true if place < at => !is_before(other, it),
        true => is_later(other, it),
        false if place < at => !is_later(it, other),
        false => is_before(it, other),
    };
    others.any(|(at, other)| undoes(at, other))
}

/// Whether the platform's clock says that one was done before the other.
fn is_before(one: &MarkAct, other: &MarkAct) -> bool {
    matches!((one.at, other.at), (Some(one), Some(other)) if one < other)
}

/// Whether a removal that we were told of first was done after the mark was put there. At the same time, it was: what
/// stops counts.
fn is_later(removal: &MarkAct, mark: &MarkAct) -> bool {
    match (mark.found_by, mark.at, removal.at) {
        (Some(found_by), _, _) => found_by <= removal.received_at,
        (None, Some(put_at), Some(removed_at)) => put_at <= removed_at,
        (None, None, _) | (None, _, None) => false,
    }
}

/// Hands what was done with marks while nobody listened to the inbox, as if it had just been told.
///
/// # Errors
/// The inbox cannot be read or written. That the platform does not say is an answer: then nothing was handed on.
pub(super) async fn find(
    bot: &Bot,
    adapter: &dyn ChatAdapter,
    message: &MessageRef,
) -> anyhow::Result<Result<(), ChatError>> {
    let by = bot.engine().clock().now();
    // Before the look: what is told meanwhile is told, and not found.
    let known = acts(bot, message).await?;
    let stands = match adapter.marks(message).await {
        Ok(Some(stands)) => stands,
        Ok(None) => return Ok(Ok(())),
        Err(error) => return Ok(Err(error)),
    };
    for Found { whose, added, ordinal } in differences(&known, &stands) {
        let place = &message.place;
        let mark = whose.mark;
        let who = &whose.account.user;
        let name = format!("{}:{}:{}:{mark:?}", place.workspace, place.channel, message.message);
        let delivery = Delivery {
            key: format!("{}:found:{name}:{who}:{ordinal}", place.platform),
            standing: Standing::Unresolved,
            display: who.to_string(),
            place: place.clone(),
            at: None,
            incoming: Incoming::Found { message: message.clone(), mark, added, by },
            account: whose.account,
        };
        tracing::info!(delivery.key = delivery.key, added, "a mark was found that nobody told of");
        bot.receive(delivery).await?;
    }
    Ok(Ok(()))
}

/// A mark that was put or taken away without our hearing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    whose: Marked,
    added: bool,
    /// How many acts of this person with this mark are known: the same look again finds the same.
    ordinal: usize,
}

/// What must have been done since `known`, as these marks stand now. Nothing tells in which order, so what stops comes
/// first: rejections, then what was taken back, then approvals.
fn differences(known: &[MarkAct], stands: &BTreeSet<Marked>) -> Vec<Found> {
    let mut last: BTreeMap<&Marked, (bool, usize)> = BTreeMap::new();
    for it in known {
        let entry = last.entry(&it.whose).or_insert((false, 0));
        *entry = (it.added, entry.1 + 1);
    }
    let put = stands.iter().map(|it| (it, last.get(it).copied().unwrap_or((false, 0))));
    let put = put.filter(|(_, (added, _))| !added);
    let taken = last.iter().filter(|(it, (added, _))| *added && !stands.contains(**it));
    let put = put.map(|(it, (_, ordinal))| Found { whose: it.clone(), added: true, ordinal });
    let taken =
        taken.map(|(it, (_, ordinal))| Found { whose: (*it).clone(), added: false, ordinal: *ordinal });
    let mut found: Vec<Found> = put.chain(taken).collect();
    found.sort_by_key(|it| match (it.added, it.whose.mark) {
        (true, Mark::Reject) => 0,
        (false, Mark::Approve | Mark::Reject) => 1,
        (true, Mark::Approve) => 2,
    });
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        clock::from_millis,
        id::{Account, Platform},
    };

    fn marked(user: &str, mark: Mark) -> Marked {
        let account = Account { platform: Platform::Slack, workspace: "T1".into(), user: user.into() };
        Marked { account, mark }
    }

    /// Told in this second.
    fn act(number: u128, user: &str, mark: Mark, added: bool) -> MarkAct {
        let received_at = from_millis(i64::try_from(number).expect("a second") * 1_000);
        let id = InboxId::from_number(number);
        MarkAct { id, whose: marked(user, mark), added, received_at, at: None, found_by: None }
    }

    fn news(acts: &[MarkAct], number: u128) -> bool {
        is_news(InboxId::from_number(number), acts)
    }

    #[test]
    fn the_same_told_twice_is_no_news_and_another_persons_is() {
        let acts = [
            act(1, "bea", Mark::Approve, true),
            act(2, "cid", Mark::Approve, true),
            act(3, "bea", Mark::Approve, true),
            act(4, "bea", Mark::Reject, true),
            act(5, "bea", Mark::Approve, false),
        ];
        assert_eq!([2, 3, 4, 5].map(|it| news(&acts, it)), [true, false, true, true]);
        assert!(news(&acts[..1], 1) && news(&acts[..1], 9));
    }

    #[test]
    fn a_mark_that_was_taken_away_since_is_no_approval_whatever_came_first() {
        let (put, away) = (act(1, "bea", Mark::Approve, true), act(2, "bea", Mark::Approve, false));
        assert!(!news(&[put.clone(), away.clone()], 1), "tried again after the removal was handled");
        assert!(news(&[put, away], 2));
        // The removal is told first: an event that came late, by the platform's own clock.
        let away = MarkAct { at: Some(from_millis(500)), ..act(1, "bea", Mark::Approve, false) };
        let put = |at| MarkAct { at: Some(from_millis(at)), ..act(2, "bea", Mark::Approve, true) };
        assert!(!news(&[away.clone(), put(400)], 2));
        assert!(news(&[away.clone(), put(600)], 2), "and put there again");
        // A look that began before we were told of the removal.
        let found = |by| MarkAct { found_by: Some(from_millis(by)), ..act(2, "bea", Mark::Approve, true) };
        assert!(!news(&[away.clone(), found(900)], 2));
        assert!(news(&[away, found(1_100)], 2));
    }

    /// How the mark stands for us after these acts of one person, told in this order: each handled as it is told, or all
    /// of them once everything was told, as after an outage of our own.
    fn stands(told: &[MarkAct], at_once: bool) -> bool {
        (0..told.len()).fold(false, |stands, at| {
            let known = if at_once { told } else { &told[..=at] };
            if is_news(told[at].id, known) { told[at].added } else { stands }
        })
    }

    /// Put, taken away, put …, by the platform's clock.
    fn history(acts: u128) -> Vec<MarkAct> {
        let at = |number: u128| Some(from_millis(i64::try_from(number).expect("a time")));
        (0..acts).map(|it| MarkAct { at: at(it), ..act(it + 1, "bea", Mark::Approve, it % 2 == 0) }).collect()
    }

    proptest! {
        /// Slack tells in any order and says when it happened: it ends as it stands there.
        #[test]
        fn told_in_any_order_it_ends_as_it_stands(
            told in (1..=6_u128).prop_flat_map(|acts| Just(history(acts)).prop_shuffle()), at_once in any::<bool>(),
        ) {
            prop_assert_eq!(stands(&told, at_once), told.len() % 2 == 1, "{:#?}", told);
        }

        /// Discord tells in order, and maybe again after a look of ours.
        #[test]
        fn told_in_order_without_a_clock_it_ends_as_it_stands(acts in 1..=6_u128, at_once in any::<bool>()) {
            let told: Vec<MarkAct> = history(acts).into_iter().map(|it| MarkAct { at: None, ..it }).collect();
            prop_assert_eq!(stands(&told, at_once), told.len() % 2 == 1);
            let found = MarkAct {
                found_by: Some(from_millis(1_000_000)),
                ..act(acts + 1, "bea", Mark::Approve, told.len() % 2 == 1)
            };
            let again: Vec<MarkAct> = told.iter().cloned().chain([found]).collect();
            prop_assert!(!is_news(InboxId::from_number(acts + 1), &again));
        }
    }

    #[test]
    fn what_stops_is_handed_on_first() {
        let known = [
            act(1, "dora", Mark::Approve, true),
            act(2, "emil", Mark::Approve, true),
            act(3, "emil", Mark::Approve, false),
            act(4, "fay", Mark::Approve, true),
        ];
        let stands: BTreeSet<Marked> = [
            marked("bea", Mark::Approve),
            marked("cid", Mark::Reject),
            marked("emil", Mark::Approve),
            marked("fay", Mark::Approve),
        ]
        .into();
        let found: Vec<_> = differences(&known, &stands)
            .into_iter()
            .map(|it| (it.whose.account.user.to_string(), it.added, it.ordinal))
            .collect();
        let expected = [("cid", true, 0), ("dora", false, 1), ("bea", true, 0), ("emil", true, 2)];
        assert_eq!(found, expected.map(|(who, added, ordinal)| (who.to_owned(), added, ordinal)));
    }
}

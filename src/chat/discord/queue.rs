//! What was heard and is not in the inbox yet. What happens in one channel is stored in its order, channels beside each
//! other, and what somebody presses behind nothing but their own presses: it is to be answered within 3 s.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::gateway::Heard;
use super::session::Sessions;
use super::{Ears, Intake};
use crate::id::Platform;

/// Events between the line and this queue.
pub(super) const ARRIVING_MAX: usize = 256;
/// Events that wait for the store; what comes then waits in the line.
const WAITING_MAX: usize = 10_000;

pub(super) struct Queue<'a> {
    ears: &'a Arc<Ears>,
    sessions: &'a Sessions,
    intake: &'a Intake,
    order: Order,
    /// What waits behind one that is being stored.
    lanes: HashMap<String, VecDeque<(u64, Heard)>>,
}

/// The lane and the ticket of what is stored now.
type Stored = (String, u64);

impl<'a> Queue<'a> {
    pub(super) fn new(ears: &'a Arc<Ears>, sessions: &'a Sessions, intake: &'a Intake) -> Self {
        Self { ears, sessions, intake, order: Order::default(), lanes: HashMap::new() }
    }

    /// Stores all that comes until nothing comes any more.
    pub(super) async fn run(mut self, mut arriving: mpsc::Receiver<Heard>) {
        let mut storing: FuturesUnordered<BoxFuture<'a, Stored>> = FuturesUnordered::new();
        let mut ends = false;
        while !ends || !storing.is_empty() {
            tokio::select! {
                heard = arriving.recv(), if !ends && self.order.len() < WAITING_MAX => match heard {
                    Some(heard) => storing.extend(self.take(heard)),
                    None => ends = true,
                },
                Some((lane, ticket)) = storing.next() => {
                    self.passed(ticket);
                    storing.extend(self.next_of(lane));
                }
            }
        }
    }

    fn take(&mut self, heard: Heard) -> Option<BoxFuture<'a, Stored>> {
        self.ears.note(&heard);
        let welcomes = matches!(heard.kind.as_str(), "READY" | "RESUMED");
        let ticket = self.order.enter(Event { session: heard.session.clone(), seq: heard.seq, welcomes });
        if welcomes {
            self.passed(ticket);
            return None;
        }
        let lane = lane(&heard);
        match self.lanes.get_mut(&lane) {
            Some(waiting) => {
                waiting.push_back((ticket, heard));
                None
            }
            None => {
                self.lanes.insert(lane.clone(), VecDeque::new());
                Some(self.store(lane, ticket, heard))
            }
        }
    }

    fn next_of(&mut self, lane: String) -> Option<BoxFuture<'a, Stored>> {
        match self.lanes.get_mut(&lane)?.pop_front() {
            Some((ticket, heard)) => Some(self.store(lane, ticket, heard)),
            None => {
                self.lanes.remove(&lane);
                None
            }
        }
    }

    fn store(&self, lane: String, ticket: u64, heard: Heard) -> BoxFuture<'a, Stored> {
        let (ears, intake) = (self.ears, self.intake);
        Box::pin(async move {
            ears.store(intake, &heard).await;
            (lane, ticket)
        })
    }

    /// The session is told only of what has nothing open before it: from there it would be resumed.
    fn passed(&mut self, ticket: u64) {
        for event in self.order.stored(ticket) {
            // What was replayed stands before it, and so in the inbox.
            if event.welcomes {
                self.intake.returned(Platform::Discord);
            }
            self.sessions.stored(&event.session, event.seq);
        }
    }
}

/// What has to stay in its order.
fn lane(heard: &Heard) -> String {
    let data = &heard.data;
    let channel = data["channel_id"].as_str().unwrap_or_default();
    if heard.kind != "INTERACTION_CREATE" {
        return channel.to_owned();
    }
    let user = data["member"]["user"]["id"].as_str().or_else(|| data["user"]["id"].as_str());
    format!("{channel}/{}", user.unwrap_or_default())
}

/// One event, by its place in its session.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    session: String,
    seq: u64,
    /// The session stands from here on.
    welcomes: bool,
}

/// Which events are not stored yet, in the order in which they came.
#[derive(Debug, Default)]
struct Order {
    /// The ticket of the first.
    first: u64,
    /// Each with whether it is stored.
    events: VecDeque<(Event, bool)>,
}

impl Order {
    fn len(&self) -> usize {
        self.events.len()
    }

    /// The event's ticket.
    fn enter(&mut self, event: Event) -> u64 {
        self.events.push_back((event, false));
        self.first + self.events.len() as u64 - 1
    }

    /// Notes that this one is stored; gives those that have nothing open before them any more.
    fn stored(&mut self, ticket: u64) -> Vec<Event> {
        let at = usize::try_from(ticket.wrapping_sub(self.first)).ok();
        if let Some((_, stored)) = at.and_then(|at| self.events.get_mut(at)) {
            *stored = true;
        }
        let mut passed = Vec::new();
        while let Some((event, _)) = self.events.pop_front_if(|(_, stored)| *stored) {
            self.first += 1;
            passed.push(event);
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_moves_on_only_over_what_is_stored() {
        let mut order = Order::default();
        let enter = |order: &mut Order, seq: u64| {
            order.enter(Event { session: "s".to_owned(), seq, welcomes: seq == 2 })
        };
        let tickets: Vec<u64> = (1..=4).map(|seq| enter(&mut order, seq)).collect();
        let stored = |order: &mut Order, at: usize| -> Vec<u64> {
            order.stored(tickets[at]).iter().map(|it| it.seq).collect()
        };
        assert_eq!(stored(&mut order, 2), [0; 0]);
        assert_eq!(stored(&mut order, 1), [0; 0]);
        assert_eq!(stored(&mut order, 0), [1, 2, 3]);
        assert_eq!((stored(&mut order, 0), order.len()), (vec![], 1), "told twice");
        assert_eq!(stored(&mut order, 3), [4]);
        assert_eq!(enter(&mut order, 5), tickets[3] + 1);
    }
}

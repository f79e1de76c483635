//! One piece of work at a time in each lane, and none twice: what was read while it was being done is out of date.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Lanes of work that is read in rounds.
#[derive(Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Default)]
struct State {
    busy: HashSet<String>,
    /// Left since this round began: what it has read of them may be done by now.
    left: HashSet<String>,
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before work is read.
    pub(super) fn begin_round(&self) {
        self.state().left.clear();
    }

    /// Whether what this round has read of the lane may be done now. If not, another round finds it again.
    pub(super) fn enter(&self, lane: &str) -> bool {
        let mut state = self.state();
        !state.left.contains(lane) && state.busy.insert(lane.to_owned())
    }

    /// Nothing was done after all: something else of the lane may be, in this round still.
    pub(super) fn give_back(&self, lane: &str) {
        self.state().busy.remove(lane);
    }

    /// After the work is committed. Another round has to follow.
    pub(super) fn leave(&self, lane: &str) {
        let mut state = self.state();
        state.busy.remove(lane);
        state.left.insert(lane.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_its_lane_was_left_is_read_again() {
        let turns = Turns::default();
        turns.begin_round();
        assert!(turns.enter("a"));
        assert!(!turns.enter("a"), "one at a time");
        assert!(turns.enter("b"), "beside each other");
        turns.begin_round();
        turns.leave("a");
        assert!(!turns.enter("a"), "this round has read what is done");
        turns.begin_round();
        assert!(turns.enter("a"));
        assert!(!turns.enter("b"), "that goes on");
        turns.give_back("a");
        assert!(turns.enter("a"), "nothing of it is out of date");
    }
}

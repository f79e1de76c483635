//! Who may take up the bot's time: people it knows, each a few calls at once. The rest hear so and leave.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::id::UserId;

/// Callers that are answered at the same time; more wait their turn.
const CALLERS_MAX: usize = 32;
/// Of these, one user's: nobody keeps the others from stopping something.
pub(super) const CALLS_OF_ONE_MAX: usize = 8;

/// The calls that go on.
#[derive(Clone)]
pub(super) struct Door {
    turns: Arc<Semaphore>,
    inside: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// One call, also while it waits for its turn; it is over with this.
pub(super) struct Inside {
    door: Door,
    user: UserId,
    turn: Option<OwnedSemaphorePermit>,
}

impl Door {
    pub(super) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(CALLERS_MAX)), inside: Arc::default() }
    }

    fn inside(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn; `None` if this user has as many calls as one may have.
    pub(super) async fn enter(&self, user: &UserId) -> Option<Inside> {
        {
            let mut inside = self.inside();
            let calls = inside.entry(user.clone()).or_default();
            if *calls >= CALLS_OF_ONE_MAX {
                return None;
            }
            *calls += 1;
        }
        let mut inside = Inside { door: self.clone(), user: user.clone(), turn: None };
        inside.turn = Some(self.turns.clone().acquire_owned().await.ok()?);
        Some(inside)
    }

    fn leave(&self, user: &UserId) {
        let mut inside = self.inside();
        match inside.get_mut(user) {
            Some(calls) if *calls > 1 => *calls -= 1,
            Some(_) | None => drop(inside.remove(user)),
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(self.turn.take());
        self.door.leave(&self.user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_user_does_not_take_every_turn() {
        let door = Door::new();
        let (ann, bea) = (UserId::from("ann"), UserId::from("bea"));
        let mut calls = Vec::new();
        for _ in 0..CALLS_OF_ONE_MAX {
            calls.push(door.enter(&ann).await.unwrap());
        }
        assert!(door.enter(&ann).await.is_none());
        assert!(door.enter(&bea).await.is_some());
        calls.pop();
        assert!(door.enter(&ann).await.is_some());
        drop(calls);
        assert!(door.inside().is_empty());
    }
}

//! StackStorm's policies of actions: how many executions of one may run at once, and what is tried again. They are those
//! of this moment, not of the start. What counts are attempts of this process, so none is counted after a restart that
//! does not run.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::{
    Engine,
    perform::Postponed,
    settle::{End, RETRY},
};
use crate::{
    content::{Action, ActionPolicy, Beyond, Bound, Bounding, RetryOn},
    id::ExecutionId,
    message::words,
    status::Status,
    store::{Change, attempt::Attempt, execution::Execution},
};

/// Which policy, and the values of the parameters that it counts by.
type Key = (String, String);

/// Executions at work under policies, and those that wait.
#[derive(Default)]
pub(super) struct Slots {
    state: Mutex<State>,
    /// Rung whenever one is given back.
    freed: Notify,
}

#[derive(Default)]
struct State {
    taken: HashMap<Key, usize>,
    /// In the order in which they were asked for.
    waiting: BTreeMap<ExecutionId, Vec<Key>>,
    /// Executions that a policy holds back, for what else would call them adrift.
    held: HashSet<ExecutionId>,
}

/// A place under every policy of an action, given back when this goes.
pub(super) struct Slot {
    slots: Arc<Slots>,
    keys: Vec<Key>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.state();
        for key in &self.keys {
            if let Some(count) = state.taken.get_mut(key) {
                *count = count.saturating_sub(1);
            }
        }
        state.taken.retain(|_, count| *count > 0);
        drop(state);
        self.slots.freed.notify_waiters();
    }
}

/// Says that a policy holds an execution back, as long as it lives.
struct Hold<'s>(&'s Slots, ExecutionId);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.held.remove(&self.1);
        state.waiting.remove(&self.1);
        drop(state);
        // Who waited behind it may go on.
        self.0.freed.notify_waiters();
    }
}

impl Slots {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn holds(&self, id: ExecutionId) -> bool {
        self.state().held.contains(&id)
    }

    fn hold(&self, id: ExecutionId) -> Hold<'_> {
        self.state().held.insert(id);
        Hold(self, id)
    }

    /// A place, unless there is none or somebody before it waits for the same.
    fn take(self: &Arc<Self>, id: ExecutionId, wanted: &[(Key, usize)]) -> Option<Slot> {
        let mut state = self.state();
        let keys: Vec<Key> = wanted.iter().map(|(key, _)| key.clone()).collect();
        let is_free = |(key, threshold): &(Key, usize)| {
            let earlier = state.waiting.range(..id).any(|(_, keys)| keys.contains(key));
            !earlier && state.taken.get(key).copied().unwrap_or_default() < *threshold
        };
        if !wanted.iter().all(is_free) {
            state.waiting.insert(id, keys);
            return None;
        }
        for key in &keys {
            *state.taken.entry(key.clone()).or_default() += 1;
        }
        state.waiting.remove(&id);
        Some(Slot { slots: Arc::clone(self), keys })
    }
}

/// What a policy counts this execution under.
fn key(policy: &ActionPolicy, attributes: &[String], values: &Map<String, Value>) -> Key {
    let of = |name: &String| (name.clone(), values.get(name).cloned().unwrap_or_default());
    let counted: Map<String, Value> = attributes.iter().map(of).collect();
    (format!("{}.{}", policy.pack, policy.name), Value::Object(counted).to_string())
}

impl Engine {
    /// A place among the executions of its action, once there is one; the end of an execution that may not wait for it.
    /// Its row says that it is delayed meanwhile.
    pub(super) async fn slot(
        &self,
        execution: &mut Execution,
    ) -> Result<Result<Option<Slot>, End>, Postponed> {
        let live = self.live();
        let is_bounding = |it: &&ActionPolicy| {
            it.action == execution.action && matches!(it.bound, Bounding::Concurrency { .. })
        };
        let policies: Vec<&ActionPolicy> = live.catalogue.policies.iter().filter(is_bounding).collect();
        if policies.is_empty() {
            return Ok(Ok(None));
        }
        // What does not fit is told by the attempt.
        let bundle = self.bundle(execution).await.ok();
        let bound = match bundle.as_ref().and_then(|it| it.action(&execution.action)) {
            Some(action) => {
                self.bound(execution, action, execution.parameters.clone()).await?.unwrap_or_default()
            }
            None => Bound::default(),
        };
        let (mut wanted, mut may_wait) = (Vec::new(), true);
        for policy in policies {
            if let Bounding::Concurrency { threshold, beyond, attributes } = &policy.bound {
                wanted.push((key(policy, attributes, &bound.values), *threshold));
                may_wait &= *beyond == Beyond::Delay;
            }
        }
        let slots = &self.0.slots;
        let _hold = slots.hold(execution.id);
        let cancel = self.cancel_token(execution.id);
        loop {
            let freed = slots.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(slot) = slots.take(execution.id, &wanted) {
                return Ok(Ok(Some(slot)));
            }
            if !may_wait {
                let error = words::fault::too_many_at_once(execution.action.as_str());
                let result = serde_json::json!({ "error": error });
                return Ok(Err(End { status: Status::Canceled, result }));
            }
            self.say_delayed(execution).await;
            tokio::select! {
                () = freed => {}
                () = cancel.cancelled() => return Ok(Err(End::canceled())),
                () = self.0.stop.cancelled() => return Err(Postponed),
            }
        }
    }

    async fn say_delayed(&self, execution: &mut Execution) {
        if execution.status == Status::Delayed {
            return;
        }
        let delayed = Change::Advance(execution.id, execution.version, Status::Delayed);
        match self.commit(vec![delayed]).await {
            Ok(()) => {
                execution.status = Status::Delayed;
                execution.version += 1;
            }
            // It waits all the same.
            Err(error) => tracing::warn!(execution = %execution.id, %error, "not recorded as delayed"),
        }
    }

    /// What the action's policies make of the end of an attempt. Within a workflow that is the workflow's affair. The
    /// attempt is recorded as ended before the next begins, or is waited for.
    pub(super) async fn retry(
        &self,
        execution: &mut Execution,
        action: &Action,
        attempt: &Attempt,
        end: &End,
    ) -> Result<Retry, Postponed> {
        let live = self.live();
        let of_it = live.catalogue.policies.iter().filter(|it| it.action == action.reference);
        let delay = of_it.filter_map(|it| it.retry_after(end.status, attempt.number)).min();
        let Some(delay) = delay.filter(|_| execution.visit.is_none()) else { return Ok(Retry::None) };
        if !self.give_up_try(attempt, end.status, end).await {
            return Ok(Retry::None);
        }
        let _hold = self.0.slots.hold(execution.id);
        let cancel = self.cancel_token(execution.id);
        tokio::select! {
            () = self.clock().sleep_until(crate::clock::after(self.now(), delay)) => {}
            () = cancel.cancelled() => return Ok(Retry::Canceled),
            () = self.0.stop.cancelled() => return Err(Postponed),
        }
        loop {
            match self.store().load_execution(execution.id).await {
                Ok(now) => {
                    *execution = now;
                    return Ok(Retry::Now);
                }
                Err(error) => {
                    tracing::error!(execution = %execution.id, %error, "it cannot be read; trying again");
                    tokio::select! {
                        () = tokio::time::sleep(RETRY) => {}
                        () = self.0.stop.cancelled() => return Err(Postponed),
                    }
                }
            }
        }
    }
}

/// What follows the end of an attempt by its action's policies.
pub(super) enum Retry {
    /// It is the end of its execution, for all they say.
    None,
    Now,
    /// Somebody canceled the execution before the next attempt.
    Canceled,
}

impl ActionPolicy {
    fn retry_after(&self, end: Status, number: i64) -> Option<Duration> {
        let Bounding::Retry { on, most, delay } = &self.bound else { return None };
        let wanted = match on {
            RetryOn::Failure => Status::Failed,
            RetryOn::Timeout => Status::Timeout,
        };
        (end == wanted && number <= i64::from(*most)).then_some(*delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_in_order_and_come_back() {
        let slots = Arc::new(Slots::default());
        let [first, second, third, other] = std::array::from_fn(|_| ExecutionId::generate());
        let of = |value: &str| vec![(("p.policy".to_owned(), value.to_owned()), 1)];
        let taken = slots.take(first, &of("a")).unwrap();
        assert!(slots.take(third, &of("a")).is_none() && slots.take(second, &of("a")).is_none());
        assert!(slots.take(other, &of("b")).is_some(), "another value is counted apart");
        drop(taken);
        assert!(slots.take(third, &of("a")).is_none(), "the second was asked for before");
        let taken = slots.take(second, &of("a")).unwrap();
        drop(taken);
        assert!(slots.take(third, &of("a")).is_some());
    }
}

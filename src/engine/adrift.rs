//! Executions that nothing will wake. There are none, unless there is a fault: this is what finds it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::Engine;
use crate::{
    clock,
    id::ExecutionId,
    store::{StoreError, execution::Execution},
};

/// How long nothing may be written about an execution between what woke it and what it waits for next: a voter who is
/// looked up several times, a look that takes until its timeout.
const SILENCE: Duration = Duration::from_secs(60);

impl Engine {
    /// Unfinished executions that have no cause to wake, by what the store holds, oldest first. A restart takes them up.
    ///
    /// # Errors
    /// The store cannot be asked.
    pub async fn adrift(&self) -> Result<Vec<ExecutionId>, StoreError> {
        let since = clock::before(self.now(), SILENCE);
        let mut adrift = Vec::new();
        for it in self.store().silent_executions(since).await? {
            // What waits by itself, without a row that says until when.
            let wakes_at = match it.runner.as_str() {
                "watch" => self.next_look(&it).await?,
                "inquirer" => {
                    let given = it.parameters.get("ttl").and_then(Value::as_u64).unwrap_or_default();
                    let minutes = self.asked(&it).await.map_or(given, |it| it.ttl).max(1);
                    Some(clock::after(it.created_at, Duration::from_secs(minutes.saturating_mul(60))))
                }
                // It waits for another release's canary, and that one is looked at itself.
                "turn" => Some(Timestamp::MAX),
                // Whoever paused it lets it go on; nobody needs to.
                "orquesta" => self.paused_until(it.root).await?,
                // The same at a door where another question stands.
                "gate" if !self.waited_for(&it).await?.is_empty() => Some(Timestamp::MAX),
                // Until another one of its action has ended, or its next try is due.
                _ if self.0.slots.holds(it.id) => Some(Timestamp::MAX),
                _ => None,
            };
            if wakes_at.is_none_or(|at| at <= since) {
                adrift.push(it.id);
            }
        }
        Ok(adrift)
    }

    /// When a watch looks next; `None` if it has nothing to look at.
    async fn next_look(&self, watch: &Execution) -> Result<Option<Timestamp>, StoreError> {
        let Some(interval) = super::watch::interval(watch) else { return Ok(None) };
        let last = self.store().last_look_at(watch.id).await?;
        let last = last.or(watch.started_at).unwrap_or(watch.created_at);
        Ok(Some(clock::after(last, interval)))
    }
}

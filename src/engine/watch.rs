//! The engine's kind `watch`: looks at a canary at intervals and judges. Each look is a row, so a restarted watch goes on
//! where it was; the evidence is kept with the verdict in one commit.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Engine, Longer,
    gate::Evidence,
    settle::{End, RETRY},
    start::card_subject,
    turn,
};
use crate::{
    clock,
    gate::{Length, Refusal},
    id::{Digest, EvidenceId},
    identity::{Authorised, Right, Subject},
    release::{Plan, Watch},
    rollout::{Judgement, LOOKS_MAX, Look, Verdict, judge},
    status::Status,
    store::{Change, StoreError, audit, execution::Execution, release::Release},
};

#[derive(Deserialize)]
struct Input {
    plan: Plan,
    digest: Digest,
}

/// What a watch was told while it went on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    /// So many looks more.
    Longer { looks: u32 },
}

/// What comes after a pause between two looks.
enum Next {
    Look,
    End(End),
    Stop,
}

/// A watch that has seen enough.
struct Over {
    judgement: Judgement,
    looks: Vec<Look>,
    /// The execution's, read before what it was told.
    version: i64,
}

/// Between two looks of a watch; `None` if it has nothing to look at.
pub(super) fn interval(watch: &Execution) -> Option<Duration> {
    let input: Input = serde_json::from_value(Value::Object(watch.parameters.clone())).ok()?;
    input.plan.watch.map(|it| Duration::from_millis(it.interval_ms))
}

/// Visits of one release that are looked through.
const TREE_MAX: i64 = 1_000;

impl Engine {
    pub(super) async fn watch(&self, execution: Execution) {
        let input: Input = match serde_json::from_value(Value::Object(execution.parameters.clone())) {
            Ok(input) => input,
            Err(error) => {
                return self
                    .settle(&execution, End::failed(format!("release.watch: {error}")), Vec::new())
                    .await;
            }
        };
        let Some(watch) = input.plan.watch.clone().map(|it| it.over(input.digest.clone())) else {
            let end = End::failed("the app has no canary to watch; see `canary:` in its file");
            return self.settle(&execution, end, Vec::new()).await;
        };
        self.show_running(&execution).await;
        loop {
            match self.watch_on(&execution, &input.plan, &watch).await {
                Ok(Some(over)) => {
                    if self.conclude(&execution, &input.plan, over).await {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    let end = End::failed(format!("the watch could not be kept: {error}"));
                    return self.settle(&execution, end, Vec::new()).await;
                }
            }
        }
    }

    /// Looks until there is a verdict; `None` if it was stopped, canceled or superseded.
    async fn watch_on(
        &self,
        execution: &Execution,
        plan: &Plan,
        watch: &Watch,
    ) -> Result<Option<Over>, StoreError> {
        let mut looks: Vec<Look> = self.store().looks(execution.id, 0).await?;
        let interval = Duration::from_millis(watch.interval_ms);
        loop {
            let now = self.store().load_execution(execution.id).await?;
            if now.ended_at.is_some() {
                return Ok(None);
            }
            let version = now.version;
            let metrics = self.longer(execution, watch).await?.metrics;
            let over = looks.len() >= metrics.looks_wanted() as usize;
            if over || (!looks.is_empty() && judge(&metrics, &looks).verdict == Verdict::Fail) {
                return Ok(Some(Over { judgement: judge(&metrics, &looks), looks, version }));
            }
            match self.until_next_look(execution, plan, interval).await? {
                Next::Look => {}
                Next::End(end) => {
                    self.settle(execution, end, Vec::new()).await;
                    return Ok(None);
                }
                Next::Stop => return Ok(None),
            }
            let look = self.look(watch).await;
            let seq = i64::try_from(looks.len()).unwrap_or(i64::MAX).saturating_add(1);
            match self.store().record_look(execution.id, seq, &look, self.now()).await {
                Ok(()) => looks.push(look),
                Err(error) => {
                    tracing::error!(execution = %execution.id, %error, "a look could not be kept; looking again");
                    continue;
                }
            }
            if let Err(error) = self.commit(vec![Change::Redraw(card_subject(execution.root))]).await {
                tracing::warn!(execution = %execution.id, %error, "a look is not shown yet");
            }
        }
    }

    /// Waits for the time of the next look, unless the canary is another's before that.
    async fn until_next_look(
        &self,
        execution: &Execution,
        plan: &Plan,
        interval: Duration,
    ) -> Result<Next, StoreError> {
        let (cancel, due) = (self.cancel_token(execution.id), clock::after(self.now(), interval));
        loop {
            let rung = self.0.turns.notified();
            if let Some(by) = self.ends_watch(execution, plan).await? {
                return Ok(Next::End(turn::superseded(by)));
            }
            tokio::select! {
                () = self.clock().sleep_until(due) => return Ok(Next::Look),
                () = self.0.stop.cancelled() => return Ok(Next::Stop),
                () = cancel.cancelled() => return Ok(Next::End(End::canceled())),
                () = rung => {}
            }
        }
    }

    /// The watch with what was asked for while it went on.
    async fn longer(&self, execution: &Execution, watch: &Watch) -> Result<Watch, StoreError> {
        let told: Vec<Told> = self.store().flow_events(execution.id).await?;
        let asked = told.iter().fold(0_u32, |sum, Told::Longer { looks }| sum.saturating_add(*looks));
        Ok(watch.clone().with_looks(watch.metrics.looks_planned.saturating_add(asked)))
    }

    /// Keeps the evidence and ends the watch, unless it was told to go on since its version was read; then false.
    async fn conclude(&self, execution: &Execution, plan: &Plan, over: Over) -> bool {
        let Over { judgement, looks, version } = over;
        let id = EvidenceId::generate();
        let end =
            End::succeeded(json!({ "verdict": judgement.verdict, "evidence": id, "looks": looks.len() }));
        let evidence = Evidence { judgement: Some(judgement), looks };
        let kept = vec![
            Change::Advance(execution.id, version, Status::Running),
            Change::Evidence(id, plan.release, serde_json::to_value(evidence).unwrap_or_default()),
        ];
        loop {
            match self.try_settle(execution, &end, kept.clone()).await {
                Ok(started) => {
                    self.forget_cancel(execution.id);
                    started.into_iter().for_each(|it| self.go(it));
                    return true;
                }
                Err(StoreError::Changed { .. }) => match self.store().load_execution(execution.id).await {
                    Ok(now) if now.ended_at.is_some() => {
                        self.forget_cancel(execution.id);
                        return true;
                    }
                    Ok(now) if now.version != version => return false,
                    Ok(_) | Err(_) => tokio::time::sleep(RETRY).await,
                },
                Err(error) => {
                    tracing::error!(execution = %execution.id, %error, "the end of a watch could not be stored; trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Makes the watch that goes on for this release longer.
    pub async fn watch_longer(
        &self,
        release: &Release,
        leave: &Authorised,
        length: Length,
    ) -> Result<Longer, StoreError> {
        let tree = self.store().tree(release.execution, i64::MAX, TREE_MAX).await?;
        let going = tree.iter().rev().find(|it| it.runner == "watch" && it.ended_at.is_none());
        let Some(watching) = going else { return Ok(Longer::Nothing) };
        let input = serde_json::from_value::<Input>(Value::Object(watching.parameters.clone())).ok();
        let Some((plan, watch)) = input.and_then(|it| Some((it.plan.clone(), it.plan.watch?))) else {
            return Ok(Longer::Nothing);
        };
        if !leave.covers(Right::Extend, &Subject::of(&plan.build.app, &plan.target.environment)) {
            return Ok(Longer::Refused(Box::new(Refusal::WrongLeave { needed: Right::Extend })));
        }
        let told: Vec<Told> = self.store().flow_events(watching.id).await?;
        let wanted = self.longer(watching, &watch).await?.metrics.looks_wanted();
        let room = u32::try_from(LOOKS_MAX).unwrap_or(u32::MAX).saturating_sub(wanted);
        let looks = watch.looks_in(length.as_duration().unsigned_abs()).min(room);
        let seq = i64::try_from(told.len()).unwrap_or(i64::MAX).saturating_add(1);
        let event = serde_json::to_value(Told::Longer { looks }).unwrap_or_default();
        let entry = audit::Entry {
            actor: leave.person().to_string(),
            act: "extend",
            subject: format!("watch of #{}", plan.number),
            body: event.clone(),
        };
        let changes = vec![
            Change::Advance(watching.id, watching.version, Status::Running),
            Change::Tell(watching.id, seq, event),
            Change::Audit(entry),
        ];
        match self.commit(changes).await {
            Ok(()) => Ok(Longer::Watching(watch.length_of(looks))),
            Err(StoreError::Changed { .. }) => Ok(Longer::Nothing),
            Err(error) => Err(error),
        }
    }

    /// One look of the probe, small enough to keep.
    pub(super) async fn look(&self, watch: &Watch) -> Look {
        self.0.parts.probe.look(watch, self.now()).await.thinned()
    }

    /// The row of one of the engine's own kinds shows that it is at work. Harmless if it did so before a restart.
    pub(super) async fn show_running(&self, execution: &Execution) {
        let change = Change::Advance(execution.id, execution.version, Status::Running);
        if let Err(error) = self.commit(vec![change, Change::Redraw(card_subject(execution.root))]).await {
            tracing::debug!(execution = %execution.id, %error, "not shown as running");
        }
    }
}

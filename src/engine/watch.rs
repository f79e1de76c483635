//! The engine's kind `watch`: looks at a canary at intervals and judges. Each look is a row, so a restarted watch goes on
//! where it was; the evidence is kept with the verdict in one commit.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Engine, gate::Evidence, settle::End, start::card_subject};
use crate::{
    clock,
    id::{Digest, EvidenceId},
    release::{Plan, Watch},
    rollout::{Look, Verdict, judge},
    status::Status,
    store::{Change, StoreError, execution::Execution},
};

#[derive(Deserialize)]
struct Input {
    plan: Plan,
    digest: Digest,
}

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
        match self.watch_on(&execution, &watch).await {
            Ok(Some(looks)) => self.conclude(&execution, &input.plan, &watch, looks).await,
            Ok(None) => {}
            Err(error) => {
                let end = End::failed(format!("the watch could not be kept: {error}"));
                self.settle(&execution, end, Vec::new()).await;
            }
        }
    }

    /// Looks until there is a verdict; `None` if it was stopped or canceled.
    async fn watch_on(&self, execution: &Execution, watch: &Watch) -> Result<Option<Vec<Look>>, StoreError> {
        let cancel = self.cancel_token(execution.id);
        let mut looks: Vec<Look> = self.store().looks(execution.id).await?;
        let interval = Duration::from_millis(watch.interval_ms);
        loop {
            let over = looks.len() >= watch.metrics.looks_planned as usize;
            if over || (!looks.is_empty() && judge(&watch.metrics, &looks).verdict == Verdict::Fail) {
                return Ok(Some(looks));
            }
            tokio::select! {
                () = self.clock().sleep_until(clock::after(self.now(), interval)) => {}
                () = self.0.stop.cancelled() => return Ok(None),
                () = cancel.cancelled() => {
                    let end = End { status: Status::Canceled, result: json!({ "error": "canceled" }) };
                    self.settle(execution, end, Vec::new()).await;
                    return Ok(None);
                }
            }
            let look = self.look(watch).await;
            let seq = i64::try_from(looks.len()).unwrap_or(i64::MAX).saturating_add(1);
            self.store().record_look(execution.id, seq, &look, self.now()).await?;
            looks.push(look);
            self.commit(vec![Change::Redraw(card_subject(execution.root))]).await?;
        }
    }

    async fn conclude(&self, execution: &Execution, plan: &Plan, watch: &Watch, looks: Vec<Look>) {
        let judgement = judge(&watch.metrics, &looks);
        let id = EvidenceId::generate();
        let result = json!({ "verdict": judgement.verdict, "evidence": id, "looks": looks.len() });
        let evidence = Evidence { judgement: Some(judgement), looks };
        let kept = Change::Evidence(id, plan.release, serde_json::to_value(evidence).unwrap_or_default());
        self.settle(execution, End::succeeded(result), vec![kept]).await;
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

//! The canary while people decide: judged on at the pace of its watch, and measured longer on request. Every look is a
//! row, so that a restart forgets none and the judge goes on counting where it was.

use std::time::Duration;

use jiff::Timestamp;

use super::{Asked, Evidence, OpenGate, facts};
use crate::{
    clock,
    engine::Engine,
    gate::{Freeze, Gate, GateEvent, Refusal},
    id::{EvidenceId, GateId},
    identity::Authorised,
    release::Watch,
    rollout::{LOOKS_MAX, Look, Verdict, judge},
    store::{Change, StoreError},
};

/// Between two looks at the canary while nobody waits for them, at least.
const PACE_MIN: Duration = Duration::from_secs(2);

/// What came of the wish to measure longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Longer {
    /// The question is asked again after so long; the gate stays open longer too.
    Measuring(Duration),
    /// There is no canary to measure, or no room for more looks: the gate stays open longer.
    Open,
    /// No gate is open yet: the watch goes on for so long.
    Watching(Duration),
    /// Nothing of this release waits or is watched.
    Nothing,
    Refused(Box<Refusal>),
}

/// The looks that one waiting gate knows of.
pub(super) struct Measuring {
    looks: Vec<Look>,
    /// The evidence that they begin with.
    from: Option<EvidenceId>,
    looked_at: Timestamp,
    pace: Duration,
}

impl Measuring {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { looks: Vec::new(), from: None, looked_at: now, pace: PACE_MIN }
    }

    pub(super) fn pace(&self) -> Duration {
        self.pace
    }
}

impl Engine {
    /// One more look at the canary if it is time for one. A breach freezes the gate; with all the looks that were asked
    /// for, the question is asked again.
    pub(super) async fn measure_on(&self, id: GateId, measuring: &mut Measuring) -> Result<(), StoreError> {
        let row: OpenGate = self.store().load_gate(id).await?;
        let Asked { gate, plan, looks_wanted, .. } = &row.body;
        let watched = plan.watch.clone().filter(|_| gate.decision.is_none() && gate.worst < Verdict::Fail);
        let Some(watch) = watched.map(|it| it.over(gate.facts.artifact.clone())) else { return Ok(()) };
        let interval = Duration::from_millis(watch.interval_ms.max(1));
        measuring.pace = if looks_wanted.is_some() { interval } else { interval.max(PACE_MIN) };
        if clock::between(measuring.looked_at, self.now()) < measuring.pace {
            return Ok(());
        }
        measuring.looked_at = self.now();
        if measuring.from != Some(gate.facts.evidence) {
            measuring.looks = self.looks_at(&row).await?;
            measuring.from = Some(gate.facts.evidence);
        }
        let complete = |looks: &[Look]| looks_wanted.is_some_and(|it| it as usize <= looks.len());
        if measuring.looks.len() < LOOKS_MAX && !complete(&measuring.looks) {
            let look = self.look(&watch).await;
            let seq = i64::try_from(measuring.looks.len()).unwrap_or(i64::MAX).saturating_add(1);
            self.store().record_look(row.execution, seq, &look, self.now()).await?;
            measuring.looks.push(look);
        }
        // Missing data never stops a release by itself; only a breach does.
        if judge(&watch.metrics, &measuring.looks).verdict == Verdict::Fail {
            let event = GateEvent::Measured { verdict: Verdict::Fail, at: self.now() };
            return self.change(id, event, Vec::new()).await;
        }
        if let Some(name) = self.news_of_canary(gate, &watch).await {
            let event = GateEvent::Frozen { why: Freeze::Alarm { name }, at: self.now() };
            return self.change(id, event, Vec::new()).await;
        }
        if complete(&measuring.looks) {
            let looks = std::mem::take(&mut measuring.looks);
            measuring.from = None;
            self.ask_anew(&row, &watch, looks).await?;
        }
        Ok(())
    }

    /// What makes the sealed evidence one of something that runs no more: an alarm, if it was not rung yet. Voters who are
    /// shown that nothing could be measured know of it.
    async fn news_of_canary(&self, gate: &Gate, watch: &Watch) -> Option<String> {
        let rung = gate.freezes.iter().any(|it| match it {
            Freeze::Alarm { .. } => true,
            Freeze::Worsened { .. } | Freeze::Period { .. } | Freeze::Gone { .. } => false,
        });
        if rung || Verdict::Broken <= gate.verdict {
            return None;
        }
        self.0.parts.probe.stranger(watch).await
    }

    /// The sealed evidence's looks, and those that the gate took since.
    async fn looks_at(&self, row: &OpenGate) -> Result<Vec<Look>, StoreError> {
        let mut looks = self.store().evidence::<Evidence>(row.body.gate.facts.evidence).await?.looks;
        let sealed = i64::try_from(looks.len()).unwrap_or(i64::MAX);
        looks.extend(self.store().looks::<Look>(row.execution, sealed).await?);
        Ok(looks)
    }

    /// New evidence, a new seal, a new message; earlier votes are void.
    async fn ask_anew(&self, row: &OpenGate, watch: &Watch, looks: Vec<Look>) -> Result<(), StoreError> {
        let bundle = self.0.bundles.load(self.store(), &row.body.content).await?;
        let live = self.live();
        let gate = &row.body.gate;
        // Gone from the settings: nothing can be approved that way, and the next look tries again.
        let Ok(mut now) = facts::facts_now(&live, &bundle, &row.body) else { return Ok(()) };
        now.evidence = EvidenceId::generate();
        let wanted = u32::try_from(looks.len()).unwrap_or(u32::MAX);
        let judgement = judge(&watch.clone().with_looks(wanted).metrics, &looks);
        let event = GateEvent::Resealed {
            why: gate.facts.differences(&now),
            policy: Box::new(live.policy(&row.app, &row.environment)),
            involved: Box::new(gate.involved.clone()),
            verdict: judgement.verdict,
            shown: gate.shown,
            at: self.now(),
            facts: Box::new(now.clone()),
        };
        let evidence = Evidence { judgement: Some(judgement), looks };
        let kept = serde_json::to_value(evidence).unwrap_or_default();
        self.change(row.id, event, vec![Change::Evidence(now.evidence, row.release, kept)]).await
    }

    async fn change(&self, id: GateId, event: GateEvent, also: Vec<Change>) -> Result<(), StoreError> {
        let act = |it: &Gate| it.apply(event.clone()).map(|decided| (event.clone(), decided));
        if let Err(refusal) = self.transition_with(id, act, also).await? {
            tracing::info!(gate = %id, %refusal, "a measurement changed nothing");
        }
        Ok(())
    }

    /// Leaves the gate open longer and measures on for as long.
    pub async fn extend(
        &self,
        id: GateId,
        leave: &Authorised,
        length: crate::gate::Length,
    ) -> Result<Longer, StoreError> {
        let now = self.now();
        let row: OpenGate = self.store().load_gate(id).await?;
        let Asked { gate, plan, looks_wanted, .. } = &row.body;
        let measured = gate.worst < Verdict::Fail && gate.decision.is_none();
        let looks = match plan.watch.as_ref().filter(|_| measured) {
            Some(watch) => {
                // Whoever asks while it is being measured longer adds to that.
                let taken = self.looks_at(&row).await?.len().max(looks_wanted.unwrap_or(0) as usize);
                let room = LOOKS_MAX.saturating_sub(taken);
                let more = watch.looks_in(clock::between(now, length.after(now))).min(room as u32);
                (0 < more).then(|| (taken as u32 + more, watch.length_of(more)))
            }
            None => None,
        };
        let done = self
            .transition(id, |it| {
                let event = it.ask_extend(leave, length, looks.map(|(wanted, _)| wanted), now)?;
                it.apply(event.clone()).map(|decided| (event, decided))
            })
            .await?;
        Ok(match (done, looks) {
            (Err(refusal), _) => Longer::Refused(Box::new(refusal)),
            (Ok(_), Some((_, length))) => Longer::Measuring(length),
            (Ok(_), None) => Longer::Open,
        })
    }
}

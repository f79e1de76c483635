//! The engine's kind `gate`: asks whether a release may enter an environment, and ends with the answer.
//!
//! - [`facts`]: what the seal covers, found out from plan, inventory, policy and pinned content;
//! - [`transition`]: one event at one gate, with everything that follows, in one commit;
//! - [`precedence`]: which question stands when several releases ask;
//! - [`vote`]: the one door for answers; [`wait`]: what happens while people decide; [`measure`]: the canary, judged on
//!   meanwhile, and longer if somebody asks; [`reach`]: what a grant covers; [`involved`]: whose release it is.

mod facts;
mod involved;
mod measure;
mod precedence;
mod reach;
mod transition;
mod vote;
mod wait;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    gate::{Facts, Gate, Opening, Policy, Shown},
    id::{Account, Digest, EnvironmentName, EvidenceId, GateId, PersonName, Place},
    identity::Authorised,
    message::words::{self, execution::Commit},
    release::Plan,
    rollout::{Judgement, Look, Verdict},
    status::Status,
    store::{Change, StoreError, execution::Execution, gate::GateRow},
};

use super::{Engine, give_up::is_lost, settle::End, start::card_subject};
pub(super) use facts::facts_now;
pub use involved::involved;
pub use measure::Longer;
pub(super) use reach::changes_hosts;
pub use transition::gate_subject;
pub use vote::Voting;

/// What stands in a gate's row: the pure state, and the plan that an approval sets in motion.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    pub gate: Gate,
    pub plan: Plan,
    pub commits: Vec<Commit>,
    /// Where the question is asked.
    pub places: Vec<Place>,
    /// The pinned content of the waiting execution.
    pub content: Digest,
    /// Per seal, why the one before was void.
    #[serde(default)]
    pub voided: Vec<String>,
    /// Somebody asked to measure longer: with so many looks there is new evidence, and the question is asked again.
    #[serde(default)]
    pub looks_wanted: Option<u32>,
}

/// What voters are shown of the canary.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evidence {
    pub judgement: Option<Judgement>,
    pub looks: Vec<Look>,
}

/// Who asked, as a root's context keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asker {
    pub person: PersonName,
    pub account: Account,
}

/// The parameters of `release.gate`.
#[derive(Deserialize)]
struct Input {
    plan: Plan,
    digest: Digest,
    #[serde(default)]
    evidence: Option<EvidenceId>,
}

/// The evidence that a new gate seals.
struct Sealed {
    id: EvidenceId,
    verdict: Verdict,
    /// Looks that it was to hold.
    wanted: u32,
    /// Its row, where there was none.
    changes: Vec<Change>,
}

impl Engine {
    /// Opens the gate if it is not open yet, then waits with it until it is decided.
    pub(super) async fn ask(&self, execution: Execution) {
        let known = loop {
            match self.store().gate_for::<Asked>(execution.id).await {
                Ok(known) => break known,
                Err(error) if is_lost(&error) => {
                    return self.give_up(execution.root, &error.to_string()).await;
                }
                Err(error) => {
                    tracing::error!(execution = %execution.id, %error, "a gate could not be read; trying again");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        };
        let gate = match known {
            Some(row) => row.id,
            None => match self.open_gate(&execution).await {
                Ok(Some(gate)) => gate,
                Ok(None) => return,
                Err(end) => return self.settle(&execution, end, Vec::new()).await,
            },
        };
        self.wait_at_gate(&execution, gate).await;
    }

    /// Posts the question. `Ok(None)`: it was answered by its opening (nothing to ask, or the verdict failed).
    async fn open_gate(&self, execution: &Execution) -> Result<Option<GateId>, End> {
        let input: Input = serde_json::from_value(Value::Object(execution.parameters.clone()))
            .map_err(|error| End::failed(format!("release.gate: {error}")))?;
        let live = self.live();
        let mut plan = input.plan;
        if !live.is_guarded(&plan.target.environment, &plan.target.role) {
            self.settle(
                execution,
                End::succeeded(serde_json::json!({ "plan": plan, "decision": "not needed" })),
                Vec::new(),
            )
            .await;
            return Ok(None);
        }
        if !self.may_ask(execution, &plan).await? {
            return Ok(None);
        }
        let evidence =
            self.evidence_for(&plan, input.evidence).await.map_err(|error| End::failed(error.to_string()))?;
        plan.watch = plan.watch.map(|it| it.with_looks(evidence.wanted));
        let involved = involved(execution).map_err(|error| End::failed(error.to_string()))?;
        let bundle = self.bundle_or_end(execution).await?;
        let facts = facts::facts(&live, &bundle, &plan, &input.digest, &involved.requester, evidence.id)
            .map_err(|error| End::failed(error.to_string()))?;
        let policy = live.policy(&plan.build.app, &plan.target.environment);
        self.refuse_unmet(&policy, &facts, plan.number).await?;
        let opening = Opening {
            id: GateId::generate(),
            release: plan.release,
            execution: execution.root,
            facts,
            policy,
            involved,
            verdict: evidence.verdict,
            shown: Shown::Whole,
            at: self.now(),
        };
        let decided = Gate::open(opening);
        let asked = Asked {
            gate: decided.next.clone(),
            plan,
            commits: commits(execution),
            places: places(execution),
            content: execution.content.clone(),
            voided: Vec::new(),
            looks_wanted: None,
        };
        let row = transition::row(execution, &asked);
        let mut changes = evidence.changes;
        changes.push(Change::OpenGate(Box::new(row.clone())));
        changes.push(Change::Advance(execution.id, execution.version, Status::Pending));
        changes.push(Change::Redraw(card_subject(execution.root)));
        changes.extend(self.follow(&asked, &decided.effects));
        if let Err(error) = decided.next.could_open(&live.settings.people) {
            tracing::warn!(gate = %row.id, %error, "nobody could open this gate");
        }
        // It was canceled in this very moment: nobody is asked.
        if !self.commit_until_stored(changes).await {
            return Ok(None);
        }
        match decided.next.decision {
            None => Ok(Some(row.id)),
            Some(decision) => Err(transition::end(&decision, &asked)),
        }
    }

    /// The end of an execution whose artifact has not run where the policy wants it to have run before.
    async fn refuse_unmet(&self, policy: &Policy, facts: &Facts, number: i64) -> Result<(), End> {
        let unmet = self.unmet(policy, facts).await.map_err(|error| End::failed(error.to_string()))?;
        if unmet.is_empty() {
            return Ok(());
        }
        let mut end = End::failed(words::refusal::not_taken(number, &facts.environment, &unmet));
        // As after any other no, the workflow takes the canary back.
        end.result["decision"] = "refused".into();
        Err(end)
    }

    /// The environments that the policy wants this very artifact to have run in before, and that have not.
    pub(super) async fn unmet(
        &self,
        policy: &Policy,
        facts: &Facts,
    ) -> Result<Vec<EnvironmentName>, StoreError> {
        if policy.requires.is_empty() {
            return Ok(Vec::new());
        }
        Ok(policy.unmet(&self.store().environments_that_took(&facts.app, &facts.artifact).await?))
    }

    async fn bundle_or_end(
        &self,
        execution: &Execution,
    ) -> Result<std::sync::Arc<super::bundle::Bundle>, End> {
        self.bundle(execution).await.map_err(|error| End::failed(format!("pinned content is gone: {error}")))
    }

    /// The evidence that voters are shown, its verdict, and its row where there was none. An app without a canary has
    /// nothing measured and nothing to fail; one with a canary but without evidence is `insufficient`.
    async fn evidence_for(&self, plan: &Plan, id: Option<EvidenceId>) -> Result<Sealed, StoreError> {
        if let Some(id) = id {
            let judgement = self.store().evidence::<Evidence>(id).await?.judgement;
            let verdict = judgement.as_ref().map_or(Verdict::Insufficient, |it| it.verdict);
            let wanted = judgement.map_or(0, |it| it.looks_planned);
            return Ok(Sealed { id, verdict, wanted, changes: Vec::new() });
        }
        let id = EvidenceId::generate();
        let verdict = if plan.canary.is_some() { Verdict::Insufficient } else { Verdict::Pass };
        let nothing =
            serde_json::to_value(Evidence { judgement: None, looks: Vec::new() }).unwrap_or_default();
        Ok(Sealed { id, verdict, wanted: 0, changes: vec![Change::Evidence(id, plan.release, nothing)] })
    }

    /// Commits, however long the database is away; false if somebody else was first.
    pub(super) async fn commit_until_stored(&self, changes: Vec<Change>) -> bool {
        while let Err(error) = self.commit(changes.clone()).await {
            if let StoreError::Changed { .. } | StoreError::Exists { .. } = error {
                tracing::info!(%error, "committed by somebody else");
                return false;
            }
            tracing::error!(%error, "could not commit; trying again");
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        true
    }

    /// Changes that withdraw the gate of a visit which `leave` cancels.
    pub(super) async fn withdraw_gate(
        &self,
        visit: &Execution,
        leave: &Authorised,
    ) -> Result<Vec<Change>, StoreError> {
        let Some(row) = self.store().gate_for::<Asked>(visit.id).await? else { return Ok(Vec::new()) };
        let (by, account) = (leave.person().clone(), leave.account().clone());
        let event = crate::gate::GateEvent::Canceled { by, account, at: self.now() };
        match row.body.gate.apply(event.clone()) {
            Ok(decided) => Ok(self.changes(&row, &event, &decided)),
            Err(_) => Ok(Vec::new()),
        }
    }
}

/// The gate's row of a release's open gate.
pub type OpenGate = GateRow<Asked>;

/// Whether somebody of us asked for what this context is of; otherwise a push or a rule set it in motion.
pub(super) fn is_asked_by_person(context: &Map<String, Value>) -> bool {
    asker_of(context).is_some()
}

/// Who of us asked for what this context is of.
pub fn asker_of(context: &Map<String, Value>) -> Option<Asker> {
    context.get("asker").and_then(|it| serde_json::from_value(it.clone()).ok())
}

/// Where a root's card and its gates stand.
fn places(execution: &Execution) -> Vec<Place> {
    execution.context.get("places").and_then(|it| serde_json::from_value(it.clone()).ok()).unwrap_or_default()
}

fn commits(execution: &Execution) -> Vec<Commit> {
    execution
        .context
        .get("commits")
        .and_then(|it| serde_json::from_value(it.clone()).ok())
        .unwrap_or_default()
}

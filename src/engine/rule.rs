//! What rules need of the engine: the datastore as they read it, and what they gave an action kept as secret as it was.

use serde_json::{Map, Value, json};

use super::{Engine, Live, settle::End, veil::Veil};
use crate::{
    expression::DatastoreView,
    id::ExecutionId,
    rule::{Happened, Listens, Rule},
    secret::MASK,
    status::Status,
    store::{Change, StoreError, execution::Execution, inbox::Arrival},
};

/// Where a root's context keeps the rule that started it.
pub const BY_RULE: &str = "rule";
/// What the inbox calls the end of an execution that a rule started.
pub const RULE_END: &str = "rule_end";

/// What the subjects begin with of the messages that tell that a rule does not work.
pub fn trouble_of(rule: &str) -> String {
    format!("trouble:rule:{rule}:")
}

/// The rule that started this root, if one did.
pub fn rule_of(context: &Map<String, Value>) -> Option<&str> {
    context.get(BY_RULE)?.get("ref")?.as_str()
}

/// A trigger of ours without parameters, if an enabled rule listens to it.
fn heard(live: &Live, kind: &str) -> Option<Listens> {
    live.hears(kind).then(|| Listens { kind: kind.to_owned(), parameters: Map::new() })
}

/// The row that stands together with what happened to an execution.
fn happened(trigger: Listens, execution: &Execution, payload: Value) -> Change {
    let depth = execution.context.get(BY_RULE).and_then(|it| it.get("depth")?.as_u64());
    let depth = depth.and_then(|it| u32::try_from(it).ok()).unwrap_or_default();
    let (key, lane) = (format!("{}:{}", trigger.kind, execution.id), trigger.kind.clone());
    let happened = Happened { depth, ..Happened::new(trigger, payload) };
    let body = serde_json::to_value(happened).unwrap_or_default();
    Change::Arrive(Box::new(Arrival { key, source: Happened::SOURCE, lane, body }))
}

impl Engine {
    /// This moment of the datastore, if any of these rules may read it. A rule is nobody, and finds no `user` keys.
    ///
    /// # Errors
    /// The store's.
    pub async fn read_by<'r>(
        &self,
        rules: impl IntoIterator<Item = &'r Rule>,
    ) -> Result<DatastoreView, StoreError> {
        if rules.into_iter().any(Rule::reads_datastore) {
            self.moment(None).await
        } else {
            Ok(DatastoreView::default())
        }
    }

    /// What a root is given, with the secrets in it that were opened of the datastore sealed: it opens below this root
    /// alone, when an attempt needs it.
    pub fn sealed(
        &self,
        root: ExecutionId,
        given: Map<String, Value>,
        datastore: &DatastoreView,
    ) -> Map<String, Value> {
        let veil = Veil::new(self.keys().sealer().cloned(), self.0.opened.clone());
        veil.learn(&datastore.opened());
        match veil.seal(root, Value::Object(given)) {
            Value::Object(given) => given,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Map::new()
            }
        }
    }

    /// A text without what was opened of secrets.
    pub fn covered(&self, text: &str) -> String {
        self.0.opened.masker().mask(text).into_owned()
    }

    /// That an execution ended, if a rule listens.
    pub(super) fn action_ends(&self, execution: &Execution, end: &End) -> Option<Change> {
        let live = self.live();
        let trigger = heard(&live, "core.st2.generic.actiontrigger")?;
        let action = live.bundle.action(&execution.action);
        let is_secret = |name: &str| action.is_some_and(|it| it.secrets().any(|it| it == name));
        let shown = |(name, value): (&String, &Value)| {
            (name.clone(), if is_secret(name) { MASK.into() } else { value.clone() })
        };
        let parameters: Map<String, Value> = execution.parameters.iter().map(shown).collect();
        let payload = json!({
            "execution_id": execution.id,
            "status": end.status,
            "start_timestamp": execution.created_at.strftime("%F %T+00:00").to_string(),
            // As there, both are the same.
            "action_name": execution.action,
            "action_ref": execution.action,
            "runner_ref": execution.runner,
            "parameters": parameters,
            "result": end.result,
        });
        Some(happened(trigger, execution, payload))
    }

    /// That an execution asks people something, if a rule listens.
    pub(super) fn inquiry_asks(&self, execution: &Execution, route: &str) -> Option<Change> {
        let live = self.live();
        let trigger = heard(&live, "core.st2.generic.inquiry")?;
        Some(happened(trigger, execution, json!({ "id": execution.id, "route": route })))
    }

    /// What the bot has to hear of the end of a root that a rule started: that it failed, or that it does not any more.
    pub(super) async fn rule_ends(&self, root: &Execution, end: &End) -> Result<Option<Change>, StoreError> {
        let Some(rule) = rule_of(&root.context) else { return Ok(None) };
        let failed =
            matches!(end.status, Status::Failed | Status::Timeout | Status::Abandoned | Status::Unknown);
        if !failed
            && (end.status != Status::Succeeded || !self.store().is_in_trouble(&trouble_of(rule)).await?)
        {
            return Ok(None);
        }
        Ok(Some(Change::Arrive(Box::new(Arrival {
            key: format!("{RULE_END}:{}", root.id),
            source: RULE_END,
            lane: format!("{RULE_END}:{rule}"),
            body: json!({ "execution": root.id, "rule": rule, "failed": failed }),
        }))))
    }
}

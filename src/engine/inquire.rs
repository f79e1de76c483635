//! The engine's kind `inquirer`: asks people a question and holds its workflow until somebody answers
//! (<https://docs.stackstorm.com/inquiries.html>). Unlike a gate it gives no permission.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::OwnedMutexGuard;

use super::{
    Engine,
    flow::{self, Flow},
    perform::Postponed,
    settle::{End, RETRY},
    start::card_subject,
};
use crate::{
    clock,
    id::{ExecutionId, GroupName, PersonName, Place},
    identity::Authorised,
    status::Status,
    store::{
        Change, StoreError, audit,
        execution::{Execution, Visit},
        outbox::{Priority, Wanted},
    },
};

/// What is asked, as the action's parameters say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Inquiry {
    pub schema: Value,
    /// Groups; with `users` too, somebody has to be in both. Both empty: everyone we know.
    pub roles: Vec<GroupName>,
    pub users: Vec<PersonName>,
    pub route: String,
    /// Minutes.
    pub ttl: u64,
}

impl Inquiry {
    /// What is wanted and must not be kept or shown (`secret: true` in the schema).
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let properties = self.schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let secret = properties.filter(|(_, it)| it.get("secret").and_then(Value::as_bool) == Some(true));
        secret.map(|(name, _)| name.as_str())
    }

    /// Why a response does not fit; `None` if it does.
    pub fn unfit(&self, response: &Map<String, Value>) -> Option<String> {
        unfit(&self.schema, response)
    }
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    Taken,
    /// It was answered, or too late, or never asked.
    NotOpen,
    NotYours,
    /// The answer does not fit the schema.
    Unfit {
        why: String,
    },
    /// What asked cannot go on under this bot's key.
    Shut {
        why: String,
    },
}

/// The outbox subject of a question.
pub fn inquiry_subject(id: ExecutionId) -> String {
    format!("inquiry:{id}")
}

impl Engine {
    /// Asks, and waits until it is answered or too late.
    pub(super) async fn inquire(&self, execution: Execution) {
        let inquiry = match self.inquiry(&execution).await {
            Ok(Ok(inquiry)) => inquiry,
            Ok(Err(why)) => return self.settle(&execution, End::failed(why), Vec::new()).await,
            Err(Postponed) => return,
        };
        if execution.status != Status::Pending {
            let Some((mut asked, held)) = self.ask_inquiry(&execution).await else { return };
            asked.extend(self.inquiry_asks(&execution, &inquiry.route));
            if !self.commit_until_stored(asked).await
                && let Some(mut flow) = held
            {
                // It was told what no row says.
                flow.stale = true;
            }
        }
        let late = clock::after(execution.created_at, Duration::from_secs(inquiry.ttl.max(1) * 60));
        let cancel = self.cancel_token(execution.id);
        tokio::select! {
            () = self.clock().sleep_until(late) => {
                let result = json!({ "error": "nobody answered in time" });
                let redraw = vec![Change::Redraw(inquiry_subject(execution.id))];
                self.settle(&execution, End { status: Status::Timeout, result }, redraw).await;
            }
            () = cancel.cancelled() => {}
            () = self.0.stop.cancelled() => {}
        }
    }

    /// The question of an execution; why nobody can be asked it, where its parameters cannot be worked out: then it is
    /// nobody's to answer.
    async fn inquiry(&self, execution: &Execution) -> Result<Result<Inquiry, String>, Postponed> {
        let given = execution.parameters.clone();
        let bundle = match self.bundle(execution).await {
            Ok(bundle) => bundle,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let values = match bundle.action(&execution.action) {
            Some(action) => match self.bound(execution, action, given).await? {
                Ok(bound) => bound.values,
                Err(why) => return Ok(Err(why)),
            },
            None => given,
        };
        let asked = serde_json::from_value(Value::Object(values));
        Ok(asked.map_err(|error| format!("{}: {error}", execution.action)))
    }

    /// The question of an execution that asks one.
    pub async fn asked(&self, execution: &Execution) -> Option<Inquiry> {
        self.inquiry(execution).await.ok()?.ok()
    }

    /// The row, the workflow that is held, and the question in every place, at once, with the workflow, locked until that
    /// is stored; `None`: the bot ends before it knows.
    async fn ask_inquiry(
        &self,
        execution: &Execution,
    ) -> Option<(Vec<Change>, Option<OwnedMutexGuard<Flow>>)> {
        let mut changes = vec![Change::Advance(execution.id, execution.version, Status::Pending)];
        let mut held = None;
        if let Some(visit) = &execution.visit {
            let (told, flow) = self.hold_parent(visit).await?;
            changes.extend(told);
            held = Some(flow);
        }
        let places: Option<Vec<Place>> =
            execution.context.get("places").and_then(|it| serde_json::from_value(it.clone()).ok());
        changes.extend(places.unwrap_or_default().into_iter().map(|place| {
            Change::Want(Box::new(Wanted {
                subject: inquiry_subject(execution.id),
                place,
                body: json!({ "inquiry": execution.id }),
                priority: Priority::Now,
            }))
        }));
        changes.push(Change::Redraw(card_subject(execution.root)));
        Some((changes, held))
    }

    /// A workflow that is not told would start what only follows an answer.
    async fn hold_parent(&self, visit: &Visit) -> Option<(Vec<Change>, OwnedMutexGuard<Flow>)> {
        loop {
            let told = async {
                let mut flow = self.flow(visit.parent).await?;
                let host = self.host_values(flow.reader.clone()).await?;
                let told = flow.tell(flow::report(visit, Status::Pending, &Value::Null), host);
                Ok((told.map(|it| it.changes).unwrap_or_default(), flow))
            };
            match told.await {
                Ok(told) => return Some(told),
                Err::<_, StoreError>(error) => {
                    tracing::error!(workflow = %visit.parent, %error, "a workflow could not be held; trying again");
                    tokio::select! {
                        () = tokio::time::sleep(RETRY) => {}
                        () = self.0.stop.cancelled() => return None,
                    }
                }
            }
        }
    }

    /// Answers a question.
    pub async fn answer_inquiry(
        &self,
        id: ExecutionId,
        by: &Authorised,
        response: Map<String, Value>,
    ) -> Result<Answered, StoreError> {
        let Some(execution) = self.store().find_execution(id).await? else { return Ok(Answered::NotOpen) };
        if execution.runner != "inquirer" || execution.status != Status::Pending {
            return Ok(Answered::NotOpen);
        }
        let Some(inquiry) = self.asked(&execution).await else { return Ok(Answered::NotOpen) };
        if !self.may_answer(&inquiry, by.person()) {
            return Ok(Answered::NotYours);
        }
        if let Some(why) = inquiry.unfit(&response) {
            return Ok(Answered::Unfit { why });
        }
        if let Some(visit) = &execution.visit
            && let Err(StoreError::CalledOff { why }) = self.flow(visit.parent).await
        {
            return Ok(Answered::Shut { why });
        }
        let entry = audit::Entry {
            actor: by.person().to_string(),
            act: "answer",
            subject: format!("inquiry {id}"),
            body: Value::Object(response.clone()),
        };
        let also = vec![Change::Audit(entry), Change::Redraw(inquiry_subject(id))];
        self.settle(&execution, End::succeeded(json!({ "response": response, "by": by.person() })), also)
            .await;
        Ok(Answered::Taken)
    }

    fn may_answer(&self, inquiry: &Inquiry, person: &PersonName) -> bool {
        let live = self.live();
        let in_role = live.settings.people.by_name(person).is_some_and(|it| it.is_in_any(&inquiry.roles));
        (inquiry.roles.is_empty() || in_role) && (inquiry.users.is_empty() || inquiry.users.contains(person))
    }
}

/// Characters of somebody's word that a sentence of ours says back.
const NAME_MAX: usize = 60;

/// Why a response does not fit: required members and their types, booleans being StackStorm's way to say `required`.
fn unfit(schema: &Value, response: &Map<String, Value>) -> Option<String> {
    let properties = schema.get("properties").and_then(Value::as_object)?;
    for (name, property) in properties {
        let required = property.get("required").and_then(Value::as_bool).unwrap_or(false);
        match response.get(name) {
            None | Some(Value::Null) if required => return Some(format!("`{name}` is missing")),
            None | Some(Value::Null) => {}
            Some(value) => {
                let wanted = property.get("type").and_then(Value::as_str).unwrap_or_default();
                if !fits(wanted, value) {
                    return Some(format!("`{name}` has to be of type {wanted}"));
                }
            }
        }
    }
    let unknown = response.keys().find(|name| !properties.contains_key(*name))?;
    let shown: String = unknown.chars().take(NAME_MAX).collect();
    let more = if shown.len() < unknown.len() { "…" } else { "" };
    Some(format!("`{shown}{more}` was not asked for"))
}

fn fits(wanted: &str, value: &Value) -> bool {
    match wanted {
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_response_has_what_is_required_of_its_type_and_nothing_else() {
        let schema = json!({"properties": {"continue": {"type": "boolean", "required": true}, "why": {"type": "string"}}});
        assert_eq!(unfit(&schema, &object(json!({"continue": true}))), None);
        assert_eq!(unfit(&schema, &object(json!({"why": "x"}))).as_deref(), Some("`continue` is missing"));
        let wrong = unfit(&schema, &object(json!({"continue": "yes"})));
        assert_eq!(wrong.as_deref(), Some("`continue` has to be of type boolean"));
        let long = unfit(&schema, &object(json!({"continue": true, ("x".repeat(500)): 1})));
        assert_eq!(long, Some(format!("`{}…` was not asked for", "x".repeat(60))));
        let unknown = unfit(&schema, &object(json!({"continue": true, "x": 1})));
        assert_eq!(unknown.as_deref(), Some("`x` was not asked for"));
    }
}

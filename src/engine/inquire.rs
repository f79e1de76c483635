//! The engine's kind `inquirer`: asks people a question and holds its workflow until somebody answers
//! (<https://docs.stackstorm.com/inquiries.html>). Unlike a gate it gives no permission.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Engine, flow, settle::End, start::card_subject};
use crate::{
    clock,
    id::{ExecutionId, GroupName, PersonName, Place},
    identity::Authorised,
    status::Status,
    store::{
        Change, StoreError, audit,
        execution::Execution,
        outbox::{Priority, Wanted},
    },
    workflow::Event,
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
}

/// The outbox subject of a question.
pub fn inquiry_subject(id: ExecutionId) -> String {
    format!("inquiry:{id}")
}

impl Engine {
    /// Asks, and waits until it is answered or too late.
    pub(super) async fn inquire(&self, execution: Execution) {
        let inquiry = self.inquiry(&execution).await;
        if execution.status != Status::Pending {
            let asked = self.ask_inquiry(&execution).await;
            if !self.commit_until_stored(asked).await
                && let Some(visit) = &execution.visit
            {
                // It was told what no row says.
                self.0.flows.forget(visit.parent);
            }
        }
        let late = clock::after(execution.created_at, Duration::from_secs(inquiry.ttl.max(1) * 60));
        let cancel = self.cancel_token(execution.id);
        tokio::select! {
            () = self.clock().sleep_until(late) => {
                let result = json!({ "error": "nobody answered in time" });
                self.settle(&execution, End { status: Status::Timeout, result }, Vec::new()).await;
            }
            () = cancel.cancelled() => {}
            () = self.0.stop.cancelled() => {}
        }
    }

    /// The question of an execution.
    pub async fn inquiry(&self, execution: &Execution) -> Inquiry {
        let given = execution.parameters.clone();
        let action = self.bundle(execution).await.ok().and_then(|it| it.action(&execution.action).cloned());
        let bound = action.and_then(|it| it.bind(given.clone()).ok()).map_or(given, |it| it.values);
        serde_json::from_value(Value::Object(bound)).unwrap_or_default()
    }

    /// The row, the workflow that is held, and the question in every place, at once.
    async fn ask_inquiry(&self, execution: &Execution) -> Vec<Change> {
        let mut changes = vec![Change::Advance(execution.id, execution.version, Status::Pending)];
        if let Some(visit) = &execution.visit
            && let Ok(mut flow) = self.flow(visit.parent).await
            && let Ok(advance) =
                flow.tell(flow::report(visit, Status::Pending, &Value::Null), self.host_values())
        {
            changes.extend(advance.changes);
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
        changes
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
        let inquiry = self.inquiry(&execution).await;
        if !self.may_answer(&inquiry, by.person()) {
            return Ok(Answered::NotYours);
        }
        if let Some(why) = unfit(&inquiry.schema, &response) {
            return Ok(Answered::Unfit { why });
        }
        let entry = audit::Entry {
            actor: by.person().to_string(),
            act: "answer",
            subject: format!("inquiry {id}"),
            body: Value::Object(response.clone()),
        };
        let mut also = vec![Change::Audit(entry), Change::Redraw(inquiry_subject(id))];
        also.extend(self.resume_parent(&execution).await?);
        self.settle(&execution, End::succeeded(json!({ "response": response, "by": by.person() })), also)
            .await;
        Ok(Answered::Taken)
    }

    /// The workflow goes on before the answer is told: orquesta takes no news of a task while it is paused.
    async fn resume_parent(&self, execution: &Execution) -> Result<Vec<Change>, StoreError> {
        let Some(visit) = &execution.visit else { return Ok(Vec::new()) };
        let mut flow = self.flow(visit.parent).await?;
        let resume = vec![Event::StatusRequested(crate::workflow::Status::Resuming)];
        Ok(flow.tell(resume, self.host_values()).map(|it| it.changes).unwrap_or_default())
    }

    fn may_answer(&self, inquiry: &Inquiry, person: &PersonName) -> bool {
        let live = self.live();
        let in_role = live.settings.people.by_name(person).is_some_and(|it| it.is_in_any(&inquiry.roles));
        (inquiry.roles.is_empty() || in_role) && (inquiry.users.is_empty() || inquiry.users.contains(person))
    }
}

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
    Some(format!("`{unknown}` was not asked for"))
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
        let unknown = unfit(&schema, &object(json!({"continue": true, "x": 1})));
        assert_eq!(unknown.as_deref(), Some("`x` was not asked for"));
    }
}

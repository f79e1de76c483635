use serde_json::{Map, Value, json};

use super::{Compat, CurrentTask, HostValues, Scope, TaskLedger, evaluate};

/// Keys of a context that are no variables.
const RESERVED: [&str; 4] = ["__current_task", "__current_item", "__state", "__host"];

/// Answers a list of `{"expr", "context"}` with a list of `{"value"}` or `{"error"}` of the same length and order.
///
/// The context's reserved keys carry the rest of the state: `__current_task` `{id, route, result}`, `__current_item`,
/// `__state` `{tasks, sequence, routes}` as orquesta keeps it. Always [`Compat::Exact`].
pub fn evaluate_batch(input: Value) -> Value {
    let Value::Array(cases) = input else { return json!([]) };
    cases.iter().map(answer).collect()
}

fn answer(case: &Value) -> Value {
    let empty = Map::new();
    let all = case.get("context").and_then(Value::as_object).unwrap_or(&empty);
    let context: Map<String, Value> = all
        .iter()
        .filter(|(name, _)| !RESERVED.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let host = HostValues::default();
    let ledger = all.get("__state").map(StateLedger);
    let task = all.get("__current_task").and_then(Value::as_object).filter(|it| !it.is_empty());
    let task = task.map(|task| CurrentTask {
        id: task.get("id").and_then(Value::as_str).unwrap_or_default(),
        route: task.get("route").and_then(Value::as_u64).unwrap_or(0),
        result: task.get("result").unwrap_or(&Value::Null),
    });
    let scope = Scope {
        context: &context,
        task,
        item: all.get("__current_item"),
        state: ledger.as_ref().map(|it| it as &dyn TaskLedger),
        host: &host,
    };
    match evaluate(case.get("expr").unwrap_or(&Value::Null), &scope, Compat::Exact) {
        Ok(value) => json!({ "value": value }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// orquesta's own state: `tasks` points into `sequence`, `routes` lists the transitions each route came by.
struct StateLedger<'a>(&'a Value);

impl StateLedger<'_> {
    fn entry(&self, task: &str, route: u64) -> Option<&Value> {
        let pointer = self.0.get("tasks")?.get(format!("{task}__r{route}"));
        if let Some(at) = pointer.and_then(Value::as_u64) {
            return self.0.get("sequence")?.get(usize::try_from(at).ok()?);
        }
        // A task from before a split is found on the latest route that this one descends from.
        let routes = self.0.get("routes")?.as_array()?;
        let here = routes.get(usize::try_from(route).ok()?)?.as_array()?;
        let earlier = (0..route).rev().find(|at| {
            let steps = usize::try_from(*at).ok().and_then(|at| routes.get(at)).and_then(Value::as_array);
            steps.is_some_and(|steps| steps.iter().all(|step| here.contains(step)))
        })?;
        self.entry(task, earlier)
    }
}

impl TaskLedger for StateLedger<'_> {
    fn status(&self, task: &str, route: Option<u64>) -> Option<String> {
        Some(self.entry(task, route.unwrap_or(0))?.get("status")?.as_str()?.to_owned())
    }

    fn record(&self, task: &str, route: Option<u64>) -> Option<Value> {
        let entry = self.entry(task, route.unwrap_or(0))?;
        Some(json!({
            "task_execution_id": null,
            "workflow_execution_id": null,
            "task_name": task,
            "task_id": task,
            "route": entry.get("route"),
            "result": entry.get("result"),
            "status": entry.get("status"),
            "start_timestamp": null,
            "end_timestamp": null,
        }))
    }
}

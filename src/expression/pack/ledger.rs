//! Questions to the scope, with orquesta's own error texts (`orquesta/expressions/functions`).

use serde_json::Value;

use crate::expression::yaql::fault::Fault;
use crate::expression::{CurrentTask, Scope};

pub(in crate::expression) const COMPLETED: [&str; 5] =
    ["succeeded", "failed", "timeout", "abandoned", "canceled"];

/// The status of a task nobody has seen.
const UNSET: &str = "null";

pub(in crate::expression) fn current<'a>(scope: &Scope<'a>) -> Result<CurrentTask<'a>, Fault> {
    scope.task.ok_or_else(no_current_task)
}

pub(in crate::expression) fn no_current_task() -> Fault {
    Fault::evaluation("The current task is not set in the context.")
}

fn route_or_current(scope: &Scope<'_>, route: Option<u64>) -> u64 {
    route.or(scope.task.map(|task| task.route)).unwrap_or(0)
}

pub(in crate::expression) fn status(scope: &Scope<'_>, task: &str, route: Option<u64>) -> String {
    let route = route_or_current(scope, route);
    scope.state.and_then(|state| state.status(task, Some(route))).unwrap_or_else(|| UNSET.to_owned())
}

pub(in crate::expression) fn record(
    scope: &Scope<'_>,
    task: Option<&str>,
    route: Option<u64>,
) -> Result<Value, Fault> {
    let route = route_or_current(scope, route);
    let task = match task {
        Some(task) => task,
        None => scope.task.map(|it| it.id).ok_or_else(|| Fault::new("KeyError", "'id'"))?,
    };
    scope
        .state
        .and_then(|state| state.record(task, Some(route)))
        .ok_or_else(|| Fault::evaluation(format!("Unable to find task execution for \"{task}\".")))
}

pub(in crate::expression) fn variable_in<'a>(
    context: &'a serde_json::Map<String, Value>,
    name: &str,
) -> Result<&'a Value, Fault> {
    let Some(value) = context.get(name) else {
        return Err(Fault::new("VariableUndefinedError", format!("The variable \"{name}\" is undefined.")));
    };
    if name.starts_with("__") {
        return Err(Fault::new(
            "VariableInaccessibleError",
            format!("The variable \"{name}\" is for internal use and inaccessible."),
        ));
    }
    Ok(value)
}

pub(in crate::expression) fn no_such_item(key: &str) -> Fault {
    Fault::evaluation(format!("Item does not have key \"{key}\"."))
}

pub(in crate::expression) fn item_is_no_map() -> Fault {
    Fault::evaluation("Item is not type of collections.abc.Mapping.")
}

pub(in crate::expression) fn no_such_key(key: &str) -> Fault {
    Fault::evaluation(format!("The key \"{key}\" does not exist in the StackStorm datastore."))
}

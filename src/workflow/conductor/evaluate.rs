use serde_json::{Map, Value, json};

use crate::expression::{CurrentTask, ExpressionError, HostValues, Scope, TaskLedger, evaluate};

use super::Conductor;

/// What the expressions of a task may ask about other tasks.
struct Ledger<'a> {
    conductor: &'a Conductor,
    /// The route that a question without one means.
    route: u32,
}

impl TaskLedger for Ledger<'_> {
    fn status(&self, task: &str, route: Option<u64>) -> Option<String> {
        let visit = self.conductor.visit_seen_from(task, self.route_or_own(route)?)?;
        self.conductor.sequence.get(visit).status.map(|status| status.to_string())
    }

    fn record(&self, task: &str, route: Option<u64>) -> Option<Value> {
        let visit = self.conductor.visit_seen_from(task, self.route_or_own(route)?)?;
        let entry = self.conductor.sequence.get(visit);
        Some(json!({
            "task_execution_id": visit.to_string(),
            "workflow_execution_id": null,
            "task_name": task,
            "task_id": task,
            "route": entry.route,
            "result": entry.result,
            "status": entry.status,
            "start_timestamp": entry.started,
            "end_timestamp": entry.ended,
        }))
    }
}

impl Ledger<'_> {
    fn route_or_own(&self, route: Option<u64>) -> Option<u32> {
        route.map_or(Some(self.route), |route| u32::try_from(route).ok())
    }
}

impl Conductor {
    /// Evaluates something that belongs to no task.
    pub(super) fn evaluate_outside(
        &self,
        value: &Value,
        context: &Map<String, Value>,
        host: &HostValues,
    ) -> Result<Value, ExpressionError> {
        self.evaluate(value, context, None, None, host)
    }

    /// Evaluates something of a task.
    pub(super) fn evaluate(
        &self,
        value: &Value,
        context: &Map<String, Value>,
        task: Option<CurrentTask>,
        item: Option<&Value>,
        host: &HostValues,
    ) -> Result<Value, ExpressionError> {
        let route = task.map_or(0, |task| u32::try_from(task.route).unwrap_or(0));
        let ledger = Ledger { conductor: self, route };
        evaluate(value, &Scope { context, task, item, state: Some(&ledger), host }, self.compat)
    }

    /// The latest visit of a task on a route or, when it has none there, on the nearest one that the route split off.
    fn visit_seen_from(&self, task: &str, mut route: u32) -> Option<u32> {
        let node = self.spec.graph.find(task)?;
        loop {
            if let Some(visit) = self.sequence.latest(node, route) {
                return Some(visit);
            }
            let own = self.routes.get(route as usize)?;
            let earlier = &self.routes[..route as usize];
            let ancestor = earlier.iter().rposition(|steps| steps.iter().all(|step| own.contains(step)))?;
            route = ancestor as u32;
        }
    }
}

/// Whether Python takes a value for true.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// A whole number as Python's `int` has it: true and false count, fractions do not.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Number(number) => number.as_i64(),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

use serde_json::{Map, Value, json};

use super::{Compat, HostValues, Scope, evaluate};

/// Answers a list of `{"expr", "context"}` with a list of `{"value"}` or `{"error"}`.
pub fn evaluate_batch(input: Value) -> Value {
    let host = HostValues::default();
    let empty = Map::new();
    let Value::Array(cases) = input else { return Value::Array(Vec::new()) };
    let answer = |case: &Value| {
        let context = case.get("context").and_then(Value::as_object).unwrap_or(&empty);
        let scope = Scope { context, task: None, item: None, state: None, host: &host };
        match evaluate(case.get("expr").unwrap_or(&Value::Null), &scope, Compat::Exact) {
            Ok(value) => json!({ "value": value }),
            Err(error) => json!({ "error": error.to_string() }),
        }
    };
    cases.iter().map(answer).collect()
}

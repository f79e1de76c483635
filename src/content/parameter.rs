use serde_json::{Map, Value};

use super::{Parameter, ParameterKind};

/// A parameter of its JSON schema. Members of the wrong type count as absent: the loader has complained by then.
pub(super) fn parameter(schema: Map<String, Value>) -> Parameter {
    let flag = |name: &str| schema.get(name).and_then(Value::as_bool).unwrap_or(false);
    Parameter {
        kind: schema.get("type").and_then(Value::as_str).and_then(ParameterKind::parse),
        // The list form of draft 4 says which members of an object are required, which is not ours.
        required: flag("required"),
        default: schema.get("default").cloned().filter(|it| !it.is_null()),
        immutable: flag("immutable"),
        secret: flag("secret"),
        position: schema.get("position").and_then(Value::as_i64),
        choices: schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
        description: schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        of_runner: false,
        schema: Value::Object(schema),
    }
}

/// A runner's parameter as an action changes it: the action's words win, but what the runner made immutable stays so.
pub(super) fn overridden(base: &Parameter, changes: &Map<String, Value>) -> Parameter {
    let mut schema = base.schema.as_object().cloned().unwrap_or_default();
    for (key, value) in changes {
        schema.insert(key.clone(), value.clone());
    }
    let immutable = base.immutable || changes.get("immutable").and_then(Value::as_bool).unwrap_or(false);
    Parameter { immutable, of_runner: true, ..parameter(schema) }
}

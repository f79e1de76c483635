use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Finding;
use super::schema::violations;

/// `x, y in <expression>` or the expression alone (`ItemizedSpec._items_regex`).
const ITEMS: &str =
    r"^(\s+)?({{.*?}}|<%.*?%>)(\s+)?$|^(\s+)?((\w+,\s?|\s+)+)?(\w+)\s+in\s+({{.*?}}|<%.*?%>)(\s+)?$";

/// The grammar of a workflow (`orquesta/specs/native/v1/models.py`, `specs/types.py`).
static WORKFLOW: LazyLock<Value> = LazyLock::new(|| {
    let text = json!({ "type": "string", "minLength": 1 });
    let number = json!({ "type": "integer", "minimum": 0 });
    let text_or_number = json!({ "oneOf": [text, number] });
    let names = json!({ "type": "array", "items": text, "uniqueItems": true, "minItems": 1 });
    let one_key = json!({ "type": "object", "minProperties": 1, "maxProperties": 1 });
    let entries = json!({ "type": "array", "items": one_key, "uniqueItems": true, "minItems": 1 });
    let inputs =
        json!({ "type": "array", "items": { "oneOf": [text, one_key] }, "uniqueItems": true, "minItems": 1 });
    let transition = json!({
        "type": "object",
        "properties": {
            "when": text,
            "publish": { "oneOf": [text, entries] },
            "do": { "oneOf": [text, names] },
        },
        "additionalProperties": false,
    });
    let items = json!({
        "type": "object",
        "properties": {
            "items": { "type": "string", "minLength": 1, "pattern": ITEMS },
            "concurrency": text_or_number,
        },
        "additionalProperties": false,
    });
    let retry = json!({
        "type": "object",
        "properties": { "when": text, "count": text_or_number, "delay": text_or_number },
        "required": ["count"],
        "additionalProperties": false,
    });
    let task = json!({
        "type": "object",
        "properties": {
            "delay": text_or_number,
            "join": { "oneOf": [{ "enum": ["all"] }, number] },
            "with": items,
            "action": text,
            "input": { "oneOf": [text, { "type": "object", "minProperties": 1 }] },
            "retry": retry,
            "next": { "type": "array", "items": transition },
        },
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": {
            "vars": entries,
            "input": inputs,
            "output": entries,
            "tasks": { "type": "object", "minProperties": 1, "patternProperties": { "^\\w+$": task } },
            "name": text,
            "version": { "enum": ["1.0", 1.0] },
            "description": text,
            "tags": names,
        },
        "required": ["tasks"],
        "additionalProperties": false,
    })
});

/// Whether the file has the shape of a workflow.
pub(super) fn check_syntax(value: &Value) -> Vec<Finding> {
    violations(&without_shorthand(value), &WORKFLOW)
}

/// `with: <% … %>` stands for `with: {items: <% … %>}`; the schema knows the long form only. Python takes `1` for `1.0`.
fn without_shorthand(value: &Value) -> Value {
    let mut value = value.clone();
    for task in
        value.get_mut("tasks").and_then(Value::as_object_mut).into_iter().flat_map(|tasks| tasks.values_mut())
    {
        if let Some(with) = task.get_mut("with")
            && with.is_string()
        {
            *with = json!({ "items": with });
        }
    }
    if value.get("version") == Some(&json!(1)) {
        value["version"] = json!(1.0);
    }
    value
}

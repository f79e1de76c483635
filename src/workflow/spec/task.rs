use serde_json::Value;

use super::inline::inline_parameters;

/// One node of a workflow as it is written, shorthands resolved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskSpec {
    /// Null when the task does nothing but pass on.
    pub(crate) action: Value,
    pub(crate) input: Value,
    pub(crate) items: Option<ItemsSpec>,
    /// Seconds or an expression for them; null and 0 mean none.
    pub(crate) delay: Value,
    pub(crate) join: Option<Join>,
    pub(crate) retry: Option<RetrySpec>,
    pub(crate) next: Vec<TransitionSpec>,
}

/// `with: {items, concurrency}`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ItemsSpec {
    /// The expression for the list, without the names before it.
    pub(crate) expression: String,
    /// The names of `a, b in <% … %>`; `None` when the element is passed bare.
    pub(crate) names: Option<Vec<String>>,
    pub(crate) concurrency: Value,
}

/// How many inbound tasks a join waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    All,
    Count(u64),
}

/// When and how often a task is tried again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RetrySpec {
    pub(crate) when: Option<String>,
    pub(crate) count: Value,
    /// `None`: the key is not there, as in the retry that `do: retry` stands for.
    pub(crate) delay: Option<Value>,
}

/// One entry of `next`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TransitionSpec {
    pub(crate) when: Option<String>,
    pub(crate) publish: Vec<(String, Value)>,
    pub(crate) targets: Vec<String>,
}

impl TaskSpec {
    /// Reads a task; what has the wrong type is left out, the syntax check names it.
    pub(crate) fn read(value: &Value) -> Self {
        let field = |name: &str| value.get(name).cloned().unwrap_or(Value::Null);
        let (action, input) = action_and_input(field("action"), field("input"));
        Self {
            action,
            input,
            items: value.get("with").and_then(ItemsSpec::read),
            delay: field("delay"),
            join: match value.get("join") {
                Some(Value::String(word)) if word == "all" => Some(Join::All),
                Some(number) => number.as_u64().map(Join::Count),
                None => None,
            },
            retry: value.get("retry").and_then(RetrySpec::read),
            next: value
                .get("next")
                .and_then(Value::as_array)
                .map(|entries| entries.iter().map(TransitionSpec::read).collect())
                .unwrap_or_default(),
        }
    }
}

/// Parameters behind the action's name replace `input`.
fn action_and_input(action: Value, input: Value) -> (Value, Value) {
    let Value::String(text) = &action else { return (action, input) };
    let parameters = inline_parameters(text);
    if parameters.is_empty() {
        return (action, input);
    }
    let name = text.split_once(' ').map_or(text.as_str(), |(name, _)| name);
    (Value::from(name), Value::Object(parameters.into_iter().collect()))
}

impl ItemsSpec {
    fn read(value: &Value) -> Option<Self> {
        let text = match value {
            Value::String(text) => text,
            Value::Object(map) => map.get("items")?.as_str()?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
        };
        let concurrency = value.get("concurrency").cloned().unwrap_or(Value::Null);
        // The first " in " decides, even if it stands inside the expression: orquesta reads it so.
        let (names, expression) = match text.split_once(" in ") {
            Some((names, rest)) => {
                (Some(names.replace(' ', "").split(',').map(str::to_owned).collect()), rest.trim())
            }
            None => (None, text.trim()),
        };
        Some(Self { expression: expression.to_owned(), names, concurrency })
    }
}

impl RetrySpec {
    fn read(value: &Value) -> Option<Self> {
        let map = value.as_object().filter(|map| !map.is_empty())?;
        Some(Self {
            when: map.get("when").and_then(Value::as_str).map(str::to_owned),
            count: map.get("count").cloned().unwrap_or(Value::Null),
            delay: Some(map.get("delay").cloned().unwrap_or(Value::Null)),
        })
    }
}

impl TransitionSpec {
    fn read(value: &Value) -> Self {
        Self {
            when: value
                .get("when")
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            publish: match value.get("publish") {
                Some(Value::String(text)) => inline_parameters(text),
                Some(Value::Array(entries)) => one_key_entries(entries),
                _ => Vec::new(),
            },
            targets: match value.get("do") {
                Some(Value::String(text)) if !text.is_empty() => {
                    text.split(',').map(|name| name.trim().to_owned()).collect()
                }
                Some(Value::Array(names)) if !names.is_empty() => {
                    names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                _ => vec!["continue".to_owned()],
            },
        }
    }
}

/// A list of maps with one key each, as `vars`, `output` and `publish` are written; a bare name has the value null.
pub(crate) fn one_key_entries(entries: &[Value]) -> Vec<(String, Value)> {
    entries
        .iter()
        .filter_map(|entry| match entry {
            Value::String(name) => Some((name.clone(), Value::Null)),
            Value::Object(map) => map.iter().next().map(|(name, value)| (name.clone(), value.clone())),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        })
        .collect()
}

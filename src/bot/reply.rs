//! What an alias says beside its execution: StackStorm's `ack` when it starts, `result` when it has ended. Both stand on
//! the execution's card. The alias as it was then is kept with the execution, so that a changed file changes no answer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Bot;
use crate::{
    alias::{ActionAlias, Reply},
    clock,
    content::Action,
    engine::SAID_AS,
    expression::template::{Undefined, render},
    message::words::{self, output::Output},
    secret::{MASK, Masker, Secret},
    status::Status,
    store::execution::Execution,
};

/// What of an alias an execution keeps, in its context.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SaidAs {
    pack: String,
    name: String,
    description: Option<String>,
    ack: Template,
    result: Template,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Template {
    enabled: bool,
    format: Option<String>,
}

impl SaidAs {
    pub(super) fn of(alias: &ActionAlias) -> Self {
        let template = |it: &Reply| Template { enabled: it.enabled, format: it.format.clone() };
        Self {
            pack: alias.pack.clone(),
            name: alias.name.clone(),
            description: alias.description.clone(),
            ack: template(&alias.ack),
            result: template(&alias.result),
        }
    }

    fn find(root: &Execution) -> Option<Self> {
        serde_json::from_value(root.context.get(SAID_AS)?.clone()).ok()
    }

    /// The names that templates read.
    fn names(&self, root: &Execution, action: &Action) -> Map<String, Value> {
        let alias = json!({
            "ref": format!("{}.{}", self.pack, self.name),
            "pack": self.pack,
            "name": self.name,
            "description": self.description,
            "action_ref": root.action,
        });
        let execution = execution(root, action);
        Map::from_iter([
            ("execution".to_owned(), execution),
            ("actionalias".to_owned(), alias.clone()),
            ("alias".to_owned(), alias),
        ])
    }
}

/// What the card of a root says beside its steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) ack: Option<String>,
    pub(super) output: Option<Output>,
}

/// The words of the alias that started it, and what it gave. Releases say what came of them in their own words.
pub(super) fn said(bot: &Bot, root: &Execution) -> Said {
    let live = bot.engine().live();
    // Without its action nobody can tell which of its values are secret.
    let Some(action) = live.bundle.action(&root.action).filter(|_| !root.context.contains_key("app")) else {
        return Said::default();
    };
    let hidden = secrets(root, action);
    let alias = SaidAs::find(root);
    let ack = alias.as_ref().and_then(|it| ack(it, root, action));
    let output = output(alias.as_ref(), root, action);
    Said {
        ack: ack.map(|it| hidden.mask(&it).into_owned()),
        output: output.map(|it| Output {
            lead: hidden.mask(&it.lead).into_owned(),
            body: hidden.mask(&it.body).into_owned(),
        }),
    }
}

/// Covers the values of secret parameters: what was printed may hold them.
fn secrets(root: &Execution, action: &Action) -> Masker {
    let given = |name: &str| root.parameters.get(name);
    let default = |name: &str| action.parameters.get(name)?.default.as_ref();
    let values = action.secrets().filter_map(|name| given(name).or_else(|| default(name))?.as_str());
    Masker::new(&values.map(Secret::new).collect::<Vec<_>>())
}

fn ack(alias: &SaidAs, root: &Execution, action: &Action) -> Option<String> {
    let format = alias.ack.format.as_deref().filter(|_| alias.ack.enabled)?;
    Some(match render(format, &alias.names(root, action), Undefined::Strict) {
        Ok(text) => text_of(&text),
        Err(error) => words::execution::ack_failed(&alias.name, &error.to_string()),
    })
}

fn output(alias: Option<&SaidAs>, root: &Execution, action: &Action) -> Option<Output> {
    let result = root.result.as_ref().filter(|_| root.status.is_ended())?;
    if alias.is_some_and(|it| !it.result.enabled) {
        return None;
    }
    let own = alias.and_then(|it| Some((it, it.result.format.as_deref()?)));
    let output = match own {
        Some((alias, format)) => match render(format, &alias.names(root, action), Undefined::Lenient) {
            Ok(text) => Output::written(&text_of(&text)),
            Err(error) => {
                let lead = words::execution::result_failed(&alias.name, &error.to_string());
                Output { lead, ..Output::plain(result) }
            }
        },
        // What failed, and what it printed last, the card says anyway.
        None if root.status == Status::Succeeded => Output::plain(result),
        None => return None,
    };
    Some(output).filter(|it| !it.is_empty())
}

/// As StackStorm's API shows an execution, as far as templates read it.
fn execution(root: &Execution, action: &Action) -> Value {
    let is_secret = |name: &str| action.secrets().any(|it| it == name);
    let shown = |(name, value): (&String, &Value)| {
        (name.clone(), if is_secret(name) { MASK.into() } else { value.clone() })
    };
    let parameters: Map<String, Value> = root.parameters.iter().map(shown).collect();
    let took = root.ended_at.map(|end| clock::between(root.started_at.unwrap_or(root.created_at), end));
    json!({
        "id": root.id.to_string(),
        "status": root.status,
        "action": {
            "ref": root.action, "name": action.name, "pack": action.pack, "runner_type": root.runner,
            "description": action.description,
        },
        "runner": { "name": root.runner },
        "parameters": parameters,
        "result": root.result,
        "context": { "user": root.context.get("requester") },
        "start_timestamp": root.created_at.to_string(),
        "end_timestamp": root.ended_at.map(|it| it.to_string()),
        "elapsed_seconds": took.map(|it| it.as_secs_f64()),
    })
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

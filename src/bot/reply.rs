//! What an alias says beside its execution: StackStorm's `ack` when it starts, `result` when it has ended. Both stand on
//! the execution's card. The alias as it was then is kept with the execution, so that a changed file changes no answer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Bot;
use crate::{
    alias::{ActionAlias, Extra, Reply},
    clock,
    content::Action,
    engine::SAID_AS,
    expression::template::{Undefined, render},
    message::words::{
        self,
        output::{Aside, Output},
    },
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
    /// Rows of earlier versions have none.
    #[serde(default)]
    extra: Extra,
}

impl SaidAs {
    pub(super) fn of(alias: &ActionAlias) -> Self {
        let template = |it: &Reply| Template {
            enabled: it.enabled,
            format: it.format.clone(),
            extra: Extra::read(&it.extra).0,
        };
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

/// What a rerun says beside its execution is what the first run said.
pub(super) fn said_as_before(root: &Execution) -> Option<(String, Value)> {
    root.context.get(SAID_AS).map(|it| (SAID_AS.to_owned(), it.clone()))
}

/// What the card of a root says beside its steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) ack: Option<String>,
    /// What stands beside it.
    pub(super) aside: Aside,
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
    let (ack, beside) = alias.as_ref().map(|it| ack(it, root, action)).unwrap_or_default();
    let output = output(alias.as_ref(), root, action);
    let cover = |it: &str| hidden.mask(it).into_owned();
    Said {
        ack: ack.map(|it| cover(&it)),
        aside: beside.each(cover),
        output: output.map(|it| Output {
            lead: cover(&it.lead),
            body: cover(&it.body),
            aside: it.aside.each(cover),
        }),
    }
}

/// A text with the values of these executions' secret parameters covered; `None` where nobody can tell which those are.
pub(super) async fn covered(bot: &Bot, of: &[&Execution], mut text: String) -> Option<String> {
    for it in of {
        // What was secret when it began is secret, whatever its pack says now.
        let bundle = bot.engine().bundle(it).await.ok()?;
        text = secrets(it, bundle.action(&it.action)?).mask(&text).into_owned();
    }
    Some(text)
}

/// Covers the values of secret parameters: what was printed may hold them.
fn secrets(root: &Execution, action: &Action) -> Masker {
    let given = |name: &str| root.parameters.get(name);
    let default = |name: &str| action.parameters.get(name)?.default.as_ref();
    let values = action.secrets().filter_map(|name| given(name).or_else(|| default(name))?.as_str());
    Masker::new(&values.map(Secret::new).collect::<Vec<_>>())
}

fn ack(alias: &SaidAs, root: &Execution, action: &Action) -> (Option<String>, Aside) {
    if !alias.ack.enabled {
        return (None, Aside::default());
    }
    let names = alias.names(root, action);
    let text = alias.ack.format.as_deref().map(|it| match render(it, &names, Undefined::Strict) {
        Ok(text) => text_of(&text),
        Err(error) => words::execution::reply_failed(&alias.name, "ack.format", &error.to_string()),
    });
    (text, aside(alias, ("ack.extra", &alias.ack.extra), &names, Undefined::Strict))
}

/// The texts of an `extra`, rendered. One that cannot be says so in its place.
fn aside(
    alias: &SaidAs,
    (whose, extra): (&str, &Extra),
    names: &Map<String, Value>,
    undefined: Undefined,
) -> Aside {
    let text = |it: &String| match render(it, names, undefined) {
        Ok(text) => text_of(&text).trim().to_owned(),
        Err(error) => words::execution::reply_failed(&alias.name, whose, &error.to_string()),
    };
    Aside {
        texts: extra.texts.iter().map(text).collect(),
        fields: extra.fields.iter().map(|(label, value)| (text(label), text(value))).collect(),
        footer: extra.footer.iter().map(text).collect(),
    }
}

fn output(alias: Option<&SaidAs>, root: &Execution, action: &Action) -> Option<Output> {
    let result = root.result.as_ref().filter(|_| root.status.is_ended())?;
    if alias.is_some_and(|it| !it.result.enabled) {
        return None;
    }
    let names = alias.map(|it| it.names(root, action)).unwrap_or_default();
    let own = alias.and_then(|it| Some((it, it.result.format.as_deref()?)));
    let output = match own {
        Some((alias, format)) => match render(format, &names, Undefined::Lenient) {
            Ok(text) => Output::written(&text_of(&text)),
            Err(error) => {
                let lead = words::execution::reply_failed(&alias.name, "result.format", &error.to_string());
                Output { lead, ..Output::plain(result) }
            }
        },
        // What failed, and what it printed last, the card says anyway.
        None if root.status == Status::Succeeded => Output::plain(result),
        None => Output::default(),
    };
    let extra = alias.map(|it| aside(it, ("result.extra", &it.result.extra), &names, Undefined::Lenient));
    Some(Output { aside: extra.unwrap_or_default(), ..output }).filter(|it| !it.is_empty())
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

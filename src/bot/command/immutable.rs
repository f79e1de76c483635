//! What an alias gives to its action whoever speaks: nobody can say it in another way.

use serde_json::{Map, Value, json};

use crate::{
    alias::{ActionAlias, Parameters},
    bot::hear::{Answer, Call},
    expression::template::{Undefined, render},
    message::words,
};

/// The alias's own parameters; a refusal if the message gives one of them, or one cannot be rendered.
pub(super) fn add(
    call: &Call<'_>,
    alias: &ActionAlias,
    typed: &Parameters,
) -> Result<Map<String, Value>, Answer> {
    let fixed = &alias.immutable_parameters;
    let is_typed = |name: &&String| typed.get(*name).is_some_and(Option::is_some);
    let overruled: Vec<&str> = fixed.keys().filter(is_typed).map(String::as_str).collect();
    if !overruled.is_empty() {
        return Err(Answer::say(words::order::immutable(&alias.name, &overruled)));
    }
    let names = names(call, alias);
    let one = |(name, value): (&String, &Value)| match rendered(value, &names) {
        Ok(value) => Ok((name.clone(), value)),
        Err(why) => Err(Answer::say(words::order::immutable_unknown(&alias.name, name, &why))),
    };
    fixed.iter().map(one).collect()
}

/// What templates of the file may read: the action's context, as StackStorm calls it.
fn names(call: &Call<'_>, alias: &ActionAlias) -> Map<String, Value> {
    let names = json!({
        "action_alias_ref": { "name": alias.name, "pack": alias.pack },
        "api_user": call.actor.account.user,
        "source_channel": call.delivery.place.channel,
    });
    names.as_object().cloned().unwrap_or_default()
}

fn rendered(value: &Value, names: &Map<String, Value>) -> Result<Value, String> {
    match value {
        Value::String(text) if text.contains("{{") || text.contains("{%") => {
            render(text, names, Undefined::Strict).map_err(|error| error.to_string())
        }
        Value::Array(items) => {
            items.iter().map(|it| rendered(it, names)).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Object(members) => {
            let member = |(name, it): (&String, &Value)| Ok((name.clone(), rendered(it, names)?));
            members.iter().map(member).collect::<Result<_, _>>().map(Value::Object)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
    }
}

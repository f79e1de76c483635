//! Our commands as Discord is to have them
//! (<https://docs.discord.com/developers/interactions/application-commands#application-command-object>): at most 100,
//! each with at most 25 options and 8,000 characters, names of `[-_a-z0-9]{1,32}`, descriptions of at most 100.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::interact::{ANY, ANY_TEXT};
use crate::content::{NativeCommand, NativeOption, ParameterKind};
use crate::message::words;

const COMMANDS_MAX: usize = 100;
const OPTIONS_MAX: usize = 25;
const CHOICES_MAX: usize = 25;
const NAME_MAX: usize = 32;
const DESCRIPTION_MAX: usize = 100;
const CHARACTERS_MAX: usize = 8_000;
/// 2^53, either way.
const INTEGER_MAX: u64 = 1 << 53;
/// What is typed into `/lockkeeper`.
const TEXT_MAX: usize = 1_000;

/// The body of a bulk overwrite. Commands that Discord would not take are left out: `/lockkeeper` reaches them all.
pub fn commands(all: &[NativeCommand]) -> Vec<Value> {
    let mut drawn: Vec<Value> = Vec::new();
    for it in all.iter().filter_map(command) {
        let known = drawn.iter().any(|other| other["name"] == it["name"]);
        if !known && it["name"] != ANY && drawn.len() + 1 < COMMANDS_MAX && weight(&it) <= CHARACTERS_MAX {
            drawn.push(it);
        }
    }
    drawn.push(json!({
        "type": 1,
        "name": ANY,
        "description": words::chat::ANY_COMMAND,
        "options": [{
            "type": 3,
            "name": ANY_TEXT,
            "description": words::chat::ANY_COMMAND_TEXT,
            "max_length": TEXT_MAX,
        }],
    }));
    drawn
}

fn command(it: &NativeCommand) -> Option<Value> {
    if !is_name(&it.name) || OPTIONS_MAX < it.options.len() {
        return None;
    }
    let names: BTreeSet<&str> = it.options.iter().map(|it| it.name.as_str()).collect();
    if names.len() != it.options.len() {
        return None;
    }
    let options: Option<Vec<Value>> = it.options.iter().map(option).collect();
    let mut drawn = json!({"type": 1, "name": it.name, "description": described(&it.description, &it.name)});
    let mut options = options?;
    if !options.is_empty() {
        // Discord refuses a required option behind one that is not.
        options.sort_by_key(|it| it["required"] != true);
        drawn["options"] = Value::Array(options);
    }
    Some(drawn)
}

fn option(it: &NativeOption) -> Option<Value> {
    if !is_name(&it.name) {
        return None;
    }
    let kind = match it.kind {
        ParameterKind::Integer => 4,
        ParameterKind::Boolean => 5,
        ParameterKind::Number => 10,
        ParameterKind::String | ParameterKind::Array | ParameterKind::Object | ParameterKind::Null => 3,
    };
    let mut drawn =
        json!({"type": kind, "name": it.name, "description": described(&it.description, &it.name)});
    if it.required {
        drawn["required"] = json!(true);
    }
    let mut met = BTreeSet::new();
    let different = it.choices.iter().filter(|it| met.insert(it.as_str()));
    let choices: Option<Vec<Value>> = different.map(|it| choice(it, kind)).collect();
    match choices.filter(|it| !it.is_empty() && it.len() <= CHOICES_MAX && kind != 5) {
        Some(choices) => drawn["choices"] = Value::Array(choices),
        None if it.completes && kind != 5 => drawn["autocomplete"] = json!(true),
        None => {}
    }
    Some(drawn)
}

/// `None` if Discord would not show it, or not as what it is.
fn choice(text: &str, kind: u8) -> Option<Value> {
    let fits = !text.trim().is_empty() && units(text) <= DESCRIPTION_MAX;
    let value = match kind {
        4 => text.parse::<i64>().ok().filter(|it| it.unsigned_abs() <= INTEGER_MAX).map(Value::from),
        10 => text.parse::<f64>().ok().map(Value::from),
        _ => Some(json!(text)),
    };
    value.filter(|it| fits && !it.is_null()).map(|value| json!({"name": text, "value": value}))
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=NAME_MAX).contains(&name.len()) && name.chars().all(plain)
}

/// Cut to what is shown.
fn described(text: &str, name: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = if text.is_empty() { name.to_owned() } else { text };
    if units(&text) <= DESCRIPTION_MAX {
        return text;
    }
    let mut cut = String::new();
    for c in text.chars() {
        if DESCRIPTION_MAX - 1 < units(&cut) + c.len_utf16() {
            break;
        }
        cut.push(c);
    }
    cut + "…"
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Names, descriptions and values together, which Discord limits.
fn weight(it: &Value) -> usize {
    let own: usize =
        ["name", "description", "value"].iter().filter_map(|key| it[*key].as_str()).map(units).sum();
    let below = ["options", "choices"].iter().filter_map(|key| it[*key].as_array()).flatten();
    own + below.map(weight).sum::<usize>()
}

/// Whether Discord has these already: what it adds of its own (ids, defaults, nulls) aside.
pub(super) fn same(ours: &[Value], theirs: &Value) -> bool {
    let by_name = |list: &[Value]| {
        let mut bare: Vec<Value> = list.iter().map(bare).collect();
        bare.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
        bare
    };
    theirs.as_array().is_some_and(|theirs| by_name(ours) == by_name(theirs))
}

/// The fields that we set, as far as they say something.
fn bare(it: &Value) -> Value {
    let mut kept = Map::new();
    for key in ["type", "name", "description", "required", "autocomplete", "max_length", "value"] {
        if !it[key].is_null() && it[key] != false {
            kept.insert(key.to_owned(), it[key].clone());
        }
    }
    for key in ["options", "choices"] {
        let below: Vec<Value> =
            it[key].as_array().map(Vec::as_slice).unwrap_or_default().iter().map(bare).collect();
        if !below.is_empty() {
            kept.insert(key.to_owned(), Value::Array(below));
        }
    }
    Value::Object(kept)
}

//! What people ask of the bot, one file each. A command that names an action of another runner starts an execution.

mod answer;
mod approve;
mod cancel;
mod deploy;
mod extend;
mod help;
mod history;
mod link;
mod missing;
mod notify;
mod plan;
mod promote;
mod rollback;
mod start;
mod status;
mod subject;
mod unlink;
mod whereabouts;
mod whoami;

use serde_json::{Map, Value};

use super::{
    Bot,
    hear::{Answer, Call},
    secret,
};
use crate::{
    alias::{self, Compat, Match, cast},
    content::{Action, ParameterKind},
    id::ActionRef,
    message::words,
};

pub(super) use approve::{vote, vote_on};
pub(super) use cancel::{find as find_root, run as cancel};
pub(super) use missing::lacking;
pub(super) use start::start;
pub(super) use subject::may_read;

/// A parsed command: its action and typed parameters.
pub(super) struct Order<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) parameters: Map<String, Value>,
}

impl Order<'_> {
    /// A parameter's text; empty texts count as not given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).and_then(Value::as_str).map(str::trim).filter(|it| !it.is_empty())
    }

    pub(super) fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }
}

/// Runs what an alias matched. Parameters are cast and checked before anything else happens.
pub(super) async fn run(bot: &Bot, call: &Call<'_>, found: &Match<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let reference = ActionRef::new(found.alias.action_ref.clone());
    let Some(action) = live.bundle.action(&reference).cloned() else {
        return Ok(Answer::say(words::order::no_action(&found.alias.name, reference.as_str())));
    };
    if let Some(answer) = missing::blank(bot, &action, found) {
        return Ok(answer);
    }
    if let Some(name) = secret::typed(&action, found, call.said()) {
        return Ok(Answer::whisper(words::order::secret_typed(name)));
    }
    let given = match typed(&action, found) {
        Ok(parameters) => parameters,
        Err(answer) => return Ok(answer),
    };
    let parameters = match action.bind(given.clone()) {
        Ok(bound) => bound.values,
        Err(error) if error.got.is_none() && action.parameters.contains_key(&error.parameter) => {
            return Ok(missing::unasked(bot, call.said(), &action, &error.parameter));
        }
        Err(error) => {
            return Ok(Answer::say(words::answer::bad_parameter(
                &error.parameter,
                &error.to_string(),
                &example(found),
            )));
        }
    };
    if action.runner.as_str() != "bot" {
        // What was given is kept: an attempt binds it again, and a default is nothing that somebody gave.
        return start::run(bot, &Order { call, parameters: given }, &action, found.alias).await;
    }
    let order = Order { call, parameters };
    match action.entry_point.as_deref().unwrap_or_default() {
        "deploy" => deploy::run(bot, &order).await,
        "promote" => promote::run(bot, &order).await,
        "answer" => answer::run(bot, &order).await,
        "approve" => approve::approve(bot, &order).await,
        "reject" => approve::reject(bot, &order).await,
        "extend" => extend::run(bot, &order).await,
        "rollback" => rollback::run(bot, &order).await,
        "cancel" => cancel::run(bot, &order).await,
        "status" => status::run(bot, &order).await,
        "where" => whereabouts::run(bot, &order).await,
        "history" => history::run(bot, &order).await,
        "plan" => plan::run(bot, &order).await,
        "help" => help::run(bot, &order),
        "whoami" => whoami::run(bot, &order),
        "link" => link::run(bot, &order).await,
        "notify" => notify::run(bot, &order).await,
        "unlink" => unlink::run(bot, &order).await,
        other => Ok(Answer::say(words::order::no_command(other))),
    }
}

/// The alias's texts as the types that the action wants.
fn typed(action: &Action, found: &Match<'_>) -> Result<Map<String, Value>, Answer> {
    let mut typed = Map::new();
    for (name, text) in &found.parameters {
        let Some(text) = text else { continue };
        let kind = action.parameters.get(name).and_then(|it| it.kind).and_then(castable);
        let value = match kind {
            None => Value::String(text.clone()),
            Some(kind) => cast(text, kind, Compat::Mended).map_err(|error| {
                Answer::say(words::answer::bad_parameter(name, &error.to_string(), &example(found)))
            })?,
        };
        typed.insert(name.clone(), value);
    }
    typed.extend(found.alias.immutable_parameters.clone());
    Ok(typed)
}

/// The types that a text can be cast to; null stands for itself only.
fn castable(kind: ParameterKind) -> Option<alias::ParameterKind> {
    match kind {
        ParameterKind::String => Some(alias::ParameterKind::String),
        ParameterKind::Integer => Some(alias::ParameterKind::Integer),
        ParameterKind::Number => Some(alias::ParameterKind::Number),
        ParameterKind::Boolean => Some(alias::ParameterKind::Boolean),
        ParameterKind::Array => Some(alias::ParameterKind::Array),
        ParameterKind::Object => Some(alias::ParameterKind::Object),
        ParameterKind::Null => None,
    }
}

/// What a person could type.
fn example(found: &Match<'_>) -> String {
    found.format.display.clone().unwrap_or_else(|| found.representation.to_owned())
}

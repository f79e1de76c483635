//! What people ask of the bot, one file each. A command that names an action of another runner starts an execution.

mod answer;
mod approve;
mod cancel;
mod deploy;
mod extend;
mod help;
mod history;
mod immutable;
mod link;
mod missing;
mod notify;
mod pause;
mod plan;
mod promote;
mod rerun;
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
    alias::{self, CastError, Compat, Match, Parameters, cast},
    content::{Action, BindError, ParameterKind},
    expression::DatastoreView,
    id::ActionRef,
    message::{Card, words},
};

pub(super) use answer::{Gives, gives};
pub(super) use approve::{vote, vote_on};
pub(super) use cancel::{find as find_root, press as stop, run as cancel, unasked as stop_unasked};
pub(super) use missing::lacking;
pub(super) use pause::{pause, resume};
pub(super) use rerun::{Wanted as Rerun, again as rerun};
pub(super) use start::start;
pub(super) use subject::may_read;

/// Executions that one message may start.
const MATCHES_MAX: usize = 20;

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

/// What everybody may ask, whom we know or not: how to begin, who they are to us, and that they are somebody.
const FOR_ALL: [&str; 4] = ["help", "whoami", "link", "unlink"];

/// Whether an answer says nothing of what there is to release.
fn is_for_all(action: &Action) -> bool {
    action.runner.as_str() == "bot" && action.entry_point.as_deref().is_some_and(|it| FOR_ALL.contains(&it))
}

/// Runs what an alias matched, once for each match. Whoever may not read learns nothing, not even what is missing or
/// unknown. All parameters are cast and checked before anything else happens.
pub(super) async fn run(bot: &Bot, call: &Call<'_>, found: &Match<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let reference = ActionRef::new(found.alias.action_ref.clone());
    let action = live.bundle.action(&reference).cloned();
    if !action.as_ref().is_some_and(|it| is_for_all(it))
        && let Err(answer) = subject::reader(&live, call)
    {
        return Ok(answer);
    }
    let Some(action) = action else {
        return Ok(Answer::say(words::order::no_action(&found.alias.name, reference.as_str())));
    };
    if let Some(name) = secret::typed(&action, found, call.said()) {
        return Ok(Answer::whisper(words::order::secret_typed(name)));
    }
    // Without what was covered it means something else than what was said.
    if secret::is_covered(call.said()) && !secret::is_answer(&action) {
        return Ok(Answer::whisper(words::order::secret_perhaps(&bot.0.parts.prefix, &[])));
    }
    let matches = 1 + found.more.len();
    if MATCHES_MAX < matches {
        return Ok(Answer::say(words::order::too_many(&found.alias.name, matches, MATCHES_MAX)));
    }
    let is_ours = action.runner.as_str() == "bot";
    if is_ours && matches != 1 {
        return Ok(Answer::say(words::order::one_at_a_time(&found.alias.name, matches)));
    }
    let person = live.settings.people.find(&call.delivery.account).map(|it| it.name.clone());
    let datastore = bot.engine().defaults_of(&action, person.as_ref()).await?;
    let mut all = Vec::new();
    for parameters in std::iter::once(&found.parameters).chain(&found.more) {
        match checked(bot, call, (&action, &datastore), found, parameters) {
            Ok(read) => all.push(read),
            Err(answer) => return Ok(answer),
        }
    }
    if !is_ours {
        // What was given is kept: an attempt binds it again, and a default is nothing that somebody gave.
        let given = all.into_iter().map(|it| it.given).collect();
        return start::run(bot, call, given, &action, found.alias).await;
    }
    let parameters = all.remove(0).bound;
    let order = Order { call, parameters };
    match action.entry_point.as_deref().unwrap_or_default() {
        "deploy" => deploy::run(bot, &order).await,
        "promote" => promote::run(bot, &order).await,
        "answer" => answer::run(bot, &order).await,
        "approve" => approve::approve(bot, &order).await,
        "reject" => approve::reject(bot, &order).await,
        "extend" => extend::run(bot, &order).await,
        "pause" => pause::pause(bot, &order).await,
        "resume" => pause::resume(bot, &order).await,
        "rerun" => rerun::run(bot, &order).await,
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

/// What does not fit. A name that no parameter has may be any text.
pub(super) fn unfit(error: BindError, example: &str) -> Card {
    let got = error.got.as_deref().map(words::echo);
    let error = BindError { parameter: words::echo(&error.parameter), got, ..error };
    words::answer::bad_parameter(&error.parameter, &error.to_string(), example)
}

/// What one match gives.
struct Read {
    /// As it was typed, with what the alias adds.
    given: Map<String, Value>,
    /// With the action's defaults.
    bound: Map<String, Value>,
}

/// The parameters of one match, or what is wrong with them.
fn checked(
    bot: &Bot,
    call: &Call<'_>,
    (action, datastore): (&Action, &DatastoreView),
    found: &Match<'_>,
    parameters: &Parameters,
) -> Result<Read, Answer> {
    if let Some(answer) = missing::blank(bot, action, found.representation, parameters) {
        return Err(answer);
    }
    let mut given = typed(bot.0.parts.reading.compat, action, found, parameters)?;
    given.extend(immutable::add(call, found.alias, parameters)?);
    match action.bind_with(given.clone(), &Map::new(), datastore) {
        Ok(bound) => Ok(Read { given, bound: bound.values }),
        Err(error) if error.got.is_none() && action.parameters.contains_key(&error.parameter) => {
            Err(missing::unasked(bot, call.said(), action, &error.parameter))
        }
        Err(error) => Err(Answer::say(unfit(error, &example(found)))),
    }
}

/// The alias's texts as the types that the action wants.
fn typed(
    compat: Compat,
    action: &Action,
    found: &Match<'_>,
    parameters: &Parameters,
) -> Result<Map<String, Value>, Answer> {
    let mut typed = Map::new();
    for (name, text) in parameters {
        let Some(text) = text else { continue };
        let kind = action.parameters.get(name).and_then(|it| it.kind).and_then(castable);
        let value = match kind {
            None => Value::String(text.clone()),
            Some(kind) => cast(text, kind, compat).map_err(|error| {
                let error = CastError { value: words::echo(&error.value), ..error };
                Answer::say(words::answer::bad_parameter(name, &error.to_string(), &example(found)))
            })?,
        };
        typed.insert(name.clone(), value);
    }
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

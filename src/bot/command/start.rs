//! An alias of any other action: an execution with a card, or one for each match.

use serde_json::{Map, Value, json};

use super::subject;
use crate::{
    alias::ActionAlias,
    bot::{
        Bot,
        hear::{Answer, Call},
        reply::SaidAs,
    },
    content::Action,
    engine::{Live, SAID_AS, Starting},
    id::{ExecutionId, GroupName},
    identity::Authorised,
    message::words,
    store::Change,
};

pub(super) async fn run(
    bot: &Bot,
    call: &Call<'_>,
    all: Vec<Map<String, Value>>,
    action: &Action,
    alias: &ActionAlias,
) -> anyhow::Result<Answer> {
    let done = vec![Change::Done(call.id)];
    Ok(match start(bot, call, all, action, Some(SaidAs::of(alias)), done).await? {
        Ok(_) => Answer { done: true, ..Answer::nothing() },
        Err(answer) => answer,
    })
}

/// Starts one execution for each set of parameters, all or none, or answers why not; `also` commits with the start.
pub(in crate::bot) async fn start(
    bot: &Bot,
    call: &Call<'_>,
    all: Vec<Map<String, Value>>,
    action: &Action,
    said_as: Option<SaidAs>,
    also: Vec<Change>,
) -> anyhow::Result<Result<Vec<ExecutionId>, Answer>> {
    let live = bot.engine().live();
    let leave = match may(&live, call, action) {
        Ok(leave) => leave,
        Err(answer) => return Ok(Err(answer)),
    };
    let place = call.delivery.place.clone();
    let context = json!({
        "requester": leave.person(),
        "asker": { "person": leave.person(), "account": leave.account() },
        "places": [place],
        SAID_AS: said_as,
    });
    let starting = |(ordinal, parameters): (usize, Map<String, Value>)| Starting {
        id: ExecutionId::generate(),
        action: action.reference.clone(),
        parameters,
        origin: Some(format!("{}:{ordinal}", call.delivery.key)),
        context: context.as_object().cloned().unwrap_or_default(),
        places: vec![place.clone()],
    };
    let all = all.into_iter().enumerate().map(starting).collect();
    Ok(Ok(bot.engine().start_all(all, also).await?))
}

/// Leave to start this action, or the refusal.
pub(super) fn may(live: &Live, call: &Call<'_>, action: &Action) -> Result<Authorised, Answer> {
    let leave = subject::reader(live, call)?;
    if let Some(groups) = who(action) {
        let person = live.settings.people.by_name(leave.person());
        if !person.is_some_and(|it| it.is_in_any(&groups)) {
            let card = words::order::members_only(&groups, action.reference.as_str());
            return Err(Answer::whisper(card));
        }
    }
    Ok(leave)
}

/// The shorthand's `who`: a list of groups, nobody if it is empty; `None` where the action does not say.
pub(super) fn who(action: &Action) -> Option<Vec<GroupName>> {
    action.tags.get("who").map(|who| who.split(',').map(|it| GroupName::new(it.trim())).collect())
}

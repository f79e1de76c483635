//! An alias of any other action: an execution with a card.

use serde_json::json;

use super::{Order, subject};
use crate::{
    alias::ActionAlias,
    bot::{Bot, hear::Answer, reply::SaidAs},
    content::Action,
    engine::{SAID_AS, Starting},
    id::{ExecutionId, GroupName},
    message::words,
    store::Change,
};

pub(super) async fn run(
    bot: &Bot,
    order: &Order<'_>,
    action: &Action,
    alias: &ActionAlias,
) -> anyhow::Result<Answer> {
    let done = vec![Change::Done(order.call.id)];
    Ok(match start(bot, order, action, Some(SaidAs::of(alias)), done).await? {
        Ok(_) => Answer { done: true, ..Answer::nothing() },
        Err(answer) => answer,
    })
}

/// Starts it, or answers why not; `also` commits with the start.
pub(in crate::bot) async fn start(
    bot: &Bot,
    order: &Order<'_>,
    action: &Action,
    said_as: Option<SaidAs>,
    also: Vec<Change>,
) -> anyhow::Result<Result<ExecutionId, Answer>> {
    let live = bot.engine().live();
    let leave = match subject::reader(&live, order.call) {
        Ok(leave) => leave,
        Err(answer) => return Ok(Err(answer)),
    };
    if let Some(groups) = who(action) {
        let person = live.settings.people.by_name(leave.person());
        if !person.is_some_and(|it| it.is_in_any(&groups)) {
            let card = words::order::members_only(&groups, action.reference.as_str());
            return Ok(Err(Answer::whisper(card)));
        }
    }
    let place = order.call.delivery.place.clone();
    let context = json!({
        "requester": leave.person(),
        "asker": { "person": leave.person(), "account": leave.account() },
        "places": [place],
        SAID_AS: said_as,
    });
    let starting = Starting {
        id: ExecutionId::generate(),
        action: action.reference.clone(),
        parameters: order.parameters.clone(),
        origin: Some(format!("{}:0", order.call.delivery.key)),
        context: context.as_object().cloned().unwrap_or_default(),
        places: vec![place],
    };
    Ok(Ok(bot.engine().start(starting, also).await?))
}

/// The shorthand's `who`: a list of groups, nobody if it is empty; `None` where the action does not say.
pub(super) fn who(action: &Action) -> Option<Vec<GroupName>> {
    action.tags.get("who").map(|who| who.split(',').map(|it| GroupName::new(it.trim())).collect())
}

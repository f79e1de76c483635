//! `rerun EXECUTION [tasks=a,b] [no_reset=a]`: StackStorm's `st2 execution re-run`.

use serde_json::{Map, Value, json};

use super::{Order, cancel, start};
use crate::{
    bot::{
        Bot,
        hear::{Answer, Call},
        reply::said_as_before,
    },
    engine::{RerunError, Starting},
    id::ExecutionId,
    message::{Card, words},
    store::{Change, audit},
    workflow::RerunTask,
};

/// What is to run again.
pub(in crate::bot) struct Wanted<'a> {
    pub(in crate::bot) execution: &'a str,
    /// Names, each with `:ROUTE` behind it if it is not the first; none: all that failed last.
    pub(in crate::bot) tasks: &'a [String],
    /// Of tasks with items: only those that failed.
    pub(in crate::bot) no_reset: &'a [String],
}

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let list = |name: &str| -> Vec<String> {
        let items = order.parameters.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).filter(|it| !it.is_empty()).collect()
    };
    let (tasks, no_reset) = (list("tasks"), list("no_reset"));
    let wanted = Wanted { execution: order.required("execution"), tasks: &tasks, no_reset: &no_reset };
    Ok(match again(bot, order.call, &wanted, vec![Change::Done(order.call.id)]).await? {
        Ok(_) => Answer { done: true, ..Answer::nothing() },
        Err(answer) => answer,
    })
}

/// Starts it, or answers why not; `also` commits with the start. Whoever may start the action may run it again.
pub(in crate::bot) async fn again(
    bot: &Bot,
    call: &Call<'_>,
    wanted: &Wanted<'_>,
    mut also: Vec<Change>,
) -> anyhow::Result<Result<ExecutionId, Answer>> {
    let Some(old) = cancel::find(bot, wanted.execution).await? else {
        return Ok(Err(Answer::say(words::order::unknown_root(wanted.execution))));
    };
    let live = bot.engine().live();
    let Some(action) = live.bundle.action(&old.action).cloned() else {
        return Ok(Err(Answer::say(words::order::no_action(wanted.execution, old.action.as_str()))));
    };
    let leave = match start::may(&live, call, &action) {
        Ok(leave) => leave,
        Err(answer) => return Ok(Err(answer)),
    };
    let tasks = match tasks(wanted) {
        Ok(tasks) => tasks,
        Err(card) => return Ok(Err(Answer::say(card))),
    };
    let place = call.delivery.place.clone();
    let context = json!({
        "requester": leave.person(),
        "asker": { "person": leave.person(), "account": leave.account() },
        "places": [place],
    });
    let mut context: Map<String, Value> = context.as_object().cloned().unwrap_or_default();
    context.extend(said_as_before(&old));
    let starting = Starting {
        id: ExecutionId::generate(),
        action: old.action.clone(),
        parameters: Map::new(),
        origin: Some(format!("{}:0", call.delivery.key)),
        context,
        places: vec![place],
    };
    also.push(Change::Audit(audit::Entry {
        actor: leave.person().to_string(),
        act: "rerun",
        subject: format!("execution {}", old.id),
        body: json!({ "tasks": wanted.tasks, "no_reset": wanted.no_reset, "as": starting.id }),
    }));
    Ok(match bot.engine().rerun(&old, tasks, starting, also).await {
        Ok(id) => Ok(id),
        Err(RerunError::Release) => {
            Err(Answer::say(words::order::release_again(&bot.0.parts.prefix, wanted.execution)))
        }
        Err(error @ (RerunError::Store(_) | RerunError::Start(_))) => return Err(error.into()),
        Err(
            error @ (RerunError::NotEnded
            | RerunError::NotARoot
            | RerunError::NoTasks
            | RerunError::NothingFailed
            | RerunError::NeverRan(_)
            | RerunError::OthersKeys(_)
            | RerunError::Sealed(_)
            | RerunError::Disabled(_)
            | RerunError::Illegal(_)),
        ) => Err(Answer::say(words::order::not_again(wanted.execution, &error.to_string()))),
    })
}

/// The tasks that are named. One that shall keep its items has to be among them: mistyped, all its items would run again.
fn tasks(wanted: &Wanted<'_>) -> Result<Vec<RerunTask>, Card> {
    let read = |all: &[String]| all.iter().map(|it| task(it)).collect::<Option<Vec<_>>>();
    let named = read(wanted.tasks).ok_or_else(|| words::order::no_task(wanted.tasks))?;
    let kept = read(wanted.no_reset).ok_or_else(|| words::order::no_task(wanted.no_reset))?;
    if let Some(at) = kept.iter().position(|it| !named.contains(it)) {
        return Err(words::order::not_among(&wanted.no_reset[at]));
    }
    let rerun = |it: (String, u32)| RerunTask { reset_items: !kept.contains(&it), task: it.0, route: it.1 };
    Ok(named.into_iter().map(rerun).collect())
}

/// `name` or `name:route`.
fn task(text: &str) -> Option<(String, u32)> {
    Some(match text.split_once(':') {
        Some((name, route)) => (name.to_owned(), route.parse().ok()?),
        None => (text.to_owned(), 0),
    })
}

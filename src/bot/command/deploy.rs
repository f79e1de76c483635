//! `deploy APP[@VERSION] [to] [STAGE]`

use serde_json::{Map, json};

use super::{Order, release::places, subject};
use crate::{
    bot::{Bot, hear::Answer},
    identity::Right,
    store::Change,
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let found = subject::app(&live, order.required("app")).and_then(|app| {
        let environment = subject::environment(app, order.text("stage"))?;
        let leave = subject::leave(&live, order.call, Right::Deploy, &app.app, &environment)?;
        Ok((app, environment, leave))
    });
    let (app, environment, leave) = match found {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let (commit, reference) = match bot.resolve(app, order.text("version")).await {
        Ok(resolved) => resolved,
        Err(answer) => return Ok(answer),
    };
    let ready = match bot.prepare(&live, app, &environment, commit, reference).await? {
        Ok(ready) => ready,
        Err(answer) => return Ok(answer),
    };
    let now = bot.engine().clock().now();
    let parameters = Map::from_iter([("plan".to_owned(), json!(ready.plan))]);
    let starting = ready.starting("release.deploy", parameters, order, &leave, places(app, order));
    let mut also = vec![ready.row(&leave, None, now), Change::Done(order.call.id)];
    also.extend(is_news(bot, &ready).await?.then(|| ready.baseline(now)).flatten());
    bot.engine().start(starting, also).await?;
    // The card is the answer.
    Ok(Answer { done: true, ..Answer::nothing() })
}

/// Whether what the hosts run is not yet recorded as the last complete rollout.
pub(super) async fn is_news(bot: &Bot, ready: &super::release::Ready) -> anyhow::Result<bool> {
    let Some(runs) = &ready.runs else { return Ok(false) };
    let plan = &ready.plan;
    let last = bot.engine().store().complete_rollouts(&plan.app, &plan.target.environment, 1).await?;
    Ok(last.first().is_none_or(|it| it.digest != *runs))
}

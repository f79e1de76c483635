//! `deploy APP[@VERSION] [to] [STAGE]`

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer},
    identity::Right,
    store::Change,
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let (app, environment, leave) = match subject::of(&live, order, Right::Deploy, order.required("app")) {
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
    if let Err(error) = &ready.authors {
        return Ok(Answer::say(error.card(app.app.as_str(), &ready.plan.build.reference)));
    }
    let cause = subject::cause(app, order, &leave);
    bot.release(ready, cause, vec![Change::Done(order.call.id)]).await?;
    // The card is the answer.
    Ok(Answer { done: true, ..Answer::nothing() })
}

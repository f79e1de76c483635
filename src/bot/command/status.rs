//! `status [APP]`

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer, view},
    message::words,
};

/// Executions looked at.
const MOST: i64 = 200;

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    if let Err(answer) = subject::reader(&live, order.call) {
        return Ok(answer);
    }
    let only = order.text("app");
    if let Some(Err(answer)) = only.map(|it| subject::app(&live, it)) {
        return Ok(answer);
    }
    let executions = bot.engine().store().recent_executions(MOST).await?;
    let mut going = Vec::new();
    for it in executions.iter().filter(|it| it.ended_at.is_none()) {
        let app = it.context.get("app").and_then(|it| it.as_str());
        if only.is_none() || only == app {
            let view = view::execution(bot, it.id).await?;
            let state = words::execution::state(&view);
            going.push(words::overview::going(&view.title, &state, view.took));
        }
    }
    let gates = bot.engine().open_gates().await?;
    let open: Vec<String> = gates
        .iter()
        .filter(|it| only.is_none_or(|app| it.app.as_str() == app))
        .map(|it| words::overview::open_gate(it.number, it.app.as_str(), it.environment.as_str()))
        .collect();
    Ok(Answer::say(words::overview::status(&going, &open)))
}

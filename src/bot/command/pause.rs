//! `pause EXECUTION` and `resume EXECUTION`

use serde_json::Value;

use super::{Order, cancel};
use crate::{
    bot::{Bot, hear::Answer},
    engine::{PAUSE_MAX, PauseError},
    message::words,
    store::{Change, audit},
};

pub(in crate::bot) async fn pause(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    ask(bot, order, Wanted::Paused).await
}

pub(in crate::bot) async fn resume(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    ask(bot, order, Wanted::Resumed).await
}

#[derive(Clone, Copy)]
enum Wanted {
    Paused,
    Resumed,
}

/// Whoever may stop it may pause it.
async fn ask(bot: &Bot, order: &Order<'_>, wanted: Wanted) -> anyhow::Result<Answer> {
    let text = order.required("execution");
    let Some(root) = cancel::find(bot, text).await? else {
        return Ok(Answer::say(words::order::unknown_root(text)));
    };
    let leave = match cancel::starter(&bot.engine().live(), order.call, &root) {
        Ok(leave) => leave,
        Err(answer) => return Ok(answer),
    };
    let entry = audit::Entry {
        actor: leave.person().to_string(),
        act: match wanted {
            Wanted::Paused => "pause",
            Wanted::Resumed => "resume",
        },
        subject: format!("execution {}", root.id),
        body: Value::Null,
    };
    let said = match wanted {
        Wanted::Paused => words::order::pausing(&bot.0.parts.prefix, text, PAUSE_MAX),
        Wanted::Resumed => words::order::resuming(text),
    };
    // With the answer, so that nobody is told after a restart that it was refused.
    let mut also = vec![Change::Audit(entry)];
    also.extend(order.call.answered(&said));
    let done = match wanted {
        Wanted::Paused => bot.engine().pause(&root, also).await,
        Wanted::Resumed => bot.engine().go_on(&root, also).await,
    };
    let refused = match (done, wanted) {
        (Ok(()), _) => return Ok(Answer { done: true, ..Answer::say(said) }),
        (Err(PauseError::Store(error)), _) => return Err(error.into()),
        (Err(PauseError::Release), _) => {
            return Ok(Answer::say(words::order::release_goes_on(&bot.0.parts.prefix, text)));
        }
        (
            Err(
                error @ (PauseError::Ended
                | PauseError::NoWorkflow
                | PauseError::NotARoot
                | PauseError::Illegal(_)),
            ),
            _,
        ) => error,
    };
    Ok(Answer::say(match wanted {
        Wanted::Paused => words::order::not_paused(text, &refused.to_string()),
        Wanted::Resumed => words::order::not_resumed(text, &refused.to_string()),
    }))
}

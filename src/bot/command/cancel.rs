//! `cancel RELEASE|EXECUTION`

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer},
    id::{AppName, EnvironmentName},
    identity::Right,
    message::words,
    store::{Change, audit, execution::Execution},
};

pub(in crate::bot) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let text = order.required("release");
    let Some(root) = find(bot, text).await? else {
        return Ok(Answer::say(words::answer::note(format!("I know no release or execution {text}."))));
    };
    let name = |key: &str| root.context.get(key).and_then(|it| it.as_str()).unwrap_or_default();
    let (app, environment) = (AppName::new(name("app")), EnvironmentName::new(name("environment")));
    let live = bot.engine().live();
    let leave = match subject::leave(&live, order.call, Right::Cancel, &app, &environment) {
        Ok(leave) => leave,
        Err(answer) => return Ok(answer),
    };
    let entry = audit::Entry {
        actor: leave.person().to_string(),
        act: "cancel",
        subject: format!("execution {}", root.id),
        body: serde_json::Value::Null,
    };
    let stopping = bot.engine().cancel(root.id, vec![Change::Audit(entry)]).await?;
    let text = if stopping {
        format!("Stopping {text}; its card says when it has.")
    } else {
        format!("{text} has ended already.")
    };
    Ok(Answer::say(words::answer::note(text)))
}

/// The root execution that a person means: by release number, or the end of its id.
pub(in crate::bot) async fn find(bot: &Bot, text: &str) -> anyhow::Result<Option<Execution>> {
    let store = bot.engine().store();
    if let Some(number) = Bot::release_number(text) {
        return Ok(match store.find_release_number(number).await? {
            Some(release) => store.find_execution(release.execution).await?,
            None => None,
        });
    }
    let recent = store.recent_executions(500).await?;
    Ok(recent.into_iter().find(|it| it.id.to_string().ends_with(text) || it.id.to_string() == text))
}

//! `cancel RELEASE|EXECUTION`

use super::{Order, start, subject};
use crate::{
    bot::{
        Bot,
        hear::{Answer, Call},
        view,
    },
    engine::{Live, card_subject, rule_of},
    id::{AppName, EnvironmentName, ExecutionId},
    identity::{Authorised, Right},
    message::words,
    store::{Change, audit, execution::Execution},
};

pub(in crate::bot) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let text = order.required("release");
    let Some(root) = find(bot, text).await? else {
        return Ok(Answer::say(words::order::unknown_root(text)));
    };
    stop(bot, order.call, &root, text).await
}

/// The same by the button on its card, which shows what becomes of it: only who pressed is told more.
pub(in crate::bot) async fn press(bot: &Bot, call: &Call<'_>, id: ExecutionId) -> anyhow::Result<Answer> {
    match bot.engine().store().find_execution(id).await? {
        Some(root) => Ok(Answer { private: true, ..stop(bot, call, &root, &named(&root)).await? }),
        // A button of another installation's message.
        None => Ok(Answer::nothing()),
    }
}

/// How to do without the question whether that is meant, which could not be shown.
pub(in crate::bot) async fn unasked(bot: &Bot, id: ExecutionId) -> anyhow::Result<Answer> {
    let root = bot.engine().store().find_execution(id).await?;
    let prefix = bot.0.parts.prefix.as_str();
    Ok(root
        .map_or_else(Answer::nothing, |it| Answer::whisper(words::order::stop_unasked(prefix, &named(&it)))))
}

/// What a person would call it in a command.
fn named(root: &Execution) -> String {
    let number = root.context.get("number").and_then(serde_json::Value::as_i64);
    number.map_or_else(|| view::short_id(root.id), |it| it.to_string())
}

async fn stop(bot: &Bot, call: &Call<'_>, root: &Execution, text: &str) -> anyhow::Result<Answer> {
    let name = |key: &str| root.context.get(key).and_then(|it| it.as_str()).unwrap_or_default();
    let (app, environment) = (AppName::new(name("app")), EnvironmentName::new(name("environment")));
    let live = bot.engine().live();
    let leave = if app.as_str().is_empty() {
        starter(&live, call, root)
    } else {
        subject::leave(&live, call, Right::Cancel, &app, &environment)
    };
    let leave = match leave {
        Ok(leave) => leave,
        Err(answer) => return Ok(answer),
    };
    let entry = audit::Entry {
        actor: leave.person().to_string(),
        act: "cancel",
        subject: format!("execution {}", root.id),
        body: serde_json::Value::Null,
    };
    let stopping = bot.engine().cancel(root.id, &leave, vec![Change::Audit(entry)]).await?;
    if !stopping {
        return Ok(Answer::say(words::order::ended_already(text)));
    }
    // What a rule started has none.
    let cards = bot.engine().store().letters_about::<serde_json::Value>(&card_subject(root.id)).await?;
    Ok(Answer::say(words::order::stopping(text, !cards.is_empty())))
}

/// What belongs to no app is stopped by whoever asked for it, and by those who may run it where that is said. What a rule
/// started nobody asked for: everybody we know may stop it.
pub(super) fn starter(live: &Live, call: &Call<'_>, root: &Execution) -> Result<Authorised, Answer> {
    let leave = subject::reader(live, call)?;
    let asker = root.context.get("requester").and_then(|it| it.as_str()).unwrap_or_default();
    let groups = live.bundle.action(&root.action).and_then(|it| start::who(it)).unwrap_or_default();
    let person = live.settings.people.by_name(leave.person());
    let is_rules = rule_of(&root.context).is_some();
    if is_rules || leave.person().as_str() == asker || person.is_some_and(|it| it.is_in_any(&groups)) {
        return Ok(leave);
    }
    Err(Answer::whisper(words::refusal::not_yours(root.action.as_str(), asker)))
}

/// Characters of an id that cards show; fewer could be anybody's.
const SHORT: usize = 12;

/// The root execution that a person means: by release number, or its id as cards show it.
pub(in crate::bot) async fn find(bot: &Bot, text: &str) -> anyhow::Result<Option<Execution>> {
    let store = bot.engine().store();
    let known = match Bot::release_number(text) {
        Some(number) => store.find_release_number(number).await?,
        None => None,
    };
    if let Some(release) = known {
        return store.find_execution(release.execution).await.map_err(Into::into);
    }
    if text.len() < SHORT {
        return Ok(None);
    }
    let recent = store.recent_executions(500).await?;
    Ok(recent.into_iter().find(|it| it.id.to_string().ends_with(text)))
}

//! `answer INQUIRY RESPONSE`: `yes`, `no`, a text for the one thing asked, or a JSON object.

use serde_json::{Map, Value, json};

use super::{Order, subject};
use crate::{
    alias::Parameters,
    bot::{Bot, hear::Answer, secret, view},
    engine::{Answered, Inquiry},
    message::words,
    status::Status,
    store::{StoreError, execution::Execution},
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let leave = match subject::reader(&live, order.call) {
        Ok(leave) => leave,
        Err(answer) => return Ok(answer),
    };
    let (id, text) = (order.required("inquiry"), order.required("response"));
    let covered = secret::is_covered(text);
    let Some(execution) = open(bot).await?.into_iter().find(|it| is_meant(it, id)) else {
        return Ok(if covered {
            Answer::whisper(words::order::secret_perhaps(&bot.0.parts.prefix, &[]))
        } else {
            Answer::say(words::order::no_question(id))
        });
    };
    let Some(inquiry) = bot.engine().asked(&execution).await else {
        return Ok(Answer::say(words::order::not_open(id)));
    };
    if let Some(name) = inquiry.secrets().next().filter(|_| covered || !is_plain(&inquiry, text)) {
        return Ok(Answer::whisper(words::order::secret_typed(name)));
    }
    let response = response(&inquiry, text);
    Ok(match bot.engine().answer_inquiry(execution.id, &leave, response).await? {
        Answered::Taken => Answer::say(words::order::answered(leave.person().as_str(), id)),
        Answered::NotOpen => Answer::say(words::order::not_open(id)),
        Answered::NotYours => Answer::whisper(words::order::not_asked(id)),
        Answered::Shut { why } => Answer::say(words::order::cannot(&why)),
        Answered::Unfit { why } => Answer::say(words::order::unfit(id, &why)),
    })
}

async fn open(bot: &Bot) -> Result<Vec<Execution>, StoreError> {
    let mut open = bot.engine().store().open_executions().await?;
    open.retain(|it| it.runner == "inquirer" && it.status == Status::Pending);
    Ok(open)
}

fn is_meant(question: &Execution, text: &str) -> bool {
    view::short_id(question.id) == text || question.id.to_string() == text
}

/// What an answer gives that must not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bot) enum Gives {
    Nothing,
    /// What a question wants to be secret, or what does not fit a question that wants such.
    Secret,
    /// It names no question, and one that is open wants a secret.
    Perhaps,
}

/// Looks at an answer before it is stored.
pub(in crate::bot) async fn gives(bot: &Bot, given: &Parameters) -> Gives {
    let Ok(open) = open(bot).await else { return Gives::Perhaps };
    let text = |name: &str| given.get(name).and_then(Option::as_deref).unwrap_or_default();
    if let Some(question) = open.iter().find(|it| is_meant(it, text("inquiry"))) {
        let Some(inquiry) = bot.engine().asked(question).await else { return Gives::Secret };
        let more = given.keys().any(|it| it != "inquiry" && it != "response");
        let plain = !more && is_plain(&inquiry, text("response"));
        return if plain || inquiry.secrets().next().is_none() { Gives::Nothing } else { Gives::Secret };
    }
    for question in &open {
        let asked = bot.engine().asked(question).await;
        if asked.is_none_or(|it| it.secrets().next().is_some()) {
            return Gives::Perhaps;
        }
    }
    Gives::Nothing
}

/// Whether it answers the question, and nothing of it that is secret.
fn is_plain(inquiry: &Inquiry, text: &str) -> bool {
    // What is nearly an object is taken for a text.
    let is_broken = text.trim_start().starts_with('{') && serde_json::from_str::<Value>(text).is_err();
    let response = response(inquiry, text);
    let gives = |name: &str| response.get(name).is_some_and(|it| !it.is_null());
    !is_broken && !inquiry.secrets().any(gives) && inquiry.unfit(&response).is_none()
}

/// What was typed, as the schema wants it.
fn response(inquiry: &Inquiry, text: &str) -> Map<String, Value> {
    if let Ok(Value::Object(response)) = serde_json::from_str(text) {
        return response;
    }
    let properties = inquiry.schema.get("properties").and_then(Value::as_object);
    let Some((name, property)) = properties.and_then(|it| it.iter().next()) else { return Map::new() };
    let value = match (property.get("type").and_then(Value::as_str), text.to_lowercase().as_str()) {
        (Some("boolean"), "yes" | "y" | "true" | "ok") => json!(true),
        (Some("boolean"), "no" | "n" | "false") => json!(false),
        (Some("integer" | "number"), number) => serde_json::from_str(number).unwrap_or(json!(text)),
        (_, _) => json!(text),
    };
    Map::from_iter([(name.clone(), value)])
}

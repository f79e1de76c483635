//! `answer INQUIRY RESPONSE`: `yes`, `no`, a text for the one thing asked, or a JSON object.

use serde_json::{Map, Value, json};

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer, view},
    engine::{Answered, Inquiry},
    message::words,
    status::Status,
    store::execution::Execution,
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let leave = match subject::reader(&live, order.call) {
        Ok(leave) => leave,
        Err(answer) => return Ok(answer),
    };
    let (id, text) = (order.required("inquiry"), order.required("response"));
    let Some(execution) = find(bot, id).await? else {
        return Ok(Answer::say(words::order::no_question(id)));
    };
    let inquiry = bot.engine().inquiry(&execution).await;
    let response = response(&inquiry, text);
    Ok(match bot.engine().answer_inquiry(execution.id, &leave, response).await? {
        Answered::Taken => Answer::say(words::order::answered(leave.person().as_str(), id)),
        Answered::NotOpen => Answer::say(words::order::not_open(id)),
        Answered::NotYours => Answer::whisper(words::order::not_asked(id)),
        Answered::Unfit { why } => Answer::say(words::order::unfit(id, &why)),
    })
}

async fn find(bot: &Bot, text: &str) -> anyhow::Result<Option<Execution>> {
    let open = bot.engine().store().open_executions().await?;
    let asked = |it: &&Execution| it.runner == "inquirer" && it.status == Status::Pending;
    Ok(open
        .iter()
        .filter(asked)
        .find(|it| view::short_id(it.id) == text || it.id.to_string() == text)
        .cloned())
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

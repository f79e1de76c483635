//! `extend RELEASE LENGTH`: the canary is measured longer, at the gate or before it, and the gate stays open longer.

use jiff::Timestamp;

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer},
    clock,
    engine::{Asked, Longer},
    gate::Length,
    id::{AppName, EnvironmentName},
    identity::Right,
    message::words,
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let text = order.required("release");
    let Some(number) = Bot::release_number(text) else {
        return Ok(Answer::say(words::order::no_number(text)));
    };
    let length: Length = match order.required("length").parse() {
        Ok(length) => length,
        Err(error) => {
            let card =
                words::answer::bad_parameter("length", &format!("{error}"), &format!("!extend {number} 10m"));
            return Ok(Answer::say(card));
        }
    };
    let gates = bot.engine().store().gates_of::<Asked>(number).await?;
    let live = bot.engine().live();
    let leave = |app: &AppName, environment: &EnvironmentName| {
        subject::leave(&live, order.call, Right::Extend, app, environment)
    };
    let longer = if let Some(row) = gates.into_iter().find(|it| it.decided_at.is_none()) {
        match leave(&row.app, &row.environment) {
            Ok(leave) => bot.engine().extend(row.id, &leave, length).await?,
            Err(answer) => return Ok(answer),
        }
    } else if let Some(release) = bot.engine().store().find_release_number(number).await? {
        let root = bot.engine().store().load_execution(release.execution).await?;
        let environment = root.context.get("environment").and_then(|it| it.as_str()).unwrap_or_default();
        match leave(&release.app, &EnvironmentName::new(environment)) {
            Ok(leave) => bot.engine().watch_longer(&release, &leave, length).await?,
            Err(answer) => return Ok(answer),
        }
    } else {
        Longer::Nothing
    };
    let length = clock::between(Timestamp::UNIX_EPOCH, length.after(Timestamp::UNIX_EPOCH));
    Ok(match longer {
        Longer::Refused(refusal) => Answer::whisper(words::refusal::refused(&refusal, number)),
        Longer::Measuring(measured) => Answer::say(words::gate::measured_longer(number, measured)),
        Longer::Open => Answer::say(words::gate::open_longer(number, length)),
        Longer::Watching(measured) => Answer::say(words::gate::watched_longer(number, measured)),
        Longer::Nothing => Answer::say(words::gate::nothing_to_extend(number)),
    })
}

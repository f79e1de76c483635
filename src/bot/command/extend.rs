//! `extend RELEASE LENGTH`: the gate stays open longer, and measuring goes on.

use super::{Order, subject};
use crate::{
    bot::{Bot, hear::Answer},
    engine::{Asked, Voting},
    gate::Length,
    identity::Right,
    message::words,
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let note = |text: String| Ok(Answer::say(words::answer::note(text)));
    let text = order.required("release");
    let Some(number) = Bot::release_number(text) else {
        return note(format!("`{text}` is no release's number."));
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
    let Some(row) = gates.into_iter().find(|it| it.decided_at.is_none()) else {
        return note(format!("#{number} waits for nobody."));
    };
    let live = bot.engine().live();
    let leave = match subject::leave(&live, order.call, Right::Extend, &row.app, &row.environment) {
        Ok(leave) => leave,
        Err(answer) => return Ok(answer),
    };
    match bot.engine().extend(row.id, &leave, length).await? {
        Voting::Refused(refusal) => Ok(Answer::whisper(words::refusal::refused(&refusal, number))),
        Voting::Counted { .. } | Voting::Decided(_) => {
            note(format!("#{number} stays open {} longer.", order.required("length")))
        }
    }
}

//! `help [COMMAND]`: what this person may run here.

use super::{Order, is_for_all, may_read};
use crate::{
    bot::{Bot, hear::Answer},
    id::ActionRef,
    message::words,
};

pub(super) fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let topic = order.text("topic").map(str::to_lowercase);
    let known = may_read(&live, &order.call.actor).is_ok();
    let mut commands: Vec<(String, String)> = Vec::new();
    for alias in live.catalogue.aliases.iter().filter(|it| it.enabled) {
        let action = live.bundle.action(&ActionRef::new(alias.action_ref.clone()));
        if !known && !action.is_some_and(|it| is_for_all(it)) {
            continue;
        }
        let displays = alias.formats.iter().filter_map(|it| it.display.clone());
        commands.extend(displays.map(|it| (it, alias.description.clone().unwrap_or_default())));
    }
    if let Some(topic) = topic {
        commands.retain(|(display, _)| display.to_lowercase().contains(&topic));
    }
    commands.sort();
    let card = words::answer::help(&bot.0.parts.prefix, &commands);
    Ok(if known { Answer::say(card) } else { Answer::whisper(card) })
}

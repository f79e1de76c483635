//! `help [COMMAND]`: what this person may run here.

use super::Order;
use crate::{
    bot::{Bot, hear::Answer},
    message::words,
};

pub(super) fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let topic = order.text("topic").map(str::to_lowercase);
    let known = live.settings.people.find(&order.call.actor.account).is_some();
    let mut commands: Vec<(String, String)> = Vec::new();
    for alias in live.catalogue.aliases.iter().filter(|it| it.enabled) {
        // Strangers can find out who they are and prove that they are somebody, and nothing else.
        if !known && !["help", "whoami", "link"].contains(&alias.name.as_str()) {
            continue;
        }
        let displays = alias.formats.iter().filter_map(|it| it.display.clone());
        commands.extend(displays.map(|it| (it, alias.description.clone().unwrap_or_default())));
    }
    if let Some(topic) = topic {
        commands.retain(|(display, _)| display.to_lowercase().contains(&topic));
    }
    commands.sort();
    Ok(Answer::say(words::answer::help(&bot.0.parts.prefix, &commands)))
}

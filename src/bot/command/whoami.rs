//! `whoami`

use super::Order;
use crate::{
    bot::{Bot, hear::Answer},
    identity::{Right, Subject, authorize},
    message::words,
};

pub(super) fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let actor = &order.call.actor;
    let account = format!("{}/{}/{}", actor.account.platform, actor.account.workspace, actor.account.user);
    let person = live.settings.people.find(&actor.account);
    let groups: Vec<String> =
        person.map(|it| it.groups.iter().map(ToString::to_string).collect()).unwrap_or_default();
    let mut rights = Vec::new();
    for (name, app) in &live.settings.apps {
        for environment in app.environments.keys() {
            let held = live.rights(name, environment);
            let subject = Subject::of(name, environment);
            let may: Vec<&str> = Right::ALL
                .into_iter()
                .filter(|it| *it != Right::Approve)
                .filter(|right| authorize(&live.settings.people, actor, *right, &subject, &held).is_ok())
                .map(Right::as_str)
                .collect();
            if !may.is_empty() {
                rights.push(format!("{subject}: {}", words::list(&may)));
            }
        }
    }
    let card = words::answer::whoami(&account, person.map(|it| it.name.as_str()), &groups, &rights);
    Ok(Answer::whisper(card))
}

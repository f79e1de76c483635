//! `whoami`

use jiff::Timestamp;

use super::{Order, link::name};
use crate::{
    bot::{Bot, hear::Answer},
    id::Account,
    identity::{People, Person, Right, Subject, authorize},
    message::words,
};

pub(super) fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let live = bot.engine().live();
    let actor = &order.call.actor;
    let account = name(&actor.account);
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
    let others = person.map(|it| others(&live.settings.people, it, &actor.account)).unwrap_or_default();
    let person = person.map(|it| it.name.as_str());
    let own = live.settings.people.link_of(&actor.account).map(|it| it.since);
    let card = words::answer::whoami((&account, own), person, &others, &groups, &rights);
    Ok(Answer::whisper(card))
}

/// The person's other accounts, and since when they are linked if the file does not list them.
fn others(people: &People, person: &Person, own: &Account) -> Vec<(String, Option<Timestamp>)> {
    let others = person.accounts.iter().filter(|it| *it != own);
    others.map(|it| (name(it), people.link_of(it).map(|link| link.since))).collect()
}

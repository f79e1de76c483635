//! `unlink [ACCOUNT]`: two accounts are two again. Whoever may use either of them may end it: it only ever takes rights
//! away, and what was done stays with the person it was done by.

use super::{
    Order,
    link::{name, tell},
};
use crate::{
    bot::{
        Bot,
        hear::{self, Answer, Call},
    },
    engine::{Live, OpenGate, gate_subject},
    id::Account,
    identity::Link,
    message::words,
    store::{Change, audit},
};

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let call = order.call;
    let links = bot.engine().store().links().await?;
    let own: Vec<Link> = of(&bot.engine().live(), call, links);
    let meant: Vec<&Link> = match order.text("account") {
        None => own.iter().collect(),
        Some(text) => own.iter().filter(|it| is_named(it, text)).collect(),
    };
    match meant.as_slice() {
        [link] => end(bot, call, link).await,
        _ if own.is_empty() => Ok(Answer::whisper(words::link::nothing_linked(&bot.0.parts.prefix))),
        _ => {
            let names: Vec<String> = own.iter().map(|it| name(&it.account)).collect();
            Ok(Answer::whisper(words::link::which(&bot.0.parts.prefix, &names)))
        }
    }
}

/// The links that this account may end: its own; and all of the person's, if the file lists it.
fn of(live: &Live, call: &Call<'_>, links: Vec<Link>) -> Vec<Link> {
    let (account, people) = (&call.actor.account, &live.settings.people);
    let listed = people.find(account).filter(|_| people.link_of(account).is_none());
    let open = links.into_iter().filter(|it| it.ended_at.is_none());
    open.filter(|it| {
        it.account == *account || it.listed == *account || listed.is_some_and(|owner| owner.name == it.person)
    })
    .collect()
}

/// By platform, or as `whoami` writes it.
fn is_named(link: &Link, text: &str) -> bool {
    link.account.platform.as_str().eq_ignore_ascii_case(text) || name(&link.account) == text
}

async fn end(bot: &Bot, call: &Call<'_>, link: &Link) -> anyhow::Result<Answer> {
    let prefix = bot.0.parts.prefix.as_str();
    let here = &call.delivery.place;
    let by = name(&call.actor.account);
    let card =
        words::link::unlinked(prefix, link.person.as_str(), &name(&link.listed), &name(&link.account), &by);
    let entry = audit::Entry {
        actor: by,
        act: "unlink",
        subject: name(&link.account),
        body: serde_json::to_value(link)?,
    };
    let mut changes = vec![Change::Unlink(link.id), Change::Audit(entry)];
    for (at, place) in [&link.listed_place, &link.account_place].into_iter().enumerate() {
        if place != here {
            changes.push(tell(format!("unlink:{}:{at}", link.id), place, card.clone()));
        }
    }
    changes.push(Change::Done(call.id));
    changes.push(hear::answer(call.id, call.delivery, card, true));
    bot.engine().commit_links(changes).await?;
    if let Err(error) = redraw(bot, &link.account).await {
        tracing::warn!(%error, "questions do not show yet that an account was unlinked");
    }
    Ok(Answer { done: true, ..Answer::nothing() })
}

/// Questions that the account had answered show how far they are without it.
async fn redraw(bot: &Bot, account: &Account) -> anyhow::Result<()> {
    let open = bot.engine().open_gates().await?;
    let answered = |it: &&OpenGate| it.body.gate.votes.iter().any(|vote| vote.account == *account);
    let subject = |it: &OpenGate| gate_subject(it.id, it.body.gate.seal_number);
    let changes = open.iter().filter(answered).map(|it| Change::Redraw(subject(it))).collect();
    Ok(bot.engine().commit(changes).await?)
}

//! `link` gives a code to an account that people.yaml lists; `link CODE` makes the account that says it the same person.
//!
//! Both in a direct message: a code that others could read is void. What is refused to somebody who had a good code is
//! told to whoever was given it, and so is every link, so that a stolen code does not stay unseen.

use serde_json::json;

use super::Order;
use crate::{
    bot::{
        Bot,
        hear::{self, Answer, Call},
    },
    clock,
    id::{Account, LinkId, Place},
    identity::{Actor, CODE_LIFE, Code, Link, LinkRefusal, Offer, Standing, may_link, may_offer},
    message::{Card, words},
    store::{
        Change, audit,
        outbox::{Priority, Wanted},
    },
};

/// The outbox subject of the message that gives a code.
fn code_subject(id: LinkId) -> String {
    format!("code:{id}")
}

pub(super) async fn run(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    match order.text("code") {
        None => offer(bot, order.call),
        Some(typed) => match Code::parse(typed) {
            Some(code) => said(bot, order.call, &code).await,
            None => Ok(Answer::whisper(words::link::not_a_code(&bot.0.parts.prefix, typed))),
        },
    }
}

/// Gives a code. Its words are in no row: they are drawn when the message is sent.
fn offer(bot: &Bot, call: &Call<'_>) -> anyhow::Result<Answer> {
    let prefix = bot.0.parts.prefix.as_str();
    let live = bot.engine().live();
    let person = match may_offer(&live.settings.people, &call.actor) {
        Ok(person) => person,
        Err(refusal) => return Ok(Answer::whisper(words::link::refused(prefix, &refusal))),
    };
    if !call.is_direct() {
        return Ok(Answer::whisper(words::link::only_direct(prefix)));
    }
    let now = bot.engine().clock().now();
    let place = call.delivery.place.clone();
    let offer = Offer {
        id: LinkId::generate(),
        person: person.clone(),
        account: call.actor.account.clone(),
        place: place.clone(),
        expires_at: clock::after(now, CODE_LIFE),
        ended_at: None,
    };
    let digest = bot.0.codes.make(offer.id, offer.expires_at, now)?.digest();
    let message = Wanted {
        subject: code_subject(offer.id),
        place,
        body: json!({ "code": offer.id }),
        priority: Priority::Now,
    };
    let entry = audit::Entry {
        actor: person.to_string(),
        act: "link code",
        subject: name(&offer.account),
        body: json!({ "id": offer.id }),
    };
    let changes =
        vec![Change::Offer(Box::new(offer), digest), Change::Audit(entry), Change::Want(Box::new(message))];
    Ok(Answer { changes, ..Answer::nothing() })
}

/// Somebody says a code.
async fn said(bot: &Bot, call: &Call<'_>, code: &Code) -> anyhow::Result<Answer> {
    let (store, prefix) = (bot.engine().store(), bot.0.parts.prefix.as_str());
    let (account, now) = (&call.actor.account, bot.engine().clock().now());
    if let Some(wait) = store.code_wait(account, now).await? {
        return Ok(Answer::whisper(words::link::too_many(wait)));
    }
    let Some(offer) = store.find_offer(&code.digest()).await?.filter(|it| it.is_open(now)) else {
        let changes = vec![Change::WrongCode(Box::new(account.clone()))];
        return Ok(Answer { changes, ..Answer::whisper(words::link::no_such_code(prefix)) });
    };
    if !call.is_direct() {
        return Ok(burn(bot, call, &offer, words::link::overheard(prefix), None));
    }
    let offerer = bot.standing_of(&Actor::new(offer.account.clone(), Standing::Unresolved)).await;
    match may_link(&bot.engine().live().settings.people, &offer, offerer, &call.actor) {
        Ok(()) => link(bot, call, offer).await,
        Err(refusal) => {
            let card = words::link::refused(prefix, &refusal);
            Ok(if refusal.is_suspicious() {
                burn(bot, call, &offer, card, Some(&refusal))
            } else {
                Answer::whisper(card)
            })
        }
    }
}

/// The code is void, and whoever was given it hears so.
fn burn(bot: &Bot, call: &Call<'_>, offer: &Offer, card: Card, why: Option<&LinkRefusal>) -> Answer {
    let account = name(&call.actor.account);
    let told = words::link::burnt(&bot.0.parts.prefix, &account, &call.delivery.display, why.is_none());
    let entry = audit::Entry {
        actor: account,
        act: "link refused",
        subject: format!("{} ({})", name(&offer.account), offer.person),
        body: json!({ "id": offer.id, "why": why.map_or_else(|| "overheard".to_owned(), |it| format!("{it:?}")) }),
    };
    let changes = vec![
        Change::EndOffer(offer.id),
        Change::Redraw(code_subject(offer.id)),
        tell(format!("code:{}:void", offer.id), &offer.place, told),
        Change::Audit(entry),
    ];
    Answer { changes, ..Answer::whisper(card) }
}

async fn link(bot: &Bot, call: &Call<'_>, offer: Offer) -> anyhow::Result<Answer> {
    let prefix = bot.0.parts.prefix.as_str();
    let link = Link {
        id: offer.id,
        person: offer.person.clone(),
        listed: offer.account.clone(),
        account: call.actor.account.clone(),
        listed_place: offer.place.clone(),
        account_place: call.delivery.place.clone(),
        since: bot.engine().clock().now(),
        ended_at: None,
    };
    let (listed, account) = (name(&link.listed), name(&link.account));
    let entry = audit::Entry {
        actor: link.person.to_string(),
        act: "link",
        subject: account.clone(),
        body: serde_json::to_value(&link)?,
    };
    let told = words::link::linked_elsewhere(prefix, &account, &call.delivery.display);
    let answer = words::link::linked(prefix, link.person.as_str(), &listed);
    // What the file let stand no more is in the way of a new one.
    let links = bot.engine().store().links().await?;
    let before = links.iter().filter(|it| it.ended_at.is_none() && it.account == link.account);
    let mut changes: Vec<Change> = before.map(|it| Change::Unlink(it.id)).collect();
    changes.extend([
        Change::EndOffer(offer.id),
        Change::Link(Box::new(link)),
        Change::Audit(entry),
        Change::Redraw(code_subject(offer.id)),
        tell(format!("link:{}", offer.id), &offer.place, told),
        Change::Done(call.id),
        hear::answer(call.id, call.delivery, answer, false),
    ]);
    bot.engine().commit_links(changes).await?;
    Ok(Answer { done: true, ..Answer::nothing() })
}

/// A message of its own, which rings.
pub(super) fn tell(subject: String, place: &Place, card: Card) -> Change {
    Change::Want(Box::new(Wanted {
        subject,
        place: place.clone(),
        body: json!({ "say": { "card": card, "to": null } }),
        priority: Priority::Now,
    }))
}

/// As `whoami` and the file write it.
pub(super) fn name(account: &Account) -> String {
    format!("{}/{}/{}", account.platform, account.workspace, account.user)
}

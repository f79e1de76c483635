//! What a delivery means: a command, an answer at a gate, or nothing that concerns us.

use std::time::Duration;

use serde_json::json;

use super::{Bot, command, mark};
use crate::{
    alias::{Compat, Mode, Outcome},
    clock,
    engine::Asked,
    gate::{Act, Claim, Gate, Reason, Via},
    id::{GateId, InboxId, MessageRef},
    identity::Actor,
    message::{Card, Delivery, Incoming, Mark, PressedAct, Said, words},
    secret::MASK,
    store::{
        Change, StoreError,
        inbox::Waiting,
        outbox::{Letter, Priority, Wanted},
    },
};

/// A command heard this much too late is not run by itself.
const STALE: Duration = Duration::from_secs(300);
/// An answer that comes this late says so.
const LATE: Duration = Duration::from_secs(10);

/// Who speaks, where, about what.
pub(super) struct Call<'a> {
    pub(super) id: InboxId,
    pub(super) delivery: &'a Delivery,
    pub(super) actor: Actor,
    pub(super) heard_at: jiff::Timestamp,
    /// The gate whose message's thread this was said in, and which of its seals that message is of.
    pub(super) thread_gate: Option<(GateId, u32)>,
}

impl Call<'_> {
    /// The text of what was said; nothing for what was pressed.
    pub(super) fn said(&self) -> &str {
        match &self.delivery.incoming {
            Incoming::Said(said) | Incoming::Missed { said, .. } => &said.text,
            Incoming::Pressed { .. }
            | Incoming::Unasked { .. }
            | Incoming::Reacted { .. }
            | Incoming::Found { .. } => "",
        }
    }

    /// Whether nobody else reads it.
    pub(super) fn is_direct(&self) -> bool {
        match &self.delivery.incoming {
            Incoming::Said(said) | Incoming::Missed { said, .. } => said.direct,
            Incoming::Pressed { .. }
            | Incoming::Unasked { .. }
            | Incoming::Reacted { .. }
            | Incoming::Found { .. } => false,
        }
    }
}

/// What to say, and to whom.
pub(super) struct Answer {
    /// `None`: something else answers, as a new card does.
    pub(super) card: Option<Box<Card>>,
    /// Only the asker sees it.
    pub(super) private: bool,
    /// Commits with the delivery's end; empty if the effect took `Done` with it.
    pub(super) changes: Vec<Change>,
    /// The delivery's end was committed with the effect.
    pub(super) done: bool,
}

impl Answer {
    pub(super) fn say(card: Card) -> Self {
        Self { card: Some(Box::new(card)), private: false, changes: Vec::new(), done: false }
    }

    /// A refusal, for the asker alone.
    pub(super) fn whisper(card: Card) -> Self {
        Self { private: true, ..Self::say(card) }
    }

    pub(super) fn nothing() -> Self {
        Self { card: None, private: false, changes: Vec::new(), done: false }
    }
}

/// Handles one delivery to its end.
pub(super) async fn hear(bot: &Bot, waiting: &Waiting, delivery: &Delivery) -> anyhow::Result<()> {
    let call = Call {
        id: waiting.id,
        delivery,
        actor: bot.actor(delivery).await,
        heard_at: waiting.received_at,
        thread_gate: thread_gate(bot, delivery).await?,
    };
    let answer = match &delivery.incoming {
        Incoming::Said(said) => said_text(bot, &call, said, call.heard_at).await?,
        Incoming::Missed { said, at } => {
            late(bot, &call, said_text(bot, &call, said, *at).await?, *at).await?
        }
        Incoming::Pressed { act, reason, .. } => pressed(bot, &call, act, reason.as_deref()).await?,
        Incoming::Unasked { act, .. } => unasked(bot, act).await?,
        Incoming::Reacted { message, mark, added, .. } => {
            reacted(bot, &call, message, (*mark, *added), Heard::Told).await?
        }
        Incoming::Found { message, mark, added, .. } => {
            reacted(bot, &call, message, (*mark, *added), Heard::Found).await?
        }
    };
    finish(bot, &call, answer).await
}

async fn finish(bot: &Bot, call: &Call<'_>, answer: Answer) -> anyhow::Result<()> {
    if answer.done {
        return Ok(());
    }
    let mut changes = answer.changes;
    changes.push(Change::Done(call.id));
    changes.extend(answer.card.map(|card| self::answer(call.id, call.delivery, *card, answer.private)));
    bot.engine().commit(changes).await?;
    Ok(())
}

/// The letter that answers a delivery, where it was said.
pub(super) fn answer(id: InboxId, delivery: &Delivery, card: Card, private: bool) -> Change {
    let to = private.then(|| delivery.account.clone());
    Change::Want(Box::new(Wanted {
        subject: format!("reply:{id}"),
        place: delivery.place.clone(),
        body: json!({ "say": { "card": card, "to": to } }),
        priority: Priority::Now,
    }))
}

impl Bot {
    async fn actor(&self, delivery: &Delivery) -> Actor {
        let said = Actor::new(delivery.account.clone(), delivery.standing);
        let standing = self.standing_of(&said).await;
        Actor { standing, ..said }
    }
}

async fn thread_gate(bot: &Bot, delivery: &Delivery) -> anyhow::Result<Option<(GateId, u32)>> {
    let Some(thread) = delivery.place.thread.clone() else { return Ok(None) };
    let root = MessageRef { place: delivery.place.channel(), message: thread };
    Ok(letter(bot, &root).await?.and_then(|it| gate_of(&it.subject)))
}

async fn letter(bot: &Bot, message: &MessageRef) -> anyhow::Result<Option<Letter<serde_json::Value>>> {
    let store = bot.engine().store();
    let known = store.find_letter(message).await?;
    if known.is_some() {
        return Ok(known);
    }
    bot.0.lanes.recorded(&message.place).await;
    Ok(store.find_letter(message).await?)
}

/// `gate:<id>:<seal number>`.
fn gate_of(subject: &str) -> Option<(GateId, u32)> {
    let (id, number) = subject.strip_prefix("gate:")?.split_once(':')?;
    Some((GateId::parse(id).ok()?, number.parse().ok()?))
}

/// Says how late the answer is. What answers by itself, as a new card does, gets a line beside it.
async fn late(
    bot: &Bot,
    call: &Call<'_>,
    answer: Answer,
    said_at: jiff::Timestamp,
) -> anyhow::Result<Answer> {
    let by = clock::between(said_at, call.heard_at);
    if by < LATE || STALE < by {
        return Ok(answer);
    }
    match answer.card {
        Some(card) => {
            let card = Some(Box::new(words::chat::late(*card, by)));
            Ok(Answer { card, ..answer })
        }
        None if answer.done => {
            // The effect is committed already; this line alone may get lost.
            let card = words::chat::late(Card::say(""), by);
            bot.engine().commit(vec![self::answer(call.id, call.delivery, card, false)]).await?;
            Ok(answer)
        }
        None => Ok(answer),
    }
}

async fn said_text(
    bot: &Bot,
    call: &Call<'_>,
    said: &Said,
    said_at: jiff::Timestamp,
) -> anyhow::Result<Answer> {
    let prefix = bot.0.parts.prefix.as_str();
    let text = said.text.trim();
    let command = match text.strip_prefix(prefix) {
        Some(rest) => rest.trim_start(),
        None if said.addressed => text,
        // In a gate's thread the two words need no prefix.
        None if call.thread_gate.is_some() && is_vote(text) => text,
        None => return Ok(Answer::nothing()),
    };
    let late = clock::between(said_at, bot.engine().clock().now());
    if STALE < late {
        return Ok(Answer::whisper(words::refusal::stale(late, text)));
    }
    let live = bot.engine().live();
    let index = bot.index(&live);
    match index.find(command, Mode::Strict, Compat::Mended) {
        Outcome::Matched(found) => command::run(bot, call, &found).await,
        Outcome::Ambiguous(found) => {
            let names: Vec<String> = found.iter().map(|it| it.alias.name.clone()).collect();
            Ok(Answer::say(words::answer::ambiguous(&names)))
        }
        // What was covered hides the words that would say which parameter it was for.
        Outcome::Unknown { .. } if command.ends_with(MASK) => {
            Ok(Answer::whisper(words::order::secret_typed("what stood there")))
        }
        Outcome::Unknown { suggestions } => Ok(match index.lacking(command, Compat::Mended) {
            Some(lacking) => command::lacking(bot, command, &lacking),
            None => Answer::say(words::answer::unknown_command(prefix, &suggestions)),
        }),
    }
}

/// The bare word: "approve after lunch" is talk, and a reason goes with the prefix or the form.
fn is_vote(text: &str) -> bool {
    text == "approve" || text == "reject"
}

/// A button names its gate and seal itself, so it works on a message whose posting was not recorded before a crash.
/// Platforms bring us only what our own messages hold.
async fn pressed(bot: &Bot, call: &Call<'_>, act: &str, reason: Option<&str>) -> anyhow::Result<Answer> {
    let Some(pressed) = PressedAct::decode(act) else { return Ok(Answer::nothing()) };
    let reason = reason.and_then(|it| Reason::parse(it).ok());
    let act = if pressed.approves { Act::Approve { reason } } else { Act::Reject { reason } };
    command::vote_on(bot, call, pressed.gate, &Seen::Digits(pressed.seal_digits), act, Via::Button).await
}

/// Says how to answer without the question that could not be shown.
async fn unasked(bot: &Bot, act: &str) -> anyhow::Result<Answer> {
    let Some(pressed) = PressedAct::decode(act) else { return Ok(Answer::nothing()) };
    let gate = match bot.engine().store().load_gate::<Asked>(pressed.gate).await {
        Ok(gate) => gate,
        // A button of another installation's message.
        Err(StoreError::Missing { .. }) => return Ok(Answer::nothing()),
        Err(error) => return Err(error.into()),
    };
    Ok(Answer::whisper(words::gate::form_missing(&bot.0.parts.prefix, gate.number, pressed.approves)))
}

/// How we know of a mark.
#[derive(Clone, Copy)]
enum Heard {
    /// The platform told us when it was put or taken away.
    Told,
    /// It stands there, or does not any more; nobody tells since when.
    Found,
}

/// A mark that stops counts however we know of it. One that approves has to be told: of one that was found nobody knows
/// whether it was meant for what the message shows now.
async fn reacted(
    bot: &Bot,
    call: &Call<'_>,
    message: &MessageRef,
    done: (Mark, bool),
    heard: Heard,
) -> anyhow::Result<Answer> {
    let Some((gate, seal_number)) = letter(bot, message).await?.and_then(|it| gate_of(&it.subject)) else {
        return Ok(Answer::nothing());
    };
    if !mark::is_news(call.id, &mark::acts(bot, message).await?) {
        return Ok(Answer::nothing());
    }
    let act = match (done, heard) {
        ((Mark::Approve, true), Heard::Found) => {
            let number = bot.engine().store().load_gate::<Asked>(gate).await?.number;
            return Ok(Answer::whisper(words::gate::approved_unheard(&bot.0.parts.prefix, number)));
        }
        ((Mark::Approve, true), Heard::Told) => Act::Approve { reason: None },
        ((Mark::Reject, true), Heard::Told | Heard::Found) => Act::Reject { reason: None },
        ((Mark::Approve, false), Heard::Told | Heard::Found) => Act::Withdraw,
        ((Mark::Reject, false), Heard::Told | Heard::Found) => return Ok(Answer::nothing()),
    };
    command::vote_on(bot, call, gate, &Seen::Number(seal_number), act, Via::Reaction).await
}

/// Which seal's message an answer was given on.
pub(super) enum Seen {
    /// Counted from 1.
    Number(u32),
    /// The first digits of the seal.
    Digits(String),
}

/// What such an answer claims to have looked at.
pub(super) fn claim(gate: &Gate, seen: &Seen) -> Claim {
    let all = gate.old_seals.iter().chain([&gate.seal]);
    let seal = match seen {
        Seen::Number(number) => {
            let at = usize::try_from(*number).unwrap_or(usize::MAX).wrapping_sub(1);
            all.into_iter().nth(at)
        }
        Seen::Digits(digits) => all.into_iter().find(|it| it.as_str().starts_with(digits.as_str())),
    };
    // A seal that this gate never had is not the one that is asked now.
    seal.map_or(Claim::Prefix(String::new()), |seal| Claim::Message(seal.clone()))
}

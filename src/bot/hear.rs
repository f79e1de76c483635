//! What a delivery means: a command, an answer at a gate, or nothing that concerns us.

use std::time::Duration;

use serde_json::json;

use super::{Bot, command, mark, secret};
use crate::{
    alias::Outcome,
    clock,
    engine::{Asked, OpenGate, gate_subject},
    gate::{Act, Claim, Gate, Reason, ReasonError, Via},
    id::{GateId, InboxId, MessageRef},
    identity::{Actor, Standing},
    message::{Card, Delivery, Incoming, Mark, PressedAct, PressedVote, Said, words},
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
/// Platforms tell a person after 3 s that a press came to nothing; the rest is for what is not known of clocks.
const PRESS_LATE: Duration = Duration::from_secs(5);

/// What was heard waits no longer until its author may be looked up.
const KEPT: Duration = Duration::from_secs(600);
/// A shorter wait is not worth a word.
const TELLING: Duration = Duration::from_secs(3);

/// Who speaks, where, about what.
pub(super) struct Call<'a> {
    pub(super) id: InboxId,
    /// It stands in the inbox, and its answer goes where it was said; what the command line asks does not.
    pub(super) is_delivered: bool,
    pub(super) delivery: &'a Delivery,
    pub(super) actor: Actor,
    pub(super) heard_at: jiff::Timestamp,
    /// The gate whose message's thread this was said in, and which of its seals that message is of.
    pub(super) thread_gate: Option<(GateId, u32)>,
}

impl Call<'_> {
    /// The end of the delivery with its answer, to commit with what it effects.
    pub(super) fn answered(&self, card: &Card) -> Vec<Change> {
        if !self.is_delivered {
            return Vec::new();
        }
        vec![Change::Done(self.id), answer(self.id, self.delivery, card.clone(), false)]
    }

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
    let thread_gate = thread_gate(bot, delivery).await?;
    if !concerns_us(bot, delivery, thread_gate.is_some()).await? {
        // People's talk is theirs.
        let kept = serde_json::to_value(delivery.without_words())?;
        bot.engine().commit(vec![Change::Forget(waiting.id, kept)]).await?;
        return Ok(());
    }
    let actor = match bot.actor(delivery).await {
        Ok(actor) => actor,
        Err(pause) if may_wait(bot, waiting, pause) => return wait(bot, waiting, delivery, pause).await,
        Err(_) => Actor::new(delivery.account.clone(), Standing::Unresolved),
    };
    let call = Call {
        id: waiting.id,
        is_delivered: true,
        delivery,
        actor,
        heard_at: waiting.received_at,
        thread_gate,
    };
    let answer = match &delivery.incoming {
        Incoming::Said(said) => spoken(bot, &call, said, delivery.at).await?,
        Incoming::Missed { said, at } => spoken(bot, &call, said, Some(*at)).await?,
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

/// Whether there may be something to answer. Who talks to others is not looked up: platforms limit how many people may be
/// in a minute, and those are for who speaks to us.
async fn concerns_us(bot: &Bot, delivery: &Delivery, in_gate_thread: bool) -> anyhow::Result<bool> {
    match &delivery.incoming {
        Incoming::Said(said) | Incoming::Missed { said, .. } => {
            Ok(command_in(&bot.0.parts.prefix, said, in_gate_thread).is_some())
        }
        Incoming::Reacted { message, .. } => {
            Ok(letter(bot, message).await?.is_some_and(|it| gate_of(&it.subject).is_some()))
        }
        Incoming::Pressed { .. } | Incoming::Unasked { .. } | Incoming::Found { .. } => Ok(true),
    }
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
    Change::Want(Box::new(said(id, delivery, card, private)))
}

fn said(id: InboxId, delivery: &Delivery, card: Card, private: bool) -> Wanted<serde_json::Value> {
    let to = private.then(|| delivery.account.clone());
    Wanted {
        subject: format!("reply:{id}"),
        place: delivery.place.clone(),
        body: json!({ "say": { "card": card, "to": to } }),
        priority: Priority::Now,
    }
}

impl Bot {
    /// A moment of the clock of the platform that this came from, by ours.
    fn ours(&self, call: &Call<'_>, at: jiff::Timestamp) -> jiff::Timestamp {
        self.adapter(call.delivery.place.platform).map_or(at, |it| it.ours(at))
    }

    async fn actor(&self, delivery: &Delivery) -> Result<Actor, Duration> {
        let said = Actor::new(delivery.account.clone(), delivery.standing);
        let standing = self.standing_now(&said).await?;
        Ok(Actor { standing, ..said })
    }
}

/// Whether what was heard is kept until its author may be looked up. After that it is answered as that of an account of
/// which nothing is known: refused.
fn may_wait(bot: &Bot, waiting: &Waiting, pause: Duration) -> bool {
    clock::between(waiting.received_at, clock::after(bot.engine().clock().now(), pause)) < KEPT
}

/// Keeps it, and tells its author once.
async fn wait(bot: &Bot, waiting: &Waiting, delivery: &Delivery, pause: Duration) -> anyhow::Result<()> {
    tracing::info!(delivery = %waiting.id, ?pause, "its author cannot be looked up now; it is kept");
    if waiting.tries == 0 && TELLING <= pause {
        let told = Wanted {
            subject: format!("kept:{}", waiting.id),
            ..said(waiting.id, delivery, words::chat::kept(pause), true)
        };
        bot.engine().commit(vec![Change::Want(Box::new(told))]).await?;
    }
    let due = clock::after(bot.engine().clock().now(), pause);
    Ok(bot.engine().store().put_off_delivery(waiting.id, due).await?)
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

/// What was said when the platform says so: a delivery may come minutes after it, as when the store was away.
async fn spoken(
    bot: &Bot,
    call: &Call<'_>,
    said: &Said,
    at: Option<jiff::Timestamp>,
) -> anyhow::Result<Answer> {
    let at = at.map_or(call.heard_at, |at| bot.ours(call, at).min(call.heard_at));
    late(bot, call, said_text(bot, call, said, at).await?, at).await
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
    if answer.done {
        // The effect is committed already; this line alone may get lost.
        let card = words::chat::late(answer.card.map_or_else(|| Card::say(""), |it| *it), by);
        bot.engine().commit(vec![self::answer(call.id, call.delivery, card, false)]).await?;
        return Ok(Answer { done: true, ..Answer::nothing() });
    }
    let card = answer.card.map(|card| Box::new(words::chat::late(*card, by)));
    Ok(Answer { card, ..answer })
}

async fn said_text(
    bot: &Bot,
    call: &Call<'_>,
    said: &Said,
    said_at: jiff::Timestamp,
) -> anyhow::Result<Answer> {
    let (prefix, reading) = (bot.0.parts.prefix.as_str(), bot.0.parts.reading);
    let text = said.text.trim();
    let Some(command) = command_in(prefix, said, call.thread_gate.is_some()) else {
        return Ok(Answer::nothing());
    };
    let late = clock::between(said_at, bot.engine().clock().now());
    if STALE < late {
        return Ok(Answer::whisper(words::refusal::stale(late, text)));
    }
    let live = bot.engine().live();
    let index = bot.index(&live);
    let found = index.find(command, reading.mode, reading.compat);
    // Which commands there are is for those who may read.
    let is_known = command::may_read(&live, &call.actor).is_ok();
    if !is_known && !matches!(found, Outcome::Matched(_)) {
        return Ok(Answer::whisper(words::answer::unknown_command(prefix, &[])));
    }
    match found {
        Outcome::Matched(found) => command::run(bot, call, &found).await,
        Outcome::Ambiguous(found) => {
            let names: Vec<String> = found.iter().map(|it| it.alias.name.clone()).collect();
            Ok(Answer::say(words::answer::ambiguous(&names)))
        }
        Outcome::Unknown { suggestions } if secret::is_covered(command) => {
            Ok(Answer::whisper(words::order::secret_perhaps(prefix, &suggestions)))
        }
        Outcome::Unknown { suggestions } => Ok(match index.lacking(command, reading.compat) {
            Some(lacking) => command::lacking(bot, command, &lacking),
            None => Answer::say(words::answer::unknown_command(prefix, &suggestions)),
        }),
    }
}

/// What is said to us, without what stands before a command.
fn command_in<'a>(prefix: &str, said: &'a Said, in_gate_thread: bool) -> Option<&'a str> {
    let text = said.text.trim();
    match text.strip_prefix(prefix) {
        Some(rest) => Some(rest.trim_start()),
        None if said.addressed => Some(text),
        // In a gate's thread the two words need no prefix.
        None if in_gate_thread && is_vote(text) => Some(text),
        None => None,
    }
}

/// The bare word: "approve after lunch" is talk, and a reason goes with the prefix or the form.
fn is_vote(text: &str) -> bool {
    text == "approve" || text == "reject"
}

/// A button names its gate and seal itself, so it works on a message whose posting was not recorded before a crash.
/// Platforms bring us only what our own messages hold. An approval that its author saw fail does not count after all;
/// a rejection does, for it stops.
async fn pressed(bot: &Bot, call: &Call<'_>, act: &str, reason: Option<&str>) -> anyhow::Result<Answer> {
    let pressed = match PressedAct::decode(act) {
        Some(PressedAct::Vote(vote)) => vote,
        Some(PressedAct::Stop(root)) => return command::stop(bot, call, root).await,
        None => return Ok(Answer::nothing()),
    };
    let at = call.delivery.at.map(|it| bot.ours(call, it));
    let late = at.map_or(Duration::ZERO, |at| clock::between(at, call.heard_at));
    if pressed.approves && PRESS_LATE < late {
        return instead(bot, &pressed, |prefix, number| words::gate::pressed_late(prefix, number, late))
            .await;
    }
    let reason = match reason.map(Reason::parse) {
        None | Some(Err(ReasonError::Empty)) => None,
        Some(Ok(reason)) => Some(reason),
        Some(Err(error @ ReasonError::TooLong)) => {
            let act = if pressed.approves { "approve" } else { "reject" };
            return instead(bot, &pressed, |prefix, number| {
                words::gate::reason_refused((prefix, act), number, error)
            })
            .await;
        }
    };
    let act = if pressed.approves { Act::Approve { reason } } else { Act::Reject { reason } };
    command::vote_on(bot, call, pressed.gate, &Seen::Digits(pressed.seal_digits), act, Via::Button).await
}

/// Says how to answer without the question that could not be shown.
async fn unasked(bot: &Bot, act: &str) -> anyhow::Result<Answer> {
    let pressed = match PressedAct::decode(act) {
        Some(PressedAct::Vote(vote)) => vote,
        Some(PressedAct::Stop(root)) => return command::stop_unasked(bot, root).await,
        None => return Ok(Answer::nothing()),
    };
    instead(bot, &pressed, |prefix, number| words::gate::form_missing(prefix, number, pressed.approves)).await
}

/// Says how to answer after a press that counts for nothing.
async fn instead(
    bot: &Bot,
    pressed: &PressedVote,
    words: impl FnOnce(&str, i64) -> Card,
) -> anyhow::Result<Answer> {
    let gate = match bot.engine().store().load_gate::<Asked>(pressed.gate).await {
        Ok(gate) => gate,
        // A button of another installation's message.
        Err(StoreError::Missing { .. }) => return Ok(Answer::nothing()),
        Err(error) => return Err(error.into()),
    };
    Ok(Answer::whisper(words(&bot.0.parts.prefix, gate.number)))
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

/// Whether this was said before the platform showed the question as it is now. The platform's own clock stamps both; who
/// did not see the question there is asked when we heard of it.
pub(super) async fn was_said_before_asked(
    bot: &Bot,
    call: &Call<'_>,
    row: &OpenGate,
) -> anyhow::Result<bool> {
    let place = &call.delivery.place;
    let said_at = match &call.delivery.incoming {
        Incoming::Missed { at, .. } => Some(*at),
        Incoming::Said(_)
        | Incoming::Pressed { .. }
        | Incoming::Unasked { .. }
        | Incoming::Reacted { .. }
        | Incoming::Found { .. } => call.delivery.at,
    };
    let (Some(adapter), Some(said_at)) = (bot.adapter(place.platform), said_at) else { return Ok(false) };
    let subject = gate_subject(row.id, row.body.gate.seal_number);
    let letters = bot.engine().store().letters_about::<serde_json::Value>(&subject).await?;
    let here = letters
        .iter()
        .filter(|it| it.place.platform == place.platform && it.place.workspace == place.workspace);
    let posted = here.filter_map(|it| adapter.posted_at(&it.message.as_ref()?.message)).min();
    Ok(posted.is_some_and(|posted| said_at < posted))
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

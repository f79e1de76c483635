//! `approve [RELEASE] [SEAL|REASON]`, `reject [RELEASE] [REASON]`, and the same by button and reaction.

use super::Order;
use crate::{
    bot::{
        Bot,
        hear::{self, Answer, Call, Seen},
    },
    engine::{Asked, OpenGate, Voting},
    gate::{Act, Ballot, Claim, Reason, ReasonError, Via},
    id::{AppName, GateId},
    message::words,
    store::StoreError,
    yaml::suggest,
};

pub(super) async fn approve(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let (named, words) = split(bot, order, "words");
    let about = words.as_deref().filter(|_| matches!(named, Named::Nothing)).map(str::to_owned);
    let row = match which(bot, order.call, named).await? {
        Ok(row) => row,
        Err(answer) => return Ok(answer),
    };
    if let Some(answer) = about.and_then(|it| unclear(bot, order.call, "approve", &it, row.number)) {
        return Ok(answer);
    }
    let prefix = words.clone().filter(|it| is_seal_prefix(it));
    let reason = match reason(bot, "approve", words.filter(|_| prefix.is_none()), row.number) {
        Ok(reason) => reason,
        Err(answer) => return Ok(answer),
    };
    let claim = match prefix {
        Some(prefix) => Claim::Prefix(prefix),
        None => typed_claim(bot, order.call, &row).await?,
    };
    vote(bot, order.call, &row, Act::Approve { reason }, via(order.call), claim).await
}

pub(super) async fn reject(bot: &Bot, order: &Order<'_>) -> anyhow::Result<Answer> {
    let (named, words) = split(bot, order, "reason");
    let about = words.as_deref().filter(|_| matches!(named, Named::Nothing)).map(str::to_owned);
    let row = match which(bot, order.call, named).await? {
        Ok(row) => row,
        Err(answer) => return Ok(answer),
    };
    if let Some(answer) = about.and_then(|it| unclear(bot, order.call, "reject", &it, row.number)) {
        return Ok(answer);
    }
    let reason = match reason(bot, "reject", words, row.number) {
        Ok(reason) => reason,
        Err(answer) => return Ok(answer),
    };
    let claim = typed_claim(bot, order.call, &row).await?;
    vote(bot, order.call, &row, Act::Reject { reason }, via(order.call), claim).await
}

/// The reason in what was said; nothing for a smile. One that is too long is refused with the answer: counted without it,
/// the vote would say less than its author did.
fn reason(bot: &Bot, act: &str, said: Option<String>, number: i64) -> Result<Option<Reason>, Answer> {
    match said.as_deref().map(Reason::parse) {
        None | Some(Err(ReasonError::Empty)) => Ok(None),
        Some(Ok(reason)) => Ok(Some(reason)),
        Some(Err(error @ ReasonError::TooLong)) => {
            let order = (bot.0.parts.prefix.as_str(), act);
            Err(Answer::whisper(words::gate::reason_refused(order, number, error)))
        }
    }
}

/// In the thread of one of this gate's messages, what was said is about that message's seal. Elsewhere it is about the one
/// that was asked about when it was said.
async fn typed_claim(bot: &Bot, call: &Call<'_>, row: &OpenGate) -> anyhow::Result<Claim> {
    Ok(match call.thread_gate {
        Some((gate, seal_number)) if gate == row.id => {
            hear::claim(&row.body.gate, &Seen::Number(seal_number))
        }
        Some(_) | None if hear::was_said_before_asked(bot, call, row).await? => Claim::Earlier,
        Some(_) | None => Claim::Bare,
    })
}

/// An answer on a gate's own message, by button or reaction.
pub(in crate::bot) async fn vote_on(
    bot: &Bot,
    call: &Call<'_>,
    gate: GateId,
    seen: &Seen,
    act: Act,
    via: Via,
) -> anyhow::Result<Answer> {
    let row: OpenGate = match bot.engine().store().load_gate(gate).await {
        Ok(row) => row,
        // A button of another installation's message.
        Err(StoreError::Missing { .. }) => return Ok(Answer::nothing()),
        Err(error) => return Err(error.into()),
    };
    let claim = hear::claim(&row.body.gate, seen);
    vote(bot, call, &row, act, via, claim).await
}

pub(in crate::bot) async fn vote(
    bot: &Bot,
    call: &Call<'_>,
    row: &OpenGate,
    act: Act,
    via: Via,
    claim: Claim,
) -> anyhow::Result<Answer> {
    let withdrawn = matches!(act, Act::Withdraw);
    let ballot = Ballot { actor: call.actor.clone(), act, via, claim, at: call.heard_at };
    let typed = matches!(via, Via::Command | Via::Thread | Via::CommandLine);
    let shown = bot.shown(&row.body).await?;
    Ok(match bot.engine().vote(row.id, ballot, shown).await? {
        Voting::Refused(refusal) => Answer::whisper(words::refusal::refused(&refusal, row.number)),
        Voting::Counted { missing } => {
            let card = words::gate::counted(row.number, withdrawn, &missing);
            if typed { Answer::say(card) } else { Answer::whisper(card) }
        }
        // The gate's message and the card show it; what was typed still gets its answer.
        Voting::Decided(decision) if typed => Answer::say(words::gate::decided(row.number, &decision)),
        Voting::Decided(_) => Answer::nothing(),
    })
}

fn via(call: &Call<'_>) -> Via {
    if call.thread_gate.is_some() { Via::Thread } else { Via::Command }
}

/// What a person said about which gate is meant.
enum Named {
    Number(i64),
    /// Its only open gate.
    App(AppName),
    Nothing,
}

/// The release's number or the app if the first word is one, and everything else as words.
fn split(bot: &Bot, order: &Order<'_>, rest: &str) -> (Named, Option<String>) {
    let first = order.text("release");
    let app = first.map(AppName::new).filter(|it| bot.engine().live().settings.apps.contains_key(it));
    let named = match (first.and_then(Bot::release_number), app) {
        (Some(number), _) => Named::Number(number),
        (None, Some(app)) => Named::App(app),
        (None, None) => Named::Nothing,
    };
    let is_word = matches!(named, Named::Nothing);
    let words: Vec<&str> = first.filter(|_| is_word).into_iter().chain(order.text(rest)).collect();
    (named, (!words.is_empty()).then(|| words.join(" ")))
}

/// Words that name no gate are a reason. One that begins like a number, or nearly like an app, may be meant to name one:
/// that is asked, not guessed. In a gate's own thread there is no other gate to mean.
fn unclear(bot: &Bot, call: &Call<'_>, act: &str, said: &str, number: i64) -> Option<Answer> {
    let first =
        said.split_whitespace().next().filter(|it| call.thread_gate.is_none() && !is_seal_prefix(it))?;
    let live = bot.engine().live();
    let near = suggest(first, live.settings.apps.keys().map(AppName::as_str));
    let is_number = first.trim_start_matches('#').starts_with(|it: char| it.is_ascii_digit());
    if near.is_none() && !is_number && !first.starts_with('#') {
        return None;
    }
    let prefix = bot.0.parts.prefix.as_str();
    Some(Answer::whisper(words::gate::unclear((prefix, act), first, near, said, number)))
}

fn is_seal_prefix(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_hexdigit())
}

/// The gate that is meant: by number, the thread's, or the only open one of the app, or of this channel.
async fn which(bot: &Bot, call: &Call<'_>, named: Named) -> anyhow::Result<Result<OpenGate, Answer>> {
    let store = bot.engine().store();
    if let Named::Number(number) = named {
        let gate = store.gates_of::<Asked>(number).await?.into_iter().next();
        let none = || Answer::whisper(words::gate::none(number));
        return Ok(gate.ok_or_else(none));
    }
    if let (Named::Nothing, Some((gate, _))) = (&named, &call.thread_gate) {
        return Ok(Ok(store.load_gate(*gate).await?));
    }
    let here = call.delivery.place.channel();
    let mut open = bot.engine().open_gates().await?;
    open.retain(|it| match &named {
        Named::App(app) => it.app == *app,
        Named::Nothing | Named::Number(_) => it.body.places.contains(&here),
    });
    if open.len() == 1 {
        return Ok(Ok(open.remove(0)));
    }
    if let (Named::App(app), true) = (&named, open.is_empty()) {
        return Ok(Err(Answer::whisper(words::gate::none_of(app.as_str()))));
    }
    let names: Vec<(i64, String)> =
        open.iter().map(|it| (it.number, format!("{} to {}", it.app, it.environment))).collect();
    Ok(Err(Answer::whisper(words::answer::which_gate(&names))))
}

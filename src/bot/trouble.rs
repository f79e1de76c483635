//! What an operator should put right about a chat, a rule or a sensor, told once in the fallback channel, and that it is over: in the log and
//! in `/readyz` it stands as well, but nobody looks there who does not know of it yet.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Bot;
use crate::{
    chat::{ChatAdapter, Trouble},
    clock,
    id::{Place, Platform},
    message::{Card, words},
    store::{
        Change,
        outbox::{Letter, Priority, Wanted},
    },
};

/// Between two looks; they cost nothing.
const LOOK: Duration = Duration::from_secs(1);

/// A trouble as its message's row has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    card: Card,
    /// In milliseconds, as `over`.
    since: i64,
    over: Option<i64>,
    /// How often it went wrong since.
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

impl Told {
    /// As it should stand; nothing if it is over before anybody was told.
    pub(super) fn draw(self, stands: bool) -> Option<Card> {
        let at = clock::from_millis;
        match self.over {
            None if 1 < self.times => Some(words::rule::again(self.card, self.times)),
            None => Some(self.card),
            Some(over) => {
                stands.then(|| words::chat::over(&self.card, clock::between(at(self.since), at(over))))
            }
        }
    }
}

/// Looks at each chat until `stop`.
pub(super) async fn watch(bot: &Bot, stop: CancellationToken) {
    let mut known: HashMap<Platform, Option<Trouble>> = HashMap::new();
    loop {
        for adapter in &bot.0.parts.adapters {
            let Some(state) = state(adapter.as_ref()) else { continue };
            let platform = adapter.platform();
            if known.get(&platform) == Some(&state) {
                continue;
            }
            if known.get(&platform).is_some_and(|before| is_told_with(before.as_ref(), state.as_ref())) {
                known.insert(platform, state);
                continue;
            }
            log(platform, state.as_ref());
            match tell(bot, platform, state.as_ref()).await {
                Ok(()) => drop(known.insert(platform, state)),
                Err(error) => tracing::error!(%platform, %error, "the trouble of a chat could not be told"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// A token that does not count any more makes us deaf and mute, one soon after the other: both are put right the same way,
/// and that was told.
fn is_told_with(before: Option<&Trouble>, now: Option<&Trouble>) -> bool {
    let is_final = |it: &Trouble| match it {
        Trouble::Deaf { .. } | Trouble::Mute { .. } => true,
        Trouble::NoMessageContent | Trouble::TooManySockets | Trouble::EventsLimited => false,
    };
    before.is_some_and(is_final) && now.is_some_and(is_final)
}

/// What is wrong, or that nothing is; nothing while nobody can tell.
fn state(adapter: &dyn ChatAdapter) -> Option<Option<Trouble>> {
    let trouble = adapter.trouble();
    let is_heard = adapter.heard_at().is_some() && adapter.deaf_since().is_none();
    (trouble.is_some() || is_heard).then_some(trouble)
}

fn log(platform: Platform, trouble: Option<&Trouble>) {
    match trouble {
        // It was logged where listening ended.
        None | Some(Trouble::Deaf { .. }) => {}
        Some(
            trouble @ (Trouble::NoMessageContent
            | Trouble::Mute { .. }
            | Trouble::TooManySockets
            | Trouble::EventsLimited),
        ) => {
            tracing::error!(%platform, %trouble, "a chat needs an operator");
        }
    }
}

fn card(platform: Platform, trouble: &Trouble) -> Card {
    match trouble {
        Trouble::Deaf { code, fix } => words::chat::deaf(platform, code, fix),
        Trouble::Mute { code, fix } => words::chat::mute(platform, code, fix),
        Trouble::NoMessageContent => words::chat::wordless(platform),
        Trouble::TooManySockets => words::chat::turned_away(platform),
        Trouble::EventsLimited => words::chat::slowed(platform),
    }
}

/// What begins is a message of its own, and what is over stands in that message. An earlier start may have told it.
async fn tell(bot: &Bot, platform: Platform, trouble: Option<&Trouble>) -> anyhow::Result<()> {
    let Some(fallback) = bot.0.parts.fallback.clone() else { return Ok(()) };
    let beginning = format!("trouble:{platform}:");
    let now = clock::to_millis(bot.engine().clock().now());
    let last = open(bot, &beginning).await?;
    let wanted = trouble.map(|it| card(platform, it));
    let mut changes = Vec::new();
    if let Some((subject, place, told)) = last {
        if wanted.as_ref() == Some(&told.card) {
            return Ok(());
        }
        changes.push(want(subject, place, &Told { over: Some(now), ..told }));
    }
    if let Some(card) = wanted {
        changes.push(want(
            format!("{beginning}{now}"),
            fallback,
            &Told { card, since: now, over: None, times: 1 },
        ));
    }
    bot.engine().commit(changes).await?;
    Ok(())
}

/// What is told and not over, with its message.
async fn open(bot: &Bot, beginning: &str) -> anyhow::Result<Option<(String, Place, Told)>> {
    let last: Option<Letter<Value>> = bot.engine().store().latest_letter(beginning).await?;
    Ok(last.and_then(|it| {
        let told: Told = serde_json::from_value(it.body["trouble"].clone()).ok()?;
        told.over.is_none().then_some((it.subject, it.place, told))
    }))
}

/// What goes wrong with a rule or a sensor, or that nothing does any more. However often it goes wrong, it is one message;
/// its subject has this beginning.
pub(super) async fn of(bot: &Bot, beginning: &str, wrong: Option<Card>) -> anyhow::Result<Vec<Change>> {
    let Some(fallback) = bot.0.parts.fallback.clone() else { return Ok(Vec::new()) };
    let now = clock::to_millis(bot.engine().clock().now());
    Ok(match (open(bot, beginning).await?, wrong) {
        (None, None) => Vec::new(),
        (Some((subject, place, told)), None) => vec![want(subject, place, &Told { over: Some(now), ..told })],
        (Some((subject, place, told)), Some(card)) => {
            vec![want(subject, place, &Told { card, times: told.times.saturating_add(1), ..told })]
        }
        (None, Some(card)) => {
            let told = Told { card, since: now, over: None, times: 1 };
            vec![want(format!("{beginning}{now}"), fallback, &told)]
        }
    })
}

fn want(subject: String, place: Place, told: &Told) -> Change {
    let body = json!({ "trouble": told });
    Change::Want(Box::new(Wanted { subject, place, body, priority: Priority::Soon }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_that_does_not_count_is_told_once() {
        let (code, fix) = ("token_revoked".to_owned(), "another".to_owned());
        let mute = Trouble::Mute { code: code.clone(), fix: fix.clone() };
        let deaf = Trouble::Deaf { code, fix };
        assert!(is_told_with(Some(&mute), Some(&deaf)) && is_told_with(Some(&deaf), Some(&mute)));
        for (before, now) in
            [(None, Some(&deaf)), (Some(&deaf), None), (Some(&Trouble::EventsLimited), Some(&mute))]
        {
            assert!(!is_told_with(before, now), "{before:?} {now:?}");
        }
    }
}

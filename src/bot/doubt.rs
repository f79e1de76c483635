//! After nobody listened: whether what matters still stands in chat as it should, and what people put under it.
//!
//! The letters in question are wanted again, and looked at in the outbox's own order and pace. One that is gone is posted
//! again, one that shows something else is edited, and one that is right costs nothing but the look. What waited for the
//! chat waits no more, however often it was tried in vain.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;

use super::{Bot, draw::Drawn, mark};
use crate::{
    chat::{ChatAdapter, ChatError, PRIVATE},
    engine::{Asked, card_subject, gate_subject, inquiry_subject},
    id::{MessageRef, OutboxId, Platform},
    store::{StoreError, outbox::Letter},
};

/// Between two tries to read what matters, and how many.
const PAUSE: Duration = Duration::from_secs(5);
const TRIES: usize = 12;

/// Letters that are sent, but may not stand as they were sent. In memory alone: each start doubts them all.
#[derive(Default)]
pub(super) struct Doubts(Mutex<HashSet<OutboxId>>);

impl Doubts {
    fn all(&self) -> MutexGuard<'_, HashSet<OutboxId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn holds(&self, id: OutboxId) -> bool {
        self.all().contains(&id)
    }

    /// Whether there was one.
    pub(super) fn end(&self, id: OutboxId) -> bool {
        self.all().remove(&id)
    }
}

/// Doubts every letter that matters still and stands on this platform.
pub(super) async fn begin(bot: Bot, platform: Platform) {
    for _ in 0..TRIES {
        match doubt_all(&bot, platform).await {
            Ok(letters) => {
                tracing::info!(%platform, letters, "looking whether all messages stand as they should");
                return;
            }
            Err(error) => {
                tracing::error!(%platform, %error, "nobody can tell which messages matter still");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn doubt_all(bot: &Bot, platform: Platform) -> Result<usize, StoreError> {
    let store = bot.engine().store();
    let mut ids = Vec::new();
    for subject in subjects(bot).await? {
        let letters: Vec<Letter<Value>> = store.letters_about(&subject).await?;
        let standing = letters.into_iter().filter(|it| {
            let message = it.message.as_ref().filter(|message| message.message.as_str() != PRIVATE);
            it.place.platform == platform && message.is_some()
        });
        ids.extend(standing.map(|it| it.id));
    }
    let number = ids.len();
    bot.0.lanes.doubts.all().extend(ids.iter().copied());
    store.doubt_letters(ids).await?;
    store.hurry_letters(platform, bot.engine().clock().now()).await?;
    bot.engine().letters().notify_one();
    Ok(number)
}

/// Cards of what goes on, questions that wait for an answer.
async fn subjects(bot: &Bot) -> Result<Vec<String>, StoreError> {
    let store = bot.engine().store();
    let gates = store.open_gates::<Asked>().await?;
    let asked = gates.iter().map(|it| gate_subject(it.id, it.body.gate.seal_number));
    let open = store.left().await?.executions;
    let inquiries = open.iter().filter(|it| it.runner == "inquirer").map(|it| inquiry_subject(it.id));
    let cards = open.iter().filter(|it| it.depth == 0).map(|it| card_subject(it.id));
    Ok(asked.chain(inquiries).chain(cards).collect())
}

/// Makes a message right that may not stand as it should, and hears the marks below it.
///
/// # Errors
/// The inbox cannot be read or written.
pub(super) async fn settle(
    bot: &Bot,
    adapter: &dyn ChatAdapter,
    message: &MessageRef,
    drawn: &Drawn,
) -> anyhow::Result<Result<(), ChatError>> {
    let stands = match adapter.stands(message, &drawn.card).await {
        Err(error @ (ChatError::Refused { .. } | ChatError::Broken { .. })) => {
            // An edit tells as much, and needs no leave to read.
            tracing::warn!(%error, "a message of ours cannot be read");
            Ok(false)
        }
        other => other,
    };
    let right = match stands {
        Ok(true) => Ok(()),
        Ok(false) => adapter.edit(message, &drawn.card).await,
        Err(error) => Err(error),
    };
    if right.is_err() || !drawn.asks {
        return Ok(right);
    }
    match mark::find(bot, adapter, message).await? {
        Err(error @ (ChatError::Refused { .. } | ChatError::Broken { .. })) => {
            tracing::warn!(%error, "the marks below a question cannot be read");
            Ok(Ok(()))
        }
        found => Ok(found),
    }
}

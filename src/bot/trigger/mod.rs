//! What events from outside chat set in motion. [`push`]: commits that arrived on a branch; [`rule`]: what rules listen to.

mod push;
mod rule;

use super::{Bot, timer};
use crate::{
    engine::RULE_END,
    rule::Happened,
    store::{Change, inbox::Waiting},
};

/// Handles one event to its end.
pub(super) async fn trigger(bot: &Bot, waiting: &Waiting) -> anyhow::Result<()> {
    match waiting.source.as_str() {
        "github" => push::pushed(bot, waiting).await,
        Happened::SOURCE => rule::happened(bot, waiting).await,
        RULE_END => rule::ended(bot, waiting).await,
        // It stands for itself.
        timer::SEEN => Ok(bot.engine().commit(vec![Change::Done(waiting.id)]).await?),
        source => {
            tracing::warn!(source, "nothing listens to this source");
            bot.engine().commit(vec![Change::Done(waiting.id)]).await?;
            Ok(())
        }
    }
}

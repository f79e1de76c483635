//! What events from outside chat set in motion. [`push`]: commits that arrived on a branch.

mod push;

use super::Bot;
use crate::store::{Change, inbox::Waiting};

/// Handles one event to its end.
pub(super) async fn trigger(bot: &Bot, waiting: &Waiting) -> anyhow::Result<()> {
    match waiting.source.as_str() {
        "github" => push::pushed(bot, waiting).await,
        source => {
            tracing::warn!(source, "nothing listens to this source");
            bot.engine().commit(vec![Change::Done(waiting.id)]).await?;
            Ok(())
        }
    }
}

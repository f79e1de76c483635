//! What a webhook sets in motion.

use super::Bot;
use crate::store::{Change, inbox::Waiting};

/// Handles one event from outside chat.
pub(super) async fn trigger(bot: &Bot, waiting: &Waiting) -> anyhow::Result<()> {
    tracing::info!(source = waiting.source, "nothing listens to this event");
    bot.engine().commit(vec![Change::Done(waiting.id)]).await?;
    Ok(())
}

//! What events from outside chat set in motion. [`push`]: commits that arrived on a branch.

mod push;

use serde_json::Value;

use super::Bot;
use crate::store::{Change, inbox::Waiting};

/// Deliveries of one lane are handled one after another: those of one repository.
pub(super) fn lane(waiting: &Waiting) -> String {
    let repository = waiting.body.pointer("/push/full_name").and_then(Value::as_str).unwrap_or_default();
    format!("{}:{}", waiting.source, repository.to_lowercase())
}

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

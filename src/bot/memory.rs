//! What the inbox and the settings know of a workspace: for an adapter that was away and looks for what it missed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Bot;
use crate::{
    chat::{Memory, PRIVATE, Spot},
    engine::{Asked, gate_subject},
    id::{ChannelId, MessageId, MessageRef, Platform, WorkspaceId},
    message::{Delivery, Incoming},
    store::outbox::Letter,
};

pub(super) async fn recall(bot: &Bot, platform: Platform, workspace: &WorkspaceId) -> anyhow::Result<Memory> {
    let mut memory = Memory::default();
    let mut spots: BTreeMap<ChannelId, Option<MessageId>> = BTreeMap::new();
    for (at, body) in bot.engine().store().latest_deliveries("chat", 1).await? {
        let Ok(delivery) = serde_json::from_value::<Delivery>(body) else { continue };
        if delivery.place.platform != platform || delivery.place.workspace != *workspace {
            continue;
        }
        memory.heard_at = memory.heard_at.max(Some(at));
        let spot = spots.entry(delivery.place.channel.clone()).or_default();
        // Newest first, so the first that is a message counts.
        match delivery.incoming {
            Incoming::Said(said) | Incoming::Missed { said, .. } if spot.is_none() => {
                *spot = Some(said.message)
            }
            Incoming::Said(_)
            | Incoming::Missed { .. }
            | Incoming::Pressed { .. }
            | Incoming::Unasked { .. }
            | Incoming::Reacted { .. }
            | Incoming::Found { .. } => {}
        }
    }
    let live = bot.engine().live();
    let told = live.settings.apps.values().flat_map(|app| &app.channels);
    for place in told.filter(|it| it.platform == platform && it.workspace == *workspace) {
        spots.entry(place.channel.clone()).or_default();
    }
    memory.questions = questions(bot, platform, workspace).await?;
    memory.spots = spots.into_iter().map(|(channel, last)| Spot { channel, last }).collect();
    Ok(memory)
}

/// Where the open gates ask.
async fn questions(
    bot: &Bot,
    platform: Platform,
    workspace: &WorkspaceId,
) -> anyhow::Result<Vec<MessageRef>> {
    let store = bot.engine().store();
    let mut questions = Vec::new();
    for gate in store.open_gates::<Asked>().await? {
        let subject = gate_subject(gate.id, gate.body.gate.seal_number);
        let letters: Vec<Letter<Value>> = store.letters_about(&subject).await?;
        questions.extend(letters.into_iter().filter_map(|it| it.message).filter(|it| {
            it.place.platform == platform
                && it.place.workspace == *workspace
                && it.message.as_str() != PRIVATE
        }));
    }
    Ok(questions)
}

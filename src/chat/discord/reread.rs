//! How a message of ours stands in its channel, and whose marks are under it: what is asked after nobody listened.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use serenity::http::Route;

use super::rest::{Patience, id};
use super::{ChatError, Discord, emoji, events, render, standing_place};
use crate::chat::{Lost, Marked};
use crate::clock::before;
use crate::id::{Account, MessageId, MessageRef, Place, Platform, UserId, WorkspaceId};
use crate::message::{Card, Mark};

/// What we draw.
const PARTS: [&str; 3] = ["content", "embeds", "components"];
/// Between our clock and Discord's.
const SKEW: Duration = Duration::from_secs(60);
/// Who reacted, and what was posted, per page: Discord gives no more.
const PAGE: usize = 100;
const PAGES_MAX: usize = 10;
/// Pauses that Discord may ask for, per call.
const PATIENCE: Patience = Patience { tries: 2, longest: Duration::from_secs(5) };
/// A reaction, and one that is animated and counted apart
/// (<https://docs.discord.com/developers/resources/message#get-reactions-reaction-types>).
const KINDS: [&str; 2] = ["0", "1"];

impl Discord {
    /// Whether the message shows this card (<https://docs.discord.com/developers/resources/message#get-channel-message>).
    pub(super) async fn shows(&self, message: &MessageRef, card: &Card) -> Result<bool, ChatError> {
        let shown = self.rest.get(route_of(message)?).await?;
        let wanted = render::render(card).body;
        Ok(PARTS.iter().all(|it| holds(&shown[*it], &wanted[*it])))
    }

    /// The message that this was posted as, if it was
    /// (<https://docs.discord.com/developers/resources/message#get-channel-messages>): one of ours with the same buttons, for
    /// those name what they are about; without any, one that shows the same. Discord keeps a nonce from posting twice for
    /// some minutes, and does not say afterwards which one a message had.
    pub(super) async fn find_lost(
        &self,
        place: &Place,
        lost: &Lost<'_>,
    ) -> Result<Option<MessageRef>, ChatError> {
        let channel = standing_place(place);
        let after = events::id_at(before(lost.since, SKEW));
        let params = [("after", after.to_string()), ("limit", PAGE.to_string())];
        let route = Route::ChannelMessages { channel_id: id(channel)? };
        let page = match self.rest.patient(PATIENCE, route, &params).await {
            // Nothing was ever posted below a message whose thread is not there.
            Err(ChatError::Gone) => return Ok(None),
            page => page?,
        };
        let (own, wanted) = (self.ears.own_user(), render::render(lost.card).body);
        let is_it = |it: &&Value| it["author"]["id"] == own.as_str() && is_same(it, &wanted);
        let posted = page.as_array().map(Vec::as_slice).unwrap_or_default().iter().find(is_it);
        let id = posted.and_then(|it| it["id"].as_str());
        Ok(id.map(|id| MessageRef { place: place.clone(), message: MessageId::from(id) }))
    }

    /// Everybody's marks (<https://docs.discord.com/developers/resources/message#get-reactions>).
    pub(super) async fn read_marks(&self, message: &MessageRef) -> Result<BTreeSet<Marked>, ChatError> {
        // Also tells whether it stands at all: there are no reactions below what is gone.
        let shown = self.rest.patient(PATIENCE, route_of(message)?, &[]).await?;
        let counted = shown["reactions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut marks = BTreeSet::new();
        for mark in counted.iter().filter_map(|it| events::mark(&it["emoji"])) {
            for kind in KINDS {
                self.read_users(message, mark, kind, &mut marks).await?;
            }
        }
        Ok(marks)
    }

    async fn read_users(
        &self,
        message: &MessageRef,
        mark: Mark,
        kind: &str,
        marks: &mut BTreeSet<Marked>,
    ) -> Result<(), ChatError> {
        let (own, emoji) = (self.ears.own_user(), emoji(mark).as_data());
        let workspace = &message.place.workspace;
        let mut after = "0".to_owned();
        for _ in 0..PAGES_MAX {
            let params = [("type", kind.to_owned()), ("limit", PAGE.to_string()), ("after", after.clone())];
            let route = Route::ChannelMessageReactionEmoji {
                channel_id: id(standing_place(&message.place))?,
                message_id: id(message.message.as_str())?,
                reaction: &emoji,
            };
            let page = self.rest.patient(PATIENCE, route, &params).await?;
            let users = page.as_array().map(Vec::as_slice).unwrap_or_default();
            for user in users.iter().filter(|it| it["bot"] != true) {
                let Some(user) = user["id"].as_str().filter(|it| *it != own) else { continue };
                marks.insert(Marked { account: account(workspace, user), mark });
            }
            match users.last().and_then(|it| it["id"].as_str()).filter(|_| users.len() == PAGE) {
                Some(last) => after = last.to_owned(),
                None => return Ok(()),
            }
        }
        // Half a list would take away the marks of those who are missing in it.
        Err(ChatError::Broken { why: "more people reacted than can be read".to_owned() })
    }
}

fn account(workspace: &WorkspaceId, user: &str) -> Account {
    Account { platform: Platform::Discord, workspace: workspace.clone(), user: UserId::from(user) }
}

fn route_of(message: &MessageRef) -> Result<Route<'static>, ChatError> {
    Ok(Route::ChannelMessage {
        channel_id: id(standing_place(&message.place))?,
        message_id: id(message.message.as_str())?,
    })
}

/// Whether two messages are about the same.
fn is_same(shown: &Value, wanted: &Value) -> bool {
    let (ours, theirs) = (buttons(wanted), buttons(shown));
    if ours.is_empty() { PARTS.iter().all(|it| holds(&shown[*it], &wanted[*it])) } else { ours == theirs }
}

fn buttons(message: &Value) -> Vec<&str> {
    let rows = message["components"].as_array().map(Vec::as_slice).unwrap_or_default();
    let all = rows.iter().filter_map(|it| it["components"].as_array()).flatten();
    all.filter_map(|it| it["custom_id"].as_str()).collect()
}

/// Whether all that we draw is there. Discord adds fields of its own, leaves out what is empty, and cuts blanks off both
/// ends of a text.
fn holds(shown: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Object(parts) => parts.iter().all(|(key, part)| holds(&shown[key.as_str()], part)),
        Value::Array(items) => {
            let shown = shown.as_array().map(Vec::as_slice).unwrap_or_default();
            shown.len() == items.len() && shown.iter().zip(items).all(|(shown, wanted)| holds(shown, wanted))
        }
        Value::String(text) => shown.as_str().unwrap_or_default().trim() == text.trim(),
        Value::Null => shown.is_null(),
        Value::Bool(false) => shown.as_bool() != Some(true),
        Value::Bool(_) | Value::Number(_) => shown == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_discord_adds_and_leaves_out_makes_no_difference() {
        let wanted = json!({"content": "", "components": [], "embeds": [{"title": "a ", "color": 7,
            "fields": [{"name": "n", "value": "v", "inline": false}]}]});
        let shown = json!({"content": "", "embeds": [{"type": "rich", "title": "a", "color": 7,
            "fields": [{"name": "n", "value": "v"}]}], "flags": 0});
        assert!(holds(&shown, &wanted));
        for (path, other) in [
            ("/embeds/0/title", json!("b")),
            ("/embeds/0/color", json!(8)),
            ("/embeds/0/fields/0/value", json!("w")),
            ("/embeds/0/fields", json!([])),
            ("/content", json!("more")),
        ] {
            let mut shown = shown.clone();
            *shown.pointer_mut(path).expect("a part") = other;
            assert!(!holds(&shown, &wanted), "{path}");
        }
    }
}

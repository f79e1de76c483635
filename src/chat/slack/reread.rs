//! How a message of ours stands in its channel, and whose marks are under it: what is asked after nobody listened.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::events;
use super::method::Method;
use super::render::{self, Rendered};
use super::{ChatError, Slack};
use crate::chat::Marked;
use crate::id::{Digest, MessageRef};
use crate::message::Card;

/// Hexadecimal digits of a print.
const PRINT: usize = 24;

/// Names the first block after all that is drawn, so that a look tells whether it stands there: Slack gives texts back in
/// its own spelling. A block's id should be another one at each edit anyway
/// (<https://docs.slack.dev/reference/block-kit/blocks/section-block>).
pub(super) fn imprint(rendered: &mut Rendered) {
    let print = print(rendered);
    if let Some(first) = rendered.blocks.get_mut(0) {
        first["block_id"] = json!(print);
    }
}

fn print(rendered: &Rendered) -> String {
    let drawn = format!("{}\n{}", rendered.blocks, rendered.text);
    format!("drawn-{}", &Digest::of(drawn.as_bytes()).as_str()[..PRINT])
}

impl Slack {
    /// Whether the message shows this card. A message with replies leaves a tombstone when it is removed.
    pub(super) async fn shows(&self, message: &MessageRef, card: &Card) -> Result<bool, ChatError> {
        let ts = message.message.to_string();
        // <https://docs.slack.dev/messaging/retrieving-messages#individual_messages>
        let mut params = vec![
            ("channel", message.place.channel.to_string()),
            ("oldest", ts.clone()),
            ("latest", ts.clone()),
            ("inclusive", "true".to_owned()),
        ];
        let method = match &message.place.thread {
            // The thread's first message comes before the one that is meant.
            Some(thread) => {
                params.extend([("ts", thread.to_string()), ("limit", "2".to_owned())]);
                Method::Replies
            }
            None => {
                params.push(("limit", "1".to_owned()));
                Method::History
            }
        };
        let found = self.api.get(method, &params).await?;
        let messages = found["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let it = messages.iter().find(|it| it["ts"] == ts.as_str() && it["subtype"] != "tombstone");
        let it = it.ok_or(ChatError::Gone)?;
        Ok(it["blocks"][0]["block_id"] == print(&render::render(card)).as_str())
    }

    /// Everybody's marks (<https://docs.slack.dev/reference/methods/reactions.get>).
    pub(super) async fn read_marks(&self, message: &MessageRef) -> Result<BTreeSet<Marked>, ChatError> {
        let own = self.own().await?;
        let params = [
            ("channel", message.place.channel.to_string()),
            ("timestamp", message.message.to_string()),
            ("full", "true".to_owned()),
        ];
        let answer = self.api.get(Method::Reactions, &params).await?;
        let reactions = answer["message"]["reactions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut marks = BTreeSet::new();
        for reaction in reactions {
            let Some(mark) = reaction["name"].as_str().and_then(events::mark) else { continue };
            let users: Vec<&str> = users(reaction)?;
            let others = users.into_iter().filter(|it| *it != own.user);
            marks.extend(others.map(|user| Marked { account: own.account(user), mark }));
        }
        Ok(marks)
    }
}

/// All who put it. A list that is not whole would take away the marks of those who are missing in it.
fn users(reaction: &Value) -> Result<Vec<&str>, ChatError> {
    let users: Vec<&str> =
        reaction["users"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let whole = reaction["count"].as_u64().is_none_or(|it| it <= users.len() as u64);
    if whole {
        Ok(users)
    } else {
        Err(ChatError::Broken { why: "`reactions.get` names only some of those who reacted".to_owned() })
    }
}

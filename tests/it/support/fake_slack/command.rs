//! The fake's slash commands: each comes with an address at which its author can be answered, five times in half an hour.

use std::collections::{BTreeMap, HashMap};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::api::check;
use super::{FakeSlack, Posted, TEAM, Unread};

const ANSWERS_MAX: u32 = 5;

/// Commands that were given, and where the bot has no place.
#[derive(Default)]
pub struct Commands {
    outside: BTreeMap<String, &'static str>,
    given: HashMap<String, (String, String, u32)>,
}

impl Commands {
    pub fn admit(&self, channel: &str) -> Result<(), &'static str> {
        self.outside.get(channel).map_or(Ok(()), |code| Err(*code))
    }
}

pub(super) async fn respond(
    State(fake): State<FakeSlack>,
    Path(number): Path<String>,
    bytes: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    fake.world(|it| {
        let Some((user, channel, used)) = it.commands.given.get_mut(&number) else {
            it.faulty_calls.push(format!("an answer to no command: {number}"));
            return StatusCode::NOT_FOUND.into_response();
        };
        *used += 1;
        if ANSWERS_MAX < *used {
            it.faulty_calls.push("too many answers to one command".to_owned());
            return StatusCode::NOT_FOUND.into_response();
        }
        let (user, channel) = (user.clone(), channel.clone());
        if check(it, &body).is_err() || body["response_type"] != "ephemeral" {
            it.faulty_calls.push(format!("no private answer: {body}"));
        }
        let ts = it.ts();
        let posted = Posted { only_for: Some(user), ..Posted::new(&channel, &ts, super::BOT, body) };
        it.unread.push(Unread::Post(posted));
        "ok".into_response()
    })
}

impl FakeSlack {
    /// The bot is not in there, and hears this code when it speaks.
    pub fn keep_out(&self, channel: &str, code: &'static str) {
        self.world(|it| it.commands.outside.insert(channel.to_owned(), code));
    }

    pub fn invite(&self, channel: &str) {
        self.world(|it| it.commands.outside.remove(channel));
    }

    /// Types `/lockkeeper TEXT`.
    pub fn command(&self, user: &str, channel: &str, text: &str) {
        let (number, trigger) = self.world(|it| {
            it.number += 1;
            let given = (user.to_owned(), channel.to_owned(), 0);
            it.commands.given.insert(it.number.to_string(), given);
            (it.number, it.forms.trigger(user))
        });
        let payload = json!({"token": "deprecated", "team_id": TEAM, "team_domain": "home", "channel_id": channel,
            "channel_name": "x", "user_id": user, "user_name": "x", "command": "/lockkeeper", "text": text,
            "api_app_id": "A1", "is_enterprise_install": "false", "trigger_id": trigger,
            "response_url": format!("http://{}/respond/{number}", self.http)});
        self.deliver("slash_commands", payload);
    }
}

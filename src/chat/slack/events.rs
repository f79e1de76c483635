//! What Slack delivers as deliveries of ours. Read leniently from JSON: what is not understood gives no delivery, never an
//! error, and what is not surely a new act of a person gives none either.

use serde_json::Value;

use super::missed::said_at;
use super::text::typed;
use crate::id::{Account, ChannelId, MessageId, MessageRef, Place, Platform, UserId, WorkspaceId};
use crate::identity::Standing;
use crate::message::{Delivery, Incoming, Mark, Said};

/// Who we are in the workspace (`auth.test`).
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) team: String,
    pub(super) enterprise: Option<String>,
    pub(super) user: String,
    pub(super) bot: Option<String>,
}

impl Own {
    pub(super) fn is_home(&self, team: &str) -> bool {
        team == self.team || self.enterprise.as_deref() == Some(team)
    }

    pub(super) fn place(&self, channel: &str, thread: Option<&str>) -> Place {
        Place {
            platform: Platform::Slack,
            workspace: WorkspaceId::from(self.team.as_str()),
            channel: ChannelId::from(channel),
            thread: thread.map(MessageId::from),
        }
    }

    pub(super) fn account(&self, user: &str) -> Account {
        Account {
            platform: Platform::Slack,
            workspace: WorkspaceId::from(self.team.as_str()),
            user: UserId::from(user),
        }
    }

    /// Home teams tell nothing yet (guests, bots): that is asked after the inbox.
    pub(super) fn standing(&self, teams: [&Value; 2]) -> Standing {
        let foreign = teams.iter().filter_map(|it| it.as_str()).any(|team| !self.is_home(team));
        if foreign { Standing::External } else { Standing::Unresolved }
    }
}

/// What people did, according to one payload; `kind` is the word that Socket Mode's envelopes have for it. A message is
/// keyed by channel and `ts`, so that `message` and `app_mention` of the same words are one delivery.
pub(super) fn deliveries(kind: &str, payload: &Value, own: &Own) -> Vec<Delivery> {
    match kind {
        "events_api" => event(payload, own).into_iter().collect(),
        "interactive" if payload["type"] == "block_actions" => pressed(payload, own),
        "slash_commands" => commanded(payload, own).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn event(payload: &Value, own: &Own) -> Option<Delivery> {
    let event = &payload["event"];
    match event["type"].as_str()? {
        "message" | "app_mention" => said(event, own),
        "reaction_added" => reacted(payload, event, own, true),
        "reaction_removed" => reacted(payload, event, own, false),
        _ => None,
    }
}

/// Only a new message that a person typed: no edits, deletions, broadcasts, joins, bots, apps or ourselves
/// (`reliability/invariants.md` 13).
fn said(event: &Value, own: &Own) -> Option<Delivery> {
    let new = matches!(event["subtype"].as_str(), None | Some("file_share"));
    let typed_by_person =
        ["bot_id", "app_id", "bot_profile", "edited", "workflow_id"].iter().all(|key| event[*key].is_null())
            && event["hidden"] != true;
    let user = event["user"].as_str()?;
    if !new || !typed_by_person || user == own.user || user == "USLACKBOT" {
        return None;
    }
    let channel = event["channel"].as_str()?;
    let ts = event["ts"].as_str()?;
    let direct = event["channel_type"] == "im" || channel.starts_with('D');
    let (text, mentioned) = typed(event["text"].as_str()?, &own.user);
    let thread = event["thread_ts"].as_str().filter(|it| *it != ts);
    Some(Delivery {
        key: format!("slack:message:{}:{channel}:{ts}", own.team),
        account: own.account(user),
        standing: own.standing([&event["user_team"], &event["team"]]),
        display: user.to_owned(),
        place: own.place(channel, thread),
        at: said_at(ts),
        incoming: Incoming::Said(Said {
            text,
            addressed: direct || mentioned,
            direct,
            message: MessageId::from(ts),
        }),
    })
}

/// What an emoji means at a gate.
pub(super) fn mark(emoji: &str) -> Option<Mark> {
    match emoji {
        "white_check_mark" => Some(Mark::Approve),
        "no_entry" => Some(Mark::Reject),
        _ => None,
    }
}

fn reacted(payload: &Value, event: &Value, own: &Own, added: bool) -> Option<Delivery> {
    let mark = mark(event["reaction"].as_str()?)?;
    let user = event["user"].as_str().filter(|it| *it != own.user)?;
    let item = &event["item"];
    let channel = item["channel"].as_str()?;
    let message = item["ts"].as_str().filter(|_| item["type"] == "message")?;
    let place = own.place(channel, None);
    Some(Delivery {
        key: format!("slack:event:{}", payload["event_id"].as_str()?),
        account: own.account(user),
        standing: own.standing([&event["user_team"], &Value::Null]),
        display: user.to_owned(),
        place: place.clone(),
        at: None,
        incoming: Incoming::Reacted {
            message: MessageRef { place, message: MessageId::from(message) },
            mark,
            added,
            at: event["event_ts"].as_str().and_then(said_at),
        },
    })
}

/// A slash command is the same as words addressed to us; without words it asks for help. Slack gives it no message and
/// no `ts`; a trigger is one per command (<https://docs.slack.dev/interactivity/implementing-slash-commands>).
fn commanded(payload: &Value, own: &Own) -> Option<Delivery> {
    let (user, channel) = (payload["user_id"].as_str()?, payload["channel_id"].as_str()?);
    let trigger = payload["trigger_id"].as_str()?;
    let (text, _) = typed(payload["text"].as_str().unwrap_or_default(), &own.user);
    let text = if text.is_empty() { "help".to_owned() } else { text };
    Some(Delivery {
        key: format!("slack:command:{}:{trigger}", own.team),
        account: own.account(user),
        standing: own.standing([&payload["team_id"], &Value::Null]),
        display: user.to_owned(),
        place: own.place(channel, None),
        at: None,
        // Also in a direct message of two people, where we are not.
        incoming: Incoming::Said(Said {
            text,
            addressed: true,
            direct: false,
            message: MessageId::from(trigger),
        }),
    })
}

/// Identity and key come from the payload's own fields, never from the message's text. A message of somebody else's
/// app cannot reach us here: Slack delivers a press to the app that posted the button.
fn pressed(payload: &Value, own: &Own) -> Vec<Delivery> {
    let container = &payload["container"];
    let user = payload["user"]["id"].as_str();
    let channel = container["channel_id"].as_str().or_else(|| payload["channel"]["id"].as_str());
    let ts = container["message_ts"].as_str().or_else(|| payload["message"]["ts"].as_str());
    let (Some(user), Some(channel), Some(ts)) = (user, channel, ts) else { return Vec::new() };
    let thread = container["thread_ts"].as_str().or_else(|| payload["message"]["thread_ts"].as_str());
    let place = own.place(channel, thread.filter(|it| *it != ts));
    let acts = payload["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
    acts.iter()
        .filter_map(|act| {
            let (id, at) = (act["action_id"].as_str()?, act["action_ts"].as_str()?);
            Some(Delivery {
                key: format!("slack:press:{}:{channel}:{ts}:{id}:{at}:{user}", own.team),
                account: own.account(user),
                standing: own.standing([&payload["user"]["team_id"], &Value::Null]),
                display: user.to_owned(),
                place: place.clone(),
                at: said_at(at),
                incoming: Incoming::Pressed {
                    message: MessageRef { place: place.clone(), message: MessageId::from(ts) },
                    act: act["value"].as_str()?.to_owned(),
                    reason: None,
                },
            })
        })
        .collect()
}

/// `users.info` as standing and display name.
pub(super) fn standing(user: &Value, own: &Own) -> (Standing, String) {
    let is = |key: &str| user[key] == true;
    let teams = [&user["team_id"], &user["enterprise_user"]["enterprise_id"]];
    let at_home = teams.iter().filter_map(|it| it.as_str()).any(|team| own.is_home(team));
    let standing = if is("deleted") {
        Standing::Deactivated
    } else if is("is_bot") || is("is_workflow_bot") || user["id"] == "USLACKBOT" {
        Standing::Bot
    } else if is("is_stranger") || !at_home {
        Standing::External
    } else if is("is_restricted") || is("is_ultra_restricted") {
        Standing::Guest
    } else {
        Standing::Member
    };
    let names =
        [&user["profile"]["display_name"], &user["profile"]["real_name"], &user["real_name"], &user["name"]];
    let name = names.iter().filter_map(|it| it.as_str()).find(|it| !it.trim().is_empty());
    (standing, name.or(user["id"].as_str()).unwrap_or("?").to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn own() -> Own {
        Own { team: "T1".into(), enterprise: Some("E1".into()), user: "UBOT".into(), bot: Some("B1".into()) }
    }

    fn heard(payload: &Value, own: &Own) -> Vec<Delivery> {
        deliveries("events_api", payload, own)
    }

    fn message(more: Value) -> Value {
        let mut event =
            json!({"type": "message", "user": "U1", "channel": "C1", "ts": "1.2", "text": "!help"});
        for (key, value) in more.as_object().expect("an object") {
            event[key] = value.clone();
        }
        json!({"event_id": "Ev1", "team_id": "T1", "event": event})
    }

    #[test]
    fn only_a_new_message_of_a_person_is_a_delivery() {
        assert_eq!(heard(&message(json!({})), &own()).len(), 1);
        assert_eq!(heard(&message(json!({"subtype": "file_share"})), &own()).len(), 1);
        for not in [
            json!({"subtype": "message_changed"}),
            json!({"subtype": "message_deleted"}),
            json!({"subtype": "thread_broadcast"}),
            json!({"subtype": "bot_message"}),
            json!({"subtype": "brand_new_subtype"}),
            json!({"bot_id": "B9"}),
            json!({"app_id": "A9"}),
            json!({"hidden": true}),
            json!({"edited": {"user": "U1", "ts": "1.3"}}),
            json!({"user": "UBOT"}),
            json!({"user": null}),
            json!({"text": 7}),
        ] {
            assert_eq!(heard(&message(not.clone()), &own()), vec![], "{not}");
        }
    }

    #[test]
    fn a_mention_heard_twice_has_one_key() {
        let mention = message(json!({"type": "app_mention", "text": "<@UBOT> help"}));
        let plain = message(json!({"text": "<@UBOT> help"}));
        assert_eq!(heard(&mention, &own()), heard(&plain, &own()));
    }

    #[test]
    fn people_of_other_teams_are_external_at_once() {
        let foreign = heard(&message(json!({"user_team": "T2"})), &own());
        assert_eq!(foreign[0].standing, Standing::External);
        let home = heard(&message(json!({"user_team": "E1", "team": "T1"})), &own());
        assert_eq!(home[0].standing, Standing::Unresolved);
    }

    #[test]
    fn presses_marks_and_commands_of_other_teams_are_external_too() {
        let press = |team: &str| {
            let payload = json!({"type": "block_actions", "user": {"id": "U1", "team_id": team}, "team": {"id": "T1"},
                "container": {"channel_id": "C1", "message_ts": "1.2"},
                "actions": [{"action_id": "a", "value": "approve:x", "action_ts": "1.3"}]});
            ("interactive", payload)
        };
        let mark = |team: &str| {
            let event = json!({"type": "reaction_added", "user": "U1", "user_team": team, "reaction": "no_entry",
                "item": {"type": "message", "channel": "C1", "ts": "1.2"}});
            ("events_api", json!({"event_id": "Ev1", "team_id": "T1", "event": event}))
        };
        let command = |team: &str| {
            let payload =
                json!({"user_id": "U1", "channel_id": "C1", "trigger_id": "1", "team_id": team, "text": ""});
            ("slash_commands", payload)
        };
        for (team, standing) in [("T2", Standing::External), ("T1", Standing::Unresolved)] {
            for (kind, payload) in [press(team), mark(team), command(team)] {
                let heard = deliveries(kind, &payload, &own());
                assert_eq!(heard.iter().map(|it| it.standing).collect::<Vec<_>>(), [standing], "{payload}");
            }
        }
    }

    #[test]
    fn only_a_full_member_of_our_team_is_a_member() {
        let table = [
            (json!({"id": "U1", "team_id": "T1"}), Standing::Member),
            (json!({"id": "U1", "team_id": "T2"}), Standing::External),
            (json!({"id": "U1"}), Standing::External),
            (json!({"id": "U1", "team_id": "T1", "is_stranger": true}), Standing::External),
            (json!({"id": "U1", "team_id": "T1", "is_restricted": true}), Standing::Guest),
            (json!({"id": "U1", "team_id": "T1", "is_ultra_restricted": true}), Standing::Guest),
            (json!({"id": "U1", "team_id": "T1", "is_bot": true}), Standing::Bot),
            (json!({"id": "USLACKBOT", "team_id": "T1"}), Standing::Bot),
            (json!({"id": "U1", "team_id": "T1", "deleted": true}), Standing::Deactivated),
        ];
        for (user, expected) in table {
            assert_eq!(standing(&user, &own()).0, expected, "{user}");
        }
    }
}

//! What an app at Slack has to be for us (<https://docs.slack.dev/reference/app-manifest>): pasted once, at
//! <https://api.slack.com/apps?new_app=1>, it sets up scopes, events, the slash command and buttons.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::method::Method;

/// What we are told of, with the scope that each takes as its page below <https://docs.slack.dev/reference/events> lists
/// it. Mentions come as messages too, so `app_mention` and its scope are not asked for.
const EVENTS: &[(&str, &str)] = &[
    ("message.channels", "channels:history"),
    ("message.groups", "groups:history"),
    ("message.im", "im:history"),
    ("message.mpim", "mpim:history"),
    ("reaction_added", "reactions:read"),
    ("reaction_removed", "reactions:read"),
];

/// The manifest as JSON. `http`: the address that Slack posts to, without a slash at its end; `None` is Socket Mode.
pub fn manifest(name: &str, http: Option<&str>) -> Value {
    let scopes = scopes();
    let events: Vec<&str> = EVENTS.iter().map(|(event, _)| *event).collect();
    let mut manifest = json!({
        "display_information": {
            "name": name,
            "description": "Releases from chat: canaries judged, production behind people's approval",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": false,
                "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": false,
            },
            "bot_user": {"display_name": handle(name), "always_online": true},
            "slash_commands": [{
                "command": "/lockkeeper",
                "description": "Release something, or ask how it goes",
                "usage_hint": "deploy APP canary | status | help",
                "should_escape": true,
            }],
        },
        "oauth_config": {"scopes": {"bot": scopes}},
        "settings": {
            "event_subscriptions": {"bot_events": events},
            "interactivity": {"is_enabled": true},
            "org_deploy_enabled": false,
            "socket_mode_enabled": http.is_none(),
            "token_rotation_enabled": false,
        },
    });
    if let Some(address) = http {
        manifest["features"]["slash_commands"][0]["url"] = json!(format!("{address}/slack/commands"));
        let settings = &mut manifest["settings"];
        settings["event_subscriptions"]["request_url"] = json!(format!("{address}/slack/events"));
        settings["interactivity"]["request_url"] = json!(format!("{address}/slack/interactions"));
    }
    manifest
}

/// What the methods that we call take, what the events take, and `commands` for the slash command
/// (<https://docs.slack.dev/reference/scopes>).
pub(super) fn scopes() -> BTreeSet<&'static str> {
    let called = Method::ALL.into_iter().flat_map(Method::scopes).copied();
    called.chain(EVENTS.iter().map(|(_, scope)| *scope)).chain(["commands"]).collect()
}

/// What people mention; Slack takes lower-case letters, digits, `-`, `_` and `.` only.
fn handle(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let handle: String = name.to_lowercase().chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let handle = handle.trim_matches('-');
    if handle.is_empty() { "lockkeeper".to_owned() } else { handle.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_something_to_mention() {
        assert_eq!(handle("Lock Keeper (ops)"), "lock-keeper--ops");
        assert_eq!(handle("Шлюз"), "lockkeeper");
    }

    #[test]
    fn every_method_is_counted() {
        let names: BTreeSet<&str> = Method::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), Method::ALL.len());
        // Adding a method without adding it to ALL would leave its scopes out.
        let source = include_str!("method.rs");
        let variants = source.split("pub(super) enum Method {").nth(1).and_then(|it| it.split('}').next());
        assert_eq!(variants.expect("the list").matches(',').count(), Method::ALL.len());
    }
}

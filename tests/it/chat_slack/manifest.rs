//! The app's manifest, as the program prints it. That it asks for every scope a call takes is shown by the fake, which
//! grants what it names and no more.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::fake_slack::scope::{GRANTED, TAKES};

fn print(more: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockkeeper"));
    let output = command.args(["slack", "manifest"]).args(more).output().expect("it runs");
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).expect("text"))
}

fn printed(more: &[&str]) -> Value {
    serde_json::from_str(&print(more).1).expect("JSON")
}

#[test]
fn the_manifest_sets_up_socket_mode_or_three_addresses() {
    let manifest = printed(&[]);
    let settings = &manifest["settings"];
    assert_eq!(
        (&settings["socket_mode_enabled"], &settings["interactivity"]),
        (&json!(true), &json!({"is_enabled": true}))
    );
    assert_eq!(settings["event_subscriptions"]["request_url"], Value::Null);
    let command = &manifest["features"]["slash_commands"][0];
    assert_eq!((&command["command"], &command["should_escape"]), (&json!("/lockkeeper"), &json!(true)));
    assert_eq!(
        manifest["features"]["app_home"]["messages_tab_read_only_enabled"], false,
        "people may write to us"
    );
    insta::assert_snapshot!(settings["event_subscriptions"]["bot_events"], @r#"["message.channels","message.groups","message.im","message.mpim","reaction_added","reaction_removed"]"#);

    let manifest = printed(&["--http", "https://bot.example.org/lock/", "--name", "Lock Two"]);
    let settings = &manifest["settings"];
    assert_eq!(settings["socket_mode_enabled"], false);
    assert_eq!(settings["event_subscriptions"]["request_url"], "https://bot.example.org/lock/slack/events");
    assert_eq!(settings["interactivity"]["request_url"], "https://bot.example.org/lock/slack/interactions");
    assert_eq!(
        manifest["features"]["slash_commands"][0]["url"],
        "https://bot.example.org/lock/slack/commands"
    );
    assert_eq!(manifest["features"]["bot_user"]["display_name"], "lock-two");
}

#[test]
fn every_scope_is_taken_by_something() {
    let kinds = ["channels", "groups", "im", "mpim"];
    let mut taken: BTreeSet<String> = ["commands", "reactions:read"].map(str::to_owned).into();
    for (_, scope) in TAKES.iter().filter(|(_, scope)| !scope.is_empty()) {
        taken.extend(kinds.map(|kind| scope.replace('*', kind)));
    }
    assert_eq!(*GRANTED, taken);
}

#[test]
fn help_shows_an_example_and_an_address_that_slack_cannot_use_is_refused() {
    let (_, help) = print(&["--help"]);
    assert!(help.contains("lockkeeper slack manifest --http https://lockkeeper.example.org"), "{help}");
    let (good, said) = print(&["--http", "http://bot.example.org"]);
    assert!(!good && said.contains("Slack posts to https:// addresses only"), "{said}");
    let (good, said) = print(&["--http", "bot.example.org"]);
    assert!(!good && said.contains("`bot.example.org` is no address"), "{said}");
    let (good, said) = print(&["--name", ""]);
    assert!(!good && said.contains("1 to 35 characters"), "{said}");
}

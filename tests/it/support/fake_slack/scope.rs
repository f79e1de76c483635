//! What a token may do: the app is installed from the manifest that the program prints, and a method that takes a scope
//! beyond it is refused. The table is read from each method's page below <https://docs.slack.dev/reference/methods>.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use lockkeeper::chat::slack::manifest;
use serde_json::Value;

/// Method and scope; `*:` stands for the four kinds of channels.
pub const TAKES: &[(&str, &str)] = &[
    ("auth.test", ""),
    ("apps.connections.open", ""),
    ("views.open", ""),
    ("chat.postMessage", "chat:write"),
    ("chat.postEphemeral", "chat:write"),
    ("chat.update", "chat:write"),
    ("reactions.add", "reactions:write"),
    ("reactions.get", "reactions:read"),
    ("users.info", "users:read"),
    ("conversations.history", "*:history"),
    ("conversations.replies", "*:history"),
    ("files.getUploadURLExternal", "files:write"),
    ("files.completeUploadExternal", "files:write"),
];

/// What an app made from the manifest is granted.
pub static GRANTED: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let manifest = manifest("Lockkeeper", None);
    let scopes = manifest["oauth_config"]["scopes"]["bot"].as_array().expect("scopes");
    scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect()
});

/// The scope that a call takes. Channels are told apart by their first letter.
pub fn taken(method: &str, channel: &str) -> Option<String> {
    let (_, scope) = TAKES.iter().find(|(name, _)| *name == method)?;
    let kind = match channel.chars().next() {
        Some('D') => "im",
        Some('G') => "groups",
        _ => "channels",
    };
    Some(scope.replace('*', kind)).filter(|it| !it.is_empty())
}

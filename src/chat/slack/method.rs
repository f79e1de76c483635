//! The methods of the Web API that we call, each with the scopes that it takes. The app's manifest asks for these and no
//! others.

use super::api::As;

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Test,
    OpenConnection,
    Post,
    Whisper,
    Edit,
    React,
    Reactions,
    UserInfo,
    History,
    Replies,
    OpenView,
    AnnounceUpload,
    CompleteUpload,
}

/// What reading messages takes, one per kind of channel.
const HISTORY: &[&str] = &["channels:history", "groups:history", "im:history", "mpim:history"];

impl Method {
    pub(super) const ALL: [Method; 13] = [
        Method::Test,
        Method::OpenConnection,
        Method::Post,
        Method::Whisper,
        Method::Edit,
        Method::React,
        Method::Reactions,
        Method::UserInfo,
        Method::History,
        Method::Replies,
        Method::OpenView,
        Method::AnnounceUpload,
        Method::CompleteUpload,
    ];

    /// Its reference is `https://docs.slack.dev/reference/methods/` and this.
    pub(super) fn name(self) -> &'static str {
        match self {
            Method::Test => "auth.test",
            Method::OpenConnection => "apps.connections.open",
            Method::Post => "chat.postMessage",
            Method::Whisper => "chat.postEphemeral",
            Method::Edit => "chat.update",
            Method::React => "reactions.add",
            Method::Reactions => "reactions.get",
            Method::UserInfo => "users.info",
            Method::History => "conversations.history",
            Method::Replies => "conversations.replies",
            Method::OpenView => "views.open",
            Method::AnnounceUpload => "files.getUploadURLExternal",
            Method::CompleteUpload => "files.completeUploadExternal",
        }
    }

    /// The bot token's scopes, as the method's reference lists them under "Required scopes".
    pub(super) fn scopes(self) -> &'static [&'static str] {
        match self {
            // Opening a socket takes `connections:write` of the app-level token, which no manifest can ask for.
            Method::Test | Method::OpenConnection | Method::OpenView => &[],
            Method::Post | Method::Whisper | Method::Edit => &["chat:write"],
            Method::React => &["reactions:write"],
            Method::Reactions => &["reactions:read"],
            Method::UserInfo => &["users:read"],
            Method::History | Method::Replies => HISTORY,
            Method::AnnounceUpload | Method::CompleteUpload => &["files:write"],
        }
    }

    /// Whose token it takes.
    pub(super) fn caller(self) -> As {
        match self {
            Method::OpenConnection => As::App,
            Method::Test
            | Method::Post
            | Method::Whisper
            | Method::Edit
            | Method::React
            | Method::Reactions
            | Method::UserInfo
            | Method::History
            | Method::Replies
            | Method::OpenView
            | Method::AnnounceUpload
            | Method::CompleteUpload => As::Bot,
        }
    }
}

//! What an administrator decides: `config/lockkeeper.yaml`. Where it listens, which chats it joins, where it keeps
//! things. Secrets stand in it only as references.
//!
//! ```yaml
//! data: ../data                       # everything that is written; relative to this file
//! content: [..]                       # folders that hold commands/, aliases/ and packs/; later ones win
//! prefix: "!"
//! aliases: {match: strict, compat: mended}   # first: the first that matches, in any case; exact: StackStorm's traps
//! fallback_channel: discord/1234/5678 # where it is said that another channel cannot be spoken in
//! channels: {general: slack/T0ABC/C0DEF}     # what workflows may say something in, by the names that they use
//! store: {url: "sqlite:../data/lockkeeper.db"}
//! http: {listen: "127.0.0.1:8420", token: env:LOCKKEEPER_TOKEN}
//! control: {open_to: everyone}        # users of this machine who may call: everyone, group:NAME or owner
//! datastore: {key: file:/etc/lockkeeper/datastore.key, writers: [sre]}      # what its secrets are sealed with
//! slack: {bot_token: env:SLACK_BOT_TOKEN, app_token: env:SLACK_APP_TOKEN}   # or mode: http and signing_secret
//! discord: {token: file:/run/credentials/discord}                           # or mode: http and public_key
//! webhooks: {github: {secret: env:GITHUB_SECRET}, st2: {secret: env:HOOKS}} # st2: every address that rules listen to
//! keep: {failed_checkouts: 1d, artifacts: 10, logs: 30d, releases: 5}
//! python: {interpreter: python3}     # what Python actions of packs run on
//! ```

mod control;
mod datastore;
mod keep;
mod python;
mod read;

use std::net::SocketAddr;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::secret::SecretRef;

pub use control::{ControlConfig, OpenTo};
pub use datastore::DatastoreConfig;
pub use keep::Keep;
pub use python::PythonConfig;
pub use read::{ConfigError, load, parse};

/// The whole file, paths resolved.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Everything we write lies below it.
    pub data: PathBuf,
    /// Folders that hold `commands/`, `aliases/` and `packs/`; a file in a later one replaces the same file of an
    /// earlier one, and all of them replace what the binary carries.
    pub content: Vec<PathBuf>,
    /// The folder of `people.yaml`, `environments.yaml`, `apps/` and `packs/`: that of this file, unless it says otherwise.
    pub settings: PathBuf,
    /// What a message to the bot begins with, beside mentioning it.
    pub prefix: String,
    pub aliases: AliasConfig,
    /// Where it is said that another channel cannot be spoken in, written `slack/T0ABC/C0DEF`.
    pub fallback_channel: Option<String>,
    /// What workflows may say something in, by the names that they use: `general: slack/T0ABC/C0DEF`.
    pub channels: IndexMap<String, String>,
    pub store: StoreConfig,
    pub http: HttpConfig,
    pub control: ControlConfig,
    pub datastore: DatastoreConfig,
    pub slack: Option<SlackConfig>,
    pub discord: Option<DiscordConfig>,
    pub webhooks: IndexMap<String, WebhookConfig>,
    /// How long what a release leaves behind is kept.
    pub keep: Keep,
    pub python: PythonConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            content: vec![PathBuf::from("..")],
            settings: PathBuf::from("."),
            prefix: "!".to_owned(),
            aliases: AliasConfig::default(),
            fallback_channel: None,
            channels: IndexMap::new(),
            store: StoreConfig::default(),
            http: HttpConfig::default(),
            control: ControlConfig::default(),
            datastore: DatastoreConfig::default(),
            slack: None,
            discord: None,
            webhooks: IndexMap::new(),
            keep: Keep::default(),
            python: PythonConfig::default(),
        }
    }
}

/// How a message finds its alias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AliasConfig {
    #[serde(rename = "match")]
    pub matching: AliasMatch,
    pub compat: AliasCompat,
}

/// What becomes of a message that several aliases match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AliasMatch {
    /// It is refused, as StackStorm's API does. Letters match in their own case.
    #[default]
    Strict,
    /// The first alias has it, as in StackStorm's chat client. Letters match in either case.
    First,
}

/// Whose reading of `name=value` and of typed values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AliasCompat {
    /// Ours: an address with `?a=b` is one value, nested braces stay whole, `yes` is true.
    #[default]
    Mended,
    /// StackStorm's to the letter.
    Exact,
}

/// Where history is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite:PATH` or `postgres://…`; `None` is `lockkeeper.db` in the data folder.
    pub url: Option<String>,
}

/// Webhooks in, the REST interface and the web page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    pub listen: SocketAddr,
    /// What a caller of the REST interface shows; without one it is off.
    pub token: Option<SecretRef>,
    /// The address people reach us by, for links in chat.
    pub public_url: Option<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8420)), token: None, public_url: None }
    }
}

/// One Slack app.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackConfig {
    /// `xoxb-…`, for the Web API.
    pub bot_token: SecretRef,
    /// How we hear of what people do.
    #[serde(default)]
    pub mode: SlackMode,
    /// `xapp-…`, for Socket Mode.
    #[serde(default)]
    pub app_token: Option<SecretRef>,
    /// What Slack signs with, for events over HTTP.
    #[serde(default)]
    pub signing_secret: Option<SecretRef>,
    /// `None`: Slack's own. Another one is for tests.
    #[serde(default)]
    pub api_url: Option<String>,
}

/// How Slack tells us of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlackMode {
    /// Over a WebSocket that we open: needs no address that Slack can reach.
    #[default]
    Socket,
    /// Slack posts to `/slack/events`, `/slack/interactions` and `/slack/commands`.
    Http,
}

/// One Discord bot.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscordConfig {
    pub token: SecretRef,
    /// The server's id; `None`: the first that the bot was invited to.
    #[serde(default)]
    pub guild: Option<String>,
    /// How we hear of what people do.
    #[serde(default)]
    pub mode: DiscordMode,
    /// What Discord's posts are verified with: 64 hexadecimal digits, and no secret.
    #[serde(default)]
    pub public_key: Option<String>,
    /// `None`: Discord's own. Another one is for tests.
    #[serde(default)]
    pub api_url: Option<String>,
}

/// How Discord tells us of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiscordMode {
    /// Over a WebSocket that we open: messages, marks and presses, and no address that Discord could reach.
    #[default]
    Gateway,
    /// Discord posts commands and presses to `/discord/interactions`, and nothing else.
    Http,
}

/// Who may post to `/webhooks/<name>`; `st2` is for each address that rules listen to and that has none of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// What the sender signs with, or shows.
    pub secret: SecretRef,
}

/// Our own environment, for [`crate::runner::clean_environment`] to pick from.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars()
}

impl Config {
    /// Every secret that is referred to, with the key that refers to it.
    pub fn secrets(&self) -> Vec<(String, &SecretRef)> {
        let (slack, discord) = (self.slack.as_ref(), self.discord.as_ref());
        let references = [
            ("http.token", self.http.token.as_ref()),
            ("datastore.key", self.datastore.key.as_ref()),
            ("slack.bot_token", slack.map(|it| &it.bot_token)),
            ("slack.app_token", slack.and_then(|it| it.app_token.as_ref())),
            ("slack.signing_secret", slack.and_then(|it| it.signing_secret.as_ref())),
            ("discord.token", discord.map(|it| &it.token)),
        ];
        let webhooks = self.webhooks.iter().map(|(name, it)| (format!("webhooks.{name}.secret"), &it.secret));
        references
            .into_iter()
            .filter_map(|(what, it)| it.map(|it| (what.to_owned(), it)))
            .chain(webhooks)
            .collect()
    }

    /// The address of the store: the one given, else a SQLite file in the data folder.
    pub fn store_url(&self) -> String {
        let default = || format!("sqlite:{}", self.data.join("lockkeeper.db").display());
        self.store.url.clone().unwrap_or_else(default)
    }

    /// The file that [`Self::store_url`] names.
    pub fn store_file(&self) -> PathBuf {
        let url = self.store_url();
        PathBuf::from(url.trim_start_matches("sqlite:").trim_start_matches("//"))
    }
}

//! The chats that the configuration names.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::BootError;
use crate::{
    chat::{
        ChatAdapter,
        discord::{Discord, DiscordHearing, DiscordSettings, DiscordTiming, PublicKey},
        slack::{Hearing, Slack, SlackSettings, SlackTiming},
    },
    clock::SharedClock,
    config::{Config, DiscordConfig, DiscordMode, SlackConfig, SlackMode},
    content::parse_place,
    id::Place,
    secret::{Secret, SecretRef},
};

/// The chats, and the one that is posted to over HTTP.
#[derive(Default)]
pub(super) struct Chats {
    pub(super) adapters: Vec<Arc<dyn ChatAdapter>>,
    pub(super) slack: Option<Arc<Slack>>,
    pub(super) discord: Option<Arc<Discord>>,
    /// Where trouble with other channels is told.
    pub(super) fallback: Option<Place>,
    /// By the names that content gives them.
    pub(super) channels: BTreeMap<String, Place>,
}

/// Two, so that one can be lost without missing anything.
const SLACK_CONNECTIONS: usize = 2;
/// In the data folder.
const DISCORD_SESSIONS: &str = "discord.json";

pub(super) fn chats(config: &Config, clock: &SharedClock) -> Result<Chats, BootError> {
    let fallback = config.fallback_channel.as_deref().map(parse_place).transpose();
    let fallback = fallback.map_err(|fault| BootError::Chat(format!("fallback_channel: {fault}")))?;
    let channel = |(name, text): (&String, &String)| match parse_place(text) {
        Ok(place) => Ok((name.trim_start_matches('#').to_owned(), place)),
        Err(fault) => Err(BootError::Chat(format!("channels: {name}: {fault}"))),
    };
    let channels = config.channels.iter().map(channel).collect::<Result<_, _>>()?;
    let mut chats = Chats { fallback, channels, ..Chats::default() };
    if let Some(slack) = &config.slack {
        let adapter = self::slack(slack, clock)?;
        let adapter = Arc::new(adapter);
        chats.adapters.push(adapter.clone());
        chats.slack = (slack.mode == SlackMode::Http).then_some(adapter);
    }
    if let Some(discord) = &config.discord {
        let adapter = Arc::new(self::discord(discord, Some(config.data.join(DISCORD_SESSIONS)), clock)?);
        chats.adapters.push(adapter.clone());
        chats.discord = (discord.mode == DiscordMode::Http).then_some(adapter);
    }
    Ok(chats)
}

/// The workspace that the configuration names; nothing was said to it yet.
///
/// # Errors
/// What is missing in the configuration.
pub fn slack(slack: &SlackConfig, clock: &SharedClock) -> Result<Slack, BootError> {
    // As in `App::open`: the first TLS client must find one provider chosen.
    drop(rustls::crypto::ring::default_provider().install_default());
    let settings = SlackSettings {
        bot_token: resolve("slack.bot_token", &slack.bot_token)?.expose().into(),
        hearing: hearing(slack)?,
        api_url: slack.api_url.clone(),
        timing: SlackTiming::default(),
    };
    Slack::new(settings, clock.clone())
        .map_err(|error| BootError::Chat(format!("the Slack client could not be made: {error}")))
}

/// What the mode needs, or what is missing for it.
fn hearing(slack: &SlackConfig) -> Result<Hearing, BootError> {
    match slack.mode {
        SlackMode::Socket => {
            let app_token = slack.app_token.as_ref().ok_or_else(|| {
                BootError::Chat(
                    "slack needs an `app_token` (xapp-…, with connections:write) for Socket Mode; or set `mode: http` \
                     and `signing_secret`"
                        .to_owned(),
                )
            })?;
            let app_token = resolve("slack.app_token", app_token)?.expose().into();
            Ok(Hearing::Socket { app_token, connections: SLACK_CONNECTIONS })
        }
        SlackMode::Http => {
            let missing = || {
                BootError::Chat(
                    "slack in `mode: http` needs `signing_secret`: without it anybody could post as Slack. The app's \
                     settings show it under Basic Information"
                        .to_owned(),
                )
            };
            let reference = slack.signing_secret.as_ref().ok_or_else(missing)?;
            let signing_secret = resolve("slack.signing_secret", reference)?;
            if signing_secret.expose().trim().is_empty() {
                return Err(missing());
            }
            Ok(Hearing::Http { signing_secret })
        }
    }
}

/// The server that the configuration names; nothing was said to it yet. `sessions`: where its line is kept.
///
/// # Errors
/// What is missing in the configuration.
pub fn discord(
    discord: &DiscordConfig,
    sessions: Option<PathBuf>,
    clock: &SharedClock,
) -> Result<Discord, BootError> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let hearing = match discord.mode {
        DiscordMode::Gateway => DiscordHearing::Gateway,
        DiscordMode::Http => {
            let given = discord.public_key.as_deref().ok_or_else(|| {
                BootError::Chat(
                    "discord in `mode: http` needs `public_key`: without it anybody could post as Discord. The \
                     application's General Information shows it"
                        .to_owned(),
                )
            })?;
            let public_key = PublicKey::parse(given)
                .map_err(|error| BootError::Chat(format!("discord.public_key: {error}")))?;
            DiscordHearing::Http { public_key }
        }
    };
    let settings = DiscordSettings {
        token: resolve("discord.token", &discord.token)?.expose().into(),
        guild: discord.guild.clone(),
        api_url: discord.api_url.clone(),
        hearing,
        sessions,
        timing: DiscordTiming::default(),
    };
    Discord::new(settings, clock.clone())
        .map_err(|error| BootError::Chat(format!("the Discord client could not be made: {error}")))
}

fn resolve(what: &'static str, reference: &SecretRef) -> Result<Secret, BootError> {
    reference.resolve().map_err(|source| BootError::Secret { what: what.to_owned(), source })
}

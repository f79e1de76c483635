//! The chats that the configuration names.

use std::sync::Arc;

use super::BootError;
use crate::{
    chat::{
        ChatAdapter,
        discord::{Discord, DiscordSettings, DiscordTiming},
        slack::{Hearing, Slack, SlackSettings, SlackTiming},
    },
    clock::SharedClock,
    config::{Config, SlackConfig, SlackMode},
    content::parse_place,
    id::Place,
    secret::{Secret, SecretRef},
};

/// The chats, and the one that is posted to over HTTP.
#[derive(Default)]
pub(super) struct Chats {
    pub(super) adapters: Vec<Arc<dyn ChatAdapter>>,
    pub(super) slack: Option<Arc<Slack>>,
    /// Where trouble with other channels is told.
    pub(super) fallback: Option<Place>,
}

/// Two, so that one can be lost without missing anything.
const SLACK_CONNECTIONS: usize = 2;

pub(super) fn chats(config: &Config, clock: &SharedClock) -> Result<Chats, BootError> {
    let fallback = config.fallback_channel.as_deref().map(parse_place).transpose();
    let fallback = fallback.map_err(|fault| BootError::Chat(format!("fallback_channel: {fault}")))?;
    let mut chats = Chats { fallback, ..Chats::default() };
    if let Some(slack) = &config.slack {
        let adapter = self::slack(slack, clock)?;
        let adapter = Arc::new(adapter);
        chats.adapters.push(adapter.clone());
        chats.slack = (slack.mode == SlackMode::Http).then_some(adapter);
    }
    if let Some(discord) = &config.discord {
        let settings = DiscordSettings {
            token: resolve("discord.token", &discord.token)?.expose().into(),
            guild: discord.guild.clone(),
            api_url: discord.api_url.clone(),
            timing: DiscordTiming::default(),
        };
        let adapter = Discord::new(settings, clock.clone())
            .map_err(|error| BootError::Chat(format!("the Discord client could not be made: {error}")))?;
        chats.adapters.push(Arc::new(adapter));
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

fn resolve(what: &'static str, reference: &SecretRef) -> Result<Secret, BootError> {
    reference.resolve().map_err(|source| BootError::Secret { what: what.to_owned(), source })
}

//! The chats that the configuration names.

use std::sync::Arc;

use super::BootError;
use crate::{
    chat::{
        ChatAdapter,
        discord::{Discord, DiscordSettings, DiscordTiming},
        slack::{Slack, SlackSettings, SlackTiming},
    },
    clock::SharedClock,
    config::Config,
    secret::{Secret, SecretRef},
};

/// Two, so that one can be lost without missing anything.
const SLACK_CONNECTIONS: usize = 2;

pub(super) fn adapters(config: &Config, clock: &SharedClock) -> Result<Vec<Arc<dyn ChatAdapter>>, BootError> {
    let mut adapters: Vec<Arc<dyn ChatAdapter>> = Vec::new();
    if let Some(slack) = &config.slack {
        let app_token = slack.app_token.as_ref().ok_or_else(|| {
            BootError::Chat("slack needs an `app_token` (xapp-…) for Socket Mode".to_owned())
        })?;
        let settings = SlackSettings {
            bot_token: resolve("slack.bot_token", &slack.bot_token)?.expose().into(),
            app_token: resolve("slack.app_token", app_token)?.expose().into(),
            api_url: slack.api_url.clone(),
            connections: SLACK_CONNECTIONS,
            timing: SlackTiming::default(),
        };
        let adapter = Slack::new(settings, clock.clone())
            .map_err(|error| BootError::Chat(format!("the Slack client could not be made: {error}")))?;
        adapters.push(Arc::new(adapter));
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
        adapters.push(Arc::new(adapter));
    }
    Ok(adapters)
}

fn resolve(what: &'static str, reference: &SecretRef) -> Result<Secret, BootError> {
    reference.resolve().map_err(|source| BootError::Secret { what: what.to_owned(), source })
}

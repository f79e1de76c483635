//! Giving Discord our commands, inviting the bot, and looking whether both were done.

use serde_json::Value;
use serenity::http::Route;
use serenity::model::permissions::Permissions;

use super::rest::id;
use super::{ChatError, Discord, commands};
use crate::id::ChannelId;

/// What the bot does, and no more (<https://docs.discord.com/developers/topics/permissions>).
fn permissions() -> Permissions {
    Permissions::VIEW_CHANNEL
        | Permissions::SEND_MESSAGES
        | Permissions::SEND_MESSAGES_IN_THREADS
        | Permissions::CREATE_PUBLIC_THREADS
        | Permissions::EMBED_LINKS
        | Permissions::ATTACH_FILES
        | Permissions::ADD_REACTIONS
        | Permissions::READ_MESSAGE_HISTORY
}

/// The address that invites the bot into a server
/// (<https://docs.discord.com/developers/topics/oauth2#bot-authorization-flow>).
pub fn invitation(application: &str) -> String {
    let bits = permissions().bits();
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}&scope=bot+applications.commands&permissions={bits}"
    )
}

/// What became of the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    Changed,
    /// Discord had the same already.
    Same,
}

/// What a look at Discord found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub what: String,
    /// What a person can change, if it is not as it should be.
    pub fix: Option<String>,
}

impl Found {
    fn good(what: impl Into<String>) -> Self {
        Self { what: what.into(), fix: None }
    }

    fn bad(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: Some(fix.into()) }
    }

    fn failed(what: &str, error: &ChatError) -> Self {
        match error {
            ChatError::Refused { code, fix } => Self::bad(format!("{what}: refused with `{code}`"), fix),
            ChatError::RateLimited { .. }
            | ChatError::Unreachable { .. }
            | ChatError::Unclear { .. }
            | ChatError::Gone
            | ChatError::Broken { .. } => Self::bad(format!("{what}: {error}"), "look again in a while"),
        }
    }
}

/// Application flags: the privileged intent, of a verified bot and of one in few servers.
const CONTENT: u64 = 1 << 18 | 1 << 19;

impl Discord {
    /// The application's id.
    ///
    /// # Errors
    /// When Discord does not say.
    pub async fn application(&self) -> Result<String, ChatError> {
        let me = self.rest.get(Route::Oauth2ApplicationCurrent).await?;
        let id = me["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| ChatError::Broken { why: "`oauth2/applications/@me` gave no id".to_owned() })
    }

    /// The one server that we serve.
    ///
    /// # Errors
    /// When Discord does not say, or the bot is in none.
    pub async fn server(&self) -> Result<String, ChatError> {
        self.ears.guild().await
    }

    /// Makes these the application's commands in a server, or everywhere; all others there are removed.
    ///
    /// # Errors
    /// When Discord does not take them.
    pub async fn register(&self, all: &[Value], guild: Option<&str>) -> Result<Registered, ChatError> {
        let application_id = id(&self.application().await?)?;
        let route = || -> Result<Route<'_>, ChatError> {
            Ok(match guild {
                Some(guild) => Route::GuildCommands { application_id, guild_id: id(guild)? },
                None => Route::Commands { application_id },
            })
        };
        if commands::same(all, &self.rest.get(route()?).await?) {
            return Ok(Registered::Same);
        }
        self.rest.overwrite(route()?, &all).await?;
        Ok(Registered::Changed)
    }

    /// Asks Discord what `doctor` wants to know: token, intent, commands and channels.
    pub async fn look(&self, channels: &[ChannelId]) -> Vec<Found> {
        let me = match self.rest.get(Route::Oauth2ApplicationCurrent).await {
            Ok(me) => me,
            Err(error) => return vec![Found::failed("discord token", &error)],
        };
        let mut found = vec![Found::good("discord token: Discord knows it")];
        found.push(match me["flags"].as_u64() {
            Some(flags) if flags & CONTENT == 0 => Found::bad(
                "discord intent: messages come without their text",
                "turn MESSAGE CONTENT INTENT on, under Bot in Discord's developer portal",
            ),
            Some(_) => Found::good("discord intent: messages come with their text"),
            None => Found::good("discord intent: Discord does not say whether messages come with their text"),
        });
        match self.server().await {
            Ok(guild) => found.push(self.look_for_commands(&me, &guild).await),
            Err(error) => found.push(Found::bad(
                format!("discord server: {error}"),
                "invite the bot: `lockkeeper discord invite` prints how",
            )),
        }
        for channel in channels {
            let what = format!("discord channel {channel}");
            let looked = match id(channel.as_str()) {
                Ok(channel_id) => self.rest.get(Route::Channel { channel_id }).await,
                Err(error) => Err(error),
            };
            found.push(match looked {
                Ok(_) => Found::good(format!("{what}: the bot sees it")),
                Err(ChatError::Gone) => {
                    Found::bad(format!("{what}: there is no such channel"), "check the channel's id")
                }
                Err(error) => Found::failed(&what, &error),
            });
        }
        found
    }

    async fn look_for_commands(&self, me: &Value, guild: &str) -> Found {
        let what = format!("discord commands in server {guild}");
        let count = async {
            let application_id = id(me["id"].as_str().unwrap_or_default())?;
            let here = Route::GuildCommands { application_id, guild_id: id(guild)? };
            let here = self.rest.get(here).await?;
            let all = self.rest.get(Route::Commands { application_id }).await?;
            let count = |it: &Value| it.as_array().map_or(0, Vec::len);
            Ok::<usize, ChatError>(count(&here) + count(&all))
        };
        match count.await {
            Ok(0) => Found::bad(
                format!("{what}: none"),
                "publish them with `lockkeeper discord register`; `!` works without",
            ),
            Ok(count) => Found::good(format!("{what}: {count}")),
            Err(error) => Found::failed(&what, &error),
        }
    }
}

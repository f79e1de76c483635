//! Giving Discord our commands, inviting the bot, and looking whether both were done.

use serde_json::Value;
use serenity::http::Route;

use super::super::skew;
use super::permission::{self, Member};
use super::rest::id;
use super::{ChatError, Discord, commands};
use crate::id::ChannelId;

/// The address that invites the bot into a server
/// (<https://docs.discord.com/developers/topics/oauth2#bot-authorization-flow>).
pub fn invitation(application: &str) -> String {
    let bits = permission::needed().bits();
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
        // The answer has said what Discord's clock says.
        found.extend(self.rest.skew().judge("Discord").map(|(told, is_off)| Found {
            what: format!("discord {told}"),
            fix: is_off.then(|| skew::FIX.to_owned()),
        }));
        let mut bot = None;
        match self.server().await {
            Ok(guild) => {
                found.push(self.look_for_commands(&me, &guild).await);
                match self.member(&guild).await {
                    Ok(member) => bot = Some(member),
                    Err(error) => found.push(Found::failed("discord permissions", &error)),
                }
            }
            Err(error) => found.push(Found::bad(
                format!("discord server: {error}"),
                "invite the bot: `lockkeeper discord invite` prints how",
            )),
        }
        for channel in channels {
            found.push(self.look_at(channel, bot.as_ref()).await);
        }
        found
    }

    /// Whether the bot sees a channel, and may do there what it does.
    async fn look_at(&self, channel: &ChannelId, bot: Option<&Member>) -> Found {
        let what = format!("discord channel {channel}");
        let looked = match id(channel.as_str()) {
            Ok(channel_id) => self.rest.get(Route::Channel { channel_id }).await,
            Err(error) => Err(error),
        };
        match (looked, bot) {
            (Ok(seen), Some(bot)) => match bot.lacks(&seen).as_slice() {
                [] => Found::good(format!("{what}: the bot sees it, and may do what it does")),
                lacking => Found::bad(
                    format!("{what}: the bot lacks {}", lacking.join(", ")),
                    "give it these under Edit Channel, Permissions",
                ),
            },
            (Ok(_), None) => Found::good(format!("{what}: the bot sees it")),
            (Err(ChatError::Gone), _) => {
                Found::bad(format!("{what}: there is no such channel"), "check the channel's id")
            }
            (Err(error), _) => Found::failed(&what, &error),
        }
    }

    /// The bot in this server, with what its roles give it
    /// (<https://docs.discord.com/developers/resources/user#get-current-user-guilds>).
    async fn member(&self, guild: &str) -> Result<Member, ChatError> {
        let unsaid = |what: &str| ChatError::Broken { why: format!("Discord does not say {what}") };
        let me = self.rest.get(Route::UserMe).await?;
        let user = me["id"].as_str().ok_or_else(|| unsaid("who the bot is"))?.to_owned();
        let guilds = self.rest.get(Route::UserMeGuilds).await?;
        let here = guilds.as_array().and_then(|all| all.iter().find(|it| it["id"] == guild));
        let base = here.and_then(|it| it["permissions"].as_str()?.parse().ok());
        let base = base.ok_or_else(|| unsaid("what the bot may do"))?;
        let member = self.rest.get(Route::GuildMember { guild_id: id(guild)?, user_id: id(&user)? }).await?;
        let roles = member["roles"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let roles = roles.map(str::to_owned).collect();
        Ok(Member { base, guild: guild.to_owned(), user, roles })
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

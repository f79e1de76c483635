//! `discord register`, `discord invite`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::out;
use crate::{
    boot,
    chat::discord::{Discord, Registered, commands, invitation},
    clock::{SharedClock, SystemClock},
    config::{self, Config},
    content::native_commands,
    library::Library,
};

/// Set up a bot at Discord
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lockkeeper discord invite\n  lockkeeper discord register")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Register(RegisterArguments),
    Invite(InviteArguments),
}

/// Publish the commands: one for each everyday alias, and /lockkeeper for all words
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper discord register\n  lockkeeper discord register --guild 1234567890\n  \
                  lockkeeper discord register --global\n  lockkeeper discord register --print\n\n\
                  A server shows its commands at once; those for everywhere may take an hour. What is registered \
                  there already is replaced, and nothing is sent if nothing has changed."
)]
struct RegisterArguments {
    /// What an administrator decides
    #[arg(long, default_value = super::CONFIG)]
    config: PathBuf,
    /// The server [default: `discord.guild`, else the first that the bot is in]
    #[arg(long, value_name = "ID", conflicts_with = "global")]
    guild: Option<String>,
    /// In every server, and in direct messages
    #[arg(long)]
    global: bool,
    /// Only print what would be sent, as JSON; asks Discord nothing
    #[arg(long)]
    print: bool,
}

/// Print the address that invites the bot, with the permissions that it uses and no others
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper discord invite\n  lockkeeper discord invite --application 1234567890\n\n\
                  Open it in a browser as somebody who may manage the server."
)]
struct InviteArguments {
    /// What an administrator decides
    #[arg(long, default_value = super::CONFIG)]
    config: PathBuf,
    /// The application's id; without it Discord is asked, with the configured token
    #[arg(long, value_name = "ID")]
    application: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Register(arguments) => register(arguments),
        Command::Invite(arguments) => invite(arguments),
    }
}

fn register(arguments: &RegisterArguments) -> anyhow::Result<ExitCode> {
    if let Some(guild) = &arguments.guild {
        is_id(guild).context("--guild")?;
    }
    let config = config::load(&arguments.config)?;
    let content = Library::new(config.content.clone()).load();
    let native = native_commands(&content.catalogue);
    let all = commands(&native);
    if arguments.print {
        out::say(&serde_json::to_string_pretty(&all)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let discord = adapter(&config)?;
    let told = runtime()?.block_on(async {
        let guild = match (&arguments.guild, arguments.global) {
            (Some(guild), _) => Some(guild.clone()),
            (None, true) => None,
            (None, false) => Some(discord.server().await.context("which server is ours")?),
        };
        let place = guild.as_ref().map_or("everywhere".to_owned(), |it| format!("in server {it}"));
        // Those that Discord would not take.
        let left =
            native.iter().map(|it| it.name.as_str()).filter(|it| all.iter().all(|one| one["name"] != *it));
        let left: Vec<&str> = left.collect();
        let left = if left.is_empty() {
            String::new()
        } else {
            format!("; only /lockkeeper reaches {}", left.join(", "))
        };
        let registered = discord.register(&all, guild.as_deref()).await?;
        anyhow::Ok(match registered {
            Registered::Changed => format!("{} commands are registered {place}{left}", all.len()),
            Registered::Same => format!("{} commands were registered {place} already{left}", all.len()),
        })
    })?;
    out::say(&told)?;
    Ok(ExitCode::SUCCESS)
}

fn invite(arguments: &InviteArguments) -> anyhow::Result<ExitCode> {
    let application = match &arguments.application {
        Some(given) => {
            is_id(given).context("--application")?;
            given.clone()
        }
        None => {
            let discord = adapter(&config::load(&arguments.config)?)?;
            runtime()?.block_on(discord.application())?
        }
    };
    out::say(&invitation(&application))?;
    Ok(ExitCode::SUCCESS)
}

fn adapter(config: &Config) -> anyhow::Result<Discord> {
    let clock: SharedClock = Arc::new(SystemClock);
    let Some(discord) = &config.discord else {
        bail!("the configuration has no `discord:`; docs/discord.md says what belongs there");
    };
    Ok(boot::discord(discord, None, &clock)?)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn is_id(text: &str) -> anyhow::Result<()> {
    if text.parse::<std::num::NonZeroU64>().is_err() {
        bail!("`{text}` is no id: Discord's are whole numbers, as 1234567890");
    }
    Ok(())
}

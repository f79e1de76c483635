//! `slack manifest`

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::out;
use crate::chat::slack::manifest;

/// Set up an app at Slack
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper slack manifest")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Manifest(ManifestArguments),
}

/// Print the app's manifest, to be pasted at https://api.slack.com/apps?new_app=1
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper slack manifest\n  lockkeeper slack manifest --http https://lockkeeper.example.org\n\n\
                  Choose \"From a manifest\" and paste it there as JSON. It asks for the scopes that the bot uses and no others."
)]
struct ManifestArguments {
    /// Let Slack post to this address (`slack: {mode: http}`) instead of Socket Mode
    #[arg(long, value_name = "URL")]
    http: Option<String>,
    /// What the app is called, at most 35 characters
    #[arg(long, default_value = "Lockkeeper")]
    name: String,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Manifest(arguments) => print(arguments),
    }
}

fn print(arguments: &ManifestArguments) -> anyhow::Result<ExitCode> {
    let name = arguments.name.trim();
    if name.is_empty() || 35 < name.chars().count() {
        bail!("--name takes 1 to 35 characters: Slack shows no more");
    }
    let address = arguments.http.as_deref().map(address).transpose()?;
    let manifest = manifest(name, address.as_deref());
    out::say(&serde_json::to_string_pretty(&manifest)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Without a path of its own or a slash at its end.
fn address(text: &str) -> anyhow::Result<String> {
    let url = reqwest::Url::parse(text).with_context(|| format!("`{text}` is no address"))?;
    if url.scheme() != "https" || url.query().is_some() || url.fragment().is_some() {
        bail!("Slack posts to https:// addresses only: give one like https://lockkeeper.example.org");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

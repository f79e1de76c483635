//! `card`

use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::out;
use crate::chat::preview::{Look, page, picture};
use crate::message::Card;

/// Draw cards as people see them in Slack and in Discord
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper executions show 42 --json > cards.json\n  lockkeeper card cards.json > cards.html\n  \
                  lockkeeper card cards.json --png                      # cards-slack.png, cards-discord.png\n  \
                  lockkeeper card cards.json --on slack --png wide.png\n\n\
                  What is drawn is what the platform would be sent: escaped, cut and without its buttons where it would be."
)]
pub(super) struct Arguments {
    /// A card or a list of cards as JSON; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only as this one shows it
    #[arg(long, value_name = "PLATFORM")]
    on: Option<On>,
    /// Write pictures instead of a page; named after FILE unless it is said
    #[arg(long, value_name = "OUT", num_args = 0..=1)]
    png: Option<Option<PathBuf>>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum On {
    Slack,
    Discord,
}

impl From<On> for Look {
    fn from(on: On) -> Self {
        match on {
            On::Slack => Self::Slack,
            On::Discord => Self::Discord,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let name = arguments.file.display();
    let text = read(&arguments.file)?;
    let cards = cards(&text).with_context(|| format!("{name} holds no cards"))?;
    let looks = arguments.on.map_or(Look::ALL.to_vec(), |it| vec![it.into()]);
    match &arguments.png {
        None => out::say(page(&cards, &looks)?.trim_end())?,
        Some(wanted) => {
            for look in looks {
                let path = place(arguments, wanted.as_deref(), look)?;
                let bytes = picture(&cards, look)?;
                std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
                out::say(&path.display().to_string())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
    }
    if io::stdin().is_terminal() {
        bail!("`-` reads standard input, and nothing is piped into it");
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    Ok(text)
}

/// One card or several.
fn cards(text: &str) -> anyhow::Result<Vec<Card>> {
    let value: Value = serde_json::from_str(text)?;
    let list = match value {
        Value::Array(list) => list,
        one => vec![one],
    };
    if list.is_empty() {
        bail!("the list is empty");
    }
    list.into_iter()
        .enumerate()
        .map(|(index, it)| card(it).with_context(|| format!("card {}", index + 1)))
        .collect()
}

/// Unknown keys make no card: a file of something else would be drawn as nothing.
fn card(value: Value) -> anyhow::Result<Card> {
    let Some(keys) = value.as_object() else {
        bail!("a card is an object with `title`, `blocks`, `buttons`")
    };
    let known = ["tone", "title", "blocks", "buttons", "footer", "if_cut", "refused"];
    if let Some(key) = keys.keys().find(|it| !known.contains(&it.as_str())) {
        bail!("a card has no `{key}`; it has {}", known.join(", "));
    }
    Ok(serde_json::from_value(value)?)
}

/// `cards.json` becomes `cards-slack.png`.
fn place(arguments: &Arguments, wanted: Option<&Path>, look: Look) -> anyhow::Result<PathBuf> {
    let base = match wanted {
        Some(path) if arguments.on.is_some() => return Ok(path.to_owned()),
        Some(path) => path,
        None if arguments.file == Path::new("-") => bail!("say where the pictures go: --png OUT"),
        None => &arguments.file,
    };
    let stem = base.file_stem().unwrap_or_default().to_string_lossy();
    Ok(base.with_file_name(format!("{stem}-{}.png", look.as_str().to_lowercase())))
}

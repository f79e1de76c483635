//! `key set|get|list|delete|load`

use std::{
    io::{self, Read as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    call::{self, Bot},
    out, store,
};
use crate::{
    control::wire::{Covered, KeyRequest, Reply, WireKey, WirePut},
    datastore::{self, Key, Scope},
    duration,
    id::PersonName,
    message::words,
    yaml::{self, Dialect},
};

/// Keep values that workflows, actions and sensors read, secrets among them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "Example:
  lockkeeper key set region eu-1
  cat token | lockkeeper key set github_token - --encrypt
  lockkeeper key get region

Expressions read them: <% st2kv('system.region') %>, {{ st2kv.system.region }}.
Where no bot runs, the store is opened by the command itself.";

#[derive(Debug, Subcommand)]
enum Command {
    Set(Set),
    Get(Get),
    List(List),
    Delete(Delete),
    Load(Load),
}

/// Whose key it is
#[derive(Debug, Args)]
struct Whose {
    /// `system` for everybody's, `user` for one person's own
    #[arg(short, long, default_value = "system")]
    scope: String,
    /// The person whose key it is, as people.yaml names them; without it: yours
    #[arg(short, long, value_name = "PERSON")]
    user: Option<String>,
}

/// Write a value
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cat token | lockkeeper key set github_token - --encrypt --ttl 30d")]
struct Set {
    name: String,
    /// The value; `-` reads it from standard input, without a final line end
    value: String,
    #[command(flatten)]
    whose: Whose,
    /// How long it is there, as 60s or 30d; without it: for good
    #[arg(short = 'l', long, value_name = "LENGTH", value_parser = duration::parse)]
    ttl: Option<Duration>,
    /// Seal it with the key that `datastore.key` in the configuration names; wherever it is shown, it is covered
    #[arg(short, long)]
    encrypt: bool,
    /// Answer with JSON
    #[arg(short, long)]
    json: bool,
    #[command(flatten)]
    bot: Bot,
}

/// Show a value
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper key get region")]
struct Get {
    name: String,
    #[command(flatten)]
    whose: Whose,
    /// Show a secret as it is; the audit says that you did
    #[arg(short, long)]
    decrypt: bool,
    /// Answer with JSON
    #[arg(short, long)]
    json: bool,
    #[command(flatten)]
    bot: Bot,
}

/// List keys with their values
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lockkeeper key list --prefix aws.\n  lockkeeper key list --decrypt --json > keys.json"
)]
struct List {
    /// Only those whose names begin so
    #[arg(short, long, default_value = "")]
    prefix: String,
    /// `system`, `user` or `all`: the system's and your own
    #[arg(short, long, default_value = "all")]
    scope: String,
    /// The person whose keys to list, as people.yaml names them
    #[arg(short, long, value_name = "PERSON")]
    user: Option<String>,
    /// Show secrets as they are; the audit says that you did
    #[arg(short, long)]
    decrypt: bool,
    /// Answer with JSON, as `key load` reads it
    #[arg(short, long)]
    json: bool,
    #[command(flatten)]
    bot: Bot,
}

/// Remove a key
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper key delete region")]
struct Delete {
    name: String,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    bot: Bot,
}

/// Write all keys of a file, or none
///
/// The file is JSON or YAML as `st2 key load` reads it: one object with `name` and `value`, and perhaps `scope`, `user`,
/// `secret` and `ttl` (seconds), or a list of them. `st2 key list -n -1 -s all --decrypt --json` writes one.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper key load keys.yaml")]
struct Load {
    file: PathBuf,
    /// Write values that are no texts as JSON
    #[arg(short, long)]
    convert: bool,
    #[command(flatten)]
    bot: Bot,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Set(it) => set(it),
        Command::Get(it) => {
            let request = KeyRequest::Get { key: key(&it.name, &it.whose), decrypt: it.decrypt };
            let json = it.json;
            show(&it.bot, request, move |key| {
                Ok(if json { pretty(key)? } else { text(key, "value").to_owned() })
            })
        }
        Command::List(it) => list(it),
        Command::Delete(it) => {
            let request = KeyRequest::Delete { key: key(&it.name, &it.whose) };
            show(&it.bot, request, |key| Ok(words::key::removed(&named(key)?)))
        }
        Command::Load(it) => load(it),
    }
}

fn key(name: &str, whose: &Whose) -> WireKey {
    // Naming a person is to say whose it is.
    let scope = if whose.user.is_some() { "user" } else { whose.scope.as_str() };
    WireKey {
        scope: scope.to_owned(),
        user: whose.user.as_deref().map(PersonName::from),
        name: name.to_owned(),
    }
}

fn set(it: &Set) -> anyhow::Result<ExitCode> {
    let value = match (it.value.as_str(), it.encrypt) {
        ("-", _) => from_stdin()?,
        (_, true) => bail!(words::key::secret_in_arguments()),
        (value, false) => value.to_owned(),
    };
    let ttl_ms = it.ttl.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
    if ttl_ms.is_some_and(|it| it < 1_000) {
        bail!(words::key::no_ttl());
    }
    let put =
        WirePut { key: key(&it.name, &it.whose), value: Covered::new(value), secret: it.encrypt, ttl_ms };
    let json = it.json;
    show(&it.bot, KeyRequest::Put { puts: vec![put] }, move |key| said(key, json))
}

/// That a key was written.
fn said(key: &Value, json: bool) -> anyhow::Result<String> {
    if json {
        return pretty(key);
    }
    Ok(words::key::written(&named(key)?, key.get("expire_timestamp").and_then(Value::as_str)))
}

fn from_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).context("standard input is no text")?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

fn list(it: &List) -> anyhow::Result<ExitCode> {
    let request = KeyRequest::List {
        scope: Some(it.scope.clone()),
        user: it.user.as_deref().map(PersonName::from),
        prefix: it.prefix.clone(),
        decrypt: it.decrypt,
    };
    let Some(keys) = ask(&it.bot, request)? else { return Ok(ExitCode::FAILURE) };
    if it.json {
        out::say(&serde_json::to_string_pretty(&keys)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["key", "value", "secret", "until"].map(str::to_owned);
    let row = |key: &Value| -> anyhow::Result<[String; 4]> {
        let secret = if key.get("secret") == Some(&Value::Bool(true)) { "yes" } else { "" };
        let until = text(key, "expire_timestamp").to_owned();
        Ok([named(key)?.to_string(), first_line(text(key, "value")), secret.to_owned(), until])
    };
    let rows = keys.iter().map(row).collect::<anyhow::Result<Vec<_>>>()?;
    out::say(&out::columns(std::iter::once(head).chain(rows)))?;
    Ok(ExitCode::SUCCESS)
}

/// What a row has room for.
fn first_line(value: &str) -> String {
    const SHOWN: usize = 60;
    let line: String = value.chars().take_while(|it| !it.is_control()).take(SHOWN).collect();
    if line.len() < value.len() { format!("{line}…") } else { line }
}

fn load(it: &Load) -> anyhow::Result<ExitCode> {
    let file = it.file.display();
    let bytes = std::fs::read(&it.file).with_context(|| format!("cannot read {file}"))?;
    let text = yaml::text(&bytes).map_err(|fault| anyhow::anyhow!("{file}:{fault}"))?;
    // YAML holds most of JSON, but has limits of its own.
    let content: Value = match serde_json::from_str(text) {
        Ok(content) => content,
        Err(_) => yaml::read(text, Dialect::StackStorm)
            .map_err(|fault| anyhow::anyhow!("{file}:{fault}"))?
            .to_json(),
    };
    let puts = match datastore::read(&content, it.convert, Some(&PersonName::from(""))) {
        Ok(puts) => puts,
        Err(faults) => {
            let told: Vec<String> = faults.iter().map(|fault| format!("{file}: {fault}")).collect();
            bail!("{}", told.join("\n"));
        }
    };
    let put = |put: datastore::Put| WirePut {
        key: WireKey {
            scope: put.key.scope().word().to_owned(),
            // Nobody's name stands for whoever asks.
            user: put.key.scope().user().filter(|it| !it.as_str().is_empty()).cloned(),
            name: put.key.name().to_owned(),
        },
        value: Covered::new(put.value.expose()),
        secret: put.secret,
        ttl_ms: put.ttl.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
    };
    let request = KeyRequest::Put { puts: puts.into_iter().map(put).collect() };
    show(&it.bot, request, |key| said(key, false))
}

/// Asks, and shows every key that is told.
fn show(
    bot: &Bot,
    request: KeyRequest,
    line: impl Fn(&Value) -> anyhow::Result<String>,
) -> anyhow::Result<ExitCode> {
    let Some(keys) = ask(bot, request)? else { return Ok(ExitCode::FAILURE) };
    for key in &keys {
        out::say(&line(key)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks the running bot, or the store itself where none runs. `None`: it was refused, and that was shown.
fn ask(bot: &Bot, request: KeyRequest) -> anyhow::Result<Option<Vec<Value>>> {
    let (mut refused, mut keys) = (false, Vec::new());
    for reply in store::ask(bot, request)? {
        match reply? {
            Reply::Key(key) => keys.push(key),
            other => refused |= !call::shown(&other, false)?,
        }
    }
    Ok((!refused).then_some(keys))
}

fn text<'a>(key: &'a Value, member: &str) -> &'a str {
    key.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn named(key: &Value) -> anyhow::Result<Key> {
    let user = key.get("user").and_then(Value::as_str).map(PersonName::from);
    Ok(Key::new(Scope::parse(text(key, "scope"), user.as_ref())?, text(key, "name"))?)
}

fn pretty(key: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(key)?)
}

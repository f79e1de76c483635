//! `doctor`

use std::{
    fmt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
};

use clap::Args;

use super::out;
use crate::{
    boot,
    chat::{discord::Found, slack::Finding},
    clock::{Clock as _, SharedClock, SystemClock},
    config::{self, Config, DiscordConfig, DiscordMode, SlackConfig, SlackMode},
    content::{self, Diagnostic},
    control::{
        client::call,
        wire::{Reply, Request},
    },
    engine::keep,
    id::{ChannelId, Platform},
    library::{Library, settings_files},
    message::words,
    secret::SecretRef,
    store::{Store, StoreError},
};

/// Look whether everything that the bot needs is there; ends with 1 if something is not
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper doctor --config /etc/lockkeeper/lockkeeper.yaml")]
pub(super) struct Arguments {
    /// What an administrator decides
    #[arg(long, default_value = super::CONFIG)]
    config: PathBuf,
    /// Only ask the running bot whether it is alive
    #[arg(long)]
    health: bool,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Ok,
    Warn,
    Fail,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
        })
    }
}

/// One thing that was looked at.
struct Look {
    state: State,
    what: String,
    /// What to do about it.
    advice: Option<String>,
}

impl Look {
    fn ok(what: impl Into<String>) -> Self {
        Self { state: State::Ok, what: what.into(), advice: None }
    }

    fn bad(state: State, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state, what: what.into(), advice: Some(advice.into()) }
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.health {
        return super::health::run(&arguments.config);
    }
    let mut looks = Vec::new();
    let shown = arguments.config.display();
    match config::load(&arguments.config) {
        Ok(config) => {
            looks.push(Look::ok(format!("configuration {shown}")));
            looks.extend(secrets(&config));
            looks.extend(chats(&config));
            looks.extend(config.slack.as_ref().map(|slack| workspace(&config, slack)).unwrap_or_default());
            looks.extend(config.discord.as_ref().map(|discord| server(&config, discord)).unwrap_or_default());
            looks.extend(store(&config));
            looks.push(disk(&config));
            looks.extend(shelves(&config));
            looks.extend(contents(&config));
        }
        Err(error) => {
            let advice = "put that right, or name another file with --config";
            looks.push(Look::bad(State::Fail, format!("configuration: {error}"), advice));
        }
    }
    looks.push(program("git", &["--version"], "releases are built from git repositories"));
    looks.push(program("ssh", &["-V"], "remote hosts are reached over ssh"));
    looks.push(clock());
    for it in &looks {
        out::say(&format!("{:<5} {}", it.state, it.what))?;
        if let Some(advice) = &it.advice {
            out::say(&format!("      → {advice}"))?;
        }
    }
    let failed = looks.iter().any(|it| it.state == State::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn secrets(config: &Config) -> Vec<Look> {
    let look = |(what, reference): (String, &SecretRef)| match reference.resolve() {
        Ok(_) => Look::ok(format!("secret {what}")),
        Err(error) => Look::bad(
            State::Fail,
            format!("secret {what}: {error}"),
            "the bot does not start without it: set it where the bot runs",
        ),
    };
    config.secrets().into_iter().map(look).collect()
}

fn chats(config: &Config) -> Vec<Look> {
    let mut looks = Vec::new();
    if let Some(slack) = &config.slack {
        looks.push(match (slack.mode, &slack.app_token, &slack.signing_secret) {
            (SlackMode::Socket, Some(_), _) => Look::ok("slack is configured with Socket Mode"),
            (SlackMode::Http, _, Some(_)) => Look::ok("slack is configured to post to /slack/… over HTTP"),
            (SlackMode::Socket, None, _) => Look::bad(
                State::Fail,
                "slack has no `app_token`",
                "make one with connections:write, for Socket Mode",
            ),
            (SlackMode::Http, _, None) => Look::bad(
                State::Fail,
                "slack in `mode: http` has no `signing_secret`",
                "the app's settings show it under Basic Information",
            ),
        });
    }
    if let Some(discord) = &config.discord {
        looks.push(match (discord.mode, &discord.public_key) {
            (DiscordMode::Gateway, _) => Look::ok("discord is configured with the gateway"),
            (DiscordMode::Http, Some(_)) => {
                Look::ok("discord is configured to post to /discord/interactions over HTTP")
            }
            (DiscordMode::Http, None) => Look::bad(
                State::Fail,
                "discord in `mode: http` has no `public_key`",
                "the application's General Information shows it",
            ),
        });
    }
    if looks.is_empty() {
        let advice =
            "add `slack:` or `discord:` to the configuration; until then only the command line is heard";
        looks.push(Look::bad(State::Warn, "no chat is configured", advice));
    }
    looks
}

/// What Slack itself says; nothing if the configuration is not complete, which was said already.
fn workspace(config: &Config, slack: &SlackConfig) -> Vec<Look> {
    let clock: SharedClock = Arc::new(SystemClock);
    let Ok(adapter) = boot::slack(slack, &clock) else { return Vec::new() };
    let channels = channels(config, Platform::Slack);
    let looking = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let found = looking.map(|it| it.block_on(adapter.look(&channels))).unwrap_or_default();
    let look = |it: Finding| match it.fix {
        None => Look::ok(it.what),
        Some(fix) => Look::bad(State::Fail, it.what, fix),
    };
    found.into_iter().map(look).collect()
}

/// What Discord itself says.
fn server(config: &Config, discord: &DiscordConfig) -> Vec<Look> {
    let clock: SharedClock = Arc::new(SystemClock);
    let Ok(adapter) = boot::discord(discord, None, &clock) else { return Vec::new() };
    let channels = channels(config, Platform::Discord);
    let looking = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let found = looking.map(|it| it.block_on(adapter.look(&channels))).unwrap_or_default();
    let look = |it: Found| match it.fix {
        None => Look::ok(it.what),
        Some(fix) => Look::bad(State::Fail, it.what, fix),
    };
    found.into_iter().map(look).collect()
}

/// The apps' channels there.
fn channels(config: &Config, platform: Platform) -> Vec<ChannelId> {
    let (settings, _) = content::settings::load(&settings_files(&config.settings), None);
    let places = settings.apps.values().flat_map(|app| &app.channels);
    let mut channels: Vec<ChannelId> =
        places.filter(|it| it.platform == platform).map(|it| it.channel.clone()).collect();
    channels.sort_unstable();
    channels.dedup();
    channels
}

/// Opened, or held by a bot that answers.
fn store(config: &Config) -> Vec<Look> {
    let hello = call(&config.data, &Request::Hello).ok().and_then(|mut it| it.next());
    let Some(Ok(Reply::Hello { version, pid, user, person, stale })) = hello else {
        return vec![unheld(config)];
    };
    let who = person.unwrap_or_else(|| "nobody it knows".to_owned());
    let runs = format!("store: lockkeeper {version} runs on it (process {pid}); {user} is {who} to it");
    let told = |it: String| {
        let what = format!("secret {it}: the bot that runs uses an older value");
        Look::bad(State::Fail, what, "start the bot again: it reads its secrets when it starts")
    };
    std::iter::once(Look::ok(runs)).chain(stale.into_iter().map(told)).collect()
}

/// No bot runs on it.
fn unheld(config: &Config) -> Look {
    let (url, file) = (config.store_url(), config.store_file());
    let path = file.display();
    if !file.exists() {
        return Look::ok(format!("store {path} is made at the first start"));
    }
    let opened = tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| {
        runtime.block_on(async {
            let store = Store::open(&url).await?;
            Ok::<bool, StoreError>(store.is_writable(SystemClock.now()).await)
        })
    });
    match opened {
        Ok(Ok(true)) => Look::ok(format!("store {path} opens and takes writes")),
        Ok(Ok(false)) => Look::bad(State::Fail, format!("store {path} takes no writes"), "is the disk full?"),
        Ok(Err(error)) => Look::bad(
            State::Fail,
            format!("store {path}: {:#}", anyhow::Error::new(error)),
            "stop whatever holds it; if it is damaged, restore a backup",
        ),
        Err(error) => Look::bad(State::Fail, format!("store {path}: {error}"), "is there memory left?"),
    }
}

/// What the data folder's disk has left: one artifact and its logs take some hundred megabytes.
fn disk(config: &Config) -> Look {
    const WANTED: u64 = 1 << 30;
    let folder = config.data.ancestors().find(|it| it.is_dir()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(folder) {
        Ok(it) => {
            let free = it.f_bavail.saturating_mul(it.f_frsize);
            let what = format!("{} MiB free for {}", free >> 20, config.data.display());
            let advice = "make room: history, logs and artifacts lie there";
            match free {
                WANTED.. => Look::ok(what),
                _ if free < WANTED / 10 => Look::bad(State::Fail, what, advice),
                _ => Look::bad(State::Warn, what, advice),
            }
        }
        Err(error) => Look::bad(
            State::Fail,
            format!("the disk of {} cannot be looked at: {error}", folder.display()),
            "may the bot's user read it?",
        ),
    }
}

/// What lies in the data folder, and how long it stays.
fn shelves(config: &Config) -> Vec<Look> {
    match keep::shelves(&config.data) {
        Ok([checkouts, artifacts, logs, mirrors]) => words::line::shelves(
            &config.keep,
            [checkouts, artifacts, logs, mirrors].map(|it| (it.items, it.bytes)),
        )
        .into_iter()
        .map(Look::ok)
        .collect(),
        Err(error) => {
            let what = format!("what lies in {} cannot be counted: {error}", config.data.display());
            vec![Look::bad(State::Fail, what, "may the bot's user read it?")]
        }
    }
}

fn contents(config: &Config) -> Vec<Look> {
    let loaded = Library::new(config.content.clone()).load();
    let (settings, faults) = content::settings::load(&settings_files(&config.settings), None);
    let mut looks = vec![counted("content", &loaded.diagnostics), counted("settings", &faults)];
    if loaded.catalogue.actions.values().any(|it| it.runner.as_str() == "python-script") {
        looks.push(python(&config.python.interpreter));
    }
    for (environment, it) in &settings.environments.environments {
        for (name, reference) in &it.secrets {
            let what = format!("secret {name} of {environment}");
            looks.push(match reference.resolve() {
                Ok(_) => Look::ok(what),
                Err(error) => Look::bad(
                    State::Fail,
                    format!("{what}: {error}"),
                    "no attempt on its hosts starts without it: set it where the bot runs",
                ),
            });
        }
    }
    looks
}

/// What Python actions run on, and what their virtualenvs are made with.
fn python(interpreter: &str) -> Look {
    const ASK: &str = "import ensurepip, sys, venv; print('Python', sys.version.split()[0])";
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().lines().last().map(str::to_owned);
    let why = match Command::new(interpreter).args(["-s", "-c", ASK]).output() {
        Ok(output) if output.status.success() => {
            return Look::ok(said(&output.stdout).unwrap_or_else(|| interpreter.to_owned()));
        }
        Ok(output) => said(&output.stderr).unwrap_or_else(|| output.status.to_string()),
        Err(error) => error.to_string(),
    };
    let advice = "actions written in Python do not run without it: install Python 3 with its `venv` module \
                  (`apt install python3 python3-venv`), or set `python: {interpreter: …}`";
    Look::bad(State::Fail, format!("{interpreter}: {why}"), advice)
}

fn counted(what: &str, diagnostics: &[Diagnostic]) -> Look {
    let errors = diagnostics.iter().filter(|it| it.is_error()).count();
    let warnings = words::count(diagnostics.len() - errors, "warning");
    let found = format!("{what}: {}, {warnings}", words::count(errors, "error"));
    let state = if errors > 0 { State::Fail } else { State::Warn };
    if diagnostics.is_empty() {
        return Look::ok(found);
    }
    Look::bad(state, found, "`lockkeeper check` says where")
}

/// A program of the system; its version stands on either stream.
fn program(name: &str, arguments: &[&str], why: &str) -> Look {
    match Command::new(name).args(arguments).output() {
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            let version = String::from_utf8_lossy(&said);
            Look::ok(version.lines().next().unwrap_or(name).to_owned())
        }
        Err(error) => Look::bad(State::Fail, format!("{name}: {error}"), format!("install it: {why}")),
    }
}

/// A clock that was never set shows a time before this program was written.
fn clock() -> Look {
    let now = SystemClock.now();
    if now.strftime("%Y").to_string().as_str() < "2026" {
        return Look::bad(State::Fail, format!("the clock says {now}"), "set it, and let NTP keep it");
    }
    Look::ok(format!("the clock says {}", now.strftime("%Y-%m-%d %H:%M:%S UTC")))
}

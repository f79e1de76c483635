//! `pack install|list|show|remove|config|check|ingest`

mod configure;
mod ingest;
mod install;
mod member;
mod remove;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};

use super::{CONFIG, out};
use crate::{
    config::{self, Config},
    content::Pack,
    id::PackName,
    library::{Library, Loaded, Lock, Locked},
    message::words,
};

/// Install, look at and remove packs of actions, from a folder or a git repository
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper pack install https://github.com/StackStorm-Exchange/stackstorm-slack@v2.3.0\n  lockkeeper pack list\n  lockkeeper pack show slack\n\nPacks lie in the packs/ of the content folder; packs.lock beside it says what was installed. Keep both in git."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Install(install::Arguments),
    List(show::List),
    Show(show::Show),
    Remove(remove::Arguments),
    Config(configure::Arguments),
    Check(show::Check),
    Ingest(ingest::Arguments),
}

#[derive(Debug, Args)]
struct Where {
    /// The configuration that names the content
    #[arg(long, default_value = CONFIG)]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Install(it) => install::run(it),
        Command::List(it) => show::list(it),
        Command::Show(it) => show::show(it),
        Command::Remove(it) => remove::run(it),
        Command::Config(it) => configure::run(it),
        Command::Check(it) => show::check(it),
        Command::Ingest(it) => ingest::run(it),
    }
}

/// What is installed.
struct Installed {
    config: Config,
    loaded: Loaded,
    /// The lock of every content folder, in their order.
    locks: Vec<(PathBuf, Lock)>,
}

impl Installed {
    fn load(place: &Where) -> anyhow::Result<Self> {
        let config = config::load(&place.config)?;
        if config.content.is_empty() {
            bail!("{} names no content folder to hold packs", place.config.display());
        }
        let loaded = Library::new(config.content.clone()).load();
        let locks = config.content.iter().map(|it| Ok((it.clone(), Lock::read(it)?)));
        let locks = locks.collect::<anyhow::Result<_>>()?;
        Ok(Self { config, loaded, locks })
    }

    fn pack(&self, name: &str) -> anyhow::Result<&Pack> {
        let packs = &self.loaded.catalogue.packs;
        let known = || -> Vec<String> { self.foreign().map(|it| it.name.to_string()).collect() };
        packs.get(&PackName::from(name)).ok_or_else(|| anyhow!(words::pack::unknown(name, &known())))
    }

    /// Those in `packs/`.
    fn foreign(&self) -> impl Iterator<Item = &Pack> {
        self.loaded.catalogue.packs.values().filter(|it| it.folder.starts_with("packs/"))
    }

    fn locked(&self, name: &PackName) -> Option<&Locked> {
        self.locks.iter().rev().find_map(|it| it.1.packs.get(name))
    }

    /// The content folder that a pack of this name is in, or goes into: the one that has it, else the last.
    fn folder_of(&self, name: &PackName) -> anyhow::Result<PathBuf> {
        let has = |it: &&(PathBuf, Lock)| {
            it.1.packs.contains_key(name) || it.0.join("packs").join(name.as_str()).is_dir()
        };
        let found = self.locks.iter().rev().find(has).or(self.locks.last());
        found.map(|it| it.0.clone()).ok_or_else(|| anyhow!(words::pack::none()))
    }
}

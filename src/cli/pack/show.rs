//! `pack list`, `pack show` and `pack check`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::{Installed, Where, member, out};
use crate::{
    cli::survey,
    config,
    content::{Fit, Pack, SourceFile, Survey},
    library::{Library, Scratch, Source, carried},
    message::words,
    runner::clean_environment,
};

/// List the packs in packs/, with where they came from
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper pack list")]
pub(super) struct List {
    #[command(flatten)]
    place: Where,
}

/// Show a pack: what it holds, what of it loads, and why the rest does not
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper pack show slack")]
pub(super) struct Show {
    name: String,
    #[command(flatten)]
    place: Where,
}

/// Count what of one pack does here what it does in StackStorm; ends with 1 if something does not load
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lockkeeper pack check slack\n  lockkeeper pack check ~/src/stackstorm-slack"
)]
pub(super) struct Check {
    /// The name of an installed pack, a folder that holds one, or an address as `pack install` takes it
    #[arg(value_name = "NAME|PATH|ADDRESS[@REF]")]
    subject: String,
    #[command(flatten)]
    place: Where,
}

pub(super) fn list(it: &List) -> anyhow::Result<ExitCode> {
    let installed = Installed::load(&it.place)?;
    let head = ["pack", "version", "state", "from", "content"].map(str::to_owned);
    let mut rows: Vec<[String; 5]> = installed.foreign().map(|pack| row(&installed, pack)).collect();
    if rows.is_empty() {
        out::say(words::pack::none())?;
        return Ok(ExitCode::SUCCESS);
    }
    rows.sort_unstable();
    out::say(&out::columns(std::iter::once(head).chain(rows)))?;
    Ok(ExitCode::SUCCESS)
}

fn row(installed: &Installed, pack: &Pack) -> [String; 5] {
    let locked = installed.locked(&pack.name);
    let state = state(installed, pack);
    let from = locked.map(|it| match (&it.reference, &it.commit) {
        (Some(reference), _) => format!("{}@{reference}", it.source),
        (None, Some(commit)) => format!("{}@{}", it.source, commit.short()),
        (None, None) => it.source.clone(),
    });
    let content = pack.digest.short().to_owned();
    [pack.name.to_string(), pack.version.clone(), state.to_owned(), from.unwrap_or_default(), content]
}

fn state(installed: &Installed, pack: &Pack) -> &'static str {
    let locked = installed.locked(&pack.name);
    words::pack::state(locked.is_some(), locked.is_some_and(|it| it.content == pack.digest))
}

pub(super) fn show(it: &Show) -> anyhow::Result<ExitCode> {
    let installed = Installed::load(&it.place)?;
    let pack = installed.pack(&it.name)?;
    let locked = installed.locked(&pack.name);
    let mut lines = vec![format!("{} {}", pack.name, pack.version)];
    lines.extend(pack.description.lines().next().map(|it| format!("  {it}")));
    let mut fact = |what: &str, value: String| lines.push(format!("  {what:<8} {value}"));
    fact("folder", pack.folder.clone());
    if let Some(locked) = locked {
        fact("source", locked.source.clone());
        locked.reference.iter().for_each(|it| fact("ref", it.clone()));
        locked.commit.iter().for_each(|it| fact("commit", it.to_string()));
    }
    fact("content", pack.digest.to_string());
    fact("state", state(&installed, pack).to_owned());
    out::say(&lines.join("\n"))?;
    let (own, world) = split(&installed.config.content, &pack.folder);
    let told = member::members(&member::surveyed(&own, &world), true);
    if !told.is_empty() {
        out::say(&told)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The files of one pack, and all others.
pub(super) fn split(content: &[PathBuf], folder: &str) -> (Vec<SourceFile>, Vec<SourceFile>) {
    let within = format!("{folder}/");
    Library::new(content.to_vec()).sources().0.into_iter().partition(|it| it.path.starts_with(&within))
}

pub(super) fn check(it: &Check) -> anyhow::Result<ExitCode> {
    let installed = Installed::load(&it.place).ok();
    let pack = installed.as_ref().and_then(|all| all.pack(&it.subject).ok());
    let survey = match (&installed, pack) {
        (Some(installed), Some(pack)) if !Path::new(&it.subject).is_dir() => {
            let (own, world) = split(&installed.config.content, &pack.folder);
            member::surveyed(&own, &world)
        }
        (Some(_), _) | (None, _) => of_source(&it.subject, installed.as_ref())?,
    };
    out::say(&survey::counts(&survey))?;
    let told = member::members(&survey, false);
    if !told.is_empty() {
        out::say(&told)?;
    }
    let is_whole = survey.files.iter().all(|it| it.fit != Fit::Refused);
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Beside what is installed, if there is a configuration.
fn of_source(subject: &str, installed: Option<&Installed>) -> anyhow::Result<Survey> {
    let source = Source::parse(subject)?;
    let scratch = Scratch::below(&std::env::temp_dir()).context("there is no room for temporary files")?;
    let fetched = source.fetch(&clean_environment(config::environment()), scratch.path())?;
    fetched.left_out.iter().for_each(|it| out::complain(&it.to_string()));
    let world = match installed {
        Some(it) => split(&it.config.content, &format!("packs/{}", fetched.name)).1,
        None => carried(),
    };
    Ok(member::surveyed(&fetched.files, &world))
}

//! `pack install`

use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;
use serde_json::Map;

use super::{Installed, Where, member, out, show};
use crate::{
    cli::survey,
    config,
    content::{
        self, Catalogue, Change, ChangedKind, Diagnostic, Difference, Fit, Pack, SourceFile, Survey,
        SurveyKind,
    },
    library::{Fetched, Locked, Origin, Shelf, Source, settings_files},
    message::words::pack,
    runner::clean_environment,
};

/// Install a pack, or another version of one; says what changes, and asks
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// A folder, or the address of a git repository; `@REF` names a branch, tag or commit
    #[arg(value_name = "PATH|ADDRESS[@REF]")]
    source: String,
    /// Replace an installed one without asking
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    place: Where,
}

const EXAMPLE: &str = "Examples:
  lockkeeper pack install ~/src/mypack
  lockkeeper pack install https://github.com/StackStorm-Exchange/stackstorm-slack@v2.3.0
  lockkeeper pack install git@git.example:ops/pack.git@main --yes

Nothing of the pack is executed. What it needs of Python is installed by the bot.";

pub(super) fn run(it: &Arguments) -> anyhow::Result<ExitCode> {
    let installed = Installed::load(&it.place)?;
    let source = Source::parse(&it.source)?;
    let last = installed.config.content.last().cloned().unwrap_or_default();
    let shelf = Shelf::open(&last)?;
    let scratch = shelf.scratch()?;
    let fetched = source.fetch(&clean_environment(config::environment()), scratch.path())?;
    drop(scratch);
    settle(&installed, Come { fetched, origin: source.origin() }, it.yes, Some((last, shelf)))
}

/// A pack that came, and where from.
pub(super) struct Come {
    pub(super) fetched: Fetched,
    pub(super) origin: Origin,
}

/// Says what it is and what it changes, asks, and puts it in its place. `open`: a shelf that is open already, and whose.
pub(super) fn settle(
    installed: &Installed,
    come: Come,
    yes: bool,
    open: Option<(PathBuf, Shelf)>,
) -> anyhow::Result<ExitCode> {
    let Come { fetched, origin } = &come;
    fetched.left_out.iter().for_each(|it| out::complain(&it.to_string()));
    let candidate = Candidate::new(installed, origin, fetched)?;
    out::say(&candidate.title())?;
    out::say(&survey::counts(&candidate.survey))?;
    let told = member::members(&candidate.survey, false);
    if !told.is_empty() {
        out::say(&told)?;
    }
    candidate.must_load()?;
    let name = &fetched.name;
    if candidate.is_there(installed) {
        out::say(&pack::unchanged(name.as_str(), &candidate.locked.version))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(old) = candidate.old {
        candidate.tell_upgrade(installed, old)?;
        let question = pack::question(name.as_str(), &old.version, &candidate.locked.version);
        if !yes && !says_yes(&question)? {
            bail!(pack::left_alone());
        }
    }
    let folder = installed.folder_of(name)?;
    let shelf = match open {
        Some((it, shelf)) if it == folder => shelf,
        Some(_) | None => Shelf::open(&folder)?,
    };
    shelf.put(name, &fetched.files, candidate.locked.clone())?;
    let place = crate::cli::subject::plain(&folder.join("packs").join(name.as_str()));
    out::say(&pack::installed(name.as_str(), &candidate.locked.version, &place.display().to_string()))?;
    if candidate.lacks_configuration(installed) {
        out::say(&pack::wants_configuration(name.as_str()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A pack that may come in, seen beside all that is there.
struct Candidate<'a> {
    fetched: &'a Fetched,
    old: Option<&'a Pack>,
    new: Catalogue,
    locked: Locked,
    survey: Survey,
}

impl<'a> Candidate<'a> {
    fn new(installed: &'a Installed, origin: &Origin, fetched: &'a Fetched) -> anyhow::Result<Self> {
        let name = &fetched.name;
        let place = format!("packs/{name}");
        let old = installed.loaded.catalogue.packs.get(name);
        if let Some(other) = old.filter(|it| it.folder != place) {
            bail!(pack::taken(name.as_str(), &other.folder));
        }
        let (_, world) = show::split(&installed.config.content, &place);
        let all: Vec<SourceFile> = world.iter().chain(&fetched.files).cloned().collect();
        let (new, _) = content::load(&all);
        let found = new.packs.get(name).ok_or_else(|| anyhow!(pack::unknown(name.as_str(), &[])))?;
        let locked = Locked {
            version: found.version.clone(),
            source: origin.source.clone(),
            reference: origin.reference.clone(),
            commit: fetched.commit.clone(),
            content: found.digest.clone(),
            ingested: origin.ingested,
        };
        let survey = member::surveyed(&fetched.files, &world);
        Ok(Self { fetched, old, new, locked, survey })
    }

    fn title(&self) -> String {
        let origin = pack::Origin {
            source: self.locked.source.clone(),
            reference: self.locked.reference.clone(),
            commit: self.locked.commit.as_ref().map(|it| it.short().to_owned()),
        };
        pack::title(self.fetched.name.as_str(), &self.locked.version, &origin)
    }

    /// Files of a pack may be refused, but not what says what it is.
    fn must_load(&self) -> anyhow::Result<()> {
        let is_refused = |it: &&content::Surveyed| it.kind == SurveyKind::Pack && it.fit == Fit::Refused;
        match self.survey.files.iter().find(is_refused) {
            Some(it) => Err(anyhow!(pack::refused(&it.reasons))),
            None => Ok(()),
        }
    }

    fn is_there(&self, installed: &Installed) -> bool {
        self.old.is_some_and(|it| it.digest == self.locked.content)
            && installed.locked(&self.fetched.name) == Some(&self.locked)
    }

    fn lacks_configuration(&self, installed: &Installed) -> bool {
        let name = &self.fetched.name;
        let schema = self.new.packs.get(name).and_then(|it| it.config_schema.as_ref());
        let (settings, _) = content::settings::load(&settings_files(&installed.config.settings), None);
        let nothing = Map::new();
        let given = settings.packs.get(name).unwrap_or(&nothing);
        content::faults(name, schema, given).iter().any(Diagnostic::is_error)
    }

    /// What whoever is asked should know.
    fn tell_upgrade(&self, installed: &Installed, old: &Pack) -> anyhow::Result<()> {
        let name = &self.fetched.name;
        let was = installed.locked(name);
        let (before, now) = (&old.version, &self.locked.version);
        let same_files = old.digest == self.locked.content;
        let notes = [
            content::is_older(now, before).then(|| pack::older(before, now)),
            (before == now && !same_files).then(|| pack::same_version(now)),
            was.is_none().then(|| pack::unknown_origin(name.as_str())),
            was.filter(|it| it.content != old.digest && !same_files).map(|_| pack::edited(name.as_str())),
            was.filter(|it| it.source != self.locked.source).map(|it| pack::other_source(&it.source)),
        ];
        for it in notes.into_iter().flatten() {
            out::say(&it)?;
        }
        let differences = content::compare(name, &installed.loaded.catalogue, &self.new);
        out::say(&pack::differences(&differences.into_iter().map(told).collect::<Vec<_>>()))?;
        Ok(())
    }
}

fn told(it: Difference) -> pack::Difference {
    let kind = match it.kind {
        ChangedKind::Action => "action",
        ChangedKind::Alias => "alias",
        ChangedKind::Rule => "rule",
    };
    let detail = |it: content::Detail| pack::Detail { what: it.what, from: it.from, to: it.to };
    let change = match it.change {
        Change::Added => pack::Change::Added,
        Change::Removed => pack::Change::Removed,
        Change::Altered(details) => pack::Change::Altered(details.into_iter().map(detail).collect()),
    };
    pack::Difference { kind, name: it.name, change }
}

/// Asks on standard error, as standard output may be a file. Nobody there to answer is no.
fn says_yes(question: &str) -> io::Result<bool> {
    let mut screen = io::stderr().lock();
    write!(screen, "{question} ").and_then(|()| screen.flush())?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

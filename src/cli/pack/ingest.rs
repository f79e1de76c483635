//! `pack ingest`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::Args;

use super::{
    Installed, Where,
    install::{self, Come},
    out,
};
use crate::{
    content::{self, Ingested, is_older, load},
    id::PackName,
    library::{Fetched, Origin, Source},
    message::words::pack,
};

/// Make actions out of a folder of scripts, and make them anew when the scripts have changed
///
/// Of Python with argparse or click, and of shell with getopts and a usage line, parameters are read with their types,
/// defaults and help. Nothing is executed. The scripts are copied into the pack.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lockkeeper pack ingest ~/bin/ops --pack ops\n  lockkeeper action show ops.restart"
)]
pub(super) struct Arguments {
    /// The folder; each script in it becomes an action, what lies below goes along
    dir: PathBuf,
    /// The pack to make; without it, the folder's name
    #[arg(long, value_name = "NAME")]
    pack: Option<String>,
    /// Replace what was made before without asking
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    place: Where,
}

pub(super) fn run(it: &Arguments) -> anyhow::Result<ExitCode> {
    ensure!(it.dir.is_dir(), "there is no folder {}", it.dir.display());
    ensure!(!it.dir.join("pack.yaml").exists(), pack::is_a_pack(&it.dir.display().to_string()));
    let installed = Installed::load(&it.place)?;
    let folder = it.dir.canonicalize()?;
    let named = folder.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    let name = it.pack.clone().unwrap_or_else(|| named.to_lowercase().replace(['-', '.', ' '], "_"));
    ensure!(content::is_pack_name(&name), pack::no_name(&name));
    let name = PackName::new(name);
    let (scripts, left_out) = Source::scripts(&folder)?;
    let made = versioned(&installed, &name, |version| content::ingest(&name, version, &scripts));
    if made.actions.is_empty() {
        bail!(pack::no_scripts(&folder.display().to_string()));
    }
    for (action, script) in &made.actions {
        out::say(&pack::made(name.as_str(), action, script))?;
    }
    let fetched = Fetched { name, files: made.files, commit: None, left_out };
    let origin = Origin { source: folder.display().to_string(), reference: None, ingested: true };
    install::settle(&installed, Come { fetched, origin }, it.yes, None)
}

/// As before if nothing changed, else one further: a version names one content.
fn versioned(installed: &Installed, name: &PackName, make: impl Fn(&str) -> Ingested) -> Ingested {
    const FIRST: &str = "1.0.0";
    let Some(old) = installed.loaded.catalogue.packs.get(name).filter(|it| !is_older(&it.version, FIRST))
    else {
        return make(FIRST);
    };
    let same = make(&old.version);
    let digest = load(&same.files).0.packs.get(name).map(|it| it.digest.clone());
    if digest.as_ref() == Some(&old.digest) {
        return same;
    }
    let (head, last) = old.version.rsplit_once('.').unwrap_or(("1.0", "0"));
    make(&format!("{head}.{}", last.parse::<u64>().unwrap_or(0).saturating_add(1)))
}

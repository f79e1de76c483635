//! `pack remove`

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::{Installed, Where, out};
use crate::{
    content::{Dependent, DependentKind, dependents},
    id::PackName,
    library::Shelf,
    message::words,
};

/// Remove a pack, unless something outside it needs it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper pack remove slack")]
pub(super) struct Arguments {
    name: String,
    /// Even if something needs it
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Where,
}

pub(super) fn run(it: &Arguments) -> anyhow::Result<ExitCode> {
    let installed = Installed::load(&it.place)?;
    let name = PackName::from(it.name.as_str());
    // One whose folder is gone is still in the lock.
    if installed.locked(&name).is_none() {
        installed.pack(&it.name)?;
    }
    let catalogue = &installed.loaded.catalogue;
    if let Some(pack) = catalogue.packs.get(&name).filter(|it| it.folder != format!("packs/{name}")) {
        bail!(words::pack::not_ours(&it.name, &pack.folder));
    }
    let needed: Vec<_> = dependents(catalogue, &name).into_iter().map(told).collect();
    if !needed.is_empty() {
        out::complain(&words::pack::needed(&it.name, &needed));
        if !it.force {
            bail!(words::pack::needs_force());
        }
    }
    Shelf::open(&installed.folder_of(&name)?)?.remove(&name)?;
    out::say(&words::pack::removed(&it.name))?;
    Ok(ExitCode::SUCCESS)
}

fn told(it: Dependent) -> (&'static str, String, String) {
    let kind = match it.kind {
        DependentKind::Alias => "alias",
        DependentKind::Workflow => "workflow",
        DependentKind::Rule => "rule",
        DependentKind::Policy => "policy",
        DependentKind::Verified => "action",
    };
    (kind, it.name, it.action.to_string())
}

//! Packs, aliases and the shorthand, from the text of their files to a [`Catalogue`].
//!
//! | path | what |
//! |---|---|
//! | `commands/<pack>/…`, `packs/<pack>/…` | a pack: `pack.yaml`, `actions/*.yaml`, `aliases/*.yaml`, `rules/*.yaml`, `policies/*.yaml`, `sensors/*.yaml`, `triggers/*.yaml`; all else are its files |
//! | `commands/<name>.yaml` | the shorthand |
//! | `aliases/<pack>/*.yaml` | further aliases of a pack |
//!
//! Loading never stops at the first fault, and a bad file takes out only what it defines.

mod action;
mod alias;
mod chain;
mod check;
mod pack;
mod policy;
mod reserved;
mod rule;
mod sensor;
mod shorthand;
mod workflow;

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::id::{ActionRef, PackName};
use crate::yaml::{Dialect, Fault, Node, Place};

use super::{Catalogue, Diagnostic, Severity, SourceFile};

pub use pack::{PackNameError, is_pack_name, pack_name};
pub use shorthand::{SHORTHAND_PACK, expand};

/// Loads everything that these files define.
pub fn load(files: &[SourceFile]) -> (Catalogue, Vec<Diagnostic>) {
    let mut loader = Loader::new(files);
    loader.packs();
    let metadata: Vec<_> = loader.of_kind(Kind::Action);
    metadata.into_iter().for_each(|(pack, file)| loader.action(&pack, file));
    let shorthand: Vec<_> = loader.of_kind(Kind::Shorthand);
    shorthand.into_iter().for_each(|(_, file)| loader.shorthand(file));
    let aliases: Vec<_> = loader.of_kind(Kind::Alias);
    aliases.into_iter().for_each(|(pack, file)| loader.alias(&pack, file));
    let triggers: Vec<_> = loader.of_kind(Kind::Trigger);
    triggers.into_iter().for_each(|(pack, file)| loader.trigger(&pack, file));
    let sensors: Vec<_> = loader.of_kind(Kind::Sensor);
    sensors.into_iter().for_each(|(pack, file)| loader.sensor(&pack, file));
    let rules: Vec<_> = loader.of_kind(Kind::Rule);
    rules.into_iter().for_each(|(pack, file)| loader.rule(&pack, file));
    let policies: Vec<_> = loader.of_kind(Kind::Policy);
    policies.into_iter().for_each(|(pack, file)| loader.policy(&pack, file));
    loader.cross_checks();
    let mut diagnostics = loader.diagnostics;
    diagnostics.sort_by(|a, b| {
        (&a.file, a.line, a.column, &a.message).cmp(&(&b.file, b.line, b.column, &b.message))
    });
    diagnostics.dedup();
    (loader.catalogue, diagnostics)
}

/// What a file is, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Pack,
    Action,
    Alias,
    Rule,
    Policy,
    Sensor,
    Trigger,
    Shorthand,
    /// Scripts, workflows, documentation.
    Other,
}

/// What is not said to be disabled is enabled.
fn yes() -> bool {
    true
}

/// The folder of the pack (`commands/core`), if the file belongs to one, and what it is.
fn classify(path: &str) -> (Option<String>, Kind) {
    let parts: Vec<&str> = path.split('/').collect();
    let yaml = path.ends_with(".yaml") || path.ends_with(".yml");
    match parts.as_slice() {
        ["commands", _] if yaml => (Some(SHORTHAND_PACK.to_owned()), Kind::Shorthand),
        ["commands", _] => (Some(SHORTHAND_PACK.to_owned()), Kind::Other),
        ["aliases", pack, _] if yaml => (Some((*pack).to_owned()), Kind::Alias),
        [root @ ("commands" | "packs"), pack, rest @ ..] => {
            let kind = match rest {
                ["pack.yaml"] => Kind::Pack,
                ["actions", _] if yaml => Kind::Action,
                ["aliases", _] if yaml => Kind::Alias,
                ["rules", _] if yaml => Kind::Rule,
                ["policies", _] if yaml => Kind::Policy,
                ["sensors", _] if yaml => Kind::Sensor,
                ["triggers", _] if yaml => Kind::Trigger,
                _ => Kind::Other,
            };
            (Some(format!("{root}/{pack}")), kind)
        }
        _ => (None, Kind::Other),
    }
}

/// Whether this file defines something, as far as its path tells.
pub(super) fn is_read(path: &str) -> bool {
    classify(path).1 != Kind::Other
}

struct Loader<'a> {
    files: IndexMap<&'a str, &'a SourceFile>,
    /// Folder → the pack in it.
    folders: IndexMap<String, PackName>,
    /// Folders whose pack is elsewhere: nothing of them is read.
    doubles: BTreeSet<String>,
    /// Where aliases, rules and actions stand, for checks between files.
    places: IndexMap<String, (String, Place)>,
    /// Definitions with their places.
    workflow_nodes: IndexMap<ActionRef, Node>,
    catalogue: Catalogue,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Loader<'a> {
    fn new(files: &'a [SourceFile]) -> Self {
        let mut sorted: Vec<&SourceFile> = files.iter().collect();
        sorted.sort_by(|a, b| a.path.cmp(&b.path));
        Self {
            files: sorted.into_iter().map(|it| (it.path.as_str(), it)).collect(),
            folders: IndexMap::new(),
            doubles: BTreeSet::new(),
            places: IndexMap::new(),
            workflow_nodes: IndexMap::new(),
            catalogue: Catalogue::default(),
            diagnostics: Vec::new(),
        }
    }

    /// The files of one kind, each with the pack it belongs to.
    fn of_kind(&self, wanted: Kind) -> Vec<(PackName, &'a SourceFile)> {
        let found = self.files.values().filter_map(|file| match classify(&file.path) {
            (folder, kind) if kind == wanted => {
                let folder = folder.unwrap_or_default();
                if self.doubles.contains(&folder) {
                    return None;
                }
                let name = self.folders.get(&folder).cloned().unwrap_or_else(|| PackName::new(folder));
                Some((name, *file))
            }
            _ => None,
        });
        found.collect()
    }

    fn fault(&mut self, file: &SourceFile, fault: Fault) {
        self.diagnostics.push(Diagnostic::of(&file.path, fault));
    }

    fn error(&mut self, file: &SourceFile, place: Place, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(&file.path, place, message));
    }

    fn warning(&mut self, file: &SourceFile, place: Place, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::warning(&file.path, place, message));
    }

    /// A warning in a foreign pack, which we cannot mend; an error in one of ours.
    fn objection(&mut self, file: &SourceFile, place: Place, message: impl Into<String>) {
        self.object(file, Fault::new(place, message));
    }

    /// The same with a hint.
    fn object(&mut self, file: &SourceFile, fault: Fault) {
        let severity = match file.dialect {
            Dialect::Strict => Severity::Error,
            Dialect::StackStorm => Severity::Warning,
        };
        self.diagnostics.push(Diagnostic { severity, ..Diagnostic::of(&file.path, fault) });
    }
}

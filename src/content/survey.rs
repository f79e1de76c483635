//! What of a StackStorm installation does here what it did there: file by file, with reasons.
//!
//! It knows nothing of its own: what is read, the loader says; which runners run, the table of runners; what differs,
//! the diagnostics.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::ActionRef;
use crate::workflow::inspect;
use crate::yaml;

use super::load::{is_read, load};
use super::{Action, Catalogue, Diagnostic, Performer, SourceFile, runner_kind};

/// What a file of a pack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SurveyKind {
    Pack,
    Action,
    Workflow,
    Alias,
    Rule,
    Sensor,
    Trigger,
    Policy,
}

impl SurveyKind {
    pub const ALL: [SurveyKind; 8] = [
        Self::Pack,
        Self::Action,
        Self::Workflow,
        Self::Alias,
        Self::Rule,
        Self::Sensor,
        Self::Trigger,
        Self::Policy,
    ];

    /// The folder of a pack that such files lie in.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Pack => "",
            Self::Action => "actions",
            Self::Workflow => "actions/workflows",
            Self::Alias => "aliases",
            Self::Rule => "rules",
            Self::Sensor => "sensors",
            Self::Trigger => "triggers",
            Self::Policy => "policies",
        }
    }

    /// By the path of a file, as StackStorm finds its content.
    fn of(path: &str) -> Option<Self> {
        let within = path.strip_prefix("packs/")?.split_once('/')?.1;
        if within == "pack.yaml" {
            return Some(Self::Pack);
        }
        let (folder, name) = within.rsplit_once('/')?;
        let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
        // Workflows may lie in folders of their own below theirs.
        let is_in = |it: &Self| {
            let below = folder.strip_prefix(it.folder());
            below.is_some_and(|rest| rest.is_empty() || (*it == Self::Workflow && rest.starts_with('/')))
        };
        Self::ALL.into_iter().filter(|it| *it != Self::Pack).find(|it| is_yaml && is_in(it))
    }
}

/// How well a file fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// As there.
    Loads,
    /// It loads, and something of it is otherwise, up to what never happens.
    Differs,
    /// It is left out, or nobody here performs it.
    Refused,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    pub kind: SurveyKind,
    pub file: String,
    /// What the file calls it; `None` if it does not say, or cannot be read.
    pub name: Option<String>,
    pub fit: Fit,
    /// Why it does not just load: none of a file that does.
    pub reasons: Vec<String>,
}

/// Reasons that differ in names only, and the files that have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why<'a> {
    /// The reason, without names where they differ.
    pub reason: String,
    pub files: Vec<&'a Surveyed>,
}

/// A whole installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    pub files: Vec<Surveyed>,
}

impl Survey {
    pub fn count(&self, kind: SurveyKind, fit: Fit) -> usize {
        self.files.iter().filter(|it| it.kind == kind && it.fit == fit).count()
    }

    /// The reasons of all files of this fit, those of most files first.
    pub fn whys(&self, fit: Fit) -> Vec<Why<'_>> {
        let mut shapes: BTreeMap<(SurveyKind, String), Why<'_>> = BTreeMap::new();
        for file in self.files.iter().filter(|it| it.fit == fit) {
            for reason in &file.reasons {
                let shape = shape(reason);
                let first = || Why { reason: reason.clone(), files: Vec::new() };
                let why = shapes.entry((file.kind, shape.clone())).or_insert_with(first);
                if why.reason != *reason {
                    why.reason = shape;
                }
                if !why.files.last().is_some_and(|it| std::ptr::eq(*it, file)) {
                    why.files.push(file);
                }
            }
        }
        let mut whys: Vec<Why<'_>> = shapes.into_values().collect();
        whys.sort_by_key(|it| std::cmp::Reverse(it.files.len()));
        whys
    }
}

/// The reason without names: what stands in code marks, and paths. A runner's name stays, as it is the reason.
fn shape(reason: &str) -> String {
    if reason.starts_with("runner `") {
        return reason.to_owned();
    }
    let parts = reason.split('`').enumerate().map(|(at, it)| if at % 2 == 0 { it } else { "…" });
    let words: String = parts.collect();
    words.split(' ').map(|it| if it.contains('/') { "…" } else { it }).collect::<Vec<_>>().join(" ")
}

/// Looks at the files of foreign packs (`packs/<pack>/…`) beside those that the bot brings, which come first.
pub fn survey(foreign: &[SourceFile], own: &[SourceFile]) -> Survey {
    let brought: BTreeSet<&str> = own.iter().filter_map(brought_by).collect();
    let is_brought = |it: &SourceFile| it.path.split('/').nth(1).is_some_and(|pack| brought.contains(pack));
    let (replaced, theirs): (Vec<&SourceFile>, Vec<&SourceFile>) =
        foreign.iter().partition(|it| is_brought(it));
    let all: Vec<SourceFile> = theirs.iter().copied().chain(own).cloned().collect();
    let (catalogue, diagnostics) = load(&all);
    let look = Look::new(&catalogue, &diagnostics);
    let mut survey = Survey::default();
    for file in replaced.into_iter().filter(|it| SurveyKind::of(&it.path) == Some(SurveyKind::Pack)) {
        let reason = "the bot brings a pack of this name, which stands for this one".to_owned();
        survey.files.push(Surveyed {
            kind: SurveyKind::Pack,
            file: file.path.clone(),
            name: text(file, "name"),
            fit: Fit::Differs,
            reasons: vec![reason],
        });
    }
    for file in theirs {
        let Some(kind) = SurveyKind::of(&file.path) else { continue };
        if kind == SurveyKind::Workflow && !look.is_workflow(file) {
            continue;
        }
        let (fit, reasons) = look.at(kind, file);
        let name = text(file, "name");
        survey.files.push(Surveyed { kind, file: file.path.clone(), name, fit, reasons });
    }
    survey
}

/// The pack that a file belongs to; an alias that somebody adds to a pack (`aliases/<pack>/`) makes none.
fn brought_by(file: &SourceFile) -> Option<&str> {
    let (root, rest) = file.path.split_once('/')?;
    (root != "aliases").then(|| rest.split('/').next()).flatten()
}

/// What the loader made of the files.
struct Look<'a> {
    catalogue: &'a Catalogue,
    told: BTreeMap<&'a str, Vec<&'a Diagnostic>>,
}

impl<'a> Look<'a> {
    fn new(catalogue: &'a Catalogue, diagnostics: &'a [Diagnostic]) -> Self {
        let mut told: BTreeMap<&str, Vec<&Diagnostic>> = BTreeMap::new();
        for it in diagnostics {
            told.entry(it.file.as_str()).or_default().push(it);
        }
        Self { catalogue, told }
    }

    fn at(&self, kind: SurveyKind, file: &SourceFile) -> (Fit, Vec<String>) {
        let told = self.told.get(file.path.as_str()).map_or(&[][..], Vec::as_slice);
        let of = |errors: bool| -> Vec<String> {
            told.iter().filter(|it| it.is_error() == errors).map(|it| it.message.clone()).collect()
        };
        let (errors, mut warnings) = (of(true), of(false));
        if kind != SurveyKind::Workflow && !is_read(&file.path) {
            return (Fit::Refused, vec![format!("files of {}/ are not read here", kind.folder())]);
        }
        if !errors.is_empty() {
            return (Fit::Refused, errors);
        }
        match kind {
            SurveyKind::Action => {
                if let Some(reason) = self.does_not_run(file) {
                    return (Fit::Refused, vec![reason]);
                }
            }
            SurveyKind::Workflow if !self.is_named(file) => return alone(file),
            SurveyKind::Alias => warnings.extend(self.alias_is_idle(file)),
            // What is told of a pack is about its other files, and told there.
            SurveyKind::Pack => warnings.clear(),
            SurveyKind::Workflow | SurveyKind::Rule => {}
            SurveyKind::Sensor | SurveyKind::Trigger | SurveyKind::Policy => {}
        }
        if warnings.is_empty() { (Fit::Loads, warnings) } else { (Fit::Differs, warnings) }
    }

    /// Why an action whose file is well does nothing.
    fn does_not_run(&self, file: &SourceFile) -> Option<String> {
        match self.action(file) {
            Some(action) => idle(action),
            None => Some("what it runs is refused".to_owned()),
        }
    }

    fn alias_is_idle(&self, file: &SourceFile) -> Option<String> {
        let reference = text(file, "action_ref")?;
        // One that is not there is told by the loader.
        let action = self.catalogue.action(&ActionRef::new(reference))?;
        idle(action).map(|_| format!("its action `{}` does not run here", action.reference))
    }

    fn action(&self, file: &SourceFile) -> Option<&'a Action> {
        let folder = file.path.split_once("/actions/")?.0;
        let pack = self.catalogue.packs.values().find(|it| it.folder == folder)?;
        self.catalogue.action(&ActionRef::new(format!("{}.{}", pack.name, text(file, "name")?)))
    }

    /// Some action runs this workflow, well or badly.
    fn is_named(&self, file: &SourceFile) -> bool {
        self.catalogue.workflows.values().any(|it| it.file == file.path)
            || self.told.contains_key(file.path.as_str())
    }

    /// A chain of actions lies in the same folder, and is no workflow.
    fn is_workflow(&self, file: &SourceFile) -> bool {
        let text = yaml::text(&file.bytes).ok();
        let keys = text.and_then(|it| yaml::read(it, file.dialect).ok());
        self.is_named(file) || keys.is_none_or(|it| it.get("tasks").is_some() && it.get("chain").is_none())
    }
}

fn idle(action: &Action) -> Option<String> {
    let performer = runner_kind(&action.runner).map(|it| it.performer);
    (performer == Some(Performer::Nobody))
        .then(|| format!("runner `{}` is not performed here", action.runner))
}

fn text(file: &SourceFile, key: &str) -> Option<String> {
    let node = yaml::read(yaml::text(&file.bytes).ok()?, file.dialect).ok()?;
    node.get(key)?.to_json().as_str().map(str::to_owned)
}

/// A workflow that no action of the installation names: it would load.
fn alone(file: &SourceFile) -> (Fit, Vec<String>) {
    let node = match yaml::text(&file.bytes).and_then(|text| yaml::read(text, file.dialect)) {
        Ok(node) => node,
        Err(fault) => return (Fit::Refused, vec![fault.message]),
    };
    let found = inspect(&node.to_json(), &["st2".to_owned(), "parent".to_owned()]);
    let told = |all: [Vec<crate::workflow::Finding>; 2]| -> Vec<String> {
        all.into_iter().flatten().map(|it| it.message).collect()
    };
    let errors = told([found.syntax, found.semantics]);
    if !errors.is_empty() {
        return (Fit::Refused, errors);
    }
    let warnings = told([found.expressions, found.context]);
    if warnings.is_empty() { (Fit::Loads, warnings) } else { (Fit::Differs, warnings) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart_by_more_than_names() {
        assert_eq!(shape("no action `a.b` and `c`, nor packs/a/b.sh"), "no action … and …, nor …");
        assert_eq!(
            shape("runner `python-script` is not performed here"),
            "runner `python-script` is not performed here"
        );
    }

    #[test]
    fn a_file_is_what_its_folder_makes_it() {
        assert_eq!(SurveyKind::of("packs/a/actions/b.yaml"), Some(SurveyKind::Action));
        assert_eq!(SurveyKind::of("packs/a/actions/workflows/b.yaml"), Some(SurveyKind::Workflow));
        assert_eq!(SurveyKind::of("packs/a/actions/workflows/t/b.yaml"), Some(SurveyKind::Workflow));
        assert_eq!(SurveyKind::of("packs/a/actions/lib/b.yaml"), None);
        assert_eq!(SurveyKind::of("packs/a/actions/b.py"), None);
        assert_eq!(SurveyKind::of("packs/a/pack.yaml"), Some(SurveyKind::Pack));
        assert_eq!(SurveyKind::of("packs/a/x.yaml"), None);
    }
}

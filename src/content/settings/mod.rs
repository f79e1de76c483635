//! The live policy: who people are, which environments there are, what each app asks for.
//!
//! | file | what |
//! |---|---|
//! | `config/people.yaml` | [`People`] |
//! | `config/environments.yaml` | [`Environments`] |
//! | `config/apps/<app>.yaml` | [`App`] |

mod app;
mod environments;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;

use crate::id::{AppName, GroupName};
use crate::identity::People;
use crate::yaml::{self, Fault, Node, Place, suggest};

use super::{App, Diagnostic, Environments, SourceFile};

/// People, environments and apps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub people: People,
    pub environments: Environments,
    pub apps: IndexMap<AppName, App>,
}

impl Settings {
    pub fn app(&self, name: &AppName) -> Option<&App> {
        self.apps.get(name)
    }
}

/// Reads the settings. A file with an error keeps what `previous` had of it, and the errors say so; a file that is
/// gone is gone. With no previous settings a faulty file counts as empty, and nothing guarded can start.
pub fn load(files: &[SourceFile], previous: Option<&Settings>) -> (Settings, Vec<Diagnostic>) {
    let mut reader = Reader { diagnostics: Vec::new() };
    let of = |path: &str| files.iter().find(|it| it.path == path);
    let mut settings = Settings::default();
    if let Some(file) = of("config/people.yaml") {
        settings.people = match reader.people(file) {
            Some(people) => people,
            None => reader.kept(file, previous.map(|it| it.people.clone())).unwrap_or_default(),
        };
    }
    if let Some(file) = of("config/environments.yaml") {
        settings.environments = match reader.environments(file) {
            Some(environments) => environments,
            None => reader.kept(file, previous.map(|it| it.environments.clone())).unwrap_or_default(),
        };
    }
    let mut apps: Vec<_> = files.iter().filter_map(|file| Some((app_of(&file.path)?, file))).collect();
    apps.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, file) in apps {
        let app = match reader.app(&name, file, &settings) {
            Some(app) => Some(app),
            None => reader.kept(file, previous.and_then(|it| it.apps.get(&name).cloned())),
        };
        if let Some(app) = app {
            settings.apps.insert(name, app);
        }
    }
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    (settings, diagnostics)
}

fn app_of(path: &str) -> Option<AppName> {
    let name = path.strip_prefix("config/apps/")?;
    let name = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"))?;
    (!name.contains('/')).then(|| AppName::new(name))
}

struct Reader {
    diagnostics: Vec<Diagnostic>,
}

impl Reader {
    fn people(&mut self, file: &SourceFile) -> Option<People> {
        let node = self.read(file)?;
        self.decode(file, &node)
    }

    /// What is used in place of a faulty file, told as the last of its diagnostics.
    fn kept<T>(&mut self, file: &SourceFile, previous: Option<T>) -> Option<T> {
        let last = self.diagnostics.iter_mut().rev().find(|it| it.file == file.path && it.is_error());
        if let (Some(diagnostic), Some(_)) = (last, &previous) {
            diagnostic.message.push_str("; the last good version stays in force");
        }
        previous
    }

    fn read(&mut self, file: &SourceFile) -> Option<Node> {
        let read = match std::str::from_utf8(&file.bytes) {
            Ok(text) => yaml::read(text, file.dialect),
            Err(_) => Err(Fault::new(Place::START, "not UTF-8 text")),
        };
        read.map_err(|fault| self.fault(file, fault)).ok()
    }

    fn decode<T: DeserializeOwned>(&mut self, file: &SourceFile, node: &Node) -> Option<T> {
        let mut unknown = Vec::new();
        let result = yaml::decode(node, &mut unknown);
        let clean = unknown.is_empty();
        unknown.into_iter().for_each(|fault| self.fault(file, fault));
        match result {
            Ok(value) => clean.then_some(value),
            Err(fault) => {
                self.fault(file, fault);
                None
            }
        }
    }

    fn fault(&mut self, file: &SourceFile, fault: Fault) {
        self.diagnostics.push(Diagnostic::of(&file.path, fault));
    }

    /// An error if this name is none of the known ones.
    fn must_be_known<'a>(
        &mut self,
        file: &SourceFile,
        place: Place,
        (what, name): (&str, &str),
        known: impl IntoIterator<Item = &'a str>,
    ) -> bool {
        let known: Vec<&str> = known.into_iter().collect();
        if known.contains(&name) {
            return true;
        }
        let fault = Fault::new(place, format!("there is no {what} `{name}`"));
        let near = suggest(name, known.iter().copied());
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("no {what} is defined"),
            None => format!("known: {}", known.join(", ")),
        };
        self.fault(file, fault.hint(hint));
        false
    }

    fn group_must_be_known(
        &mut self,
        file: &SourceFile,
        place: Place,
        group: &GroupName,
        people: &People,
    ) -> bool {
        let known: std::collections::BTreeSet<&str> =
            people.iter().flat_map(|it| it.groups.iter().map(GroupName::as_str)).collect();
        self.must_be_known(file, place, ("group", group.as_str()), known)
    }
}

//! The live policy: who people are, which environments there are, what each app asks for.
//!
//! | file | what |
//! |---|---|
//! | `config/people.yaml` | [`People`] |
//! | `config/environments.yaml` | [`Environments`] |
//! | `config/apps/<app>.yaml` | [`App`] |
//! | `config/packs/<pack>.yaml` | what a pack is configured with, as StackStorm has it: [`super::configure`] |
//!
//! `.yml` does as well.

mod app;
mod environments;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::id::{AppName, GroupName, PackName};
use crate::identity::People;
use crate::yaml::{Fault, Place, suggest};

use super::{App, Diagnostic, Environments, SourceFile};

/// The folder of the apps' files.
const APPS: &str = "config/apps";
/// The folder of the packs' configurations.
const PACKS: &str = "config/packs";

/// People, environments and apps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub people: People,
    pub environments: Environments,
    pub apps: IndexMap<AppName, App>,
    /// What packs are configured with, as written.
    pub packs: IndexMap<PackName, Map<String, Value>>,
    /// Errors of the files of apps that are not there for them.
    pub faults: Vec<Diagnostic>,
}

impl Settings {
    pub fn app(&self, name: &AppName) -> Option<&App> {
        self.apps.get(name)
    }

    /// Why an app is not there although it has a file.
    pub fn fault_of(&self, app: &AppName) -> Option<&Diagnostic> {
        self.faults.iter().find(|it| it.file == APPS || app_of(&it.file).as_ref() == Some(app))
    }
}

/// The settings files of one folder, as they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsFiles {
    pub files: Vec<SourceFile>,
    /// What is there and could not be read, under the path it would have had; `config/apps` stands for every app.
    pub unread: Vec<Diagnostic>,
}

impl From<Vec<SourceFile>> for SettingsFiles {
    fn from(files: Vec<SourceFile>) -> Self {
        Self { files, unread: Vec::new() }
    }
}

/// Reads the settings. A file with an error, or one that could not be read, keeps what `previous` had of it, and the
/// errors say so; a file that is gone is gone. With no previous settings a faulty file counts as empty, and nothing
/// guarded can start.
pub fn load(found: &SettingsFiles, previous: Option<&Settings>) -> (Settings, Vec<Diagnostic>) {
    let mut reader = Reader { found, diagnostics: Vec::new() };
    let people = reader.path("config/people");
    let people = reader.take(&people, previous.map(|it| &it.people), Reader::people);
    let environments = reader.path("config/environments");
    let environments = reader.take(&environments, previous.map(|it| &it.environments), Reader::environments);
    let mut settings = Settings {
        people: people.unwrap_or_default(),
        environments: environments.unwrap_or_default(),
        ..Settings::default()
    };
    let paths = found.files.iter().map(|it| &it.path).chain(found.unread.iter().map(|it| &it.file));
    let apps: BTreeSet<AppName> = paths.filter_map(|path| app_of(path)).collect();
    let all = reader.take(APPS, previous.map(|it| &it.apps), |_, _| None);
    settings.apps.extend(all.unwrap_or_default());
    for name in apps {
        let path = reader.path(&format!("{APPS}/{name}"));
        let kept = previous.and_then(|it| it.apps.get(&name));
        let app = reader.take(&path, kept, |reader, file| reader.app(&name, file, &settings));
        if let Some(app) = app {
            settings.apps.insert(name, app);
        }
    }
    settings.packs = reader.packs(previous);
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    let is_lost = |it: &&Diagnostic| match app_of(&it.file) {
        Some(app) => !settings.apps.contains_key(&app),
        None => it.file == APPS && settings.apps.is_empty(),
    };
    settings.faults = diagnostics.iter().filter(|it| it.is_error()).filter(is_lost).cloned().collect();
    (settings, diagnostics)
}

fn app_of(path: &str) -> Option<AppName> {
    name_in(APPS, path).map(AppName::new)
}

/// The name of a file in a folder, without its ending.
fn name_in<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    let name = path.strip_prefix(folder)?.strip_prefix('/')?;
    let name = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"))?;
    (!name.contains('/')).then_some(name)
}

struct Reader<'a> {
    found: &'a SettingsFiles,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// The file of this name, with either ending. Of two the first is read, and the other is told of.
    fn path(&mut self, stem: &str) -> String {
        let [yaml, yml] = ["yaml", "yml"].map(|it| format!("{stem}.{it}"));
        let found = self.found;
        let all = found.files.iter().map(|it| &it.path).chain(found.unread.iter().map(|it| &it.file));
        let [has_yaml, has_yml] = [&yaml, &yml].map(|path| all.clone().any(|it| it == path));
        if has_yaml && has_yml {
            let message = format!("{yaml} is there too, so this file is not read");
            let told = Diagnostic::error(yml.clone(), Place::START, message);
            self.diagnostics.push(told.hint("keep one of them"));
        }
        if has_yml && !has_yaml { yml } else { yaml }
    }

    /// What the file says, or what was known of it before if it cannot be had; nothing if there is no such file.
    fn take<T: Clone>(
        &mut self,
        path: &str,
        previous: Option<&T>,
        read: impl FnOnce(&mut Self, &SourceFile) -> Option<T>,
    ) -> Option<T> {
        let found = self.found;
        let value = if let Some(file) = found.files.iter().find(|it| it.path == path) {
            read(self, file)
        } else {
            self.diagnostics.push(found.unread.iter().find(|it| it.file == path)?.clone());
            None
        };
        value.or_else(|| self.kept(path, previous).cloned())
    }

    fn people(&mut self, file: &SourceFile) -> Option<People> {
        let node = file.read(&mut self.diagnostics)?;
        file.decode(&node, &mut self.diagnostics)
    }

    /// What packs are configured with. The files are StackStorm's, so they are read as it reads them.
    fn packs(&mut self, previous: Option<&Settings>) -> IndexMap<PackName, Map<String, Value>> {
        let found = self.found;
        let paths = found.files.iter().map(|it| &it.path).chain(found.unread.iter().map(|it| &it.file));
        let names: BTreeSet<PackName> =
            paths.filter_map(|path| name_in(PACKS, path)).map(PackName::new).collect();
        let kept = previous.map(|it| &it.packs);
        let mut packs = self.take(PACKS, kept, |_, _| None).unwrap_or_default();
        for name in names {
            let path = self.path(&format!("{PACKS}/{name}"));
            let kept = kept.and_then(|it| it.get(&name));
            if let Some(values) = self.take(&path, kept, Self::pack) {
                packs.insert(name, values);
            }
        }
        packs
    }

    fn pack(&mut self, file: &SourceFile) -> Option<Map<String, Value>> {
        let node = file.read(&mut self.diagnostics)?;
        match node.to_json() {
            Value::Object(values) => Some(values),
            Value::Null => Some(Map::new()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.fault(file, Fault::new(node.place, "a pack is configured with a mapping, `key: value`"));
                None
            }
        }
    }

    /// What is used in place of a faulty file, told as the last of its diagnostics.
    fn kept<T>(&mut self, path: &str, previous: Option<T>) -> Option<T> {
        let last = self.diagnostics.iter_mut().rev().find(|it| it.file == path && it.is_error());
        if let (Some(diagnostic), Some(_)) = (last, &previous) {
            diagnostic.message.push_str("; the last good version stays in force");
        }
        previous
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
        let known: BTreeSet<&str> =
            people.iter().flat_map(|it| it.groups.iter().map(GroupName::as_str)).collect();
        self.must_be_known(file, place, ("group", group.as_str()), known)
    }
}

//! What `check` is to look at, by the paths it was given: folders, packs, single files.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::{
    config::{self, Config},
    yaml,
};

/// What is to be looked at.
#[derive(Default)]
pub(super) struct Subject {
    /// Folders with content, later ones win.
    pub(super) content: Vec<PathBuf>,
    /// Folders with settings.
    pub(super) settings: Vec<PathBuf>,
    pub(super) configs: Vec<PathBuf>,
    /// Workflows by themselves: an action has to name them.
    pub(super) workflows: Vec<LoneFile>,
    /// Only what lies below one of these paths, as the library names them, is told.
    only: Vec<String>,
}

/// A file, and where it lies in its content folder.
pub(super) struct LoneFile {
    pub(super) path: PathBuf,
    pub(super) within: String,
}

impl Subject {
    pub(super) fn of(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut subject = Self::default();
        if paths.is_empty() {
            let default = Path::new(super::CONFIG);
            if default.exists() {
                subject.config(default)
            } else {
                subject.folder(Path::new("."))
            };
        }
        for path in paths {
            if path.is_file() {
                subject.file(path)?;
            } else if path.join("pack.yaml").is_file() {
                subject.pack(path)?;
            } else if path.is_dir() {
                subject.folder(path);
            } else {
                bail!("there is nothing at {}", path.display());
            }
        }
        Ok(subject)
    }

    /// A file is what its place makes it; one that lies nowhere in particular is what its keys say.
    fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        let whole = path.canonicalize()?;
        if whole.file_name().is_some_and(|it| it == "lockkeeper.yaml") {
            self.config(path);
            return Ok(());
        }
        if let Some((root, within)) = content_file(&whole).filter(|(root, within)| is_in_pack(root, within)) {
            if is_workflow(&within) {
                self.workflows.push(LoneFile { path: path.to_owned(), within: within.clone() });
            }
            self.content.push(root);
            self.only.push(within);
            return Ok(());
        }
        if let Some((folder, within)) = settings_file(&whole) {
            self.settings.push(folder);
            self.only.push(within);
            return Ok(());
        }
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        match looks_like(&text) {
            None => self.config(path),
            Some(Looks::Workflow) => {
                let within = path.display().to_string();
                self.workflows.push(LoneFile { path: path.to_owned(), within });
            }
            Some(Looks::Misplaced(what, place)) => {
                bail!("{} looks like {what}, but the bot reads those from {place}", path.display())
            }
        }
        Ok(())
    }

    fn config(&mut self, path: &Path) {
        self.configs.push(path.to_owned());
        // A faulty one is told; what it may have named is looked for where it is by default.
        let beside = path.parent().unwrap_or(Path::new("."));
        let config = config::load(path).unwrap_or_else(|_| {
            let above = beside.parent().map_or_else(|| beside.join(".."), Path::to_owned);
            Config { content: vec![above], settings: beside.to_owned(), ..Config::default() }
        });
        self.content.extend(config.content);
        self.settings.push(config.settings);
    }

    fn folder(&mut self, path: &Path) {
        self.content.push(path.to_owned());
        let settings = plain(&path.join("config"));
        self.configs.extend(Some(settings.join("lockkeeper.yaml")).filter(|it| it.is_file()));
        self.settings.push(settings);
    }

    fn pack(&mut self, path: &Path) -> anyhow::Result<()> {
        let path = path.canonicalize()?;
        let names: Vec<&str> = path.iter().rev().take(2).filter_map(|it| it.to_str()).collect();
        let (&[name, parent], Some(root)) = (names.as_slice(), path.ancestors().nth(2)) else {
            bail!("{} is no place for a pack", path.display());
        };
        if !matches!(parent, "commands" | "packs") {
            bail!("the pack {name} must lie in a folder commands/ or packs/, to be read as the bot reads it");
        }
        self.content.push(root.to_owned());
        self.only.push(format!("{parent}/{name}/"));
        Ok(())
    }

    pub(super) fn concerns(&self, file: &str) -> bool {
        let is_within =
            |only: &String| if only.ends_with('/') { file.starts_with(only) } else { file == only };
        self.only.is_empty() || self.only.iter().any(is_within)
    }
}

/// The content folder and the path below it, for a file in a place that the bot reads.
fn content_file(path: &Path) -> Option<(PathBuf, String)> {
    let names: Vec<&str> = path.iter().filter_map(|it| it.to_str()).collect();
    let fits = |at: &usize| match (names[*at], names.len() - at - 1) {
        ("commands", 1) => is_yaml(path),
        ("commands" | "packs", below) => 2 <= below,
        ("aliases", below) => below == 2 && is_yaml(path),
        _ => false,
    };
    let at = (0..names.len()).rev().find(fits)?;
    let root = path.ancestors().nth(names.len() - at)?;
    Some((root.to_owned(), names[at..].join("/")))
}

/// The settings folder, and the path that the settings know the file under.
fn settings_file(path: &Path) -> Option<(PathBuf, String)> {
    let name = path.file_name()?.to_str().filter(|_| is_yaml(path))?;
    let folder = path.parent()?;
    if matches!(path.file_stem()?.to_str()?, "people" | "environments") {
        return Some((folder.to_owned(), format!("config/{name}")));
    }
    (folder.file_name()? == "apps")
        .then(|| Some((folder.parent()?.to_owned(), format!("config/apps/{name}"))))?
}

/// A folder further up may be called `packs` by chance.
fn is_in_pack(root: &Path, within: &str) -> bool {
    let parts: Vec<&str> = within.split('/').collect();
    match parts.as_slice() {
        ["commands" | "packs", pack, beside, ..] => {
            let known = matches!(*beside, "actions" | "aliases" | "rules" | "pack.yaml");
            known || root.join(parts[0]).join(pack).join("pack.yaml").is_file()
        }
        _ => true,
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "yaml" || it == "yml")
}

fn is_workflow(within: &str) -> bool {
    within.contains("/actions/workflows/")
}

enum Looks {
    Workflow,
    /// What it is, and where such files lie.
    Misplaced(&'static str, &'static str),
}

/// What a file's keys say it is; `None`: a lockkeeper.yaml, or nothing else either.
fn looks_like(text: &[u8]) -> Option<Looks> {
    let node = yaml::read(yaml::text(text).ok()?, yaml::Dialect::StackStorm).ok()?;
    let has = |key: &str| node.get(key).is_some();
    Some(match () {
        () if has("tasks") => Looks::Workflow,
        () if has("runner_type") => Looks::Misplaced("an action", "commands/<pack>/actions/"),
        () if has("action_ref") => {
            Looks::Misplaced("an alias", "aliases/<pack>/ or commands/<pack>/aliases/")
        }
        () if has("trigger") => Looks::Misplaced("a rule", "commands/<pack>/rules/"),
        () if has("say") => Looks::Misplaced("a command", "commands/"),
        () if has("people") => Looks::Misplaced("a list of people", "config/people.yaml"),
        () if has("environments") && !has("app") => {
            Looks::Misplaced("a list of environments", "config/environments.yaml")
        }
        () if has("app") => Looks::Misplaced("an app", "config/apps/"),
        () => return None,
    })
}

/// The same path without `.` and without going into a folder and out again.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let leaves = matches!(plain.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if leaves => drop(plain.pop()),
            Component::ParentDir | Component::Normal(_) | Component::RootDir | Component::Prefix(_) => {
                plain.push(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_place_makes_it() {
        let content =
            |it: &str| content_file(Path::new(it)).map(|(root, file)| format!("{} {file}", root.display()));
        assert_eq!(content("/a/commands/p/rules/r.yaml").unwrap(), "/a commands/p/rules/r.yaml");
        assert_eq!(content("/a/commands/restart.yaml").unwrap(), "/a commands/restart.yaml");
        assert_eq!(content("/a/aliases/p/a.yml").unwrap(), "/a aliases/p/a.yml");
        assert_eq!(content("/a/packs/p/aliases/a.yaml").unwrap(), "/a packs/p/aliases/a.yaml");
        assert_eq!(content("/a/config/apps/shop.yaml"), None);
        let settings =
            |it: &str| settings_file(Path::new(it)).map(|(root, file)| format!("{} {file}", root.display()));
        assert_eq!(settings("/a/config/apps/shop.yaml").unwrap(), "/a/config config/apps/shop.yaml");
        assert_eq!(settings("/a/etc/people.yml").unwrap(), "/a/etc config/people.yml");
        assert_eq!(settings("/a/config/lockkeeper.yaml"), None);
    }

    #[test]
    fn paths_are_shown_as_people_write_them() {
        let read = |it: &str| plain(Path::new(it)).display().to_string();
        assert_eq!(read("./config/../commands/a.yaml"), "commands/a.yaml");
        assert_eq!(read("../x/./y"), "../x/y");
    }
}

//! `check [PATH…]`

use std::{
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

use anyhow::bail;
use clap::Args;

use super::out;
use crate::{
    config::{self, Config},
    content::{self, Diagnostic, Dialect, Settings, SourceFile},
    id::PackName,
    library::{Library, Loaded, settings_files},
    message::words,
};

/// Say what is wrong with content and settings; ends with 1 if anything is an error
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lockkeeper check\n  lockkeeper check . --expand")]
pub(super) struct Arguments {
    /// Folders that hold commands/, aliases/, packs/ or config/, packs, or a lockkeeper.yaml [default: what
    /// config/lockkeeper.yaml names, else this folder]
    paths: Vec<PathBuf>,
    /// Show what the one-file commands stand for in StackStorm's format
    #[arg(long)]
    expand: bool,
}

/// What is to be looked at.
#[derive(Default)]
struct Subject {
    /// Folders with content, later ones win.
    content: Vec<PathBuf>,
    /// Folders with settings.
    settings: Vec<PathBuf>,
    configs: Vec<PathBuf>,
    /// Only what lies below one of these paths, as the library names them, is told.
    packs: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let subject = Subject::of(&arguments.paths)?;
    let mut found = Found::default();
    for path in &subject.configs {
        if let Err(error) = config::load(path) {
            found.errors += error.faults.len();
            found.lines.push(error.to_string());
        }
    }
    let loaded = Library::new(subject.content.clone()).load();
    for it in loaded.diagnostics.iter().filter(|it| subject.concerns(&it.file)) {
        found.add(it, shown(&subject.content, &it.file, ""));
    }
    let mut apps = 0;
    for folder in &subject.settings {
        let (settings, diagnostics): (Settings, Vec<Diagnostic>) =
            content::settings::load(&settings_files(folder), None);
        apps += settings.apps.len();
        for it in &diagnostics {
            found.add(it, shown(std::slice::from_ref(folder), &it.file, "config/"));
        }
    }
    if arguments.expand {
        out::say(&expanded(&loaded)?)?;
    }
    for line in &found.lines {
        out::say(line)?;
    }
    out::say(&summary(&loaded, apps, &found))?;
    Ok(if found.errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Found {
    errors: usize,
    warnings: usize,
    lines: Vec<String>,
}

impl Found {
    fn add(&mut self, it: &Diagnostic, file: String) {
        if it.is_error() {
            self.errors += 1;
        } else {
            self.warnings += 1;
        }
        self.lines.push(Diagnostic { file, ..it.clone() }.to_string());
    }
}

fn summary(loaded: &Loaded, apps: usize, found: &Found) -> String {
    let it = &loaded.catalogue;
    let parts = [
        words::count(it.packs.len(), "pack"),
        words::count(it.actions.len(), "action"),
        words::count(it.aliases.len(), "alias").replace("aliass", "aliases"),
        words::count(it.rules.len(), "rule"),
        words::count(apps, "app"),
    ];
    let faults = [words::count(found.errors, "error"), words::count(found.warnings, "warning")];
    format!("{}: {}", words::list(&parts), words::list(&faults))
}

/// The path that a person can open: below the last folder that has it.
fn shown(folders: &[PathBuf], file: &str, within: &str) -> String {
    let below = file.strip_prefix(within).unwrap_or(file);
    let path = folders.iter().rev().map(|it| it.join(below)).find(|it| it.exists());
    path.map_or(file.to_owned(), |it| plain(&it).display().to_string())
}

/// The same path without `.` and without going into a folder and out again.
fn plain(path: &Path) -> PathBuf {
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

impl Subject {
    fn of(paths: &[PathBuf]) -> anyhow::Result<Self> {
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
                subject.config(path);
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
        self.packs.push(format!("{parent}/{name}/"));
        Ok(())
    }

    fn concerns(&self, file: &str) -> bool {
        self.packs.is_empty() || self.packs.iter().any(|it| file.starts_with(it))
    }
}

/// What the one-file commands stand for, file by file.
fn expanded(loaded: &Loaded) -> anyhow::Result<String> {
    let Some(pack) = loaded.catalogue.packs.get(&PackName::from(content::SHORTHAND_PACK)) else {
        return Ok("# no one-file commands".to_owned());
    };
    let mut text = String::new();
    for file in loaded.packs.get(&pack.digest).into_iter().flatten() {
        let bytes = loaded.files.get(&file.digest).map(|it| it.to_vec()).unwrap_or_default();
        let source = SourceFile {
            path: format!("{}/{}", pack.folder, file.path),
            bytes,
            executable: file.executable,
            dialect: Dialect::Strict,
        };
        // What is wrong with it is among the diagnostics already; scripts beside the commands are no commands.
        for (path, stands_for) in content::expand(&source).unwrap_or_default() {
            text.push_str(&format!(
                "# {path}, from {}\n{}\n",
                source.path,
                serde_saphyr::to_string(&stands_for)?
            ));
        }
    }
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_people_write_them() {
        let read = |it: &str| plain(Path::new(it)).display().to_string();
        assert_eq!(read("./config/../commands/a.yaml"), "commands/a.yaml");
        assert_eq!(read("../x/./y"), "../x/y");
    }
}

//! `check [PATH…]`

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use super::{
    out,
    subject::{Subject, plain},
    survey,
};
use crate::{
    config,
    content::{self, Diagnostic, Dialect, Settings, SourceFile},
    id::PackName,
    library::{Library, Loaded, settings_files},
    message::words,
    workflow,
    yaml::{self, Fault, Place},
};

/// Say what is wrong with content and settings; ends with 1 if anything is an error
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lockkeeper check\n  lockkeeper check . --expand\n  lockkeeper check config/apps/shop.yaml\n  lockkeeper check --stackstorm /opt/stackstorm/packs"
)]
pub(super) struct Arguments {
    /// Folders that hold commands/, aliases/, packs/ or config/, packs, single files of them, or a lockkeeper.yaml
    /// [default: what config/lockkeeper.yaml names, else this folder]
    paths: Vec<PathBuf>,
    /// Show what the one-file commands stand for in StackStorm's format
    #[arg(long)]
    expand: bool,
    /// Count what of a StackStorm installation, or of a folder of packs, does here what it did there
    #[arg(long, value_name = "DIR", conflicts_with_all = ["paths", "expand"])]
    stackstorm: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let Some(dir) = &arguments.stackstorm {
        return survey::run(dir);
    }
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
        for it in diagnostics.iter().filter(|it| subject.concerns(&it.file)) {
            found.add(it, shown(std::slice::from_ref(folder), &it.file, "config/"));
        }
        let misfits = content::misfits(&loaded.catalogue, &settings);
        for it in misfits.iter().filter(|it| subject.concerns(&it.file)) {
            found.add(it, shown(std::slice::from_ref(folder), &it.file, "config/"));
        }
    }
    for path in subject.workflows.iter().filter(|it| !is_read(&loaded, &it.within)) {
        unnamed_workflow(&path.path)?.into_iter().for_each(|it| found.add(&it, it.file.clone()));
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

/// Whether some action names this workflow, well or badly.
fn is_read(loaded: &Loaded, file: &str) -> bool {
    loaded.catalogue.workflows.values().any(|it| it.file == file)
        || loaded.diagnostics.iter().any(|it| it.file == file)
}

/// A workflow that no action names is none that the bot reads; what is wrong with it is told all the same.
fn unnamed_workflow(path: &Path) -> anyhow::Result<Vec<Diagnostic>> {
    let file = path.display().to_string();
    let node = match yaml::read_workflow(&std::fs::read_to_string(path)?) {
        Ok(node) => node,
        Err(fault) => return Ok(vec![Diagnostic::of(file, fault)]),
    };
    let found = workflow::inspect(&node.to_json(), &["st2".to_owned(), "parent".to_owned()]);
    let all = [found.syntax, found.semantics, found.expressions, found.context].into_iter().flatten();
    let place = |it: &workflow::Finding| it.spec_path.as_deref().map_or(node.place, |path| node.find(path));
    let told = all.map(|it| Diagnostic::of(file.clone(), Fault::new(place(&it), it.message.clone())));
    let unnamed = "no action names this workflow as its `entry_point`, so nothing runs it";
    Ok(told.chain([Diagnostic::warning(file.clone(), Place::START, unnamed)]).collect())
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

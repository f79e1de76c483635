use std::fs;
use std::io;
use std::path::Path;

use crate::content::settings::SettingsFiles;
use crate::content::{Diagnostic, Dialect, SourceFile};
use crate::yaml::Place;

use super::folder;

/// The settings files of a folder, under the paths that `content::settings::load` knows: `config/people.yaml`,
/// `config/environments.yaml`, `config/apps/*.yaml`, `config/packs/*.yaml`, and the same with `.yml`. A file that is not
/// there is left out; one that cannot be read is among the unread.
pub fn settings_files(folder: &Path) -> SettingsFiles {
    let mut found = SettingsFiles::default();
    for name in ["people.yaml", "people.yml", "environments.yaml", "environments.yml"] {
        take(&mut found, &folder.join(name), format!("config/{name}"));
    }
    take_all(&mut found, &folder.join("apps"), "config/apps", Dialect::Strict);
    take_all(&mut found, &folder.join("packs"), "config/packs", Dialect::StackStorm);
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    found.unread.sort_by(|a, b| a.file.cmp(&b.file));
    found
}

fn take_all(found: &mut SettingsFiles, folder: &Path, shown: &str, dialect: Dialect) {
    match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => {
            for entry in entries {
                let name = entry.file_name();
                if let Some(name) = name.to_str().filter(|it| is_yaml(it)) {
                    take_as(found, &entry.path(), format!("{shown}/{name}"), dialect);
                }
            }
        }
        Err(error) if gone(folder, &error) => {}
        Err(error) => found.unread.push(unread(shown.to_owned(), &error)),
    }
}

/// Either ending; no file that an editor hides.
fn is_yaml(name: &str) -> bool {
    [".yaml", ".yml"].iter().any(|it| name.ends_with(it)) && !name.starts_with('.')
}

fn take(found: &mut SettingsFiles, path: &Path, shown: String) {
    take_as(found, path, shown, Dialect::Strict);
}

fn take_as(found: &mut SettingsFiles, path: &Path, shown: String, dialect: Dialect) {
    match folder::read(path) {
        Ok((bytes, executable)) => {
            found.files.push(SourceFile { path: shown, bytes, executable, dialect });
        }
        Err(error) if gone(path, &error) => {}
        Err(error) => found.unread.push(unread(shown, &error)),
    }
}

/// Nothing stands there. A link that leads nowhere does: what it was to lead to is still in force.
fn gone(path: &Path, error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err()
}

fn unread(shown: String, error: &io::Error) -> Diagnostic {
    Diagnostic::error(shown, Place::START, format!("cannot read it: {error}"))
        .hint("make it a file that the user of the bot may read, or remove it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_beside_what_can() {
        let folder = tempfile::tempdir().unwrap();
        let at = |it: &str| folder.path().join(it);
        assert_eq!(settings_files(folder.path()), SettingsFiles::default(), "nothing is there");

        fs::create_dir_all(at("apps/shop.yaml")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("people.yaml")).unwrap();
        fs::write(at("environments.yaml"), b"a: \xff").unwrap();
        fs::write(at("apps/blog.yaml"), "app: blog").unwrap();
        let found = settings_files(folder.path());
        let files: Vec<_> = found.files.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(files, ["config/apps/blog.yaml", "config/environments.yaml"]);
        let unread: Vec<_> = found.unread.iter().map(|it| it.file.as_str()).collect();
        assert_eq!(unread, ["config/apps/shop.yaml", "config/people.yaml"]);

        fs::remove_dir_all(at("apps")).unwrap();
        fs::write(at("apps"), "no folder").unwrap();
        assert_eq!(settings_files(folder.path()).unread[0].file, "config/apps");
    }
}

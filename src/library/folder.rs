use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::content::{Diagnostic, Dialect, SourceFile};
use crate::yaml::Place;

use super::FILE_BYTES_MAX;

/// Deepest folder below a pack that is read.
pub(super) const FOLDER_DEPTH_MAX: usize = 16;

/// All files of one content folder, in the order of their paths. Packs of our own are read strictly, foreign ones in
/// StackStorm's dialect.
pub(super) fn files(folder: &Path, diagnostics: &mut Vec<Diagnostic>) -> Vec<SourceFile> {
    let mut walk = Walk { files: Vec::new(), diagnostics };
    for (root, dialect) in
        [("commands", Dialect::Strict), ("aliases", Dialect::Strict), ("packs", Dialect::StackStorm)]
    {
        walk.folder(&folder.join(root), root, dialect, 0);
    }
    walk.files
}

/// All files below a folder of foreign packs, as `packs/<pack>/…`.
pub(super) fn foreign(folder: &Path, shown: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<SourceFile> {
    let mut walk = Walk { files: Vec::new(), diagnostics };
    walk.folder(folder, shown, Dialect::StackStorm, 0);
    walk.files
}

struct Walk<'a> {
    files: Vec<SourceFile>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, shown: &str, dialect: Dialect, depth: usize) {
        if FOLDER_DEPTH_MAX < depth {
            return self.tell(shown, "the folder is too deep; what lies below is left out");
        }
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound && depth == 0 => return,
            Err(error) => return self.tell(shown, &format!("cannot read the folder: {error}")),
        };
        let mut entries: Vec<_> =
            entries.iter().map(|it| (it.file_name(), it.path(), it.file_type())).collect();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, path, kind) in entries {
            let Some(name) = name.to_str() else { continue };
            if name.starts_with('.') {
                continue;
            }
            let shown = format!("{shown}/{name}");
            match kind {
                // A link to a folder could lead back to where it stands.
                Ok(kind) if kind.is_dir() => self.folder(&path, &shown, dialect, depth + 1),
                Ok(_) if path.is_file() => self.file(&path, shown, dialect),
                Ok(_) => {}
                Err(error) => self.tell(&shown, &format!("cannot read it: {error}")),
            }
        }
    }

    fn file(&mut self, path: &Path, shown: String, dialect: Dialect) {
        match read(path) {
            Ok((bytes, executable)) => {
                self.files.push(SourceFile { path: shown, bytes, executable, dialect })
            }
            Err(error) => self.tell(&shown, &format!("cannot read it: {error}")),
        }
    }

    fn tell(&mut self, shown: &str, message: &str) {
        self.diagnostics.push(Diagnostic::error(shown, Place::START, message));
    }
}

/// A file's bytes, and whether it may be executed. What is no file is not opened: a pipe would be waited on for ever.
pub(super) fn read(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if FILE_BYTES_MAX < metadata.len() {
        return Err(io::Error::other(format!("more than {FILE_BYTES_MAX} bytes")));
    }
    Ok((fs::read(path)?, metadata.permissions().mode() & 0o111 != 0))
}

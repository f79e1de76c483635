//! Content on disk and in the binary: found, read, and laid out for executions under the hash of what it is.

mod embedded;
mod fetch;
mod folder;
mod installation;
mod lock;
mod materialise;
mod settings;
mod shelf;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::content::{Catalogue, Diagnostic, SourceFile, load};
use crate::id::Digest;

pub use fetch::{FetchError, Fetched, Origin, Source};
pub use installation::{carried, installation};
pub use lock::{LOCK_FILE, Lock, LockError, Locked};
pub use materialise::{Altered, MaterialiseError, PackFile, altered};
pub use settings::settings_files;
pub use shelf::{Scratch, Shelf, ShelfError};

/// Largest file of a pack. Larger ones are left out: content is kept in memory.
pub const FILE_BYTES_MAX: u64 = 4 << 20;

/// Where content lies.
#[derive(Clone, Debug)]
pub struct Library {
    folders: Vec<PathBuf>,
    embedded: bool,
}

/// All content, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    pub catalogue: Catalogue,
    pub diagnostics: Vec<Diagnostic>,
    /// The bytes of every file, by what they are.
    pub files: HashMap<Digest, Arc<[u8]>>,
    /// The files of every pack, by the digest of the pack.
    pub packs: IndexMap<Digest, Vec<PackFile>>,
}

impl Library {
    /// What the binary carries, overlaid by these folders: each may hold `commands/`, `aliases/` and `packs/`, and a
    /// file of a later one replaces the file of the same path in an earlier one.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders, embedded: true }
    }

    /// These folders alone.
    pub fn without_embedded(folders: Vec<PathBuf>) -> Self {
        Self { folders, embedded: false }
    }

    /// All files, and what could not be read; a folder without content is empty.
    pub fn sources(&self) -> (Vec<SourceFile>, Vec<Diagnostic>) {
        let mut found: IndexMap<String, SourceFile> = IndexMap::new();
        let mut diagnostics = Vec::new();
        if self.embedded {
            found.extend(embedded::files().map(|file| (file.path.clone(), file)));
        }
        for folder in &self.folders {
            let told = diagnostics.len();
            let files = folder::files(folder, &mut diagnostics);
            // What stands there and cannot be read is not there: the earlier one may be what it was to forbid.
            for unread in diagnostics.iter().skip(told) {
                found.retain(|path, _| !is_at_or_below(path, &unread.file));
            }
            found.extend(files.into_iter().map(|file| (file.path.clone(), file)));
        }
        (found.into_values().collect(), diagnostics)
    }

    /// Reads everything. What cannot be read, and packs that are not what was installed, are among the diagnostics.
    pub fn load(&self) -> Loaded {
        let (sources, mut diagnostics) = self.sources();
        let (catalogue, more) = load(&sources);
        diagnostics.extend(more);
        self.folders.iter().for_each(|it| lock::drift(it, &catalogue, &mut diagnostics));
        let mut loaded = Loaded { catalogue, diagnostics, ..Loaded::default() };
        for pack in loaded.catalogue.packs.values() {
            let within = format!("{}/", pack.folder);
            let top = !pack.folder.contains('/');
            let files = sources.iter().filter_map(|file| {
                let path = file.path.strip_prefix(&within)?;
                // The shorthand's pack is what lies in `commands/` itself, without the packs below.
                (!top || !path.contains('/')).then(|| PackFile {
                    path: path.to_owned(),
                    digest: file.digest(),
                    executable: file.executable,
                })
            });
            loaded.packs.insert(pack.digest.clone(), files.collect());
        }
        loaded.files = sources.into_iter().map(|it| (it.digest(), it.bytes.into())).collect();
        loaded
    }
}

fn is_at_or_below(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ActionRef;

    #[test]
    fn a_file_that_cannot_be_read_takes_out_what_it_was_to_replace() {
        let folder = tempfile::tempdir().unwrap();
        let has = |name: &str| {
            let loaded = Library::new(vec![folder.path().to_owned()]).load();
            let told = loaded.diagnostics.iter().any(|it| it.file == "commands/core/actions/noop.yaml");
            (loaded.catalogue.action(&ActionRef::new(name)).is_some(), told)
        };
        assert_eq!(has("core.noop"), (true, false));
        let actions = folder.path().join("commands/core/actions");
        std::fs::create_dir_all(&actions).unwrap();
        let file = std::fs::File::create(actions.join("noop.yaml")).unwrap();
        file.set_len(FILE_BYTES_MAX + 1).unwrap();
        assert_eq!(has("core.noop"), (false, true));
        assert_eq!(has("core.echo"), (true, true), "the others stay");
    }
}

//! What lies in the data folder, how much it is, and its removal. Called on threads that may wait.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

/// One file or folder of a shelf.
pub(super) struct Item {
    pub(super) path: PathBuf,
    pub(super) name: String,
    /// When it was last written; for a folder, when something was put into it or taken away.
    pub(super) touched_at: Timestamp,
}

/// What lies in a folder; nothing where there is no such folder. What vanishes meanwhile is left out.
pub(super) fn items(shelf: &Path) -> io::Result<Vec<Item>> {
    let entries = match fs::read_dir(shelf) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let touched = entry.metadata().and_then(|it| it.modified()).ok();
        let touched_at = touched.and_then(|it| Timestamp::try_from(it).ok());
        if let (Some(touched_at), Ok(name)) = (touched_at, entry.file_name().into_string()) {
            found.push(Item { path: entry.path(), name, touched_at });
        }
    }
    Ok(found)
}

/// Bytes of a file, or of everything in a folder; links are not followed. What cannot be read counts nothing.
pub(super) fn bytes(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries.flatten().map(|it| bytes(&it.path())).sum()
}

/// Removes a file or a folder with all that is in it; gives the bytes it took. Gone already is as good.
pub(super) fn remove(path: &Path) -> io::Result<u64> {
    let freed = bytes(path);
    let done = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(freed),
    }
}

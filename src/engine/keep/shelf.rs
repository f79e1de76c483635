//! What lies in the data folder, how much it is, and its removal. Called on threads that may wait.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
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
        Ok(metadata) if metadata.is_dir() => remove_folder(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(freed),
    }
}

/// Some builds leave folders that even their owner may not write to, as Go's module cache is.
fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            loosen(path)?;
            fs::remove_dir_all(path)
        }
        done => done,
    }
}

/// Lets the owner into every folder below; links are not followed.
fn loosen(folder: &Path) -> io::Result<()> {
    let mut permissions = fs::symlink_metadata(folder)?.permissions();
    permissions.set_mode(permissions.mode() | 0o700);
    fs::set_permissions(folder, permissions)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            loosen(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_that_nobody_may_write_to_goes_too_and_links_lead_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let (kept, gone) = (dir.path().join("kept"), dir.path().join("gone"));
        fs::create_dir_all(gone.join("cache/module")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(gone.join("cache/module/file"), "12345").unwrap();
        std::os::unix::fs::symlink(&kept, gone.join("link")).unwrap();
        let locked = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o500)).unwrap();
        locked(&kept);
        locked(&gone.join("cache/module"));
        locked(&gone.join("cache"));
        assert_eq!(items(dir.path()).unwrap().len(), 2);
        assert!((5..1_000).contains(&bytes(&gone)));
        loosen(&gone).unwrap();
        assert_eq!(
            [mode(&gone.join("cache")), mode(&gone.join("cache/module")), mode(&kept)],
            [0o700, 0o700, 0o500]
        );
        locked(&gone.join("cache/module"));
        remove(&gone).unwrap();
        assert!(kept.exists() && !gone.exists());
        assert_eq!(remove(&gone).unwrap(), 0);
    }
}

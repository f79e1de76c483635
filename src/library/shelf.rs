//! The `packs/` of a content folder: packs are put there as a whole, and taken away as a whole.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

use crate::content::SourceFile;
use crate::id::PackName;

use super::lock::{Lock, LockError, Locked};

/// What is under way has such a name; whatever begins with a dot is not read as a pack.
const STAGE: &str = ".lockkeeper-pack.";

/// A content folder whose packs nobody else changes while this is there.
pub struct Shelf {
    folder: PathBuf,
    _alone: File,
}

/// Why packs could not be changed. What was there is there.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    #[error("another `lockkeeper pack` is at work on {}; wait for its end", .0.display())]
    Busy(PathBuf),
    #[error("{} cannot be written", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl Shelf {
    /// Opens the `packs/` of a content folder, made if need be, and clears what an interrupted one left.
    pub fn open(folder: &Path) -> Result<Self, ShelfError> {
        let packs = folder.join("packs");
        let fail = |source| ShelfError::Io { path: packs.clone(), source };
        fs::create_dir_all(&packs).map_err(fail)?;
        let alone = File::open(&packs).map_err(fail)?;
        flock(&alone, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            rustix::io::Errno::WOULDBLOCK => ShelfError::Busy(packs.clone()),
            error => fail(error.into()),
        })?;
        for entry in fs::read_dir(&packs).map_err(fail)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(STAGE) {
                drop(discard(&entry.path()));
            }
        }
        Ok(Self { folder: folder.to_owned(), _alone: alone })
    }

    /// An empty folder for whatever is under way; the next one who opens the shelf clears it if nobody does before.
    pub fn scratch(&self) -> Result<Scratch, ShelfError> {
        let packs = self.packs();
        Scratch::below(&packs).map_err(|source| ShelfError::Io { path: packs, source })
    }

    fn packs(&self) -> PathBuf {
        self.folder.join("packs")
    }

    /// Puts a pack in its place, at once: whoever reads meanwhile finds the old one or the new one. `files` lie below
    /// `packs/<name>/`.
    pub fn put(&self, name: &PackName, files: &[SourceFile], locked: Locked) -> Result<(), ShelfError> {
        let mut lock = Lock::read(&self.folder)?;
        let scratch = self.scratch()?;
        let staged = scratch.path().join("pack");
        let within = format!("packs/{name}/");
        for file in files {
            let path = staged.join(file.path.strip_prefix(&within).unwrap_or(&file.path));
            let mode = if file.executable { 0o755 } else { 0o644 };
            write(&path, &file.bytes, mode).map_err(|source| ShelfError::Io { path, source })?;
        }
        readable(&staged).map_err(|source| ShelfError::Io { path: staged.clone(), source })?;
        let target = self.packs().join(name.as_str());
        exchange(&staged, &target, scratch.path())
            .map_err(|source| ShelfError::Io { path: target, source })?;
        lock.packs.insert(name.clone(), locked);
        Ok(lock.write(&self.folder)?)
    }

    /// Takes a pack away. One that is not there is none any more.
    pub fn remove(&self, name: &PackName) -> Result<(), ShelfError> {
        let mut lock = Lock::read(&self.folder)?;
        let scratch = self.scratch()?;
        let path = self.packs().join(name.as_str());
        match fs::rename(&path, scratch.path().join("old")) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(ShelfError::Io { path, source });
            }
            Ok(()) | Err(_) => {}
        }
        if lock.packs.remove(name).is_some() {
            lock.write(&self.folder)?;
        }
        Ok(())
    }
}

/// A folder that goes with this value.
pub struct Scratch(PathBuf);

impl Scratch {
    /// One that only we can look into.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn below(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("{STAGE}{}", uuid::Uuid::now_v7()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Puts `new` at `target`; what was there goes below `aside`.
fn exchange(new: &Path, target: &Path, aside: &Path) -> io::Result<()> {
    if fs::symlink_metadata(target).is_err() {
        return fs::rename(new, target);
    }
    match renameat_with(CWD, new, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        // A file system that cannot: for a moment there is none, and a failure puts the old one back.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
            let old = aside.join("old");
            fs::rename(target, &old)?;
            fs::rename(new, target).inspect_err(|_| drop(fs::rename(&old, target)))
        }
        Err(error) => Err(error.into()),
    }
}

fn discard(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).create(folder)?;
    }
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

/// The user of the bot, who may be another, has to get into every folder.
fn readable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            readable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Dialect;
    use crate::id::Digest;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            dialect: Dialect::StackStorm,
            executable: path.ends_with(".sh"),
            ..SourceFile::text(path, text)
        }
    }

    fn locked(text: &str) -> Locked {
        let (source, version) = ("/srv/demo".to_owned(), "1.0.0".to_owned());
        Locked {
            version,
            source,
            reference: None,
            commit: None,
            content: Digest::of(text.as_bytes()),
            ingested: false,
        }
    }

    #[test]
    fn a_pack_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let name = PackName::from("demo");
        let at = |it: &str| folder.path().join("packs").join(it);
        let shelf = Shelf::open(folder.path()).unwrap();
        shelf
            .put(&name, &[file("packs/demo/a/x.sh", "1"), file("packs/demo/pack.yaml", "")], locked("1"))
            .unwrap();
        assert_eq!(fs::metadata(at("demo/a/x.sh")).unwrap().permissions().mode() & 0o777, 0o755);
        shelf.put(&name, &[file("packs/demo/pack.yaml", "2")], locked("2")).unwrap();
        assert_eq!(fs::read_to_string(at("demo/pack.yaml")).unwrap(), "2");
        assert!(!at("demo/a").exists(), "what the new one does not have is gone");
        assert_eq!(Lock::read(folder.path()).unwrap().packs[&name], locked("2"));
        assert_eq!(fs::read_dir(at("")).unwrap().count(), 1);
        shelf.remove(&name).unwrap();
        assert_eq!(fs::read_dir(at("")).unwrap().count(), 0);
        assert_eq!(Lock::read(folder.path()).unwrap(), Lock::default());
    }

    #[test]
    fn what_fails_on_the_way_leaves_the_old_pack_and_no_two_change_it_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let name = PackName::from("demo");
        let shelf = Shelf::open(folder.path()).unwrap();
        assert!(matches!(Shelf::open(folder.path()), Err(ShelfError::Busy(_))));
        shelf.put(&name, &[file("packs/demo/pack.yaml", "old")], locked("1")).unwrap();
        // A file and a folder of one name: the disk refuses in the middle.
        let broken = [file("packs/demo/pack.yaml", "new"), file("packs/demo/pack.yaml/x", "")];
        assert!(shelf.put(&name, &broken, locked("2")).is_err());
        let text = |it: &str| fs::read_to_string(folder.path().join("packs").join(it)).unwrap();
        assert_eq!(text("demo/pack.yaml"), "old");
        assert_eq!(Lock::read(folder.path()).unwrap().packs[&name], locked("1"));
        // One that was killed leaves its stage, which the next one clears.
        let left = shelf.scratch().unwrap();
        let path = left.path().to_owned();
        std::mem::forget(left);
        drop(shelf);
        drop(Shelf::open(folder.path()).unwrap());
        assert!(!path.exists());
    }
}

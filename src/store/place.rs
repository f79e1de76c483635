//! Where the database lies: made private, found again, and watched, for a file that was moved away under a running
//! process still takes writes that nobody will ever read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::StoreError;

const MARK: &[u8] = b"A database stands beside this file.\n";

/// A database file that is open.
pub(super) struct Place {
    path: PathBuf,
    /// Device and number of the file, by which it is the same one under whatever name.
    file: (u64, u64),
}

impl Place {
    /// The file at `path`, as it is now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: number(path)? })
    }

    /// What is written now stands at the path, or why not.
    pub(super) fn check(&self) -> Result<(), String> {
        let shown = self.path.display();
        match number(&self.path) {
            Ok(file) if file == self.file => Ok(()),
            Ok(_) => Err(format!("another file lies at {shown} since the start; restart the bot to use it")),
            Err(error) => Err(format!("{shown} is not there any more ({error}); put it back")),
        }
    }
}

/// Leaves word in the lock that a database stands here: a start that was cut off before leaves none.
pub(super) fn mark(lock: &File) -> io::Result<()> {
    if lock.metadata()?.len() == 0 {
        (&*lock).write_all(MARK)?;
        lock.sync_all()?;
    }
    Ok(())
}

fn number(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|it| (it.dev(), it.ino()))
}

/// The right to be the one process on this database; makes the file if there was none, for its owner's eyes only.
///
/// # Errors
/// Another process has it, the disk refuses, or the database was here before and is gone: a bot that begins with an
/// empty history has forgotten what it deployed and who approved it.
pub(super) fn hold(path: &Path) -> Result<File, StoreError> {
    let lock = path.with_extension("lock");
    let unusable = |error: io::Error| StoreError::Unavailable(sqlx::Error::Io(error));
    if let Some(dir) = path.parent() {
        // Others may pass to the control socket, not look around.
        fs::DirBuilder::new().recursive(true).mode(0o711).create(dir).map_err(unusable)?;
    }
    let file = File::options().create(true).append(true).mode(0o600).open(&lock).map_err(unusable)?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| StoreError::Held { path: path.display().to_string() })?;
    let was_here = file.metadata().map_err(unusable)?.len() > 0;
    if was_here && !path.exists() {
        return Err(StoreError::Lost { path: path.display().to_string(), lock: lock.display().to_string() });
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(unusable)?;
    Ok(file)
}
